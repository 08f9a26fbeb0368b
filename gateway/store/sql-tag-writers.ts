import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'
import { type SignedList, ZERO_HASH } from '../tags/list.ts'
import { hashLeaf } from '../tags/tree.ts'
import { type Sql, SqlConflict, type SqlStatement } from './sql.ts'
import { deltaStatements, pause, removeTree, wholeStatements } from './sql-trees.ts'
import {
  bare,
  insertVersion,
  isLine,
  lineValues,
  ofLine,
  safeInteger,
  sentinel,
  signaturesJson,
  timestampJson,
} from './tag-list-rows.ts'
import { type ListLine, ManifestGone, type TagListStore, type WholeList } from './tag-list-store.ts'

type LineRow = { line_id: number; tree_id: number; head_hash: Hex; head_version: number }

/** The writing half of the SQL tag lists: every publish is one batch that compares the head and moves it. */
export function tagWriters(
  sql: Sql,
): Pick<TagListStore, 'commit' | 'replace' | 'begin' | 'putSignatures' | 'putTimestamp'> {
  return {
    async commit(line, signed, delta, manifest) {
      const state = await lineFor(sql, line, signed)
      if (!follows(state, signed)) return false
      const version = safeInteger(signed.list.version)
      const checkManifest = () => (manifest ? expectManifest(sql, line, manifest) : undefined)
      await checkManifest()
      const statements = [
        refuseUnlessHead(state),
        ...(manifest ? [refuseUnlessShown(state, line, manifest)] : []),
        ...deltaStatements(state.tree_id, version, delta),
        insertVersion(state.line_id, state.tree_id, signed),
        moveHead(state.line_id, signed),
      ]
      return swap(sql, line, signed, statements, checkManifest)
    },
    replace: (line, signed, whole) => writeWhole(sql, line, signed, whole, follows),
    begin: (line, signed, whole) => writeWhole(sql, line, signed, whole, isFirst),
    async putSignatures(line, listHash, signatures) {
      const text = `UPDATE list_version SET signatures_json = ?7 WHERE hash = ?6
        AND line_id = (SELECT l.line_id FROM list_line l WHERE ${isLine} AND l.head_hash = ?6)`
      return (await sql.run(text, [...lineValues(line), listHash, signaturesJson(signatures)])) > 0
    },
    async putTimestamp(line, listHash, timestamp) {
      const text = `UPDATE list_version SET timestamp_json = ?7 WHERE hash = ?6
        AND line_id = (SELECT l.line_id FROM list_line l WHERE ${isLine} AND l.head_hash = ?6)
        AND (timestamp_json IS NULL OR CAST(json_extract(timestamp_json, '$.issuedAt') AS INTEGER) < ?8)`
      const values = [listHash, timestampJson(timestamp), safeInteger(timestamp.issuedAt)]
      return (await sql.run(text, [...lineValues(line), ...values])) > 0
    },
  }
}

/** Whether a list may become the head of a line that stands so. */
type MayFollow = (state: LineRow, signed: SignedList) => boolean

async function writeWhole(
  sql: Sql,
  line: ListLine,
  signed: SignedList,
  whole: WholeList,
  mayFollow: MayFollow,
): Promise<boolean> {
  const state = await lineFor(sql, line, signed)
  if (!mayFollow(state, signed)) return false
  const treeId = await beginTree(sql)
  try {
    await writeBeside(sql, treeId, safeInteger(signed.list.version), whole)
    const statements = [
      refuseUnlessHead(state),
      { text: "UPDATE tree SET state = 'live' WHERE tree_id = ?", values: [treeId] },
      insertVersion(state.line_id, treeId, signed),
      moveHead(state.line_id, signed),
      { text: 'UPDATE list_line SET tree_id = ? WHERE line_id = ?', values: [treeId, state.line_id] },
      { text: "UPDATE tree SET state = 'retired' WHERE tree_id = ?", values: [state.tree_id] },
    ]
    return await swap(sql, line, signed, statements, undefined, mayFollow)
  } finally {
    // One of the two is in nobody's use now. If removing it fails, the next start sweeps it: the publish stands as it is.
    for (const unused of [treeId, state.tree_id]) await removeTree(sql, unused).catch(() => undefined)
  }
}

