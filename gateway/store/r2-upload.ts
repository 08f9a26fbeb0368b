import type { Digest } from '../oci/digest.ts'
import { type Bucket, objectsUnder } from './r2-bucket.ts'
import { changeFate, fateOf, type KnownFate } from './r2-fate.ts'
import { contentKey, fateKey, parseUploadKey, partKey, uploadPrefix, uploadsPrefix, writingKey } from './r2-keys.ts'
import { readIndex, uploadOf } from './r2-read.ts'

/** All that is in the bucket of one upload, as a listing shows it. */
export type ListedUpload = {
  uploadId: string
  fate: KnownFate | undefined
  parts: { partId: string; size: number }[]
  /** Parts that are being received in several steps, or were when it broke off: their multipart uploads. */
  writing: { partId: string; multipart: string }[]
  /** Unix seconds since when nothing came or changed. */
  changedAt: number
}

/** All uploads, one at a time; keys are listed in order, so what belongs together comes together. */
export async function* listUploads(bucket: Bucket): AsyncGenerator<ListedUpload> {
  yield* gather(objectsUnder(bucket, uploadsPrefix))
}

async function* gather(objects: AsyncIterable<R2Object>): AsyncGenerator<ListedUpload> {
  let upload: ListedUpload | undefined
  for await (const object of objects) {
    const key = parseUploadKey(object.key)
    if (!key) continue
    if (upload && upload.uploadId !== key.uploadId) yield upload
    if (upload?.uploadId !== key.uploadId) upload = emptyUpload(key.uploadId)
    upload.changedAt = Math.max(upload.changedAt, Math.floor(object.uploaded.getTime() / 1000))
    if (key.kind === 'fate') upload.fate = fateOf(object)
    if (key.kind === 'parts') upload.parts.push({ partId: key.partId, size: object.size })
    if (key.kind === 'writing')
      upload.writing.push({ partId: key.partId, multipart: object.customMetadata?.multipart ?? '' })
  }
  if (upload) yield upload
}

function emptyUpload(uploadId: string): ListedUpload {
  return { uploadId, fate: undefined, parts: [], writing: [], changedAt: 0 }
}

/** What an upload's end needs. Uploads of up to `copiedBytes` are always copied, so nothing can have claimed their parts. */
export type UploadEnd = { bucket: Bucket; copiedBytes: number }

/** Ends an upload: its parts go, unless they are visible content, may be about to be, or were a moment ago. */
export async function dropUpload(end: UploadEnd, uploadId: string): Promise<void> {
  for await (const upload of gather(objectsUnder(end.bucket, uploadPrefix(uploadId)))) {
    const { fate, parts } = upload
    const isClaimed = fate !== undefined && fate.digests.length > 0
    if (fate?.state === 'dropped') await deleteParts(end.bucket, uploadId, parts)
    else if (!isClaimed) await dropUnclaimed(end, upload)
    else if (fate.state === 'claimed') await settle(end.bucket, upload, fate)
  }
}

async function dropUnclaimed(end: UploadEnd, { uploadId, fate, parts }: ListedUpload): Promise<void> {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const isNeverClaimed = fate === undefined && size <= end.copiedBytes
  const drop = () => changeFate(end.bucket, uploadId, fate, { state: 'dropped', digests: [] })
  if (isNeverClaimed || (await drop())) await deleteParts(end.bucket, uploadId, parts)
  else await dropUpload(end, uploadId)
}

/** True when its parts are visible content: those stay, and the others go. */
async function settle(bucket: Bucket, { uploadId, parts }: ListedUpload, fate: KnownFate): Promise<boolean> {
  const digests: Digest[] = []
  const named = new Set<string>()
  for (const digest of fate.digests) {
    const object = await bucket.head(contentKey(digest))
    if (!object || uploadOf(object) !== uploadId) continue
    const index = await readIndex(bucket, digest)
    digests.push(digest)
    for (const { partId } of index?.parts ?? parts) named.add(partId)
  }
  if (digests.length === 0) return false
  const isOurs = await changeFate(bucket, uploadId, fate, { state: 'settled', digests })
  const surplus = parts.filter(({ partId }) => !named.has(partId))
  if (isOurs) await deleteParts(bucket, uploadId, surplus)
  return true
}

async function deleteParts(bucket: Bucket, uploadId: string, parts: readonly { partId: string }[]): Promise<void> {
  const keys = parts.map(({ partId }) => partKey(uploadId, partId))
  if (keys.length > 0) await bucket.delete(keys)
}

/**
 * Takes away what crashes and removals left: from a listing alone, but for uploads that stopped between two steps. Uploads with one of
 * `liveUploads` or with a change since `before` (unix seconds) are left alone. Resolves with how many objects went.
 */
export async function sweepUploads(bucket: Bucket, liveUploads: ReadonlySet<string>, before: number): Promise<number> {
  let count = 0
  for await (const upload of listUploads(bucket)) {
    if (upload.changedAt >= before || liveUploads.has(upload.uploadId)) continue
    count += (await sweepWriting(bucket, upload)) + (await sweepUpload(bucket, upload))
  }
  return count
}

async function sweepUpload(bucket: Bucket, upload: ListedUpload): Promise<number> {
  const { uploadId, fate, parts } = upload
  if (fate?.state === 'settled') return 0
  if (fate?.state === 'dropped') {
    await deleteParts(bucket, uploadId, parts)
    await bucket.delete(fateKey(uploadId))
    return parts.length + 1
  }
  if (fate ? await settle(bucket, upload, fate) : parts.length === 0) return 0
  if (!(await changeFate(bucket, uploadId, fate, { state: 'dropped', digests: [] }))) return 0
  await deleteParts(bucket, uploadId, parts)
  return parts.length
}

/** What R2 says of a multipart upload that ended. */
const noSuchUpload = /\(10024\)|does not exist/

async function sweepWriting(bucket: Bucket, { uploadId, writing }: ListedUpload): Promise<number> {
  for (const { partId, multipart } of writing) {
    const upload = bucket.resumeMultipartUpload(partKey(uploadId, partId), multipart)
    await upload.abort().catch((error: Error) => {
      if (!noSuchUpload.test(error.message)) throw error
    })
    await bucket.delete(writingKey(uploadId, partId))
  }
  return writing.length
}
