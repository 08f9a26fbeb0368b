import type { Hex } from 'viem'
import { createMemoryTree, emptyHash, type Proof, type TreeReader } from '../tags/tree.ts'
import type { Sql } from './sql.ts'
import { tagPages } from './sql-tag-pages.ts'
import { tagWriters } from './sql-tag-writers.ts'
import {
  bare,
  headOfLine,
  isLine,
  lineValues,
  ofLine,
  type SlotRow,
  selectHead,
  sentinel,
  signedListOf,
  slotColumns,
  slotOf,
  type VersionRow,
} from './tag-list-rows.ts'
import { type ListLine, ListMoved, type TagListStore } from './tag-list-store.ts'

type PathRow = { ordinal: number; level: number; hash: string }

/** Where each key of the JSON list ?6 stands, or would: the slot with the greatest key up to it. */
const foundSlots = `SELECT k.key AS ordinal, l.tree_id, v.count,
    (SELECT s.position FROM slot s WHERE s.tree_id = l.tree_id AND s.key <= unhex(k.value) ORDER BY s.key DESC LIMIT 1) AS position
  FROM list_line l JOIN list_version v ON v.line_id = l.line_id AND v.version = l.head_version CROSS JOIN json_each(?6) k
  WHERE ${isLine}`
const selectFoundSlots = `WITH found AS MATERIALIZED (${foundSlots})
  SELECT ${slotColumns} FROM found CROSS JOIN slot s ON s.tree_id = found.tree_id AND s.position = found.position
  ORDER BY found.ordinal`
/** The neighbour at every level below the root: the position there with its last bit turned. */
const selectPaths = `WITH found AS MATERIALIZED (${foundSlots})
  SELECT found.ordinal, step.value AS level, lower(hex(n.hash)) AS hash
  FROM found CROSS JOIN json_each('[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]') step
  LEFT JOIN node n ON n.tree_id = found.tree_id AND n.level = step.value
    AND n.position = (found.position >> step.value) + 1 - 2 * ((found.position >> step.value) & 1)
  WHERE (1 << step.value) < found.count`

/** The tag lists in the tables of migrations/0001_stores.sql. */
export function createSqlTagLists(sql: Sql): TagListStore {
  return { ...tagReaders(sql), ...tagWriters(sql), ...tagPages(sql) }
}

function tagReaders(sql: Sql): Pick<TagListStore, 'findHead' | 'findSlot' | 'prove' | 'openTree'> {
  return {
    openTree: (line, listHash) => openTree(sql, line, listHash),
    async findHead(line) {
      const row = await sql.first<VersionRow>(selectHead, lineValues(line))
      return row && signedListOf(row)
    },
    async findSlot(line, key) {
      const text = `SELECT ${slotColumns} FROM list_line l JOIN slot s ON s.tree_id = l.tree_id AND s.key = unhex(?6) WHERE ${isLine}`
      const [heads, slots] = await sql.batch([ofLine(selectHead, line), ofLine(text, line, bare(key))])
      const [head] = heads as VersionRow[]
      const [slot] = slots as SlotRow[]
      return head && { head: signedListOf(head), slot: slot && slotOf(slot) }
    },
    async prove(line, keys) {
      const asked = JSON.stringify(keys.map(bare))
      const [heads, slots, paths] = await sql.batch([
        ofLine(selectHead, line),
        ofLine(selectFoundSlots, line, asked),
        ofLine(selectPaths, line, asked),
      ])
      const [head] = heads as VersionRow[]
      if (!head) return undefined
      return { head: signedListOf(head), proofs: proofsOf(slots as SlotRow[], paths as PathRow[]) }
    },
  }
}

function proofsOf(slots: readonly SlotRow[], paths: readonly PathRow[]): Proof[] {
  const proofs = slots.map((row): Proof => ({ ...slotOf(row), path: [] }))
  for (const { ordinal, level, hash } of paths) proofs[ordinal]!.path[level] = hash ? `0x${hash}` : emptyHash(level)
  return proofs
}

async function openTree(sql: Sql, line: ListLine, listHash: Hex | null): Promise<TreeReader> {
  if (listHash === null) return createMemoryTree([sentinel])
  const text = `SELECT l.line_id, v.count ${headOfLine} AND l.head_hash = ?6`
  const opened = await sql.first<{ line_id: number; count: number }>(text, [...lineValues(line), listHash])
  if (!opened) throw new ListMoved(listHash)
  /** Asks about the live tree, and only while the list is still the head. */
  const ask = async <Row extends object>(
    columns: string,
    rest: string,
    ...values: (string | number)[]
  ): Promise<Row> => {
    const query = `SELECT ${columns} FROM list_line l ${rest}`
    const row = await sql.first<Row>(query, [opened.line_id, listHash, ...values])
    if (!row) throw new ListMoved(listHash)
    return row
  }
  const isHead = 'WHERE l.line_id = ?1 AND l.head_hash = ?2'
  return {
    count: opened.count,
    async findSlot(key) {
      const joined = `JOIN slot s ON s.tree_id = l.tree_id ${isHead} AND s.key <= unhex(?3) ORDER BY s.key DESC LIMIT 1`
      const row = await ask<SlotRow>(slotColumns, joined, bare(key))
      return { position: row.position, slot: slotOf(row) }
    },
    async slotAt(position) {
      const joined = `LEFT JOIN slot s ON s.tree_id = l.tree_id AND s.position = ?3 ${isHead}`
      const row = await ask<Omit<SlotRow, 'position'> & { position: number | null }>(slotColumns, joined, position)
      if (row.position === null) throw new Error(`list ${listHash} has no slot ${position}: the store is broken`)
      return slotOf({ ...row, position: row.position })
    },
    async nodeAt(level, position) {
      const joined = `LEFT JOIN node n ON n.tree_id = l.tree_id AND n.level = ?3 AND n.position = ?4 ${isHead}`
      const { hash } = await ask<{ hash: string }>('lower(hex(n.hash)) AS hash', joined, level, position)
      return hash ? `0x${hash}` : undefined
    },
  }
}
