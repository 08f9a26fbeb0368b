import { algorithmOf, type Digest, digestOf, hexOf } from '../oci/digest.ts'
import { type ContentStore, DigestMismatch, type StoredContent, type StoredPart } from './content-store.ts'
import { type Bucket, type BucketObject, createPatientBucket, ifAbsent, objectsUnder } from './r2-bucket.ts'
import { type Buffers, createBuffers } from './r2-buffers.ts'
import { decideFate } from './r2-fate.ts'
import { hashStretches, openHash } from './r2-hash.ts'
import { contentKey, contentPrefix, digestOfKey, partKey } from './r2-keys.ts'
import { writePart } from './r2-part.ts'
import { type ContentIndex, readContent, readIndex, sizeOf, uploadOf } from './r2-read.ts'
import { dropUpload, listUploads, sweepUploads } from './r2-upload.ts'

/** Sizes in bytes and times that a test sets otherwise. */
export type R2Options = {
  /** What goes to R2 in one call of a longer body; two of them are held for each body. 5 MiB at least. */
  partBytes: number
  /** Uploads up to this are copied into their content's object: one call to read them instead of two. */
  copiedBytes: number
  /** All bodies that this isolate receives may hold together, of the 128 MB that it has; the next ones wait. */
  maxBufferedBytes: number
  /** How long any one call to R2 may take, and the next stretch of a body that it sends. */
  timeoutMs: number
}

const defaultOptions: R2Options = {
  partBytes: 5 * 1024 * 1024,
  copiedBytes: 1024 * 1024,
  maxBufferedBytes: 64 * 1024 * 1024,
  timeoutMs: 30_000,
}

/** The R2 driver, with what only it has. */
export type R2Content = ContentStore & {
  /** The bytes that bodies of uploads, and content that is hashed, hold in this isolate; what is read goes past it. */
  buffers: Pick<Buffers, 'heldBytes' | 'mostHeldBytes'>
  /**
   * Removes what crashes, abandoned uploads and removed content left, as far as nothing changed there since `before` (unix seconds): no
   * request takes, and nobody reads what was removed, as long as from there to now. `liveParts` are read before this is called. Returns
   * how many objects went.
   */
  sweep(liveParts: readonly { uploadId: string }[], before: number): Promise<number>
}

type Store = R2Options & { bucket: Bucket; buffers: Buffers }

/**
 * Content in an R2 bucket, which has no rename, so what was received stays where it is and becomes visible by one small object:
 *
 *     content/<algorithm>/<hex>             visible: the bytes (manifests, small blobs), or an index of parts (metadata: upload, size)
 *     uploads/<upload id>/parts/<part id>   one received body
 *     uploads/<upload id>/fate              whose these parts are, changed by compare and swap alone (r2-fate.ts)
 *     uploads/<upload id>/writing/<part id> a multipart upload under way; R2 itself lists none
 *
 * Visible is what one put made so: of verified bytes with their hash, which R2 checks again, or of an index whose parts were verified.
 * It never replaces anything, so of two uploads of one digest the first is the content, and the other gives up its claim and its parts go
 * with its session. Before an index is put its upload is claimed, and an upload is dropped only where nothing claims it: of both, one
 * happens. Removal takes the index away and leaves the parts for a while, since who reads it opens them one after the other.
 *
 * A crash between any two calls leaves a digest absent or whole (protocol 6), and of an upload: parts without a fate, or with one that
 * says claimed, removed or dropped. `sweep` sees all of these in a listing. It asks no more about settled uploads, whose parts are visible
 * content; of the claimed and removed ones it asks whether their content names them. Nothing it removes can be on its way to become
 * visible: it is no live upload's, and older than any request.
 *
 * Every failure of R2 and every call without an answer @throws ContentUnavailable; a body that stalls after its first bytes breaks.
 */
