import type { Digest } from '../oci/digest.ts'
import type { Catalog, ManifestRecord, RepositoryKey, UploadSession } from './catalog.ts'
import type { Sql, SqlStatement, SqlValue } from './sql.ts'

type ManifestRow = {
  digest: Digest
  size: number
  media_type: string
  subject: Digest | null
  artifact_type: string | null
  annotations_json: string | null
}

/** Every statement about a repository takes its name and owner as ?1 and ?2. */
const repositoryId = '(SELECT repository_id FROM repository WHERE ens_name = ?1 AND owner = ?2)'
const manifestColumns = 'digest, size, media_type, subject, artifact_type, annotations_json'
const ownUpload = 'upload_id = ?3 AND ens_name = ?1 AND owner = ?2'

/** The catalog in the tables of migrations/0001_stores.sql. */
export function createSqlCatalog(sql: Sql): Catalog {
  return { ...blobRows(sql), ...manifestRows(sql), ...uploadRows(sql) }
}

type BlobRows = Pick<Catalog, 'linkBlob' | 'findBlob' | 'unlinkBlob' | 'findBlobAnywhere'>
function blobRows(sql: Sql): BlobRows {
  return {
    async linkBlob(repository, digest, size) {
      await sql.batch([
        touchRepository(repository),
        statement(
          `INSERT INTO repository_blob (repository_id, digest, size) VALUES (${repositoryId}, ?3, ?4) ON CONFLICT DO NOTHING`,
          repository,
          digest,
          size,
        ),
      ])
    },
    findBlob(repository, digest) {
      return sql.first<{ size: number }>(
        `SELECT size FROM repository_blob WHERE repository_id = ${repositoryId} AND digest = ?3`,
        [repository.ensName, repository.owner, digest],
      )
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
  'putManifest' | 'findManifest' | 'removeManifest' | 'listReferrers' | 'hasContent' | 'listNames'
>
function manifestRows(sql: Sql): ManifestRows {
  return {
    async putManifest(repository, manifest) {
      const { digest, size, mediaType, subject, artifactType, annotationsJson } = manifest
      await sql.batch([
        touchRepository(repository),
        statement(
          `INSERT INTO manifest (repository_id, ${manifestColumns}) VALUES (${repositoryId}, ?3, ?4, ?5, ?6, ?7, ?8)
           ON CONFLICT DO UPDATE SET media_type = excluded.media_type`,
          repository,
          digest,
          size,
          mediaType,
          subject,
          artifactType,
          annotationsJson,
        ),
      ])
    },
    async findManifest(repository, digest) {
      const row = await sql.first<ManifestRow>(
        `SELECT ${manifestColumns} FROM manifest WHERE repository_id = ${repositoryId} AND digest = ?3`,
        [repository.ensName, repository.owner, digest],
      )
      return row && manifestOf(row)
    },
    async removeManifest(repository, digest) {
      const text = `DELETE FROM manifest WHERE repository_id = ${repositoryId} AND digest = ?3`
      return (await sql.run(text, [repository.ensName, repository.owner, digest])) > 0
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

type PartRow = { part_id: string; size: number; sha256: Digest }
type UploadRows = Pick<
  Catalog,
  'createUpload' | 'findUpload' | 'appendPart' | 'removeUpload' | 'expireUploads' | 'listParts'
>
function uploadRows(sql: Sql): UploadRows {
  return {
    async createUpload(repository, uploadId, expiresAt) {
      await sql.run(
        'INSERT INTO upload (upload_id, ens_name, owner, size, part_count, expires_at) VALUES (?3, ?1, ?2, 0, 0, ?4)',
        [repository.ensName, repository.owner, uploadId, expiresAt],
      )
    },
    async findUpload(repository, uploadId) {
      const [uploads, parts] = await sql.batch([
        statement(`SELECT size, expires_at FROM upload WHERE ${ownUpload}`, repository, uploadId),
        {
          text: 'SELECT part_id, size, sha256 FROM upload_part WHERE upload_id = ?1 ORDER BY ordinal',
          values: [uploadId],
        },
      ])
      const upload = uploads?.[0] as { size: number; expires_at: number } | undefined
      return upload && sessionOf(uploadId, upload, parts as PartRow[])
    },
    appendPart: (...part) => appendPart(sql, ...part),
    async removeUpload(repository, uploadId) {
      const text = `DELETE FROM upload WHERE ${ownUpload}`
      return (await sql.run(text, [repository.ensName, repository.owner, uploadId])) > 0
    },
    async expireUploads(now) {
      const [rows] = await sql.batch([
        { text: 'DELETE FROM upload WHERE expires_at < ?1 RETURNING upload_id', values: [now] },
      ])
      return (rows as { upload_id: string }[]).map((row) => row.upload_id)
    },
    async listParts() {
      const rows = await sql.all<{ upload_id: string; part_id: string }>('SELECT upload_id, part_id FROM upload_part')
      return rows.map((row) => ({ uploadId: row.upload_id, partId: row.part_id }))
    },
  }
}

/** Both statements ask for the offset; the second one moves it, and says whether it was the right one. */
async function appendPart(
  sql: Sql,
  ...[repository, uploadId, offset, part, expiresAt]: Parameters<Catalog['appendPart']>
) {
  const { partId, size, sha256 } = part
  const [, moved] = await sql.batch([
    statement(
      `INSERT INTO upload_part (upload_id, ordinal, part_id, size, sha256)
       SELECT upload_id, part_count, ?5, ?6, ?7 FROM upload WHERE ${ownUpload} AND size = ?4`,
      repository,
      uploadId,
      offset,
      partId,
      size,
      sha256,
    ),
    statement(
      `UPDATE upload SET size = size + ?5, part_count = part_count + 1, expires_at = ?6
       WHERE ${ownUpload} AND size = ?4 RETURNING upload_id`,
      repository,
      uploadId,
      offset,
      size,
      expiresAt,
    ),
  ])
  return moved?.length === 1
}

function touchRepository(repository: RepositoryKey): SqlStatement {
  return statement('INSERT INTO repository (ens_name, owner) VALUES (?1, ?2) ON CONFLICT DO NOTHING', repository)
}

function statement(text: string, repository: RepositoryKey, ...values: SqlValue[]): SqlStatement {
  return { text, values: [repository.ensName, repository.owner, ...values] }
}

function manifestOf(row: ManifestRow): ManifestRecord {
  return {
    digest: row.digest,
    size: row.size,
    mediaType: row.media_type,
    subject: row.subject,
    artifactType: row.artifact_type,
    annotationsJson: row.annotations_json,
  }
}

function sessionOf(uploadId: string, upload: { size: number; expires_at: number }, parts: PartRow[]): UploadSession {
  return {
    uploadId,
    size: upload.size,
    expiresAt: upload.expires_at,
    parts: parts.map((part) => ({ partId: part.part_id, size: part.size, sha256: part.sha256 })),
  }
}
