import type { Deps } from '../deps.ts'
import type { NameAuthority } from '../tags/authority.ts'
import type { SignedList } from '../tags/list.ts'
import { verifyList } from '../tags/verify.ts'
import { withValidSignatures } from '../valid-signatures.ts'
import { renewInBackground } from './renewal.ts'

/** A list checked against what the chain says, ready to answer from. */
export type StandingList = {
  /** As the store holds it. */
  head: SignedList
  /** As it is sent. */
  sent: SignedList
  /** Unix seconds: from then on it is refused. */
  standsUntil: bigint
}

/** The last list found standing for each answer of the chain. */
const standings = new WeakMap<NameAuthority, StandingList>()

/**
 * Rows 2 to 7 of protocol 3.1 before anything of a list is shown: it was checked when it came in, but a name's owner, epoch, publishers
 * and floor change after that, and time passes. The chain reader hands out one answer for up to 15 s, so a list costs one check per
 * answer and not one per request; then, too, a list that is past half of its life is renewed. @throws Refusal with the name of the first row that fails
 */
export async function readStanding(deps: Deps, authority: NameAuthority, head: SignedList): Promise<StandingList> {
  const now = deps.clock()
  const known = standings.get(authority)
  if (known && now < known.standsUntil && isSameList(known.head, head)) return known
  renewInBackground(deps, authority, head)
  const sent = await withValidSignatures(authority, head)
  // With no signature left, the list as it came says better why: NotPublisher, Revoked, and not just ThresholdNotMet.
  await verifyList(sent.signatures.length > 0 ? sent : head, authority, now)
  const standing = { head, sent, standsUntil: standsUntil(sent, authority) }
  standings.set(authority, standing)
  return standing
}

/** Whether two reads gave the same list with the same signatures and timestamp. */
export function isSameList(a: SignedList, b: SignedList): boolean {
  if (a === b) return true
  if (a.hash !== b.hash || a.signatures.length !== b.signatures.length) return false
  if (a.timestamp?.signature !== b.timestamp?.signature || a.timestamp?.issuedAt !== b.timestamp?.issuedAt) return false
  return a.signatures.every(({ signer, signature }, i) => {
    const other = b.signatures[i]
    return other?.signature === signature && other.signer === signer
  })
}

/** Until when (unix seconds) a list that passed rows 2 to 7 goes on passing them, if nothing but time moves on. */
function standsUntil({ list, timestamp }: SignedList, { policy }: NameAuthority): bigint {
  if (!policy.timestamper || !timestamp) return list.expiresAt
  const stale = timestamp.issuedAt + BigInt(policy.maxAgeSeconds) + 1n
  return [list.expiresAt, timestamp.expiresAt, stale].reduce((least, time) => (time < least ? time : least))
}
