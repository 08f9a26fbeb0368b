import type { Digest } from '../oci/digest.ts'
import type { BlobRecord, RepositoryKey } from './catalog.ts'
import type { CatalogUpkeep, Removal } from './catalog-upkeep.ts'
import type { Sql } from './sql.ts'
import { type ManifestRow, manifestColumns, manifestOf, repositoryId, statement } from './sql-catalog-rows.ts'

/** For how long an ended removal is remembered: longer than any request that stored its bytes before it. */
const rememberedSeconds = 24 * 60 * 60

/** How often manifests were used, the heads of all lists, and how often staged changes were written, of the repository ?1, ?2. */
const revision = `(SELECT r.manifest_uses || ' ' || coalesce((SELECT group_concat(h.head) FROM (
    SELECT l.line_id || ':' || l.head_hash AS head FROM list_line l
    WHERE l.ens_name = r.ens_name AND l.owner = r.owner ORDER BY l.line_id) h), '')
  || ' ' || coalesce((SELECT group_concat(w.written) FROM (
    SELECT l.staged_line_id || ':' || l.generation AS written FROM staged_line l
    WHERE l.ens_name = r.ens_name AND l.owner = r.owner ORDER BY l.staged_line_id) w), '')
  FROM repository r WHERE r.ens_name = ?1 AND r.owner = ?2)`

/** What the collector and `fsck` ask. */
export function upkeepRows(sql: Sql): CatalogUpkeep {
  return { ...listings(sql), ...sweeps(sql), ...removals(sql) }
}

function listings(sql: Sql): Pick<CatalogUpkeep, 'listRepositories' | 'listBlobs' | 'listManifests'> {
  return {
    async listRepositories(after, limit) {
      const rows = await sql.all<{ ens_name: string; owner: RepositoryKey['owner'] }>(
        'SELECT ens_name, owner FROM repository WHERE (ens_name, owner) > (?1, ?2) ORDER BY ens_name, owner LIMIT ?3',
        [after?.ensName ?? '', after?.owner ?? '', limit],
      )
      return rows.map((row) => ({ ensName: row.ens_name, owner: row.owner }))
    },
    async listBlobs({ ensName, owner }, after, limit) {
      const rows = await sql.all<{ digest: Digest; size: number; used_at: number }>(
        `SELECT digest, size, used_at FROM repository_blob WHERE repository_id = ${repositoryId} AND digest > ?3 ORDER BY digest LIMIT ?4`,
        [ensName, owner, after, limit],
      )
      return rows.map(({ digest, size, used_at }): BlobRecord => ({ digest, size, usedAt: used_at }))
    },
    async listManifests({ ensName, owner }, after, limit) {
      const rows = await sql.all<ManifestRow>(
        `SELECT ${manifestColumns} FROM manifest WHERE repository_id = ${repositoryId} AND digest > ?3 ORDER BY digest LIMIT ?4`,
        [ensName, owner, after, limit],
      )
      return rows.map(manifestOf)
    },
  }
}

function sweeps(sql: Sql): Pick<CatalogUpkeep, 'readRevision' | 'sweep'> {
  const removeFrom = (table: string) => `DELETE FROM ${table} WHERE repository_id = ${repositoryId}
    AND digest IN (SELECT value FROM json_each(?3)) AND used_at < ?4 AND ${revision} = ?5 RETURNING digest`
  const digestsOf = (rows: readonly object[] | undefined) => (rows as { digest: Digest }[]).map(({ digest }) => digest)
  const selectRevision = `SELECT ${revision} AS revision`
  return {
    async readRevision(repository) {
      const [rows] = await sql.batch([statement(selectRevision, repository)])
      return (rows![0] as { revision: string | null }).revision ?? ''
    },
    async sweep(repository, { manifests, blobs, revision: expected, usedSince }) {
      const [goneManifests, goneBlobs, now] = await sql.batch([
        statement(removeFrom('manifest'), repository, JSON.stringify(manifests), usedSince, expected),
        statement(removeFrom('repository_blob'), repository, JSON.stringify(blobs), usedSince, expected),
        statement(selectRevision, repository),
      ])
      if ((now![0] as { revision: string | null }).revision !== expected) return undefined
      return { manifests: digestsOf(goneManifests), blobs: digestsOf(goneBlobs) }
    },
  }
}

function removals(sql: Sql): Pick<CatalogUpkeep, 'beginRemovals' | 'endRemovals' | 'listRemovals'> {
  const removalsOf = (rows: readonly object[]): Removal[] =>
    (rows as { removal_id: number; digest: Digest }[]).map((row) => ({ removalId: row.removal_id, digest: row.digest }))
  return {
    async beginRemovals(digests) {
      const text = `INSERT INTO content_removal (digest) SELECT w.value FROM json_each(?1) w
        WHERE NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.digest = w.value)
        AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.digest = w.value)
        AND w.value NOT IN (SELECT sha256 FROM upload_part) RETURNING removal_id, digest`
      const [begun] = await sql.batch([{ text, values: [JSON.stringify(digests)] }])
      return removalsOf(begun!)
    },
    async endRemovals(ended, now) {
      const ids = JSON.stringify(ended.map(({ removalId }) => removalId))
      const these = 'removal_id IN (SELECT value FROM json_each(?1)) AND ended_at IS NULL'
      await sql.batch([
        {
          text: `INSERT INTO content_removal (digest, ended_at) SELECT digest, ?2 FROM content_removal WHERE ${these}`,
          values: [ids, now],
        },
        { text: `DELETE FROM content_removal WHERE ${these}`, values: [ids] },
        { text: 'DELETE FROM content_removal WHERE ended_at < ?1', values: [now - rememberedSeconds] },
      ])
    },
    async listRemovals() {
      return removalsOf(await sql.all('SELECT removal_id, digest FROM content_removal WHERE ended_at IS NULL'))
    },
  }
}
