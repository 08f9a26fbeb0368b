import type { Digest } from '../oci/digest.ts'
import type { BlobRecord, RepositoryKey, StoredManifest } from './catalog.ts'

/** Rows of a repository that nothing needs any more, by the collector's reckoning. */
export type Sweep = {
  manifests: readonly Digest[]
  blobs: readonly Digest[]
  /** The repository's revision when that was reckoned. */
  revision: string
  /** Unix seconds: what was used then or later stays. */
  usedSince: number
}

/** Bytes on their way out. From here to its end nobody can link them. */
export type Removal = { removalId: number; digest: Digest }

/** What the garbage collector and `fsck` ask of the catalog; the lists it reads for that are those of the same database. */
export type CatalogUpkeep = {
  /** Repositories in which anything was ever stored, by name and owner, those after `after`, at most `limit`. */
  listRepositories(after: RepositoryKey | null, limit: number): Promise<readonly RepositoryKey[]>
  /** Ascending by digest, those after `after` ("" from the start), at most `limit`. */
  listBlobs(repository: RepositoryKey, after: string, limit: number): Promise<readonly BlobRecord[]>
  /** Ascending by digest, those after `after` ("" from the start), at most `limit`. */
  listManifests(repository: RepositoryKey, after: string, limit: number): Promise<readonly StoredManifest[]>
  /** A text that is another one once a list of this repository moved, something was staged, or a manifest was put or relied on. */
  readRevision(repository: RepositoryKey): Promise<string>
  /**
   * Removes the rows of a sweep that were not used since, in one transaction that finds the revision unchanged; resolves with what
   * went. Undefined when the revision is another one: nothing was removed.
   */
  sweep(repository: RepositoryKey, sweep: Sweep): Promise<Pick<Sweep, 'manifests' | 'blobs'> | undefined>
  /**
   * Begins to take bytes away: of `digests` those that no repository shows and no upload in progress holds as a part. From then on
   * nothing links them until `endRemovals`.
   */
  beginRemovals(digests: readonly Digest[]): Promise<readonly Removal[]>
  /** The bytes are gone, or stay after all. `now` in unix seconds. */
  endRemovals(removals: readonly Removal[], now: number): Promise<void>
  /** Removals that began and did not end: those of a collection that was cut off. */
  listRemovals(): Promise<readonly Removal[]>
}
