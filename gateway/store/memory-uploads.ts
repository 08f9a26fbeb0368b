import type { Catalog, RepositoryKey } from './catalog.ts'
import { keyOf, type Upload } from './memory-tables.ts'

type Uploads = Pick<
  Catalog,
  'createUpload' | 'findUpload' | 'appendPart' | 'removeUpload' | 'expireUploads' | 'listParts'
>
/** Uploads in progress. */
export function uploadsIn(uploads: Map<string, Upload>): Uploads {
  const find = (repository: RepositoryKey, uploadId: string) => {
    const upload = uploads.get(uploadId)
    return upload?.repository === keyOf(repository) ? upload : undefined
  }
  return {
    async createUpload(repository, uploadId, expiresAt) {
      if (uploads.has(uploadId)) throw new Error(`upload ${uploadId} exists`)
      uploads.set(uploadId, { repository: keyOf(repository), uploadId, size: 0, parts: [], expiresAt })
    },
    async findUpload(repository, uploadId) {
      const upload = find(repository, uploadId)
      return upload && { uploadId, size: upload.size, parts: upload.parts, expiresAt: upload.expiresAt }
    },
    async appendPart(repository, uploadId, offset, part, expiresAt) {
      const upload = find(repository, uploadId)
      if (upload?.size !== offset) return false
      const parts = [...upload.parts, { ...part }]
      uploads.set(uploadId, { ...upload, size: offset + part.size, parts, expiresAt })
      return true
    },
    async removeUpload(repository, uploadId) {
      return find(repository, uploadId) !== undefined && uploads.delete(uploadId)
    },
    async expireUploads(now) {
      const expired = [...uploads.values()].filter((upload) => upload.expiresAt < now)
      for (const { uploadId } of expired) uploads.delete(uploadId)
      return expired.map((upload) => upload.uploadId)
    },
    async listParts() {
      return [...uploads.values()].flatMap(({ uploadId, parts, expiresAt }) =>
        parts.map((part) => ({ ...part, uploadId, expiresAt })),
      )
    },
  }
}
