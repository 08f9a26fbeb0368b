import type { Digest } from '../oci/digest.ts'
import type { Catalog, ManifestRecord, RepositoryKey, UploadSession } from './catalog.ts'

type Shelf = { repository: RepositoryKey; blobs: Map<Digest, number>; manifests: Map<Digest, ManifestRecord> }
type Upload = UploadSession & { repository: string }

/** A catalog in memory. */
export function createMemoryCatalog(): Catalog {
  const shelves = new Map<string, Shelf>()
  const uploads = new Map<string, Upload>()
  return { ...blobsIn(shelves), ...manifestsIn(shelves), ...uploadsIn(uploads) }
}

type Blobs = Pick<Catalog, 'linkBlob' | 'findBlob' | 'unlinkBlob' | 'findBlobAnywhere'>
function blobsIn(shelves: Map<string, Shelf>): Blobs {
  return {
    async linkBlob(repository, digest, size) {
      const { blobs } = shelfOf(shelves, repository)
      if (!blobs.has(digest)) blobs.set(digest, size)
    },
    async findBlob(repository, digest) {
      const size = shelves.get(keyOf(repository))?.blobs.get(digest)
      return size === undefined ? undefined : { size }
    },
    async unlinkBlob(repository, digest) {
      return shelves.get(keyOf(repository))?.blobs.delete(digest) ?? false
    },
    async findBlobAnywhere(digest) {
      for (const { repository, blobs } of shelves.values()) {
        const size = blobs.get(digest)
        if (size !== undefined) return { repository, size }
      }
      return undefined
    },
  }
}

type Manifests = Pick<
  Catalog,
  'putManifest' | 'findManifest' | 'removeManifest' | 'listReferrers' | 'hasContent' | 'listNames'
>
function manifestsIn(shelves: Map<string, Shelf>): Manifests {
  return {
    async putManifest(repository, manifest) {
      const { manifests } = shelfOf(shelves, repository)
      const known = manifests.get(manifest.digest)
      manifests.set(manifest.digest, known ? { ...known, mediaType: manifest.mediaType } : { ...manifest })
    },
    async findManifest(repository, digest) {
      const manifest = shelves.get(keyOf(repository))?.manifests.get(digest)
      return manifest && { ...manifest }
    },
    async removeManifest(repository, digest) {
      return shelves.get(keyOf(repository))?.manifests.delete(digest) ?? false
    },
    async listReferrers(repository, subject, after, limit) {
      const manifests = [...(shelves.get(keyOf(repository))?.manifests.values() ?? [])]
      return manifests
        .filter((manifest) => manifest.subject === subject && manifest.digest > after)
        .sort((a, b) => (a.digest < b.digest ? -1 : 1))
        .slice(0, limit)
    },
    hasContent: async (repository) => shelves.has(keyOf(repository)),
    async listNames(after, limit) {
      const names = new Set([...shelves.values()].map(({ repository }) => repository.ensName))
      return [...names]
        .filter((name) => name > after)
        .sort()
        .slice(0, limit)
    },
  }
}

type Uploads = Pick<
  Catalog,
  'createUpload' | 'findUpload' | 'appendPart' | 'removeUpload' | 'expireUploads' | 'listParts'
>
function uploadsIn(uploads: Map<string, Upload>): Uploads {
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
      return [...uploads.values()].flatMap(({ uploadId, parts }) => parts.map(({ partId }) => ({ uploadId, partId })))
    },
  }
}

function keyOf({ ensName, owner }: RepositoryKey): string {
  return `${ensName} ${owner}`
}

function shelfOf(shelves: Map<string, Shelf>, repository: RepositoryKey): Shelf {
  const known = shelves.get(keyOf(repository))
  if (known) return known
  const shelf: Shelf = { repository, blobs: new Map(), manifests: new Map() }
  shelves.set(keyOf(repository), shelf)
  return shelf
}
