import { connectionFlags } from './client/connect.ts'
import { type Change, readHistory, type Version } from './client/read-history.ts'
import { openSession, parseSubject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring history NAME` */
export const history: Verb = {
  name: 'history',
  usage: 'NAME [flags]',
  summary: 'Show every version of the signed list, newest first, each linked to the one before.',
  notes: ['Versions are proven by their hashes; which tags each changed is the account of the gateway.'],
  flags: [...connectionFlags, jsonFlag],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    try {
      const session = await openSession(context, subject)
      const lists = (await readHistory(session, subject.repository)).map(rowOf)
      const text = lists.map(describe).join('\n')
      context.print(wantsJson(context) ? JSON.stringify({ name: subject.ensName, lists }) : text)
      return exitCodes.done
    } catch (error) {
      return reportFailure(context, { name: subject.ensName, lists: null }, failureOf(error))
    }
  },
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
