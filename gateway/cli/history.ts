import { ConfigError, readText } from '../config.ts'
import { isTag } from '../tags/entry.ts'
import { connectionFlags } from './client/connect.ts'
import { type Change, readHistory, type Version } from './client/read-history.ts'
import { openSession, parseSubject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring history NAME` */
export const history: Verb = {
  name: 'history',
  usage: 'NAME [--tag TAG] [flags]',
  summary: 'Show every version of the signed list, newest first, each linked to the one before.',
  notes: ['Versions are proven by their hashes; which tags each changed is the account of the gateway.'],
  flags: [
    { name: 'tag', value: 'TAG', help: 'only versions that changed this tag, and of those only that change' },
    ...connectionFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const tag = readTag(context)
    try {
      const session = await openSession(context, subject)
      const versions = await readHistory(session, subject.repository)
      const lists = (tag === undefined ? versions : thatChanged(versions, tag)).map(rowOf)
      const text = lists.map(describe).join('\n')
      context.print(wantsJson(context) ? JSON.stringify({ name: subject.ensName, lists }) : text)
      return exitCodes.done
    } catch (error) {
      return reportFailure(context, { name: subject.ensName, lists: null }, failureOf(error))
    }
  },
}

function readTag({ settings }: VerbContext): string | undefined {
  const tag = readText(settings, 'tag')
  if (tag === undefined || isTag(tag)) return tag
  throw new ConfigError(settings.get('tag')?.at(-1)?.from ?? '--tag', tag, 'a tag: letters, digits, "_", "." and "-"')
}

function thatChanged(versions: readonly Version[], tag: string): Version[] {
  return versions
    .map(({ signed, changes }) => ({ signed, changes: changes.filter((change) => change.tag === tag) }))
    .filter(({ changes }) => changes.length > 0)
}

type Row = { version: number; epoch: number; hash: string; issuedAt: number; expiresAt: number; signers: string[] } & {
  changes: readonly Change[]
}

function rowOf({ signed, changes }: Version): Row {
  const { version, epoch, issuedAt, expiresAt } = signed.list
  return {
    version: Number(version),
    epoch: Number(epoch),
    hash: signed.hash,
    issuedAt: Number(issuedAt),
    expiresAt: Number(expiresAt),
    signers: signed.signatures.map(({ signer }) => signer),
    changes,
  }
}

function describe({ version, issuedAt, signers, changes }: Row): string {
  const when = new Date(issuedAt * 1000).toISOString()
  const lines = changes.map(({ tag, after }) => `    ${tag}  ${after ? after.digest : 'removed'}`)
  return [`version ${version}  ${when}  signed by ${signers.join(', ') || 'nobody: anchored on chain'}`, ...lines].join(
    '\n',
  )
}
