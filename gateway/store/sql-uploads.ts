import type { Digest } from '../oci/digest.ts'
import type { Catalog, UploadSession } from './catalog.ts'
import type { StoredPart } from './content-store.ts'
import type { Sql } from './sql.ts'
import { statement } from './sql-catalog-rows.ts'

const ownUpload = 'upload_id = ?3 AND ens_name = ?1 AND owner = ?2'

type PartRow = { part_id: string; size: number; sha256: Digest }
type UploadRows = Pick<
  Catalog,
  'createUpload' | 'findUpload' | 'appendPart' | 'removeUpload' | 'expireUploads' | 'listParts'
>
/** Uploads in progress, in the tables upload and upload_part. */
export function uploadRows(sql: Sql): UploadRows {
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
      const rows = await sql.all<PartRow & { upload_id: string; expires_at: number }>(
        `SELECT upload_id, part_id, p.size, sha256, expires_at FROM upload_part p JOIN upload USING (upload_id)
         ORDER BY upload_id, ordinal`,
      )
      return rows.map((row) => ({ ...partOf(row), uploadId: row.upload_id, expiresAt: row.expires_at }))
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

function sessionOf(uploadId: string, upload: { size: number; expires_at: number }, parts: PartRow[]): UploadSession {
  return {
    uploadId,
    size: upload.size,
    expiresAt: upload.expires_at,
    parts: parts.map(partOf),
  }
}

function partOf({ part_id, size, sha256 }: PartRow): StoredPart {
  return { partId: part_id, size, sha256 }
}
