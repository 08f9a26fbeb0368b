import type { Catalog, RepositoryKey } from './catalog.ts'
import { createMemoryTables, isStillStored, keyOf, type MemoryTables, shelfOf } from './memory-tables.ts'
import { upkeepIn } from './memory-upkeep.ts'
import { uploadsIn } from './memory-uploads.ts'
import type { ListLine } from './tag-list-store.ts'

/** A catalog in memory. */
export function createMemoryCatalog(tables: MemoryTables = createMemoryTables()): Catalog {
  return { ...blobsIn(tables), ...manifestsIn(tables), ...uploadsIn(tables.uploads), ...upkeepIn(tables) }
}

type Blobs = Pick<
  Catalog,
  'countRemovals' | 'linkBlob' | 'mountBlob' | 'findBlob' | 'renewBlob' | 'unlinkBlob' | 'findBlobAnywhere'
>
function blobsIn(tables: MemoryTables): Blobs {
  const { shelves } = tables
  const find = (repository: RepositoryKey, digest: string) =>
    shelves.get(keyOf(repository))?.blobs.get(digest as `sha256:${string}`)
  return {
    countRemovals: async () => tables.lastRemovalId,
    async linkBlob(repository, digest, size, { now, removals }) {
      const { blobs } = shelfOf(shelves, repository)
      if (!isStillStored(tables, digest, removals)) return false
      blobs.set(digest, { digest, size: blobs.get(digest)?.size ?? size, usedAt: later(blobs.get(digest), now) })
      return true
    },
    async mountBlob(from, to, digest, now) {
      const blob = find(from, digest)
      if (!blob) return undefined
      const { blobs } = shelfOf(shelves, to)
      blobs.set(digest, { ...blob, usedAt: later(blobs.get(digest), now) })
      return { size: blob.size }
    },
    async findBlob(repository, digest) {
      const blob = find(repository, digest)
      return blob && { size: blob.size, usedAt: blob.usedAt }
    },
    async renewBlob(repository, digest, now) {
      const blob = find(repository, digest)
      if (blob) blob.usedAt = later(blob, now)
      return blob !== undefined
    },
    async unlinkBlob(repository, digest) {
      return shelves.get(keyOf(repository))?.blobs.delete(digest) ?? false
    },
    async findBlobAnywhere(digest) {
      for (const { repository, blobs } of shelves.values()) {
        const blob = blobs.get(digest)
        if (blob) return { repository, size: blob.size }
      }
      return undefined
    },
  }
}

type Manifests = Pick<
  Catalog,
  'putManifest' | 'findManifest' | 'renewManifest' | 'removeManifest' | 'listReferrers' | 'hasContent' | 'listNames'
>
function manifestsIn(tables: MemoryTables): Manifests {
  const { shelves } = tables
  return {
    async putManifest(repository, manifest, references, { now, removals }) {
      const shelf = shelfOf(shelves, repository)
      shelf.manifestUses++
      const isWhole =
        references.blobs.every((digest) => shelf.blobs.has(digest)) &&
        references.manifests.every((digest) => shelf.manifests.has(digest))
      if (!isWhole || !isStillStored(tables, manifest.digest, removals)) return false
      const known = shelf.manifests.get(manifest.digest)
      const usedAt = later(known, now)
      shelf.manifests.set(manifest.digest, { ...(known ?? manifest), mediaType: manifest.mediaType, usedAt })
      return true
    },
    async findManifest(repository, digest) {
      const manifest = shelves.get(keyOf(repository))?.manifests.get(digest)
      return manifest && { ...manifest }
    },
    async renewManifest(repository, digest, now) {
      const shelf = shelves.get(keyOf(repository))
      const manifest = shelf?.manifests.get(digest)
      if (!shelf || !manifest) return false
      shelf.manifestUses++
      manifest.usedAt = later(manifest, now)
      return true
    },
    async removeManifest(repository, digest, unlessTagged) {
      const isNamed = (line: ListLine) => tables.isTagged(line, digest) || tables.isStaged(line, digest)
      if (unlessTagged && isNamed(unlessTagged)) return false
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

function later(known: { usedAt: number } | undefined, now: number): number {
  return Math.max(known?.usedAt ?? 0, now)
}
