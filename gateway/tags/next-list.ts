import type { NameAuthority } from './authority.ts'
import { type ListHeader, NO_DELEGATIONS, type SignedList, ZERO_HASH } from './list.ts'
import type { TreeDelta } from './tree.ts'
import { CLOCK_SKEW_SECONDS } from './verify.ts'

/** What the header of a next version is made from. */
export type NextList = {
  /** Whose list it is: the owner and the epoch that the version before has. */
  line: Pick<ListHeader, 'owner' | 'epoch'> & { ensName: string }
  authority: Pick<NameAuthority, 'node' | 'blockTime'>
  /** The version before; undefined for the first. */
  head: SignedList | undefined
  delta: Pick<TreeDelta, 'root' | 'count'>
  /** Unix seconds. */
  now: bigint
  lifetimeSeconds: number
}

/** The header that follows `head` (protocol 2.2), to be signed. */
export function nextListHeader({ line, authority, head, delta, now, lifetimeSeconds }: NextList): ListHeader {
  const issuedAt = issueTime(now, authority.blockTime)
  return {
    name: line.ensName,
    node: authority.node,
    owner: line.owner,
    epoch: line.epoch,
    version: head ? head.list.version + 1n : 1n,
    previous: head?.hash ?? ZERO_HASH,
    root: delta.root,
    count: BigInt(delta.count),
    delegations: NO_DELEGATIONS,
    issuedAt,
    expiresAt: issuedAt + BigInt(lifetimeSeconds),
  }
}

/**
 * When something that is signed now says that it was (unix seconds): now, but where block time lags far behind the clock: a list from its
 * future would be refused (row 5 of protocol 3.1).
 */
export function issueTime(now: bigint, blockTime: bigint): bigint {
  const isAhead = now > blockTime + CLOCK_SKEW_SECONDS
  return isAhead ? blockTime + CLOCK_SKEW_SECONDS : now
}
