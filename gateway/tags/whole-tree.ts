import type { Hex } from 'viem'
import { decodeTagEntry, decodeTagKey } from './entry.ts'
import { emptyHash, hashLeaf, hashPair, MAX_COUNT, SENTINEL } from './merkle.ts'
import { Refusal } from './refusal.ts'
import type { Slot } from './tree.ts'

/** Slots or hashes between two yields: a few milliseconds of work. */
const ITEMS_PER_SLICE = 64

/** Keys sorted at once, before runs are merged, and slots linked between two yields. */
const SORTED_RUN = 1024

/**
 * Checks that slots form one chain from the sentinel to the greatest key, each key a tag key and each value an entry, and builds
 * the tree; a generator so that the caller decides when to let others run: it yields after every few milliseconds of work.
 * Returns the root and every node hash, level by level (level 0 are the leaves), each level with `nodesAtLevel` of them.
 * @throws Refusal MalformedList, InvalidTag, InvalidEntry
 */
export function* buildWellFormedTree(
  slots: readonly Slot[],
  version: bigint,
): Generator<void, { root: Hex; levels: Hex[][] }> {
  yield* checkChain(slots)
  yield* checkSlots(slots, version)
  const leaves: Hex[] = []
  for (const slot of slots) {
    leaves.push(hashLeaf(slot))
    if (leaves.length % ITEMS_PER_SLICE === 0) yield
  }
  const levels = [leaves]
  for (let below = leaves; below.length > 1; below = levels.at(-1)!) {
    levels.push(yield* hashLevel(below, emptyHash(levels.length - 1)))
  }
  return { root: levels.at(-1)![0]!, levels }
}

/** All of them before the first is hashed: a leaf holds the next slot's key too. */
function* checkSlots(slots: readonly Slot[], version: bigint): Generator<void, void> {
  for (let i = 1; i < slots.length; i++) {
    decodeTagKey(slots[i]!.key)
    decodeTagEntry(slots[i]!.value, version)
    if (i % ITEMS_PER_SLICE === 0) yield
  }
}

/** Protocol 2.1: the keys are one linked chain from empty to empty through every slot, upwards. */
function* checkChain(slots: readonly Slot[]): Generator<void, void> {
  const sentinel = slots[0]
  if (sentinel === undefined || sentinel.key !== '0x' || sentinel.value !== '0x') throw malformed('no sentinel')
  if (slots.length > MAX_COUNT) throw malformed(`${slots.length} slots, over ${MAX_COUNT}`)
  const byKey = new Map<Hex, Slot>()
  for (const slot of slots) {
    if (byKey.has(slot.key)) throw malformed(`key ${slot.key} stands twice`)
    byKey.set(slot.key, slot)
    if (byKey.size % ITEMS_PER_SLICE === 0) yield
  }
  let visited = 1
  for (let slot = sentinel; slot.nextKey !== '0x'; visited++) {
    const next = byKey.get(slot.nextKey)
    if (next === undefined) throw malformed(`key ${slot.key} points at ${slot.nextKey}, which is not there`)
    if (next.key <= slot.key) throw malformed(`key ${slot.key} points back at ${next.key}`)
    slot = next
    if (visited % ITEMS_PER_SLICE === 0) yield
  }
  if (visited !== slots.length) throw malformed(`the chain reaches ${visited} of ${slots.length} slots`)
}

function malformed(what: string): Refusal {
  return new Refusal('MalformedList', `the slots do not form one chain: ${what}`)
}

function* hashLevel(below: readonly Hex[], empty: Hex): Generator<void, Hex[]> {
  const level: Hex[] = []
  for (let i = 0; i < below.length; i += 2) {
    level.push(hashPair(below[i]!, below[i + 1] ?? empty))
    if (level.length % ITEMS_PER_SLICE === 0) yield
  }
  return level
}

/**
 * The slots of a whole list whose wire form has no `nextKey`: the sentinel first, then the given ones in their order, each pointing at
 * the next greater key. Yields like `buildWellFormedTree`, which refuses what cannot be linked (a key twice).
 */
export function* linkSlots(entries: Iterable<{ key: Hex; value: Hex }>): Generator<void, Slot[]> {
  const slots: Slot[] = [{ ...SENTINEL }]
  for (const { key, value } of entries) {
    slots.push({ key, nextKey: '0x', value })
    if (slots.length % SORTED_RUN === 0) yield
  }
  const sorted = yield* sortByKey(slots)
  for (const [i, slot] of sorted.entries()) {
    slot.nextKey = sorted[i + 1]?.key ?? '0x'
    if (i % SORTED_RUN === SORTED_RUN - 1) yield
  }
  return slots
}

/** Runs sorted one at a time, then merged, so that no one step is long. */
function* sortByKey(slots: readonly Slot[]): Generator<void, Slot[]> {
  let runs: Slot[][] = []
  for (let from = 0; from < slots.length; from += SORTED_RUN) {
    runs.push(slots.slice(from, from + SORTED_RUN).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)))
    yield
  }
  while (runs.length > 1) {
    const merged: Slot[][] = []
    for (let i = 0; i < runs.length; i += 2) merged.push(yield* mergeRuns(runs[i]!, runs[i + 1] ?? []))
    runs = merged
  }
  return runs[0]!
}

function* mergeRuns(left: readonly Slot[], right: readonly Slot[]): Generator<void, Slot[]> {
  const merged: Slot[] = []
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    const fromLeft = j >= right.length || (i < left.length && left[i]!.key <= right[j]!.key)
    merged.push(fromLeft ? left[i++]! : right[j++]!)
    if (merged.length % SORTED_RUN === 0) yield
  }
  return merged
}
