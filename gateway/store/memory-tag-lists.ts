import type { Hex } from 'viem'
import { decodeTagEntry, decodeTagKey, encodeTagKey, isTombstone, type TagEntry } from '../tags/entry.ts'
import { type SignedList, ZERO_HASH } from '../tags/list.ts'
import { createMemoryTree, depthOf, emptyHash, hashLeaf, type Proof, type Slot, type TreeDelta } from '../tags/tree.ts'
import type { RepositoryKey } from './catalog.ts'
import { keyOf as keyOfRepository, type MemoryTables } from './memory-tables.ts'
import {
  type ListLine,
  ListMoved,
  ManifestGone,
  type TagListStore,
  type TagTransition,
  type WholeList,
} from './tag-list-store.ts'

/** The rows of one list: slots by position, hashes by level and position, and positions in key order. */
type Rows = { slots: Slot[]; levels: (Hex | undefined)[][]; order: number[] }
type Version = SignedList & { changes: readonly TagTransition[] }
type Line = { line: ListLine; head: SignedList; rows: Rows; history: Version[] }

const sentinel: Slot = { key: '0x', nextKey: '0x', value: '0x' }

/** Tag lists in memory, beside the catalog that keeps its rows in `tables` where there is one. */
export function createMemoryTagLists(tables?: MemoryTables): TagListStore {
  const lines = new Map<string, Line>()
  if (tables) showLists(tables, lines)
  const find = (line: ListLine) => lines.get(keyOf(line))
  const publish = (line: ListLine, signed: SignedList, changes: Version['changes'], rowsOf: () => Rows) => {
    checkLine(line, signed)
    const before = find(line)
    if (signed.list.previous !== (before?.head.hash ?? ZERO_HASH)) return false
    if (signed.list.version <= (before?.head.list.version ?? 0n)) return false
    return put(line, signed, changes, rowsOf)
  }
  const put = (line: ListLine, signed: SignedList, changes: Version['changes'], rowsOf: () => Rows) => {
    const history = [{ ...signed, changes }, ...(find(line)?.history ?? [])]
    lines.set(keyOf(line), { line, head: signed, rows: rowsOf(), history })
    return true
  }
  return {
    ...readersOf(find, tables),
    ...pagesOf(find),
    ...listingsOf(lines),
    async commit(line, signed, delta, manifest) {
      const isShown = !manifest || !tables || tables.shelves.get(keyOfRepository(line))?.manifests.has(manifest)
      if (!isShown) throw new ManifestGone(manifest)
      return publish(line, signed, delta.changes, () => rowsAfter(find(line)?.rows ?? firstRows(), delta))
    },
    async replace(line, signed, whole) {
      return publish(line, signed, whole.changes, () => rowsOfWhole(whole))
    },
    async begin(line, signed, whole) {
      checkLine(line, signed)
      return find(line) === undefined && put(line, signed, whole.changes, () => rowsOfWhole(whole))
    },
    async putTimestamp(line, listHash, timestamp) {
      const known = find(line)
      if (known?.head.hash !== listHash) return false
      if (known.head.timestamp !== null && known.head.timestamp.issuedAt >= timestamp.issuedAt) return false
      const [newest, ...older] = known.history
      const history = [{ ...newest!, timestamp }, ...older]
      lines.set(keyOf(line), { ...known, head: { ...known.head, timestamp }, history })
      return true
    },
    async putSignatures(line, listHash, signatures) {
      const known = find(line)
      if (known?.head.hash !== listHash) return false
      const head = { ...known.head, signatures }
      const [newest, ...older] = known.history
      lines.set(keyOf(line), { ...known, head, history: [{ ...newest!, signatures }, ...older] })
      return true
    },
  }
}

function checkLine(line: ListLine, { list: { name, owner, epoch } }: SignedList): void {
  if (name === line.ensName && owner === line.owner && epoch === line.epoch) return
  throw new Error(`a list of ${name} (owner ${owner}, epoch ${epoch}) does not belong to the line of ${line.ensName}`)
}

function rowsOfWhole({ slots, levels }: WholeList): Rows {
  return { slots: [...slots], levels: levels.map((hashes) => [...hashes]), order: orderOf(slots) }
}

/** What the catalog sees of the lists. */
function showLists(tables: MemoryTables, lines: ReadonlyMap<string, Line>): void {
  tables.linesOf = (repository) => [...lines.values()].filter(({ line }) => isOf(line, repository))
  tables.isTagged = (line, digest) => {
    const known = lines.get(keyOf(line))
    return known !== undefined && shownTags(known).some(({ entry }) => entry.digest === digest)
  }
}

function isOf(line: ListLine, repository: RepositoryKey): boolean {
  return line.ensName === repository.ensName && line.owner === repository.owner
}

function listingsOf(lines: ReadonlyMap<string, Line>): Pick<TagListStore, 'listLines' | 'listDigests'> {
  return {
    async listLines(repository) {
      const found = [...lines.values()].filter(({ line }) => !repository || isOf(line, repository))
      return found.map(({ line, head }) => ({ line, head }))
    },
    async listDigests(line, after, limit) {
      const known = lines.get(keyOf(line))
      const digests = new Set(known ? shownTags(known).map(({ entry }) => entry.digest) : [])
      return [...digests]
        .filter((digest) => digest > after)
        .sort()
        .slice(0, limit)
    },
  }
}

type Find = (line: ListLine) => Line | undefined

