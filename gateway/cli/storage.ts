import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { ConfigError } from '../config.ts'
import { openSwarmHash } from '../swarm/node-wasm.ts'
import { wantsJson } from './client/session.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring storage reference FILE` */
export const storage: Verb = {
  name: 'storage',
  usage: 'reference FILE [flags]',
  summary: 'Print the digest and the Swarm reference of a file: computed here, no network.',
  notes: [
    'The reference is the plain one: unencrypted, redundancy level 0. A Bee node gives the same for the same bytes.',
  ],
  flags: [jsonFlag],
  run: async (context) => {
    const value = await referenceOf(parseFile(context))
    const { size, sha256, swarmReference } = value
    const text = [`size       ${size} bytes`, `digest     sha256:${sha256}`, `reference  ${swarmReference}`].join('\n')
    context.print(wantsJson(context) ? JSON.stringify(value) : text)
    return exitCodes.done
  },
}

function parseFile({ positionals }: VerbContext): string {
  const [what, file, ...more] = positionals
  if (what !== 'reference') throw new ConfigError('storage', what ?? null, 'reference FILE')
  if (file === undefined || more.length > 0) throw new ConfigError('FILE', more.join(' ') || null, 'one file')
  return file
}

/** One pass, in pieces: memory does not grow with the file; `sha256` in hex as sha256sum prints it. @throws Error naming the file when it cannot be read */
async function referenceOf(file: string): Promise<{ size: number; sha256: string; swarmReference: string }> {
  const sha256 = createHash('sha256')
  const hasher = (await openSwarmHash()).createHasher()
  let size = 0
  for await (const piece of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes = piece as Uint8Array
    size += bytes.byteLength
    sha256.update(bytes)
    hasher.update(bytes)
  }
  return { size, sha256: sha256.digest('hex'), swarmReference: hasher.digest() }
}
