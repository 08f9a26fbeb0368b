import { type Hex, numberToHex, stringToHex } from 'viem'
import { depthOf, emptyHash, hashLeaf, hashPair } from '../../gateway/tags/merkle.ts'
import { keyOf, type Proof, type Slot } from '../ens/vector-cases/merkle.ts'
import type { Random } from './random.ts'
import { randomTag, tagsNear } from './tags.ts'
import { brokenValue, soundValue } from './values.ts'

/** A tag list with all its hashes. Positions count from 0, the sentinel; `broken` and `odd` name what no publisher should sign. */
export type ListTree = {
  slots: readonly Slot[]
  /** Tags in ascending order of their bytes. */
  tags: readonly string[]
  /** Tags whose entry is outside its limits. */
  broken: readonly string[]
  /** Positions of leaves that belong to no chain: any key, any next key. */
  odd: readonly number[]
  count: number
  root: Hex
  proofAt(position: number): Proof
  /** Present or absent: the proof of the greatest key at or below the tag's. */
  proofOf(tag: string): Proof
  /** A hash of an inner level and what it was made of, undefined in a tree of one leaf. */
  innerNode(random: Random): { left: Hex; right: Hex; path: Hex[] } | undefined
}

const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257]
const largeSizes = [511, 512, 513, 1023, 1025, 2047, 2049, 4095, 4097]
const maxDepth = 20

/** Lists of 1 to 4,097 slots, and such as the bottom left part of up to 1,048,576 whose other hashes are random. */
export function randomTree(random: Random, version: number): ListTree {
  const size = random.chance(0.03) ? random.pick(largeSizes) : random.pick(sizes)
  const tags = chooseTags(random, size - 1)
  const broken = tags.filter(() => random.chance(0.2))
  const slots = chain(random.shuffled(tags), (tag) =>
    broken.includes(tag) ? brokenValue(random, version) : soundValue(random, version),
  )
  const oddCount = random.chance(0.3) ? random.between(1, 3) : 0
  for (let i = 0; i < oddCount; i++) slots.push(oddSlot(random, tags, version))
  const odd = slots.map((_, position) => position).slice(slots.length - oddCount)
  return treeOf(random, slots, { tags, broken, odd })
}

function chooseTags(random: Random, count: number): string[] {
  const tags = new Set<string>()
  while (tags.size < count) {
    const known = tags.size > 0 && random.chance(0.3) ? random.pick([...tags].slice(-20)) : undefined
    tags.add(known === undefined ? randomTag(random) : random.pick(tagsNear(known)))
  }
  return [...tags].toSorted((a, b) => (a < b ? -1 : 1))
}

/** Behind the sentinel in the order given, linked by ascending key. */
function chain(tags: readonly string[], makeValue: (tag: string) => Hex): Slot[] {
  const sorted = tags.toSorted((a, b) => (a < b ? -1 : 1))
  const next = new Map(sorted.map((tag, position) => [tag, sorted[position + 1]]))
  const keyOrEmpty = (tag: string | undefined): Hex => (tag === undefined ? '0x' : keyOf(tag))
  const slots = tags.map((tag) => ({ key: keyOf(tag), nextKey: keyOrEmpty(next.get(tag)), value: makeValue(tag) }))
  return [{ key: '0x', nextKey: keyOrEmpty(sorted[0]), value: '0x' }, ...slots]
}

/** A signed leaf that breaks the chain: kinds that are reserved, keys at their limits, next keys before their keys. */
function oddSlot(random: Random, tags: readonly string[], version: number): Slot {
  const tag = tags.length > 0 ? random.pick(tags) : 'v1'
  const kind = (byte: number): Hex => `0x${numberToHex(byte, { size: 1 }).slice(2)}${stringToHex(tag).slice(2)}`
  const keys: Hex[] = ['0x', keyOf(tag), kind(0), kind(2), kind(255), '0x00', '0x01', '0x02', `0x01${'ff'.repeat(128)}`]
  return {
    key: random.pick([...keys, random.bytes(random.between(0, 129))]),
    nextKey: random.pick([...keys, random.bytes(random.between(0, 129))]),
    value: random.chance(0.5) ? soundValue(random, version) : random.bytes(random.between(0, 120)),
  }
}

function treeOf(random: Random, slots: Slot[], named: Pick<ListTree, 'tags' | 'broken' | 'odd'>): ListTree {
  const levels = levelsOf(slots.map(hashLeaf))
  const ownDepth = levels.length - 1
  const depth = random.chance(0.3) ? random.between(ownDepth, maxDepth) : ownDepth
  const above = Array.from({ length: depth - ownDepth }, () => random.bytes(32))
  const least = depth === 0 ? 1 : 2 ** (depth - 1) + 1
  const count = depth === ownDepth ? slots.length : random.pick([least, 2 ** depth, random.between(least, 2 ** depth)])
  const pathOf = (position: number, level: number): Hex[] => [
    ...levels.slice(level, -1).map((row, height) => row[(position >> height) ^ 1] ?? emptyHash(level + height)),
    ...above,
  ]
  const proofAt = (position: number): Proof => ({ ...(slots[position] as Slot), path: pathOf(position, 0) })
  const positions = new Map(slots.slice(0, named.tags.length + 1).map(({ key }, position) => [key, position]))
  const sorted = ['0x' as Hex, ...named.tags.map(keyOf)]
  return {
    ...named,
    slots,
    count,
    root: above.reduce(hashPair, levels[ownDepth]?.[0] as Hex),
    proofAt,
    proofOf: (tag) => proofAt(positions.get(sorted.findLast((key) => key <= keyOf(tag)) as Hex) as number),
    innerNode: () => {
      if (ownDepth === 0) return undefined
      const position = random.between(0, (levels[1]?.length ?? 1) - 1)
      const child = (side: number) => levels[0]?.[2 * position + side] ?? emptyHash(0)
      return { left: child(0), right: child(1), path: pathOf(position, 1) }
    },
  }
}

/** All levels, leaves first; what has no used slot below it is not written down. */
function levelsOf(leaves: Hex[]): Hex[][] {
  const levels = [leaves]
  for (let level = 0; level < depthOf(leaves.length); level++) {
    const below = levels[level] as Hex[]
    const pairs = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) =>
      hashPair(below[2 * i] as Hex, below[2 * i + 1] ?? emptyHash(level)),
    )
    levels.push(pairs)
  }
  return levels
}
