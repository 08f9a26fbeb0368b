import { concat, encodePacked, type Hex, keccak256, numberToHex, size, stringToHex } from 'viem'

/** The tree and entries of protocol 2.1, written once more for the vectors and from the page alone. */
export type Entry = {
  digest: string
  size: number
  mediaType: string
  swarmReference: Hex
  updatedVersion: number
  flags: number
}
export type Slot = { key: Hex; nextKey: Hex; value: Hex }
export type Proof = Slot & { path: Hex[] }
export type Tagged = { tag: string; entry: Entry }

const zero: Hex = `0x${'00'.repeat(32)}`

export function entryOf(title: string, more: Partial<Entry> = {}): Entry {
  return {
    digest: `sha256:${keccak256(stringToHex(`manifest ${title}`)).slice(2)}`,
    size: 1000 + title.length,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    swarmReference: keccak256(stringToHex(`swarm ${title}`)),
    updatedVersion: 1,
    flags: 0,
    ...more,
  }
}

export function tagsOf(...tags: string[]): Tagged[] {
  return tags.map((tag) => ({ tag, entry: entryOf(tag) }))
}

export function keyOf(tag: string): Hex {
  return stringToHex(`\x01${tag}`)
}

/** Unlike the room under test this checks nothing: faulty entries are encoded too. */
export function encodeValue(entry: Entry): Hex {
  const [algorithm, digits] = entry.digest.split(':')
  return encodePacked(
    ['uint8', 'uint64', 'uint64', 'bytes32', 'uint8', 'bytes', 'string'],
    [
      entry.flags,
      BigInt(entry.updatedVersion),
      BigInt(entry.size),
      entry.swarmReference,
      algorithm === 'sha256' ? 1 : algorithm === 'sha512' ? 2 : Number(algorithm),
      `0x${digits}`,
      entry.mediaType,
    ],
  )
}

/** Slots in the order given behind the sentinel, chained by ascending key. */
export function slotsOf(tagged: readonly Tagged[]): Slot[] {
  const keys = tagged.map(({ tag }) => keyOf(tag)).toSorted(compareBytes)
  const sentinel: Slot = { key: '0x', nextKey: keys[0] ?? '0x', value: '0x' }
  return [
    sentinel,
    ...tagged.map(({ tag, entry }) => {
      const key = keyOf(tag)
      return { key, nextKey: keys[keys.indexOf(key) + 1] ?? '0x', value: encodeValue(entry) }
    }),
  ]
}

/** Raw bytes, a prefix first: the order of their hex digits. */
export function compareBytes(a: Hex, b: Hex): number {
  return a === b ? 0 : a < b ? -1 : 1
}

export function leafOf({ key, nextKey, value }: Slot): Hex {
  const parts = [numberToHex(size(key) % 256, { size: 1 }), key, numberToHex(size(nextKey) % 256, { size: 1 }), nextKey]
  return keccak256(keccak256(concat([...parts, value])))
}

export function pairHash(a: Hex, b: Hex): Hex {
  return keccak256(concat(a < b ? [a, b] : [b, a]))
}

/** All levels, leaves first, filled with zeros to a power of two. */
function levelsOf(leaves: readonly Hex[]): Hex[][] {
  let level = [...leaves]
  while (Math.log2(level.length) % 1 !== 0) level.push(zero)
  const levels = [level]
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, i) => pairHash(level[2 * i] as Hex, level[2 * i + 1] as Hex))
    levels.push(level)
  }
  return levels
}

export function rootOf(slots: readonly Slot[]): Hex {
  return levelsOf(slots.map(leafOf)).at(-1)?.[0] as Hex
}

/** The proof of the slot at a position. */
export function proofAt(slots: readonly Slot[], position: number): Proof {
  const levels = levelsOf(slots.map(leafOf)).slice(0, -1)
  const path = levels.map((level, height) => level[(position >> height) ^ 1] as Hex)
  return { ...(slots[position] as Slot), path }
}

/** The proof that shows a tag present or absent: that of the greatest key at or below it. */
export function proofOf(slots: readonly Slot[], tag: string): Proof {
  const key = keyOf(tag)
  const below = slots.filter((slot) => slot.key <= key)
  const nearest = below.reduce((best, slot) => (slot.key > best.key ? slot : best))
  return proofAt(slots, slots.indexOf(nearest))
}

/** Where a path leads from a leaf. */
export function foldPath(slot: Slot, path: readonly Hex[]): Hex {
  return path.reduce(pairHash, leafOf(slot))
}
