import type { Digest } from '../oci/digest.ts'
import { type ByteRange, ContentUnavailable, type StoredPart } from './content-store.ts'
import type { Bucket } from './r2-bucket.ts'
import { contentKey, partKey } from './r2-keys.ts'

/** What an object of visible content says of itself where its bytes are elsewhere. */
export type ContentIndex = { uploadId: string; parts: readonly StoredPart[] }

/** The metadata of an index: what `stat`, a listing and a sweep need to know. */
export type IndexMetadata = { upload: string; size: string }

/** Size in bytes, as the object says or as it is. */
export function sizeOf({ size, customMetadata }: R2Object): number {
  return Number(customMetadata?.size ?? size)
}

/** The upload whose parts are this content; undefined for content that stands for itself. */
export function uploadOf({ customMetadata }: R2Object): string | undefined {
  return customMetadata?.upload
}

/**
 * The bytes, or those of a range; undefined when absent. Of the parts of an upload the first is opened before this resolves.
 * @throws RangeError for a range that is not inside it, ContentUnavailable
 */
export async function readContent(
  bucket: Bucket,
  digest: Digest,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const key = contentKey(digest)
  const whole = range ? null : await bucket.get(key)
  const object = range ? await bucket.head(key) : whole
  if (!object) return undefined
  const [first, end] = spanOf(sizeOf(object), range)
  if (uploadOf(object) === undefined) {
    return whole?.body ?? (await bucket.get(key, { range: { offset: first, length: end - first } }))?.body
  }
  const index = whole ? await parseIndex(whole) : await readIndex(bucket, digest)
  return index && openSegments(bucket, segmentsOf(index, [first, end]))
}

/** The parts that content is made of; undefined when it is absent or stands for itself. */
export async function readIndex(bucket: Bucket, digest: Digest): Promise<ContentIndex | undefined> {
  const object = await bucket.get(contentKey(digest))
  if (object && uploadOf(object) !== undefined) return parseIndex(object)
  await object?.body.cancel()
  return undefined
}

async function parseIndex(object: R2ObjectBody): Promise<ContentIndex> {
  return JSON.parse(await object.text()) as ContentIndex
}

/** First byte and the one behind the last. */
function spanOf(size: number, range: ByteRange | undefined): [first: number, end: number] {
  if (!range) return [0, size]
  const { first, last } = range
  if (first >= 0 && first <= last && last < size) return [first, last + 1]
  throw new RangeError(`range ${first}-${last} is not inside ${size} bytes`)
}

const ofKnownLength = new WeakSet<ReadableStream>()

/**
 * Whether the runtime knows the length of what `readContent` gave already: then it goes out as it is. workerd cannot pipe one stream of
 * fixed length into another.
 */
export function isOfKnownLength(body: ReadableStream<Uint8Array>): boolean {
  return ofKnownLength.has(body)
}

/** Some bytes of one part. */
type Segment = { key: string; offset: number; length: number }

function segmentsOf({ uploadId, parts }: ContentIndex, [first, end]: [number, number]): Segment[] {
  const segments: Segment[] = []
  let start = 0
  for (const { partId, size } of parts) {
    const offset = Math.max(0, first - start)
    const length = Math.min(size, end - start) - offset
    if (length > 0) segments.push({ key: partKey(uploadId, partId), offset, length })
    start += size
  }
  return segments
}

/**
 * One stream of all of them that knows its length. What fails before the first byte is a throw; later the stream breaks, and being of
 * fixed length it is never taken for whole.
 */
async function openSegments(bucket: Bucket, segments: Segment[]): Promise<ReadableStream<Uint8Array>> {
  const [first, ...others] = segments
  if (!first) return new Blob([]).stream()
  const { body } = await openSegment(bucket, first)
  if (others.length === 0) return body
  const joined = new FixedLengthStream(segments.reduce((sum, { length }) => sum + length, 0))
  pipeAll(bucket, body, others, joined.writable).catch((error: unknown) => {
    joined.writable.abort(error).catch(() => undefined)
  })
  ofKnownLength.add(joined.readable)
  return joined.readable
}

/** Left to the runtime, whose pipes hold next to nothing: through JavaScript it would take many times as long. */
async function pipeAll(
  bucket: Bucket,
  first: ReadableStream<Uint8Array>,
  others: readonly Segment[],
  target: WritableStream<Uint8Array>,
): Promise<void> {
  await first.pipeTo(target, { preventClose: true })
  for (const segment of others) {
    const { body } = await openSegment(bucket, segment)
    await body.pipeTo(target, { preventClose: true })
  }
  await target.close()
}

async function openSegment(bucket: Bucket, { key, offset, length }: Segment): Promise<R2ObjectBody> {
  return (await bucket.get(key, { range: { offset, length } })) ?? goneAway(key)
}

function goneAway(key: string): never {
  throw new ContentUnavailable(`${key} was taken away while it was read`)
}
