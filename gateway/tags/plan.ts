import { type Hex, hexToBytes } from 'viem'
import { hexOfBytes } from './bytes.ts'
import { checkImmutable, decodeTagEntry, encodeTagEntry, encodeTagKey, MAX_KEY_BYTES, type TagEntry } from './entry.ts'
import { depthOf, emptyHash, hashLeaf, hashPair, MAX_COUNT, nodesAtLevel } from './merkle.ts'
import { Refusal } from './refusal.ts'
import type { Slot, TagChange, TreeDelta, TreeReader } from './tree.ts'

/** A slot as the reader holds it, before anything of this publish was applied. */
type Found = { position: number; slot: Slot }

/** One change with its key, the greatest slot not above it, the tag's entries before and after, and the new entry's bytes. */
type Step = { tag: string; key: Hex; found: Found; before: TagEntry | null; after: TagEntry | null; value: Hex | null }

/** The list while it is being changed: the reader, and what was written over it. */
type Draft = {
  tree: TreeReader
  count: number
  /** Slots written, by position; null: gone. */
  slots: Map<number, Slot | null>
  /** Where a slot stands now, for keys that were moved. */
  positions: Map<Hex, number>
  /** For each removed key the slot before it, which is never removed later: removals go upwards. */
  predecessors: Map<Hex, Found>
  /** Additions go upwards too: only the last can stand between a new key and its predecessor among the old ones. */
  lastAdded: Found | undefined
}

const ITEMS_PER_SLICE = 64

/**
 * Plans one publish: removals, then updates, then additions, each by ascending key (protocol 2.1), whatever order `changes`
 * has. Reads and writes O(log n) per change. `version` is that of the list being made: it is the `updatedVersion` of what changes,
 * which each given entry must already carry. `pause` is awaited between slices of a long list of changes, so that other work runs.
 * @throws Refusal MalformedList (a tag twice, the removal of an absent one, too many slots), InvalidTag, InvalidEntry, ImmutableChanged
 */
export async function planChanges(
  tree: TreeReader,
  changes: readonly TagChange[],
  version: bigint,
  pause: () => Promise<void> = async () => {},
): Promise<TreeDelta> {
  const steps = await orderSteps(tree, changes, version, pause)
  const draft = await beginDraft(tree)
  await eachInSlices(steps, pause, (step) => applyStep(draft, step))
  if (draft.count > MAX_COUNT) throw new Refusal('MalformedList', `${draft.count} slots, over ${MAX_COUNT}`)
  const levels = await rehash(draft, pause)
  const depth = depthOf(draft.count)
  const root = levels[depth]?.get(0) ?? (await tree.nodeAt(depth, 0))
  if (root === undefined) throw new Error('the store holds no root for this list')
  const nodes = levels.flatMap((level, i) => [...level].map(([position, hash]) => ({ level: i, position, hash })))
  const transitions = steps.map(({ tag, before, after }) => ({ tag, before, after }))
  return { count: draft.count, root, slots: draft.slots, nodes, changes: transitions }
}

/** A line that begins now has no rows yet: its sentinel is written with the first version. */
async function beginDraft(tree: TreeReader): Promise<Draft> {
  const slots = new Map<number, Slot | null>()
  if (tree.count === 1 && (await tree.nodeAt(0, 0)) === undefined) slots.set(0, await tree.slotAt(0))
  return { tree, count: tree.count, slots, positions: new Map(), predecessors: new Map(), lastAdded: undefined }
}

async function eachInSlices<T>(
  items: Iterable<T>,
  pause: () => Promise<void>,
  visit: (item: T) => Promise<void>,
): Promise<void> {
  let done = 0
  for (const item of items) {
    await visit(item)
    if (++done % ITEMS_PER_SLICE === 0) await pause()
  }
}

/** Checks each change against what stands there and brings them into the order of protocol 2.1. */
async function orderSteps(
  tree: TreeReader,
  changes: readonly TagChange[],
  version: bigint,
  pause: () => Promise<void>,
): Promise<Step[]> {
  const steps = new Map<string, Step>()
  await eachInSlices(changes, pause, async (change) => {
    if (steps.has(change.tag)) throw new Refusal('MalformedList', `tag ${change.tag} stands twice in the changes`)
    steps.set(change.tag, await openStep(tree, change, version))
  })
  const ordered = [...steps.values()]
  for (const { tag, before, after } of ordered) if (before !== null) checkImmutable(tag, before, after ?? undefined)
  return ordered.sort((a, b) => kindOrder(a) - kindOrder(b) || (a.key < b.key ? -1 : 1))
}

