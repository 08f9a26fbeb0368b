import type { Address } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { CatalogUpkeep } from './catalog-upkeep.ts'
import type { StoredPart } from './content-store.ts'
import type { ListLine } from './tag-list-store.ts'

/** What belongs to a name belongs to it under one owner: when a name changes hands its repository is empty (protocol.md 5). */
export type RepositoryKey = { ensName: string; owner: Address }

/** A manifest of a repository; its bytes are in the content store under `digest`. */
export type ManifestRecord = {
  digest: Digest
  size: number
  /** As pushed, without parameters. */
  mediaType: string
  /** The digest this manifest refers to, for the referrers API; null for none. */
  subject: Digest | null
  /** image-spec 1.1: the manifest's artifactType, else an image's config media type; null for none. */
  artifactType: string | null
  /** The manifest's annotations as a JSON object in text; null for none; or `ANNOTATIONS_IN_MANIFEST`. */
  annotationsJson: string | null
}

/** Stands for annotations that are too long for a row: they are in the manifest itself. */
export const ANNOTATIONS_IN_MANIFEST = ''

/** A manifest as the catalog has it. `usedAt`: unix seconds of the last push, or answer that said "it is here". */
export type StoredManifest = ManifestRecord & { usedAt: number }

/** A blob of a repository. `usedAt` as for manifests; a mount counts too. */
export type BlobRecord = { digest: Digest; size: number; usedAt: number }

/** What a manifest names that its repository must show when it is put. */
export type References = { blobs: readonly Digest[]; manifests: readonly Digest[] }

/**
 * When content was stored, for the calls that begin to show it: `now` in unix seconds, and `removals` as `countRemovals` said before the
 * bytes were handed to the content store. Bytes that were taken away since then, or are being taken away, are not shown.
 */
export type Storing = { now: number; removals: number }

/** An upload in progress. `size` is the offset the next byte goes to. */
export type UploadSession = {
  uploadId: string
  size: number
  parts: readonly StoredPart[]
  /** Unix seconds. */
  expiresAt: number
}

/**
 * Which repository shows what: blobs, manifests, uploads in progress. Every call is one transaction, durable when it resolves;
 * absent is `undefined`. Drivers: memory, SQL.
 */
export type Catalog = CatalogUpkeep & {
  /** How many removals of content there were: to be read before content is stored that a repository is to show. */
  countRemovals(): Promise<number>
  /** Shows a stored blob. False when its bytes were taken away since `storing.removals` was read: store it again. */
  linkBlob(repository: RepositoryKey, digest: Digest, size: number, storing: Storing): Promise<boolean>
  /** Shows in `to` a blob that `from` shows, in one step: undefined when it does not, or no longer. `now` in unix seconds. */
  mountBlob(from: RepositoryKey, to: RepositoryKey, digest: Digest, now: number): Promise<{ size: number } | undefined>
  findBlob(repository: RepositoryKey, digest: Digest): Promise<{ size: number; usedAt: number } | undefined>
  /** Notes that somebody relies on a blob from `now` (unix seconds) on. False when it is not there any more. */
  renewBlob(repository: RepositoryKey, digest: Digest, now: number): Promise<boolean>
  /** True when it was there. */
  unlinkBlob(repository: RepositoryKey, digest: Digest): Promise<boolean>
  /** A repository that shows this blob, for mounts without `from`; undefined for none. */
  findBlobAnywhere(digest: Digest): Promise<{ repository: RepositoryKey; size: number } | undefined>

  /**
   * Adds or keeps a stored manifest; a second push of the same digest changes the media type only. False when the repository does not
   * show all `references` at that moment, or the bytes were taken away since `storing.removals` was read: begin again.
   */
  putManifest(
    repository: RepositoryKey,
    manifest: ManifestRecord,
    references: References,
    storing: Storing,
  ): Promise<boolean>
  findManifest(repository: RepositoryKey, digest: Digest): Promise<StoredManifest | undefined>
  /** Notes that somebody relies on a manifest from `now` (unix seconds) on. False when it is not there any more. */
  renewManifest(repository: RepositoryKey, digest: Digest, now: number): Promise<boolean>
  /** True when it went. It stays while the current list of `unlessTagged`, or what is staged under it, has a tag for it. */
  removeManifest(repository: RepositoryKey, digest: Digest, unlessTagged?: ListLine): Promise<boolean>
  /** Manifests whose subject is `subject`, ascending by digest, those after `after`, at most `limit`. */
  listReferrers(
    repository: RepositoryKey,
    subject: Digest,
    after: string,
    limit: number,
  ): Promise<readonly ManifestRecord[]>
  /** Whether anything was ever stored here: an unknown repository is 404 NAME_UNKNOWN. */
  hasContent(repository: RepositoryKey): Promise<boolean>
  /** ENS names under which anything was ever stored, by whichever owner, in byte order after `after`, at most `limit`. */
  listNames(after: string, limit: number): Promise<readonly string[]>

  createUpload(repository: RepositoryKey, uploadId: string, expiresAt: number): Promise<void>
  /** Only in the repository it was begun in. */
  findUpload(repository: RepositoryKey, uploadId: string): Promise<UploadSession | undefined>
  /**
   * Compare-and-swap on the offset: adds the part and moves `size` on when it still is `offset`; false when it is not (or the
   * session is gone). Of two parts at one offset exactly one gets true.
   */
  appendPart(
    repository: RepositoryKey,
    uploadId: string,
    offset: number,
    part: StoredPart,
    expiresAt: number,
  ): Promise<boolean>
  /** True when it was there. */
  removeUpload(repository: RepositoryKey, uploadId: string): Promise<boolean>
  /** Removes sessions that expired before `now` (unix seconds) and returns their ids, so that their parts can go. */
  expireUploads(now: number): Promise<readonly string[]>
  /** The parts of all sessions: what a sweep of the content store keeps. `expiresAt` is the session's. */
  listParts(): Promise<readonly (StoredPart & { uploadId: string; expiresAt: number })[]>
}
