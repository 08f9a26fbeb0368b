import type { Digest } from '../oci/digest.ts'
import type { RepositoryKey } from './catalog.ts'
import type { CatalogUpkeep, Removal } from './catalog-upkeep.ts'
import { keyOf, type MemoryTables } from './memory-tables.ts'

/** What the collector and `fsck` ask. */
export function upkeepIn(tables: MemoryTables): CatalogUpkeep {
  return { ...listings(tables), ...sweeps(tables), ...removals(tables) }
}

function listings({ shelves }: MemoryTables): Pick<CatalogUpkeep, 'listRepositories' | 'listBlobs' | 'listManifests'> {
  const pageOf = <Row extends { digest: Digest }>(rows: Map<Digest, Row> | undefined, after: string, limit: number) =>
    [...(rows?.values() ?? [])]
      .filter(({ digest }) => digest > after)
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .slice(0, limit)
      .map((row) => ({ ...row }))
  return {
    async listRepositories(after, limit) {
      const start = after ? keyOf(after) : ''
      const keys = [...shelves.keys()].filter((key) => key > start).sort()
      return keys.slice(0, limit).map((key) => shelves.get(key)!.repository)
    },
    listBlobs: async (repository, after, limit) => pageOf(shelves.get(keyOf(repository))?.blobs, after, limit),
    listManifests: async (repository, after, limit) => pageOf(shelves.get(keyOf(repository))?.manifests, after, limit),
  }
}

function sweeps(tables: MemoryTables): Pick<CatalogUpkeep, 'readRevision' | 'sweep'> {
  const revisionOf = (repository: RepositoryKey) => {
    const heads = tables.linesOf(repository).map(({ head }) => head.hash)
    const uses = tables.shelves.get(keyOf(repository))?.manifestUses ?? 0
    return `${uses} ${heads.join(',')} ${tables.stagedWrites(repository)}`
  }
  return {
    readRevision: async (repository) => revisionOf(repository),
    async sweep(repository, { manifests, blobs, revision, usedSince }) {
      if (revisionOf(repository) !== revision) return undefined
      const shelf = tables.shelves.get(keyOf(repository))
      const removeFrom = (rows: Map<Digest, { usedAt: number }> | undefined, digests: readonly Digest[]) =>
        digests.filter((digest) => (rows?.get(digest)?.usedAt ?? usedSince) < usedSince && rows?.delete(digest))
      return { manifests: removeFrom(shelf?.manifests, manifests), blobs: removeFrom(shelf?.blobs, blobs) }
    },
  }
}

function removals(tables: MemoryTables): Pick<CatalogUpkeep, 'beginRemovals' | 'endRemovals' | 'listRemovals'> {
  const isNeeded = (digest: Digest) =>
    [...tables.shelves.values()].some(({ blobs, manifests }) => blobs.has(digest) || manifests.has(digest)) ||
    [...tables.uploads.values()].some(({ parts }) => parts.some((part) => part.sha256 === digest))
  return {
    async beginRemovals(digests) {
      return digests
        .filter((digest) => !isNeeded(digest))
        .map((digest): Removal => {
          const removalId = ++tables.lastRemovalId
          tables.removals.push({ removalId, digest, endedAt: null })
          return { removalId, digest }
        })
    },
    async endRemovals(ended, now) {
      const ids = new Set(ended.map(({ removalId }) => removalId))
      for (const row of tables.removals) {
        if (!ids.has(row.removalId) || row.endedAt !== null) continue
        row.removalId = ++tables.lastRemovalId
        row.endedAt = now
      }
    },
    async listRemovals() {
      const begun = tables.removals.filter(({ endedAt }) => endedAt === null)
      return begun.map(({ removalId, digest }) => ({ removalId, digest }))
    },
  }
}
