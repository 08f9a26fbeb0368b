import type { Address } from 'viem'
import { isDigest } from '../oci/digest.ts'
import type { Sql } from './sql.ts'
import {
  type ChangeRow,
  digestOfStored,
  isLine,
  isShown,
  lineValues,
  ofLine,
  type SlotRow,
  selectHead,
  signedListOf,
  slotColumns,
  slotOf,
  storedDigest,
  transitionOf,
  type VersionRow,
  versionColumns,
} from './tag-list-rows.ts'
import type { TagListStore } from './tag-list-store.ts'

/** Ordinals count from 0 without gaps, so the last one says how many there are. */
const changeCount = `coalesce((SELECT max(c.ordinal) + 1 FROM list_change c WHERE c.tree_id = v.tree_id AND c.version = v.version), 0) AS change_count`
const tagOfKey = 'CAST(substr(s.key, 2) AS TEXT) AS tag'

/** The paging half of the SQL tag lists. */
export function tagPages(
  sql: Sql,
): Pick<
  TagListStore,
  'readSlots' | 'listTags' | 'tagsOfDigest' | 'listLines' | 'listDigests' | 'history' | 'readChanges'
> {
  return {
    async readSlots(line, listHash, from, limit) {
      const isHead = `WHERE ${isLine} AND l.head_hash = ?6 AND l.head_version > 0`
      const [head, slots] = await sql.batch([
        ofLine(`SELECT 1 AS found FROM list_line l ${isHead}`, line, listHash),
        ofLine(
          `SELECT ${slotColumns} FROM list_line l JOIN slot s ON s.tree_id = l.tree_id ${isHead}
           AND s.position >= ?7 ORDER BY s.position LIMIT ?8`,
          line,
          listHash,
          from,
          limit,
        ),
      ])
      return head!.length === 0 ? undefined : (slots as SlotRow[]).map(slotOf)
    },
    async listTags(line, after, limit) {
      const text = `SELECT ${tagOfKey} FROM list_line l JOIN slot s ON s.tree_id = l.tree_id
        WHERE ${isLine} AND s.key > CAST(char(1) || ?6 AS BLOB) AND ${isShown} ORDER BY s.key LIMIT ?7`
      const [heads, tags] = await sql.batch([ofLine(selectHead, line), ofLine(text, line, after, limit)])
      const [head] = heads as VersionRow[]
      return head && { head: signedListOf(head), tags: (tags as { tag: string }[]).map((row) => row.tag) }
    },
    async tagsOfDigest(line, digest) {
      if (!isDigest(digest)) return []
      // Named, because SQLite without statistics would walk the whole list in key order to save the sort.
      const text = `SELECT ${tagOfKey} FROM list_line l JOIN slot s INDEXED BY slot_by_digest ON s.tree_id = l.tree_id
        WHERE ${isLine} AND s.digest = unhex(?6) AND ${isShown} ORDER BY s.key`
      const rows = await sql.all<{ tag: string }>(text, [...lineValues(line), storedDigest(digest)])
      return rows.map((row) => row.tag)
    },
    async listLines(repository) {
      const rows = await sql.all<VersionRow & { chain_id: number; resolver: Address }>(
        `SELECT l.chain_id, l.resolver, ${versionColumns} FROM list_line l
         JOIN list_version v ON v.line_id = l.line_id AND v.version = l.head_version
         WHERE ?1 IS NULL OR (l.ens_name = ?1 AND l.owner = ?2) ORDER BY l.line_id`,
        [repository?.ensName ?? null, repository?.owner ?? null],
      )
      return rows.map((row) => {
        const { chain_id: chainId, resolver, ens_name: ensName, owner } = row
        return { line: { chainId, resolver, ensName, owner, epoch: BigInt(row.epoch) }, head: signedListOf(row) }
      })
    },
    async listDigests(line, after, limit) {
      const text = `SELECT DISTINCT lower(hex(s.digest)) AS digest FROM list_line l
        JOIN slot s INDEXED BY slot_by_digest ON s.tree_id = l.tree_id
        WHERE ${isLine} AND s.digest > unhex(?6) AND ${isShown} AND l.head_version > 0 ORDER BY s.digest LIMIT ?7`
      const start = isDigest(after) ? storedDigest(after) : ''
      const rows = await sql.all<{ digest: string }>(text, [...lineValues(line), start, limit])
      return rows.map((row) => digestOfStored(row.digest))
    },
    async history(line, before, limit) {
      const versions = await sql.all<VersionRow & { change_count: number }>(
        `SELECT ${versionColumns}, ${changeCount} FROM list_line l JOIN list_version v ON v.line_id = l.line_id
         WHERE ${isLine} AND (?6 IS NULL OR v.version < (SELECT b.version FROM list_version b WHERE b.line_id = l.line_id AND b.hash = ?6))
         ORDER BY v.version DESC LIMIT ?7`,
        [...lineValues(line), before, limit],
      )
      return versions.map((row) => ({ ...signedListOf(row), changeCount: row.change_count }))
    },
    async readChanges(line, listHash, from, limit) {
      const changes = await sql.all<ChangeRow>(
        `SELECT c.version, c.tag, lower(hex(c.before)) AS before, lower(hex(c.after)) AS after
         FROM list_line l JOIN list_version v ON v.line_id = l.line_id AND v.hash = ?6
         JOIN list_change c ON c.tree_id = v.tree_id AND c.version = v.version AND c.ordinal >= ?7
         WHERE ${isLine} ORDER BY c.ordinal LIMIT ?8`,
        [...lineValues(line), listHash, from, limit],
      )
      return changes.map(transitionOf)
    },
  }
}
