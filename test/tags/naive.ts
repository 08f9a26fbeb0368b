import { concatHex, type Hex, keccak256, numberToHex, stringToHex } from 'viem'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import type { Proof, Slot, TagChange } from '../../gateway/tags/tree.ts'

/**
 * Protocol 2.1 written a second time, the slow way, from the page alone: whole lists, rebuilt from scratch, hashed through viem's
 * general functions. Tests and the vectors' generator take expected values from here, never from the code under test.
 */
export function naiveKey(tag: string): Hex {
  return concatHex(['0x01', stringToHex(tag)])
}

export function naiveValue(entry: TagEntry): Hex {
  const [algorithm, digest] = entry.digest.split(':') as [string, string]
  return concatHex([
    numberToHex(entry.flags, { size: 1 }),
    numberToHex(entry.updatedVersion, { size: 8 }),
    numberToHex(entry.size, { size: 8 }),
    entry.swarmReference,
    algorithm === 'sha256' ? '0x01' : '0x02',
    `0x${digest}`,
    stringToHex(entry.mediaType),
  ])
}

export function naiveLeaf(slot: Slot): Hex {
  const length = (hex: Hex) => numberToHex(hex.length / 2 - 1, { size: 1 })
  return keccak256(keccak256(concatHex([length(slot.key), slot.key, length(slot.nextKey), slot.nextKey, slot.value])))
}

export function naivePair(a: Hex, b: Hex): Hex {
  return keccak256(BigInt(a) <= BigInt(b) ? concatHex([a, b]) : concatHex([b, a]))
}

/** Every level, padded to 2^ceil(log2(count)) leaves with zero words. */
export function naiveLevels(slots: readonly Slot[]): Hex[][] {
  let width = 1
  while (width < slots.length) width *= 2
  const leaves = slots.map(naiveLeaf)
  while (leaves.length < width) leaves.push(`0x${'00'.repeat(32)}`)
  const levels = [leaves]
  for (let level = leaves; level.length > 1; level = levels.at(-1)!) {
    const above: Hex[] = []
    for (let i = 0; i < level.length; i += 2) above.push(naivePair(level[i]!, level[i + 1]!))
    levels.push(above)
  }
  return levels
}

export function naiveRoot(slots: readonly Slot[]): Hex {
  return naiveLevels(slots).at(-1)![0]!
}

/** One publish in the order of the page: removals, updates, additions, each by ascending key. */
export function naivePublish(slots: readonly Slot[], changes: readonly TagChange[]): Slot[] {
  const next = slots.map((slot) => ({ ...slot }))
  const byKey = changes
    .map(({ tag, entry }) => ({ key: naiveKey(tag), entry }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.key.slice(2), 'hex'), Buffer.from(b.key.slice(2), 'hex')))
  const present = new Set(slots.map((slot) => slot.key))
  for (const { key, entry } of byKey) {
    if (entry !== null) continue
    const hole = next.findIndex((slot) => slot.key === key)
    next.find((slot) => slot.nextKey === key)!.nextKey = next[hole]!.nextKey
    const last = next.pop()!
    if (hole < next.length) next[hole] = last
  }
  for (const { key, entry } of byKey) {
    if (entry !== null && present.has(key)) next.find((slot) => slot.key === key)!.value = naiveValue(entry)
  }
  for (const { key, entry } of byKey) {
    if (entry === null || present.has(key)) continue
    const predecessor = next.find((slot) => slot.key < key && (slot.nextKey === '0x' || slot.nextKey > key))!
    next.push({ key, nextKey: predecessor.nextKey, value: naiveValue(entry) })
    predecessor.nextKey = key
  }
  return next
}

export function naiveProof(slots: readonly Slot[], tag: string): Proof {
  const key = naiveKey(tag)
  const spans = (slot: Slot) => slot.key < key && (slot.nextKey === '0x' || slot.nextKey > key)
  let position = slots.findIndex((slot) => slot.key === key || spans(slot))
  const slot = slots[position]!
  const path = naiveLevels(slots)
    .slice(0, -1)
    .map((level) => {
      const sibling = level[position % 2 === 0 ? position + 1 : position - 1]!
      position = Math.floor(position / 2)
      return sibling
    })
  return { ...slot, path }
}
