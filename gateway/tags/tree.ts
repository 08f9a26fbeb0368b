import type { Hex } from 'viem'
import type { TagEntry } from './entry.ts'

/** A slot of a tag list as its leaf holds it; `0x` is empty. Slot 0 is the sentinel: empty key, empty value. */
export type Slot = { key: Hex; nextKey: Hex; value: Hex }

/** A slot and the hashes from its leaf to the root: exactly ceil(log2(count)) of them. It proves its key present or a key between `key` and `nextKey` absent. */
export type Proof = Slot & { path: Hex[] }

/** One tag's change: a new entry, or null for "the slot is removed" (protocol 5 `Change`). */
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
  /** The hash at a level, undefined where no used slot stands below it (then it is the empty hash of that level). */
  nodeAt(level: number, position: number): Promise<Hex | undefined>
}

/**
 * What one publish writes: O(changes x log n) rows, each named, so that a store keyed by position, and by (level, position), applies
 * it blindly. After it the store holds exactly the slots 0..count-1 and, for each level 0..depthOf(count), the nodes
 * 0..nodesAtLevel(count, level)-1: everything else that stood there before is named here with null. The first delta of a line writes
 * the sentinel too.
 */
export type TreeDelta = {
  count: number
  root: Hex
  /** Slots written (by position); null: the slot is gone (position >= the new count). */
  slots: ReadonlyMap<number, Slot | null>
  /** Node hashes written; null: gone, because no used slot is below it or it is above the root. Level 0 are the leaves. Each (level, position) once. */
  nodes: readonly { level: number; position: number; hash: Hex | null }[]
  /** What each changed tag was before and is now, in the order applied. */
  changes: readonly { tag: string; before: TagEntry | null; after: TagEntry | null }[]
}

export { applyDelta, createMemoryTree } from './memory-tree.ts'
export {
  depthOf,
  emptyHash,
  hashLeaf,
  hashPair,
  MAX_COUNT,
  nodesAtLevel,
  proveKey,
  rootOfProof,
  SENTINEL,
} from './merkle.ts'
export { planChanges } from './plan.ts'
export { buildWellFormedTree, linkSlots } from './whole-tree.ts'
