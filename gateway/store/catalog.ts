import type { Address } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { StoredPart } from './content-store.ts'

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
  /** The manifest's annotations as a JSON object in text; null for none. */
  annotationsJson: string | null
}

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
export type Catalog = {
  linkBlob(repository: RepositoryKey, digest: Digest, size: number): Promise<void>
  findBlob(repository: RepositoryKey, digest: Digest): Promise<{ size: number } | undefined>
  /** True when it was there. */
  unlinkBlob(repository: RepositoryKey, digest: Digest): Promise<boolean>
  /** A repository that shows this blob, for mounts without `from`; undefined for none. */
  findBlobAnywhere(digest: Digest): Promise<{ repository: RepositoryKey; size: number } | undefined>

  /** Adds or keeps a manifest; a second push of the same digest changes the media type only. */
  putManifest(repository: RepositoryKey, manifest: ManifestRecord): Promise<void>
  findManifest(repository: RepositoryKey, digest: Digest): Promise<ManifestRecord | undefined>
  /** True when it was there. */
  removeManifest(repository: RepositoryKey, digest: Digest): Promise<boolean>
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
  /** The parts of all sessions: what a sweep of the content store keeps. */
  listParts(): Promise<readonly { uploadId: string; partId: string }[]>
}
