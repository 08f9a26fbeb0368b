import type { Hex } from 'viem'
import { emptyHash, hashLeaf, hashPair } from './merkle.ts'
import type { Slot, TreeDelta, TreeReader } from './tree.ts'

/** A reader over slots in memory (tests, CLI, whole lists); hashes lazily, once. The slots are not checked: `buildWellFormedTree` does. */
export function createMemoryTree(slots: readonly Slot[]): TreeReader & { root(): Hex; slots(): readonly Slot[] } {
  let order: number[] | undefined
  let levels: Hex[][] | undefined
  const hashes = () => {
    levels ??= hashLevels(slots)
    return levels
  }
  const slotAt = (position: number) => {
    const slot = slots[position]
    if (slot === undefined) throw new Error(`no slot ${position} in a list of ${slots.length}`)
    return slot
  }
  return {
    count: slots.length,
    async findSlot(key) {
      order ??= orderByKey(slots)
      const position = order[greatestNotAbove(slots, order, key)]!
      return { position, slot: slotAt(position) }
    },
    slotAt: async (position) => slotAt(position),
    nodeAt: async (level, position) => hashes()[level]?.[position],
    root: () => hashes().at(-1)![0]!,
    slots: () => slots,
  }
}

/** The slots after `delta`, as a store would hold them. */
export function applyDelta(slots: readonly Slot[], delta: Pick<TreeDelta, 'count' | 'slots'>): Slot[] {
  const next = slots.slice(0, delta.count)
  for (const [position, slot] of delta.slots) if (slot !== null) next[position] = slot
  return next
}

function orderByKey(slots: readonly Slot[]): number[] {
  return slots.map((_, position) => position).sort((a, b) => (slots[a]!.key < slots[b]!.key ? -1 : 1))
}

/** Binary search: the last place in `order` whose key is not above `key`; 0, the sentinel's, when none is. */
function greatestNotAbove(slots: readonly Slot[], order: readonly number[], key: Hex): number {
  let low = 0
  let high = order.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (slots[order[middle]!]!.key <= key) low = middle
    else high = middle
  }
  return low
}

function hashLevels(slots: readonly Slot[]): Hex[][] {
  const levels = [slots.map(hashLeaf)]
  for (let below = levels[0]!; below.length > 1; below = levels.at(-1)!) {
    const empty = emptyHash(levels.length - 1)
    const pairs = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) =>
      hashPair(below[2 * i]!, below[2 * i + 1] ?? empty),
    )
    levels.push(pairs)
  }
  return levels
}