/** Finds or begins a line. @throws Error when `signed` is for another name, owner or epoch */
async function lineFor(sql: Sql, line: ListLine, signed: SignedList): Promise<LineRow> {
  const { name, owner, epoch } = signed.list
  if (name !== line.ensName || owner !== line.owner || epoch !== line.epoch) {
    throw new Error(`a list of ${name} (owner ${owner}, epoch ${epoch}) does not belong to the line of ${line.ensName}`)
  }
  const select = `SELECT l.line_id, l.tree_id, l.head_hash, l.head_version FROM list_line l WHERE ${isLine}`
  const known = await sql.first<LineRow>(select, lineValues(line))
  if (known) return known
  const isNew = `WHERE NOT EXISTS (SELECT 1 FROM list_line l WHERE ${isLine})`
  const results = await sql.batch([
    ofLine(`INSERT INTO tree (state) SELECT 'live' ${isNew}`, line),
    ofLine(
      `INSERT INTO list_line (chain_id, resolver, ens_name, owner, epoch, head_version, head_hash, tree_id)
       SELECT ?1, ?2, ?3, ?4, ?5, 0, ?6, last_insert_rowid() ${isNew}`,
      line,
      ZERO_HASH,
    ),
    ofLine(
      `INSERT INTO slot (tree_id, position, key, next_key, value) SELECT l.tree_id, 0, x'', x'', x'' FROM list_line l
       WHERE ${isLine} AND l.head_version = 0 ON CONFLICT DO NOTHING`,
      line,
    ),
    ofLine(
      `INSERT INTO node (tree_id, level, position, hash) SELECT l.tree_id, 0, 0, unhex(?6) FROM list_line l
       WHERE ${isLine} AND l.head_version = 0 ON CONFLICT DO NOTHING`,
      line,
      bare(hashLeaf(sentinel)),
    ),
    ofLine(select, line),
  ])
  return results[4]![0] as LineRow
}

function follows(state: LineRow, signed: SignedList): boolean {
  return state.head_hash === signed.list.previous && state.head_version < safeInteger(signed.list.version)
}

function isFirst(state: LineRow): boolean {
  return state.head_version === 0
}

/**
 * The compare of compare-and-swap, in a form that ends the whole batch: when the head is not the one of `state` any more, it inserts the
 * line a second time, which its primary key refuses (SqlConflict).
 */
function refuseUnlessHead(state: LineRow): SqlStatement {
  return {
    text: 'INSERT INTO list_line SELECT * FROM list_line WHERE line_id = ? AND (head_hash <> ? OR tree_id <> ?)',
    values: [state.line_id, state.head_hash, state.tree_id],
  }
}

function moveHead(lineId: number, signed: SignedList): SqlStatement {
  return {
    text: 'UPDATE list_line SET head_hash = ?, head_version = ? WHERE line_id = ?',
    values: [signed.hash, safeInteger(signed.list.version), lineId],
  }
}

/** Ends the batch in the same way when the line's repository does not show `manifest`. */
function refuseUnlessShown(state: LineRow, line: ListLine, manifest: Digest): SqlStatement {
  return {
    text: `INSERT INTO list_line SELECT * FROM list_line WHERE line_id = ? AND NOT EXISTS (${selectManifest})`,
    values: [state.line_id, line.ensName, line.owner, manifest],
  }
}

const selectManifest = `SELECT 1 AS found FROM manifest JOIN repository USING (repository_id)
  WHERE repository.ens_name = ? AND repository.owner = ? AND digest = ?`

/** @throws ManifestGone when the line's repository does not show it */
export async function expectManifest(sql: Sql, line: ListLine, manifest: Digest): Promise<void> {
  if (!(await sql.first(selectManifest, [line.ensName, line.owner, manifest]))) throw new ManifestGone(manifest)
}

/**
 * False when another list came first. A conflict while the head still is `previous` is no lost race: `explain` may throw what it is,
 * else it is a broken delta and thrown itself.
 */
async function swap(
  sql: Sql,
  line: ListLine,
  signed: SignedList,
  statements: SqlStatement[],
  explain: () => Promise<void> | undefined = () => undefined,
  mayFollow: MayFollow = follows,
): Promise<boolean> {
  try {
    await sql.batch(statements)
    return true
  } catch (error) {
    if (!(error instanceof SqlConflict)) throw error
    if (!mayFollow(await lineFor(sql, line, signed), signed)) return false
    await explain()
    throw error
  }
}

async function beginTree(sql: Sql): Promise<number> {
  const created = await sql.first<{ tree_id: number }>(
    "INSERT INTO tree (state, begun_at) VALUES ('pending', unixepoch()) RETURNING tree_id",
  )
  return created!.tree_id
}

/** Writes a tree that nothing shows yet, slice by slice. */
async function writeBeside(sql: Sql, treeId: number, version: number, whole: WholeList): Promise<void> {
  for (const slice of wholeStatements(treeId, version, whole)) {
    await sql.batch([slice])
    await pause()
  }
}
