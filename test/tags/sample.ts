import { type Hex, sha256, stringToBytes } from 'viem'
import type { Digest } from '../../gateway/oci/digest.ts'
import { type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import type { Slot, TreeDelta, TreeReader } from '../../gateway/tags/tree.ts'
import { createMemoryTree } from '../../gateway/tags/tree.ts'

export const sentinel: Slot = { key: '0x', nextKey: '0x', value: '0x' }
export const imageManifest = 'application/vnd.oci.image.manifest.v1+json'

/** A plausible entry whose digest depends on `seed`. */
export function sampleEntry(seed: string, fields: Partial<TagEntry> = {}): TagEntry {
  return {
    digest: `sha256:${sha256(stringToBytes(seed)).slice(2)}` as Digest,
    size: 400 + seed.length,
    mediaType: imageManifest,
    swarmReference: ZERO_REFERENCE,
    updatedVersion: 1,
    flags: 0,
    ...fields,
  }
}

/**
 * A store of rows keyed by position and by (level, position), as a database holds them: it applies a delta blindly and reads nothing
 * but its rows, so a row that a delta forgot shows.
 */
export function createRowStore() {
  const slots = new Map<number, Slot>([])
  const nodes = new Map<string, Hex>()
  let count = 1
  let reads = 0
  const reader = (): TreeReader => {
    const memory = createMemoryTree(slots.size === 0 ? [sentinel] : [...Array(count).keys()].map((i) => slots.get(i)!))
    return {
      count,
      findSlot: (key) => {
        reads++
        return memory.findSlot(key)
      },
      slotAt: (position) => {
        reads++
        return memory.slotAt(position)
      },
      nodeAt: async (level, position) => {
        reads++
        return nodes.get(`${level}:${position}`)
      },
    }
  }
  const apply = (delta: TreeDelta) => {
    for (const [position, slot] of delta.slots) {
      if (slot === null) slots.delete(position)
      else slots.set(position, slot)
    }
    for (const { level, position, hash } of delta.nodes) {
      if (hash === null) nodes.delete(`${level}:${position}`)
      else nodes.set(`${level}:${position}`, hash)
    }
    count = delta.count
  }
  return {
    reader,
    apply,
    reads: () => reads,
    slots: () => [...slots].sort(([a], [b]) => a - b).map(([, slot]) => slot),
    positions: () => [...slots.keys()].sort((a, b) => a - b),
    nodes: () => new Map(nodes),
  }
}
