import type { Hex } from 'viem'
import type { TagEntry } from './entry.ts'

/** One slot of a tag list as its leaf holds it; `0x` is empty. Slot 0 is the sentinel: empty key, empty value. */
export type Slot = { key: Hex; nextKey: Hex; value: Hex }

/** A slot and the hashes from its leaf to the root: exactly ceil(log2(count)) of them. It proves its key present or a key between `key` and `nextKey` absent. */
export type Proof = Slot & { path: Hex[] }

/** One tag's change: a new entry, or null for "the slot is removed" (protocol.md 5 `Change`). */
export type TagChange = { tag: string; entry: TagEntry | null }

/**
 * What reading a list for an update or a proof needs; every call touches O(1) rows. All of one reader's answers belong to one
 * list version. Positions count from 0 (the sentinel); levels from 0 (the leaves). A node beyond the stored ones is absent.
 */
export type TreeReader = {
  /** Used slots, sentinel included. */
  readonly count: number
  /** The slot whose key is the greatest one <= `key` (the sentinel when none is), with its position. */
  findSlot(key: Hex): Promise<{ position: number; slot: Slot }>
  /** @throws when `position` >= count: the store is broken. */
  slotAt(position: number): Promise<Slot>
  /** The hash at a level, undefined where no slot was ever stored below it (then it is the empty hash of that level). */
  nodeAt(level: number, position: number): Promise<Hex | undefined>
}

/** What one publish writes: O(changes x log n) rows. */
export type TreeDelta = {
  count: number
  root: Hex
  /** Slots written (by position); null: the slot is gone (position >= the new count). */
  slots: ReadonlyMap<number, Slot | null>
  /** Node hashes written; null: gone, because the tree became smaller. Level 0 are the leaves. */
  nodes: readonly { level: number; position: number; hash: Hex | null }[]
  /** What each changed tag was before and is now, in the order applied. */
  changes: readonly { tag: string; before: TagEntry | null; after: TagEntry | null }[]
}

/** keccak256(keccak256(u8 length(key) | key | u8 length(nextKey) | nextKey | value)); lengths over 129 are refused. @throws Refusal BadProof */
export declare function hashLeaf(slot: Slot): Hex

/** ceil(log2(count)): the length of every path, for count >= 1. */
export declare function depthOf(count: number): number

/** The root that `proof` leads to, hashing pairs as OpenZeppelin's MerkleProof does. */
export declare function rootOfProof(proof: Proof): Hex

/** The hash of an empty subtree at a level: 32 zero bytes at level 0, the hash of two of those below otherwise. */
export declare function emptyHash(level: number): Hex

/**
 * Plans one publish: removals, then updates, then additions, each by ascending key (protocol.md 2.1), whatever order `changes`
 * has. Reads and writes O(log n) per change. `version` is that of the list being made: it is the `updatedVersion` of what changes,
 * which each given entry must already carry.
 * @throws Refusal MalformedList (a tag twice, or the removal of an absent one), InvalidEntry, ImmutableChanged
 */
export declare function planChanges(
  tree: TreeReader,
  changes: readonly TagChange[],
  version: bigint,
): Promise<TreeDelta>

/** A reader over slots in memory (tests, CLI, whole lists); hashes lazily, once. */
export declare function createMemoryTree(slots: readonly Slot[]): TreeReader & { root(): Hex; slots(): readonly Slot[] }

/**
 * Checks that slots form one chain from the sentinel to the greatest key, each key a tag key and each value an entry, and builds
 * the tree; a generator so that the caller decides when to let others run: it yields after every few hundred slots.
 * Returns the root and every node hash, level by level (level 0 are the leaves).
 * @throws Refusal MalformedList, InvalidEntry
 */
export declare function buildWellFormedTree(
  slots: readonly Slot[],
  version: bigint,
): Generator<void, { root: Hex; levels: Hex[][] }>
