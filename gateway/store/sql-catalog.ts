import type { Catalog, RepositoryKey } from './catalog.ts'
import type { Sql, SqlStatement } from './sql.ts'
import { type ManifestRow, manifestColumns, manifestOf, repositoryId, statement } from './sql-catalog-rows.ts'
import { upkeepRows } from './sql-upkeep.ts'
import { uploadRows } from './sql-uploads.ts'
import { isShown, safeInteger, storedDigest } from './tag-list-rows.ts'

/** A blob or mount that is there already was used now. */
const whenKnown = 'ON CONFLICT DO UPDATE SET used_at = max(used_at, excluded.used_at)'
/** Tags that the current list of the line ?4, ?5, ?1, ?2, ?6 has for the digest ?7. */
const tagsOfManifest = `SELECT 1 FROM list_line l JOIN slot s INDEXED BY slot_by_digest ON s.tree_id = l.tree_id
  WHERE l.chain_id = ?4 AND l.resolver = ?5 AND l.ens_name = ?1 AND l.owner = ?2 AND l.epoch = ?6
  AND s.digest = unhex(?7) AND ${isShown}`

/** Changes that are staged under the same line and name the digest ?3. */
const stagedOfManifest = `SELECT 1 FROM staged_line l JOIN staged_change c USING (staged_line_id)
  WHERE l.chain_id = ?4 AND l.resolver = ?5 AND l.ens_name = ?1 AND l.owner = ?2 AND l.epoch = ?6
  AND c.digest = ?3 AND c.flags < 2`

/** The catalog in the tables of migrations/. */
export function createSqlCatalog(sql: Sql): Catalog {
  return { ...blobRows(sql), ...manifestRows(sql), ...uploadRows(sql), ...upkeepRows(sql) }
}

type BlobRows = Pick<
  Catalog,
  'countRemovals' | 'linkBlob' | 'mountBlob' | 'findBlob' | 'renewBlob' | 'unlinkBlob' | 'findBlobAnywhere'
>
function blobRows(sql: Sql): BlobRows {
  return {
    async countRemovals() {
      const row = await sql.first<{ last: number }>('SELECT coalesce(max(removal_id), 0) AS last FROM content_removal')
      return row!.last
    },
    async linkBlob(repository, digest, size, { now, removals }) {
      const [, linked] = await sql.batch([
        touchRepository(repository),
        statement(
          `INSERT INTO repository_blob (repository_id, digest, size, used_at) SELECT ${repositoryId}, ?3, ?4, ?5
           WHERE ${isStillStored('?3', '?6')} ${whenKnown} RETURNING digest`,
          repository,
          digest,
          size,
          now,
          removals,
        ),
      ])
      return linked!.length > 0
    },
    async mountBlob(from, to, digest, now) {
      const [, mounted] = await sql.batch([
        touchRepository(to),
        statement(
          `INSERT INTO repository_blob (repository_id, digest, size, used_at)
           SELECT ${repositoryId}, b.digest, b.size, ?4 FROM repository_blob b JOIN repository r USING (repository_id)
           WHERE r.ens_name = ?5 AND r.owner = ?6 AND b.digest = ?3 ${whenKnown} RETURNING size`,
          to,
          digest,
          now,
          from.ensName,
          from.owner,
        ),
      ])
      return mounted![0] as { size: number } | undefined
    },
    async findBlob(repository, digest) {
      const row = await sql.first<{ size: number; used_at: number }>(
        `SELECT size, used_at FROM repository_blob WHERE repository_id = ${repositoryId} AND digest = ?3`,
        [repository.ensName, repository.owner, digest],
      )
      return row && { size: row.size, usedAt: row.used_at }
    },
    async renewBlob(repository, digest, now) {
      const text = `UPDATE repository_blob SET used_at = max(used_at, ?4) WHERE repository_id = ${repositoryId} AND digest = ?3`
      return (await sql.run(text, [repository.ensName, repository.owner, digest, now])) > 0
    },
    async unlinkBlob(repository, digest) {
      const text = `DELETE FROM repository_blob WHERE repository_id = ${repositoryId} AND digest = ?3`
      return (await sql.run(text, [repository.ensName, repository.owner, digest])) > 0
    },
    async findBlobAnywhere(digest) {
      const row = await sql.first<{ ens_name: string; owner: RepositoryKey['owner']; size: number }>(
        'SELECT ens_name, owner, size FROM repository_blob JOIN repository USING (repository_id) WHERE digest = ?1 LIMIT 1',
        [digest],
      )
      return row && { repository: { ensName: row.ens_name, owner: row.owner }, size: row.size }
    },
  }
}

type ManifestRows = Pick<
  Catalog,
  'putManifest' | 'findManifest' | 'renewManifest' | 'removeManifest' | 'listReferrers' | 'hasContent' | 'listNames'
