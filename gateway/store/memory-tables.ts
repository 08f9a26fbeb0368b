import type { Digest } from '../oci/digest.ts'
import type { SignedList } from '../tags/list.ts'
import type { BlobRecord, RepositoryKey, StoredManifest, UploadSession } from './catalog.ts'
import type { ListLine } from './tag-list-store.ts'

/** What one repository shows. */
export type Shelf = {
  repository: RepositoryKey
  blobs: Map<Digest, BlobRecord>
  manifests: Map<Digest, StoredManifest>
  manifestUses: number
}

/** An upload in progress, and whose it is. */
export type Upload = UploadSession & { repository: string }

/** Bytes being taken away (`endedAt` null), or taken away a short while ago. */
export type RemovalRow = { removalId: number; digest: Digest; endedAt: number | null }

/** What the catalog in memory keeps, and what it sees of the tag lists and staged changes beside it. */
export type MemoryTables = {
  shelves: Map<string, Shelf>
  uploads: Map<string, Upload>
  removals: RemovalRow[]
  lastRemovalId: number
  /** Current lists of a repository. */
  linesOf: (repository: RepositoryKey) => readonly { line: ListLine; head: SignedList }[]
  /** Whether the current list of a line has a tag for a digest. */
  isTagged: (line: ListLine, digest: Digest) => boolean
  /** Whether a change that is staged under a line names a digest. */
  isStaged: (line: ListLine, digest: Digest) => boolean
  /** How often what is staged under the lines of a repository was written. */
  stagedWrites: (repository: RepositoryKey) => number
}

/** Empty tables beside no lists. */
export function createMemoryTables(): MemoryTables {
  return {
    shelves: new Map(),
    uploads: new Map(),
    removals: [],
    lastRemovalId: 0,
    linesOf: () => [],
    isTagged: () => false,
    isStaged: () => false,
    stagedWrites: () => 0,
  }
}

/** A repository as a key of maps. */
export function keyOf({ ensName, owner }: RepositoryKey): string {
  return `${ensName} ${owner}`
}

/** The shelf of a repository, put up when there is none. */
export function shelfOf(shelves: Map<string, Shelf>, repository: RepositoryKey): Shelf {
  const known = shelves.get(keyOf(repository))
  if (known) return known
  const { ensName, owner } = repository
  const shelf: Shelf = { repository: { ensName, owner }, blobs: new Map(), manifests: new Map(), manifestUses: 0 }
  shelves.set(keyOf(repository), shelf)
  return shelf
}

/** Whether bytes that were stored after removal number `removals` are there still. */
export function isStillStored(tables: MemoryTables, digest: Digest, removals: number): boolean {
  return !tables.removals.some((row) => row.digest === digest && (row.endedAt === null || row.removalId > removals))
}