export function createR2Content(binding: Bucket, options: Partial<R2Options> = {}): R2Content {
  const settings = { ...defaultOptions, ...options }
  const bucket = createPatientBucket(binding, settings.timeoutMs)
  const store: Store = { ...settings, bucket, buffers: createBuffers(settings.maxBufferedBytes) }
  return {
    buffers: store.buffers,
    async stat(digest) {
      const object = await bucket.head(contentKey(digest))
      return object ? sizeOf(object) : undefined
    },
    read: (digest, range) => readContent(store, digest, range),
    put: (digest, bytes) => putContent(store, digest, bytes),
    writePart: (uploadId, body, maxBytes) => writePart(store, uploadId, body, maxBytes),
    dropPart: (uploadId, partId) => bucket.delete(partKey(uploadId, partId)),
    assemble: (uploadId, parts, digest) => assemble(store, uploadId, parts, digest),
    dropUpload: (uploadId) => dropUpload(store, uploadId),
    remove: (digest) => removeContent(bucket, digest),
    list: (after, limit) => listContent(bucket, after, limit),
    listParts: () => listParts(bucket),
    sweep: (liveParts, before) => sweepUploads(bucket, new Set(liveParts.map(({ uploadId }) => uploadId)), before),
    async close() {},
  }
}

/** R2 compares the hash too: what was damaged on its way there is refused. */
async function putContent({ bucket }: Store, digest: Digest, bytes: Uint8Array): Promise<void> {
  const algorithm = algorithmOf(digest)
  const actual = await digestOf(algorithm, bytes)
  if (actual !== digest) throw new DigestMismatch(digest, actual)
  await bucket.put(contentKey(digest), bytes, { [algorithm]: hexOf(digest), onlyIf: ifAbsent })
}

async function assemble(store: Store, uploadId: string, parts: readonly StoredPart[], digest: Digest) {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  if (await isMadeOf(store, digest, parts, size)) return { size }
  if (size <= store.copiedBytes) await copyParts(store, uploadId, parts, digest)
  else await showParts(store, uploadId, parts, digest)
  return { size }
}

/**
 * Whether the digest is there and consists of exactly these parts, by their own hashes: after a crash between making it visible and ending
 * the session the client's second try must succeed. That a digest is there proves nothing about who asks for it.
 */
async function isMadeOf(store: Store, digest: Digest, parts: readonly StoredPart[], size: number): Promise<boolean> {
  const { bucket } = store
  const object = await bucket.head(contentKey(digest))
  if (!object || sizeOf(object) !== size) return false
  if (parts.length === 1 && parts[0]?.sha256 === digest) return true
  if (uploadOf(object) !== undefined && isSame(await readIndex(bucket, digest), parts)) return true
  const body = await readContent(store, digest)
  if (!body) return false
  const stretches = parts.map((part) => ({ length: part.size, hash: openHash('sha256') }))
  await hashStretches(store, body, stretches)
  const hashes = await Promise.all(stretches.map(({ hash }) => hash.digest()))
  return parts.every((part, at) => part.sha256 === hashes[at])
}

function isSame(index: ContentIndex | undefined, parts: readonly StoredPart[]): boolean {
  return index?.parts.length === parts.length && parts.every(({ sha256 }, at) => index.parts[at]?.sha256 === sha256)
}

async function copyParts(store: Store, uploadId: string, parts: readonly StoredPart[], digest: Digest): Promise<void> {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const release = store.buffers.hold(size)
  try {
    const whole = new Uint8Array(size)
    let position = 0
    for (const part of parts) {
      const object = await openPart(store, uploadId, part)
      whole.set(new Uint8Array(await object.arrayBuffer()), position)
      position += part.size
    }
    await putContent(store, digest, whole)
  } finally {
    release()
  }
}

