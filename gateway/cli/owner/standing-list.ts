import type { Hex } from 'viem'
import { parseStrictJson } from '../../oci/strict-json.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import { parseSignedListJson } from '../../tags/json.ts'
import { hashList, type SignedList } from '../../tags/list.ts'
import { Refusal, type RefusalName } from '../../tags/refusal.ts'
import { verifyList } from '../../tags/verify.ts'
import { fetchMooring, readJson } from '../client/read-list.ts'
import type { Session } from '../client/session.ts'

/** What a change on chain does to the list that gateways show: the error name that refuses it before and after, null for valid. */
export type ForeseenList = { version: number; hash: Hex; now: RefusalName | null; afterwards: RefusalName | null }

const maxProofBytes = 1024 * 1024

/** The list that the first gateway with one shows, believed as far as its own hash; null when none has any. */
export async function readStandingList(session: Session, repository: string): Promise<SignedList | null> {
  for (const gateway of session.onChain.gateways) {
    const shown = await readShownList(session, gateway, repository).catch(() => null)
    if (shown !== null) return shown
  }
  return null
}

/** The proof of any tag carries the list's header, signatures and timestamp, and not its entries. */
async function readShownList(session: Session, gateway: string, repository: string): Promise<SignedList> {
  const { url, body } = await fetchMooring(gateway, repository, 'proof/latest', maxProofBytes, session.onChain.reach)
  return readJson(url, () => {
    const shown = parseSignedListJson(parseStrictJson(body, { maxDepth: 8 }))
    return { ...shown, hash: hashList(session.onChain.domain, shown.list) }
  })
}

/** Rows 2 to 7 for this list, under what the chain says now and under what it would say then. */
export async function foresee(
  signed: SignedList,
  now: NameAuthority,
  afterwards: NameAuthority,
  localTime: bigint,
): Promise<ForeseenList> {
  const refusedBy = (authority: NameAuthority) => verifyList(signed, authority, localTime).then(() => null, refusalName)
  return {
    version: Number(signed.list.version),
    hash: signed.hash,
    now: await refusedBy(now),
    afterwards: await refusedBy(afterwards),
  }
}

function refusalName(error: unknown): RefusalName {
  if (error instanceof Refusal) return error.reason
  throw error
}

/** What becomes of the list, in one line for people. */
export function describeForeseen(list: ForeseenList | null): string {
  if (list === null) return 'no gateway shows a list'
  const { version, now, afterwards } = list
  if (now === null && afterwards === null) return `the current list, version ${version}, stays valid`
  if (now === null) return `kills the current list, version ${version} (${afterwards}): publish again`
  if (afterwards === null) return `version ${version}, refused until now (${now}), becomes valid`
  return `the list that gateways show, version ${version}, is refused already (${now})`
}
