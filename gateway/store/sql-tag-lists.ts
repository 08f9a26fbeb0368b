import { decodeTagEntry } from '../tags/entry.ts'
import { emptyHash, type Proof } from '../tags/tree.ts'
import type { Sql } from './sql.ts'
import { type ManifestRow, manifestColumns, manifestOf } from './sql-catalog-rows.ts'
import { tagPages } from './sql-tag-pages.ts'
import { tagWriters } from './sql-tag-writers.ts'
import { type BesideRow, openSqlTree, selectBeside } from './sql-tree-reader.ts'
import {
  bare,
  digestText,
  isLine,
  lineValues,
  ofLine,
  type SlotRow,
  selectHead,
  signedListOf,
  slotColumns,
  slotOf,
  type VersionRow,
} from './tag-list-rows.ts'
import type { TagListStore } from './tag-list-store.ts'

type PathRow = BesideRow & { ordinal: number }

/** The slot of exactly the key ?6. */
const slotOfKey = `FROM list_line l JOIN slot s ON s.tree_id = l.tree_id AND s.key = unhex(?6) WHERE ${isLine}`
/** The manifest that this slot names, where the line's repository shows it. */
const selectManifestOfKey = `SELECT ${manifestColumns} FROM manifest
  WHERE repository_id = (SELECT repository_id FROM repository WHERE ens_name = ?3 AND owner = ?4)
  AND digest = (SELECT ${digestText} ${slotOfKey})`
/** Where each key of the JSON list ?6 stands, or would: the slot with the greatest key up to it. */
const foundSlots = `SELECT k.key AS ordinal, l.tree_id, v.count,
    (SELECT s.position FROM slot s WHERE s.tree_id = l.tree_id AND s.key <= unhex(k.value) ORDER BY s.key DESC LIMIT 1) AS position
  FROM list_line l JOIN list_version v ON v.line_id = l.line_id AND v.version = l.head_version CROSS JOIN json_each(?6) k
  WHERE ${isLine}`
const selectFoundSlots = `WITH found AS MATERIALIZED (${foundSlots})
  SELECT ${slotColumns} FROM found CROSS JOIN slot s ON s.tree_id = found.tree_id AND s.position = found.position
  ORDER BY found.ordinal`
const selectPaths = selectBeside(foundSlots, 'found.ordinal,')

/** The slots of those tags of the JSON list ?6 that have one. */
const selectSlotsOfTags = `SELECT k.value AS tag, lower(hex(s.value)) AS value FROM list_line l CROSS JOIN json_each(?6) k
  CROSS JOIN slot s ON s.tree_id = l.tree_id AND s.key = CAST(char(1) || k.value AS BLOB) WHERE ${isLine}`

/** The tag lists in the tables of migrations/0001_stores.sql. */
export function createSqlTagLists(sql: Sql): TagListStore {
  return { ...tagReaders(sql), ...tagWriters(sql), ...tagPages(sql) }
}

function tagReaders(sql: Sql): Pick<TagListStore, 'findHead' | 'findSlot' | 'findEntries' | 'prove' | 'openTree'> {
  return {
    openTree: (line, listHash) => openSqlTree(sql, line, listHash),
    async findHead(line) {
      const row = await sql.first<VersionRow>(selectHead, lineValues(line))
      return row && signedListOf(row)
    },
    async findSlot(line, key) {
      const [heads, slots, manifests] = await sql.batch([
        ofLine(selectHead, line),
        ofLine(`SELECT ${slotColumns} ${slotOfKey}`, line, bare(key)),
        ofLine(selectManifestOfKey, line, bare(key)),
      ])
      const [head] = heads as VersionRow[]
      const [slot] = slots as SlotRow[]
      const [manifest] = manifests as ManifestRow[]
      return (
        head && { head: signedListOf(head), slot: slot && slotOf(slot), manifest: manifest && manifestOf(manifest) }
      )
    },
    async findEntries(line, tags) {
      const [heads, slots] = await sql.batch([
        ofLine(selectHead, line),
        ofLine(selectSlotsOfTags, line, JSON.stringify(tags)),
      ])
      const [row] = heads as VersionRow[]
      if (!row) return undefined
      const head = signedListOf(row)
      const found = slots as { tag: string; value: string }[]
      return {
        head,
        entries: new Map(found.map(({ tag, value }) => [tag, decodeTagEntry(`0x${value}`, head.list.version)])),
      }
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