/** Verifies the parts where they are, claims them, and makes them visible. */
async function showParts(store: Store, uploadId: string, parts: readonly StoredPart[], digest: Digest): Promise<void> {
  const { bucket } = store
  const actual = await hashParts(store, uploadId, parts, digest)
  if (actual !== digest) throw new DigestMismatch(digest, actual)
  await decideFate(bucket, uploadId, (now) => {
    if (now?.state === 'dropped') throw goneParts()
    if (now?.state === 'claimed' && now.digests.includes(digest)) return undefined
    return { state: 'claimed', digests: [...new Set([...(now?.digests ?? []), digest])] }
  })
  const index: ContentIndex = { uploadId, parts }
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const customMetadata = { upload: uploadId, size: String(size) }
  const shown = await bucket.put(contentKey(digest), JSON.stringify(index), { customMetadata, onlyIf: ifAbsent })
  if (!shown) await giveUpClaim(bucket, uploadId, digest)
}

/** Somebody else's bytes are the content: these parts may go with their upload. */
async function giveUpClaim(bucket: Bucket, uploadId: string, digest: Digest): Promise<void> {
  const object = await bucket.head(contentKey(digest))
  if (object && uploadOf(object) === uploadId) return
  await decideFate(bucket, uploadId, (now) => {
    if (now?.state !== 'claimed') return undefined
    return { state: 'claimed', digests: now.digests.filter((claimed) => claimed !== digest) }
  })
}

/** The hash of a single part is known, and that it is here must be; several are read. */
async function hashParts(store: Store, uploadId: string, parts: readonly StoredPart[], digest: Digest) {
  const algorithm = algorithmOf(digest)
  const [only] = parts
  if (only && parts.length === 1 && algorithm === 'sha256') {
    await checkPart(store, uploadId, only)
    return only.sha256
  }
  const hash = openHash(algorithm)
  for (const part of parts) {
    const { body } = await openPart(store, uploadId, part)
    await hashStretches(store, body, [{ length: part.size, hash }])
  }
  return hash.digest()
}

async function openPart({ bucket }: Store, uploadId: string, { partId }: StoredPart): Promise<BucketObject> {
  const object = await bucket.get(partKey(uploadId, partId))
  if (!object) throw goneParts()
  return object
}

async function checkPart({ bucket }: Store, uploadId: string, { partId, size }: StoredPart): Promise<void> {
  const object = await bucket.head(partKey(uploadId, partId))
  if (object?.size !== size) throw goneParts()
}

function goneParts(): Error {
  return new Error('a part of this upload is gone: begin the upload again')
}

/** An index goes; its parts are left to those who read them now, and to the sweep. */
async function removeContent(bucket: Bucket, digest: Digest): Promise<boolean> {
  const object = await bucket.head(contentKey(digest))
  if (!object) return false
  const uploadId = uploadOf(object)
  if (uploadId !== undefined) {
    await decideFate(bucket, uploadId, (now) => ({ state: 'removed', digests: now?.digests ?? [digest] }))
  }
  await bucket.delete(contentKey(digest))
  return true
}

async function listContent(bucket: Bucket, after: string, limit: number): Promise<StoredContent[]> {
  const found: StoredContent[] = []
  if (limit < 1) return found
  const startAfter = after === '' ? undefined : `${contentPrefix}${after.replace(':', '/')}`
  for await (const object of objectsUnder(bucket, contentPrefix, startAfter)) {
    const digest = digestOfKey(object.key)
    const storedAt = Math.floor(object.uploaded.getTime() / 1000)
    if (digest) found.push({ digest, size: sizeOf(object), storedAt })
    if (found.length >= limit) break
  }
  return found
}

/** Without those that are visible content, or were. */
async function listParts(bucket: Bucket) {
  const found: { uploadId: string; partId: string; size: number }[] = []
  for await (const { uploadId, fate, parts } of listUploads(bucket)) {
    if (fate === undefined || fate.state === 'claimed') found.push(...parts.map((part) => ({ uploadId, ...part })))
  }
  return found
}
