import type { Hex } from 'viem'
import type { NameAuthority } from './authority.ts'
import type { TagEntry } from './entry.ts'
import type { ListDomain, ListHeader, SignedList } from './list.ts'
import type { Proof } from './tree.ts'

/** What a client remembers of a name, per (chain, resolver, node): row 9 of the check order. */
export type NameMemory = {
  owner: Hex
  epoch: bigint
  version: bigint
  hash: Hex
  /** Entries seen, by tag: immutable ones must not change inside their epoch. */
  entries: ReadonlyMap<string, TagEntry>
}

/** Unix seconds: expiry and staleness use the later of local clock and block time, "in the future" the earlier. */
export type CheckTimes = { localTime: bigint; blockTime: bigint }

/**
 * Rows 2 to 7 of protocol.md 3.1 for a list: reachable, owned, bound to node, owner and epoch, inside the version window and its
 * lifetime, signed by enough publishers, fresh where the policy asks for it. Returns the list hash it computed itself.
 * @throws Refusal with the name of the first row that fails
 */
export declare function verifyList(
  signed: Omit<SignedList, 'hash'>,
  authority: NameAuthority,
  localTime: bigint,
): Promise<Hex>

/**
 * Row 8 for one tag: the entry that the list holds (tombstones are absent: `undefined`), or undefined when the proof shows absence.
 * @throws Refusal BadProof, InvalidEntry, InvalidTag
 */
export declare function verifyTagProof(list: ListHeader, tag: string, proof: Proof): TagEntry | undefined

/**
 * Row 9: compares a verified list with what this client saw before. @throws Refusal OwnerChanged, Rollback, Equivocation, ImmutableChanged
 */
export declare function verifyAgainstMemory(
  memory: NameMemory | null,
  list: ListHeader,
  hash: Hex,
  tag: string | null,
  stored: TagEntry | undefined,
): void

export type { ListDomain }