async function openStep(tree: TreeReader, { tag, entry }: TagChange, version: bigint): Promise<Step> {
  const key = encodeTagKey(tag)
  const found = await tree.findSlot(key)
  const before = found.slot.key === key ? decodeTagEntry(found.slot.value, version) : null
  if (before === null && entry === null)
    throw new Refusal('MalformedList', `tag ${tag} is absent: it cannot be removed`)
  if (entry !== null && BigInt(entry.updatedVersion) !== version) {
    throw new Refusal(
      'InvalidEntry',
      `tag ${tag} changes in version ${version} but has updatedVersion ${entry.updatedVersion}`,
    )
  }
  return { tag, key, found, before, after: entry, value: entry === null ? null : encodeTagEntry(entry) }
}

/** Removals, updates, additions. */
function kindOrder(step: Step): number {
  if (step.after === null) return 0
  return step.before === null ? 2 : 1
}

async function applyStep(draft: Draft, step: Step): Promise<void> {
  if (step.value === null) await removeSlot(draft, step)
  else if (step.before === null) addSlot(draft, step, step.value)
  else write(draft, step.found, { value: step.value })
}

/** The predecessor takes over `nextKey`, and the last slot moves into the hole. */
async function removeSlot(draft: Draft, { key, found }: Step): Promise<void> {
  const below = await draft.tree.findSlot(greatestKeyBelow(key))
  const predecessor = draft.predecessors.get(below.slot.key) ?? below
  const hole = positionNow(draft, found)
  write(draft, predecessor, { nextKey: slotNow(draft, found).nextKey })
  const last = draft.count - 1
  if (hole !== last) {
    const moved = draft.slots.get(last) ?? (await draft.tree.slotAt(last))
    draft.slots.set(hole, moved)
    draft.positions.set(moved.key, hole)
  }
  draft.slots.set(last, null)
  draft.predecessors.set(key, predecessor)
  draft.count--
}

/** A slot appended at the end; the predecessor points at it. */
function addSlot(draft: Draft, { key, found }: Step, value: Hex): void {
  const old = draft.predecessors.get(found.slot.key) ?? found
  const { lastAdded } = draft
  const predecessor = lastAdded !== undefined && lastAdded.slot.key > old.slot.key ? lastAdded : old
  const slot = { key, nextKey: slotNow(draft, predecessor).nextKey, value }
  write(draft, predecessor, { nextKey: key })
  draft.lastAdded = { position: draft.count, slot }
  draft.slots.set(draft.count, slot)
  draft.count++
}

function positionNow(draft: Draft, { position, slot }: Found): number {
  return draft.positions.get(slot.key) ?? position
}

function slotNow(draft: Draft, found: Found): Slot {
  return draft.slots.get(positionNow(draft, found)) ?? found.slot
}

function write(draft: Draft, found: Found, fields: Partial<Slot>): void {
  draft.slots.set(positionNow(draft, found), { ...slotNow(draft, found), ...fields })
}

/** The greatest key of at most 129 bytes below a tag's (whose last byte is never 0): looking it up finds the slot before it. */
function greatestKeyBelow(key: Hex): Hex {
  const bytes = hexToBytes(key)
  const last = bytes.length - 1
  const below = new Uint8Array(MAX_KEY_BYTES).fill(0xff)
  below.set(bytes)
  below[last] = bytes[last]! - 1
  return hexOfBytes(below)
}

/** The hashes that the written slots change, level by level up to the root of the larger of the old tree and the new. */
async function rehash(draft: Draft, pause: () => Promise<void>): Promise<Map<number, Hex | null>[]> {
  if (draft.slots.size === 0) return []
  const leaves = new Map<number, Hex | null>()
  await eachInSlices(draft.slots, pause, async ([position, slot]) => {
    leaves.set(position, slot === null ? null : hashLeaf(slot))
  })
  const levels = [leaves]
  const top = Math.max(depthOf(draft.tree.count), depthOf(draft.count))
  for (let level = 1; level <= top; level++) {
    levels.push(await rehashLevel(draft, level, levels[level - 1]!, pause))
  }
  return levels
}

async function rehashLevel(
  draft: Draft,
  level: number,
  below: ReadonlyMap<number, Hex | null>,
  pause: () => Promise<void>,
): Promise<Map<number, Hex | null>> {
  const kept = nodesAtLevel(draft.count, level)
  const child = async (position: number) => {
    const written = below.get(position)
    return (written === undefined ? await draft.tree.nodeAt(level - 1, position) : written) ?? emptyHash(level - 1)
  }
  const hashes = new Map<number, Hex | null>()
  await eachInSlices(new Set([...below.keys()].map((position) => position >>> 1)), pause, async (position) => {
    const isKept = position < kept
    hashes.set(position, isKept ? hashPair(await child(2 * position), await child(2 * position + 1)) : null)
  })
  return hashes
}