>
function manifestRows(sql: Sql): ManifestRows {
  return {
    putManifest: (...manifest) => putManifest(sql, ...manifest),
    async findManifest(repository, digest) {
      const row = await sql.first<ManifestRow>(
        `SELECT ${manifestColumns} FROM manifest WHERE repository_id = ${repositoryId} AND digest = ?3`,
        [repository.ensName, repository.owner, digest],
      )
      return row && manifestOf(row)
    },
    async renewManifest(repository, digest, now) {
      const [renewed] = await sql.batch([
        statement(
          `UPDATE manifest SET used_at = max(used_at, ?4) WHERE repository_id = ${repositoryId} AND digest = ?3 RETURNING digest`,
          repository,
          digest,
          now,
        ),
        countUse(repository),
      ])
      return renewed!.length > 0
    },
    async removeManifest(repository, digest, unlessTagged) {
      const text = `DELETE FROM manifest WHERE repository_id = ${repositoryId} AND digest = ?3`
      const key = [repository.ensName, repository.owner, digest]
      if (!unlessTagged) return (await sql.run(text, key)) > 0
      const values = [...key, unlessTagged.chainId, unlessTagged.resolver, safeInteger(unlessTagged.epoch)]
      const isUntagged = `AND NOT EXISTS (${tagsOfManifest}) AND NOT EXISTS (${stagedOfManifest})`
      return (await sql.run(`${text} ${isUntagged}`, [...values, storedDigest(digest)])) > 0
    },
    async listReferrers(repository, subject, after, limit) {
      const rows = await sql.all<ManifestRow>(
        `SELECT ${manifestColumns} FROM manifest
         WHERE repository_id = ${repositoryId} AND subject = ?3 AND digest > ?4 ORDER BY digest LIMIT ?5`,
        [repository.ensName, repository.owner, subject, after, limit],
      )
      return rows.map(manifestOf)
    },
    async hasContent(repository) {
      const row = await sql.first(`SELECT 1 AS found WHERE ${repositoryId} IS NOT NULL`, [
        repository.ensName,
        repository.owner,
      ])
      return row !== undefined
    },
    async listNames(after, limit) {
      const rows = await sql.all<{ ens_name: string }>(
        'SELECT DISTINCT ens_name FROM repository WHERE ens_name > ?1 ORDER BY ens_name LIMIT ?2',
        [after, limit],
      )
      return rows.map((row) => row.ens_name)
    },
  }
}

/** Stores the row only where all that it names is shown, and counts the use, in one transaction. */
async function putManifest(
  sql: Sql,
  ...[repository, manifest, references, { now, removals }]: Parameters<Catalog['putManifest']>
): Promise<boolean> {
  const { digest, size, mediaType, subject, artifactType, annotationsJson } = manifest
  const [, put] = await sql.batch([
    touchRepository(repository),
    statement(
      `INSERT INTO manifest (repository_id, ${manifestColumns}) SELECT ${repositoryId}, ?3, ?4, ?5, ?6, ?7, ?8, ?9
       WHERE ${isStillStored('?3', '?10')} AND ${isAllShown('repository_blob', '?11')} AND ${isAllShown('manifest', '?12')}
       ON CONFLICT DO UPDATE SET media_type = excluded.media_type, used_at = max(used_at, excluded.used_at) RETURNING digest`,
      repository,
      digest,
      size,
      mediaType,
      subject,
      artifactType,
      annotationsJson,
      now,
      removals,
      JSON.stringify(references.blobs),
      JSON.stringify(references.manifests),
    ),
    countUse(repository),
  ])
  return put!.length > 0
}

/** Whether bytes that were stored after removal number `removals` are there: none of that digest is under way or ended since. */
function isStillStored(digest: string, removals: string): string {
  return `NOT EXISTS (SELECT 1 FROM content_removal c
    WHERE c.digest = ${digest} AND (c.ended_at IS NULL OR c.removal_id > ${removals}))`
}

/** Whether the repository has a row in `table` for every digest of a JSON list. */
function isAllShown(table: string, digests: string): string {
  return `NOT EXISTS (SELECT 1 FROM json_each(${digests}) wanted
    WHERE NOT EXISTS (SELECT 1 FROM ${table} t WHERE t.repository_id = ${repositoryId} AND t.digest = wanted.value))`
}

function touchRepository(repository: RepositoryKey): SqlStatement {
  return statement('INSERT INTO repository (ens_name, owner) VALUES (?1, ?2) ON CONFLICT DO NOTHING', repository)
}

function countUse(repository: RepositoryKey): SqlStatement {
  return statement(
    'UPDATE repository SET manifest_uses = manifest_uses + 1 WHERE ens_name = ?1 AND owner = ?2',
    repository,
  )
}
