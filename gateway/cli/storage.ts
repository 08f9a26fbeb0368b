import { ConfigError } from '../config.ts'
import { connectionFlags } from './client/connect.ts'
import { printQuote, quoteFlags } from './storage-quote.ts'
import { printReference } from './storage-reference.ts'
import { reseedFlags, runReseed } from './storage-reseed.ts'
import { jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** What `mooring storage` can be asked, by its first word. */
const actions: Readonly<Record<string, { usage: string; run(context: VerbContext): Promise<number> }>> = {
  reference: { usage: 'reference FILE', run: printReference },
  quote: { usage: 'quote NAME | FILE...', run: printQuote },
  reseed: { usage: 'reseed NAME --postage-batch ID --bee URL [--data DIR]', run: runReseed },
}
const usages = Object.values(actions).map(({ usage }) => usage)

/** `mooring storage reference FILE`, `mooring storage quote NAME | FILE...`, `mooring storage reseed NAME` */
export const storage: Verb = {
  name: 'storage',
  usage: `${usages.join(' | ')} [flags]`,
  summary: 'Content on Swarm: its reference, what keeping it there needs, and how it comes back.',
  notes: [
    'reference: digest and Swarm reference of a file, computed here without network. It is the plain one: unencrypted, redundancy level 0.',
    'quote: the depth of the postage batch, exact for files, estimated for a name from its list and manifests; with --bee also the cost.',
    'The depth of a quote for files is that of an empty batch; for a name it leaves a bucket full in one of a thousand batches.',
    'reseed: stores all that the list of a name and its history need with a node, paid by another batch; the references stay the same. It',
    'goes on where it stopped when it is run again. Exit code 1: the node or the batch takes no more, or something is missing.',
  ],
  flags: [...quoteFlags, ...reseedFlags, ...connectionFlags, jsonFlag],
  run: (context) => {
    const [what] = context.positionals
    const action = what === undefined ? undefined : actions[what]
    if (action === undefined) throw new ConfigError('storage', what ?? null, usages.join(', or '))
    return action.run(context)
  },
}
