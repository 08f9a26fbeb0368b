import type { Digest } from '../oci/digest.ts'

/** One received body of an upload, durable. `partId` is the driver's; a session's parts in order are the blob. */
export type StoredPart = { partId: string; size: number; sha256: Digest }

/** Content as a listing shows it. `storedAt`: unix seconds, by the clock of the store, since when it has been there at the latest. */
export type StoredContent = { digest: Digest; size: number; storedAt: number }

/** First and last byte, both inclusive, as in HTTP; always inside the content. */
export type ByteRange = { first: number; last: number }

/**
 * Bytes by digest. Nothing is visible before it is verified and durable: after a crash at any point a digest is either absent or
 * whole and right (protocol.md 6). Content is shared by all repositories; which repository may show it is the catalog's word.
 * Drivers: memory, files (later R2); over any of them, Swarm. Absent is `undefined`; a throw means the store is broken or full.
 */
export type ContentStore = {
  /** Size in bytes, undefined when absent. */
  stat(digest: Digest): Promise<number | undefined>
  /** The bytes, or those of a range; undefined when absent. Cancelling the stream frees what it holds. @throws ContentUnavailable */
  read(digest: Digest, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>
  /** Stores small whole content (a manifest). Idempotent. @throws DigestMismatch */
  put(digest: Digest, bytes: Uint8Array): Promise<void>
  /**
   * Stores one body of an upload as a part of its own, durable when this resolves. Two calls never share a part. More than
   * `maxBytes` ends in `PartTooLarge`; a body that breaks leaves nothing behind.
   */
  writePart(uploadId: string, body: ReadableStream<Uint8Array>, maxBytes: number): Promise<StoredPart>
  /** Forgets one part that lost its place (a body that came at the wrong offset). Unknown parts are no error. */
  dropPart(uploadId: string, partId: string): Promise<void>
  /**
   * Joins parts, hashes them, and makes them visible under `digest`; one part whose hash is known is moved, not copied.
   * Idempotent: a digest that is there already stays, and where it consists of exactly these parts they need not be there any more
   * (a second try after a crash). Parts that had to be copied stay until `dropUpload`. @throws DigestMismatch (all parts stay)
   */
  assemble(uploadId: string, parts: readonly StoredPart[], digest: Digest): Promise<{ size: number }>
  /** Removes all parts of an upload. Unknown uploads are no error. */
  dropUpload(uploadId: string): Promise<void>
  /** Removes content; true when it was there. The caller knows that no repository shows it, or can begin to (`beginRemovals`). */
  remove(digest: Digest): Promise<boolean>
  /** Content ascending by digest, that after `after` ("" from the start), at most `limit`. */
  list(after: string, limit: number): Promise<readonly StoredContent[]>
  /** The parts that are here, of whatever upload. */
  listParts(): Promise<readonly { uploadId: string; partId: string; size: number }[]>
  close(): Promise<void>
}

/** Bytes do not have the digest they were given under. */
export class DigestMismatch extends Error {
  override readonly name = 'DigestMismatch'
  constructor(
    readonly expected: Digest,
    readonly actual: Digest,
  ) {
    super(`content has digest ${actual}, expected ${expected}`)
  }
}

/** Content that is known, and that nobody who should have it gives right now: later perhaps. */
export class ContentUnavailable extends Error {
  override readonly name = 'ContentUnavailable'
}

/** A body went past the limit it was given. */
export class PartTooLarge extends Error {
  override readonly name = 'PartTooLarge'
  constructor(readonly maxBytes: number) {
    super(`body is larger than ${maxBytes} bytes`)
  }
}