function readersOf(
  find: Find,
  tables?: MemoryTables,
): Pick<TagListStore, 'findHead' | 'findSlot' | 'findEntries' | 'prove' | 'openTree'> {
  return {
    findHead: async (line) => find(line)?.head,
    async findSlot(line, key) {
      const known = find(line)
      if (!known) return undefined
      const slot = known.rows.slots[positionOf(known.rows, key)]!
      if (slot.key !== key) return { head: known.head, slot: undefined, manifest: undefined }
      const { digest } = decodeTagEntry(slot.value, known.head.list.version)
      const manifest = tables?.shelves.get(keyOfRepository(line))?.manifests.get(digest)
      return { head: known.head, slot, manifest: manifest && { ...manifest } }
    },
    async findEntries(line, tags) {
      const known = find(line)
      if (!known) return undefined
      const entries = new Map<string, TagEntry>()
      for (const tag of tags) {
        const slot = known.rows.slots[positionOf(known.rows, encodeTagKey(tag))]!
        if (slot.key === encodeTagKey(tag)) entries.set(tag, decodeTagEntry(slot.value, known.head.list.version))
      }
      return { head: known.head, entries }
    },
    async prove(line, keys) {
      const known = find(line)
      return known && { head: known.head, proofs: keys.map((key) => proofOf(known.rows, key)) }
    },
    async openTree(line, listHash) {
      if (listHash === null) return createMemoryTree([sentinel])
      const current = () => {
        const known = find(line)
        if (known?.head.hash !== listHash) throw new ListMoved(listHash)
        return known.rows
      }
      const slotAt = async (position: number) => {
        const slot = current().slots[position]
        if (!slot) throw new Error(`list ${listHash} has no slot ${position}: the store is broken`)
        return slot
      }
      return {
        count: current().slots.length,
        slotAt,
        async findSlot(key) {
          const position = positionOf(current(), key)
          return { position, slot: await slotAt(position) }
        },
        nodeAt: async (level, position) => current().levels[level]?.[position],
      }
    },
  }
}

function pagesOf(
  find: Find,
): Pick<TagListStore, 'readSlots' | 'listTags' | 'tagsOfDigest' | 'history' | 'readChanges'> {
  return {
    async readSlots(line, listHash, from, limit) {
      const known = find(line)
      return known?.head.hash === listHash ? known.rows.slots.slice(from, from + limit) : undefined
    },
    async listTags(line, after, limit) {
      const known = find(line)
      if (!known) return undefined
      const tags = shownTags(known).map(({ tag }) => tag)
      const start = after === '' ? 0 : tags.findIndex((tag) => encodeTagKey(tag) > encodeTagKey(after))
      return { head: known.head, tags: start < 0 ? [] : tags.slice(start, start + limit) }
    },
    async tagsOfDigest(line, digest) {
      const known = find(line)
      const shown = known ? shownTags(known) : []
      return shown.filter(({ entry }) => entry.digest === digest).map(({ tag }) => tag)
    },
    async history(line, before, limit) {
      const history = find(line)?.history ?? []
      const start = before === null ? 0 : history.findIndex((record) => record.hash === before) + 1
      const found = before !== null && start === 0 ? [] : history.slice(start, start + limit)
      return found.map(({ changes, ...signed }) => ({ ...signed, changeCount: changes.length }))
    },
    async readChanges(line, listHash, from, limit) {
      const version = find(line)?.history.find((known) => known.hash === listHash)
      return version?.changes.slice(from, from + limit) ?? []
    },
  }
}

function shownTags({ head, rows }: Line) {
  return rows.order
    .slice(1)
    .map((position) => rows.slots[position]!)
    .map(({ key, value }) => ({ tag: decodeTagKey(key), entry: decodeTagEntry(value, head.list.version) }))
    .filter(({ entry }) => !isTombstone(entry))
}

function keyOf({ chainId, resolver, ensName, owner, epoch }: ListLine): string {
  return `${chainId} ${resolver} ${ensName} ${owner} ${epoch}`
}

function firstRows(): Rows {
  return { slots: [sentinel], levels: [[hashLeaf(sentinel)]], order: [0] }
}

function rowsAfter(before: Rows, delta: TreeDelta): Rows {
  const slots = [...before.slots]
  for (const [position, slot] of delta.slots) if (slot) slots[position] = slot
  slots.length = delta.count
  const levels = before.levels.map((hashes) => [...hashes])
  for (const { level, position, hash } of delta.nodes) {
    while (levels.length <= level) levels.push([])
    levels[level]![position] = hash ?? undefined
  }
  return { slots, levels, order: orderOf(slots) }
}

function orderOf(slots: readonly Slot[]): number[] {
  return [...slots.keys()].sort((a, b) => (slots[a]!.key < slots[b]!.key ? -1 : 1))
}

/** Binary search for the slot with the greatest key up to `key`. */
function positionOf({ slots, order }: Rows, key: Hex): number {
  let low = 0
  let high = order.length
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (slots[order[middle]!]!.key <= key) low = middle
    else high = middle
  }
  return order[low]!
}

function proofOf(rows: Rows, key: Hex): Proof {
  const position = positionOf(rows, key)
  const path = Array.from({ length: depthOf(rows.slots.length) }, (_, level) => {
    return rows.levels[level]?.[(position >> level) ^ 1] ?? emptyHash(level)
  })
  return { ...rows.slots[position]!, path }
}
