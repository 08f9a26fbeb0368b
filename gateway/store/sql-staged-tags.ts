import type { Address, Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { TagEntry } from '../tags/entry.ts'
import { ZERO_HASH } from '../tags/list.ts'
import { type Sql, SqlConflict, type SqlStatement } from './sql.ts'
import { expectManifest } from './sql-tag-writers.ts'
import type { StagedBasis, StagedChange, StagedTagStore, StagedWrite } from './staged-tags.ts'
import { isLine, lineValues, ofLine } from './tag-list-rows.ts'
import type { ListLine } from './tag-list-store.ts'

type ChangeRow = {
  tag: string
  digest: Digest | null
  size: number
  media_type: string
  swarm_reference: Hex
  flags: number
  staged_at: number
  staged_by: string
}
type StateRow = { generation: number; count: number }

const columns = 'c.tag, c.digest, c.size, c.media_type, c.swarm_reference, c.flags, c.staged_at, c.staged_by'
const ofStagedLine = `FROM staged_line l JOIN staged_change c USING (staged_line_id) WHERE ${isLine}`
const selectState = `SELECT l.generation, (SELECT count(*) FROM staged_change c WHERE c.staged_line_id = l.staged_line_id) AS count
  FROM staged_line l WHERE ${isLine}`
/** The manifest ?6, where the line's repository shows it. */
const selectManifest = `SELECT 1 FROM manifest m JOIN repository r USING (repository_id)
  WHERE r.ens_name = ?3 AND r.owner = ?4 AND m.digest = ?6`
const lineId = `(SELECT l.staged_line_id FROM staged_line l WHERE ${isLine})`

/** Staged changes in the tables of migrations/0006_staged.sql. */
export function createSqlStagedTags(sql: Sql): StagedTagStore {
  return {
    async read(line, tags) {
      const these = tags ? 'AND c.tag IN (SELECT value FROM json_each(?6))' : ''
      const [states, rows] = await sql.batch([
        ofLine(selectState, line),
        ofLine(
          `SELECT ${columns} ${ofStagedLine} ${these} ORDER BY c.tag`,
          line,
          ...(tags ? [JSON.stringify(tags)] : []),
        ),
      ])
      const { generation, count } = (states![0] as StateRow | undefined) ?? { generation: 0, count: 0 }
      return { generation, count, changes: (rows as ChangeRow[]).map(changeOf) }
    },
    async find(line, tag) {
      const row = await sql.first<ChangeRow>(`SELECT ${columns} ${ofStagedLine} AND c.tag = ?6`, [
        ...lineValues(line),
        tag,
      ])
      return row && changeOf(row)
    },
    async write(line, basis, write) {
      try {
        await sql.batch(statementsOf(line, basis, write))
        return true
      } catch (error) {
        if (!(error instanceof SqlConflict)) throw error
        const state = await sql.first<StateRow>(selectState, lineValues(line))
        if (basis.manifest && (state?.generation ?? 0) === basis.generation)
          await expectManifest(sql, line, basis.manifest)
        return false
      }
    },
    async listLines(repository) {
      const only = repository ? 'AND l.ens_name = ?1 AND l.owner = ?2' : ''
      const rows = await sql.all<{
        chain_id: number
        resolver: Address
        ens_name: string
        owner: Address
        epoch: number
      }>(
        `SELECT l.chain_id, l.resolver, l.ens_name, l.owner, l.epoch FROM staged_line l
         WHERE EXISTS (SELECT 1 FROM staged_change c WHERE c.staged_line_id = l.staged_line_id) ${only} ORDER BY l.staged_line_id`,
        repository ? [repository.ensName, repository.owner] : [],
      )
      return rows.map((row): ListLine => {
        const { chain_id: chainId, resolver, ens_name: ensName, owner, epoch } = row
        return { chainId, resolver, ensName, owner, epoch: BigInt(epoch) }
      })
    },
  }
}

function changeOf(row: ChangeRow): StagedChange {
  const { tag, digest, size, flags, media_type: mediaType, swarm_reference: swarmReference } = row
  const entry: TagEntry | null =
    digest === null ? null : { digest, size, mediaType, swarmReference, updatedVersion: 0, flags }
  return { tag, entry, stagedAt: row.staged_at, stagedBy: row.staged_by }
}

function statementsOf(line: ListLine, basis: StagedBasis, { put = [], drop = [] }: StagedWrite): SqlStatement[] {
  const items = put.map(({ tag, entry, stagedAt, stagedBy }) => {
    const { digest, size, mediaType, swarmReference, flags } = entry ?? {}
    return [tag, digest, size, mediaType, swarmReference, flags, stagedAt, stagedBy].map((value) => value ?? null)
  })
  return [
    ofLine(
      `INSERT INTO staged_line (chain_id, resolver, ens_name, owner, epoch, generation) VALUES (?1, ?2, ?3, ?4, ?5, 0)
       ON CONFLICT DO NOTHING`,
      line,
    ),
    ...refusals(line, basis),
    ofLine(
      `DELETE FROM staged_change WHERE staged_line_id = ${lineId} AND tag IN (SELECT value FROM json_each(?6))`,
      line,
      JSON.stringify([...drop, ...put.map(({ tag }) => tag)]),
    ),
    ofLine(
      `INSERT INTO staged_change (staged_line_id, tag, digest, size, media_type, swarm_reference, flags, staged_at, staged_by)
       SELECT ${lineId}, ${[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `json_extract(i.value, '$[${at}]')`).join(', ')} FROM json_each(?6) i`,
      line,
      JSON.stringify(items),
    ),
    ofLine(`UPDATE staged_line AS l SET generation = generation + 1 WHERE ${isLine}`, line),
  ]
}

/**
 * The compare of compare-and-swap, in a form that ends the whole batch: where the basis does not hold it inserts the line a second time,
 * which its primary key refuses (SqlConflict).
 */
function refusals(line: ListLine, { generation, listHash, manifest }: StagedBasis): SqlStatement[] {
  const again = `INSERT INTO staged_line SELECT l.* FROM staged_line l WHERE ${isLine} AND`
  const statements = [ofLine(`${again} l.generation <> ?6`, line, generation)]
  if (listHash !== undefined) {
    const current = `SELECT head_hash FROM list_line h WHERE h.chain_id = ?1 AND h.resolver = ?2 AND h.ens_name = ?3
      AND h.owner = ?4 AND h.epoch = ?5`
    statements.push(ofLine(`${again} coalesce((${current}), '${ZERO_HASH}') <> ?6`, line, listHash ?? ZERO_HASH))
  }
  if (manifest) {
    statements.push(ofLine(`${again} NOT EXISTS (${selectManifest})`, line, manifest))
  }
  return statements
}
