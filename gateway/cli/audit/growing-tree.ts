import type { Hex } from 'viem'
import { encodeTagKey } from '../../tags/entry.ts'
import { SENTINEL, type Slot, type TreeDelta, type TreeReader } from '../../tags/tree.ts'

/** A tag tree that takes one publish after the other, each in O(changes x log n) hashes. */
export type GrowingTree = TreeReader & {
  /** The value of a tag's slot; undefined for a tag that is not there. */
  valueOf(tag: string): Hex | undefined
  apply(delta: TreeDelta): void
}

/** Starts as every list line does: with the sentinel alone. */
export function createGrowingTree(): GrowingTree {
  const slots: Slot[] = [{ ...SENTINEL }]
  const nodes = new Map<string, Hex>()
  const order = createKeyOrder()
  const slotAt = (position: number): Slot => {
    const slot = slots[position]
    if (slot === undefined) throw new Error(`no slot ${position} in a list of ${slots.length}`)
    return slot
  }
  return {
    get count() {
      return slots.length
    },
    async findSlot(key) {
      const position = order.positionOf(order.greatestNotAbove(key))
      return { position, slot: slotAt(position) }
    },
    slotAt: async (position) => slotAt(position),
    nodeAt: async (level, position) => nodes.get(`${level}:${position}`),
    valueOf(tag) {
      const key = encodeTagKey(tag)
      return order.greatestNotAbove(key) === key ? slotAt(order.positionOf(key)).value : undefined
    },
    apply(delta) {
      for (const position of delta.slots.keys()) if (position < slots.length) order.remove(slotAt(position).key)
      for (const [position, slot] of delta.slots) if (slot !== null) slots[position] = slot
      slots.length = delta.count
      for (const [position, slot] of delta.slots) if (slot !== null) order.add(slot.key, position)
      for (const { level, position, hash } of delta.nodes) {
        if (hash === null) nodes.delete(`${level}:${position}`)
        else nodes.set(`${level}:${position}`, hash)
      }
    },
  }
}

/** Where each key's slot stands, and the keys in their order; the empty key, the sentinel's, is there from the start. */
function createKeyOrder() {
  const positions = new Map<Hex, number>([['0x', 0]])
  const sorted: Hex[] = ['0x']
  /** How many keys are not above this one. */
  const rankOf = (key: Hex): number => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sorted[middle] as Hex) <= key) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    positionOf: (key: Hex) => positions.get(key) as number,
    greatestNotAbove: (key: Hex) => sorted[rankOf(key) - 1] as Hex,
    add(key: Hex, position: number) {
      if (!positions.has(key)) sorted.splice(rankOf(key), 0, key)
      positions.set(key, position)
    },
    remove(key: Hex) {
      if (positions.delete(key)) sorted.splice(rankOf(key) - 1, 1)
    },
  }
}
