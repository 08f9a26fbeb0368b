import type { Digest } from '../oci/digest.ts'
import { type ByteRange, ContentUnavailable, type StoredPart } from './content-store.ts'
import type { Bucket, BucketObject } from './r2-bucket.ts'
import { contentKey, partKey } from './r2-keys.ts'
import { openSource, patientSource } from './r2-source.ts'

/** What an object of visible content says of itself where its bytes are elsewhere. */
export type ContentIndex = { uploadId: string; parts: readonly StoredPart[] }

/** The metadata of an index: what `stat`, a listing and a sweep need to know. */
export type IndexMetadata = { upload: string; size: string }

/** Size in bytes, as the object says or as it is. */
export function sizeOf({ size, customMetadata }: Pick<R2Object, 'size' | 'customMetadata'>): number {
  return Number(customMetadata?.size ?? size)
}

/** The upload whose parts are this content; undefined for content that stands for itself. */
export function uploadOf({ customMetadata }: Pick<R2Object, 'customMetadata'>): string | undefined {
  return customMetadata?.upload
}

/** Where from, and how long R2 may be silent before what it sends is broken off. */
export type Reader = { bucket: Bucket; timeoutMs: number }

/**
 * The bytes, or those of a range; undefined when absent. The first of them have come before this resolves.
 * @throws RangeError for a range that is not inside it, ContentUnavailable
 */
export async function readContent(
  reader: Reader,
  digest: Digest,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const { bucket } = reader
  const key = contentKey(digest)
  const whole = range ? null : await bucket.get(key)
  const object = range ? await bucket.head(key) : whole
  if (!object) return undefined
  const [first, end] = spanOf(sizeOf(object), range)
  if (uploadOf(object) === undefined) {
    const own = { key, offset: first, length: end - first }
    return openSegments(reader, [own], whole?.body)
  }
  const index = whole ? await parseIndex(whole) : await readIndex(bucket, digest)
  return index && openSegments(reader, segmentsOf(index, [first, end]))
}

/** The parts that content is made of; undefined when it is absent or stands for itself. */
export async function readIndex(bucket: Bucket, digest: Digest): Promise<ContentIndex | undefined> {
  const object = await bucket.get(contentKey(digest))
  if (object && uploadOf(object) !== undefined) return parseIndex(object)
  await object?.body.cancel()
  return undefined
}

/** @throws ContentUnavailable for one that came cut short */
async function parseIndex(object: BucketObject): Promise<ContentIndex> {
  const text = await object.text()
  try {
    return JSON.parse(text) as ContentIndex
  } catch (cause) {
    throw new ContentUnavailable(`an index of parts is cut short after ${text.length} characters`, { cause })
  }
}

/** First byte and the one behind the last. */
function spanOf(size: number, range: ByteRange | undefined): [first: number, end: number] {
  if (!range) return [0, size]
  const { first, last } = range
  if (first >= 0 && first <= last && last < size) return [first, last + 1]
  throw new RangeError(`range ${first}-${last} is not inside ${size} bytes`)
}

const knownLengths = new WeakMap<ReadableStream, number>()

/**
 * The length of what `readContent` gave where the runtime knows it already: then it goes out as it is. workerd cannot pipe one stream of
 * fixed length into another.
 */
export function knownLengthOf(body: ReadableStream<Uint8Array>): number | undefined {
  return knownLengths.get(body)
}

/** Some bytes of one object. */
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

/** Much, since each piece costs a turn of JavaScript, and little, since two of them are held for each reader. */
const pieceBytes = 512 * 1024
/** Soon there: what is small goes out at once. */
const firstBytes = 64 * 1024

/**
 * One stream of all of them that knows its length. What fails before the first bytes is a throw; later the stream breaks, and being of
 * fixed length it is never taken for whole. Not left to the runtime's pipes, which tell nobody that R2 went silent.
 */
async function openSegments(
  reader: Reader,
  segments: readonly Segment[],
  opened?: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const bytes = segments.reduce((sum, { length }) => sum + length, 0)
  if (bytes === 0) return emptyBody(opened)
  const pieces = piecesOf(reader, segments, opened)
  const first = await pieces.next()
  const { readable, writable } = new FixedLengthStream(bytes)
  pump(first, pieces, writable.getWriter()).catch(() => undefined)
  knownLengths.set(readable, bytes)
  return readable
}

async function emptyBody(opened: ReadableStream<Uint8Array> | undefined): Promise<ReadableStream<Uint8Array>> {
  await opened?.cancel()
  return new Blob([]).stream()
}

/** The next piece is read while the one before it is on its way: only R2 is waited for in time, and not who reads. */
async function pump(
  first: IteratorResult<Uint8Array, void>,
  pieces: AsyncGenerator<Uint8Array, void>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    let next = first
    while (!next.done) {
      const written = writer.write(next.value)
      written.catch(() => undefined)
      next = await pieces.next()
      await written
    }
    await writer.close()
  } catch (error) {
    await pieces.return()
    await writer.abort(error)
  }
}

/** @throws ContentUnavailable for what is gone, breaks, ends early or stalls */
async function* piecesOf(
  { bucket, timeoutMs }: Reader,
  segments: readonly Segment[],
  opened: ReadableStream<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array, void> {
  let next = firstBytes
  for (const segment of segments) {
    const body = opened ?? (await openSegment(bucket, segment)).body
    opened = undefined
    const source = patientSource(openSource(body), timeoutMs)
    try {
      for (let left = segment.length; left > 0; ) {
        const piece = await source.fill(new Uint8Array(Math.min(next, left)))
        if (piece.byteLength === 0) throw new ContentUnavailable(`${segment.key} ended ${left} bytes too early`)
        left -= piece.byteLength
        next = pieceBytes
        yield piece
      }
    } finally {
      // Not waited for: it may be what is silent.
      void source.cancel(undefined)
    }
  }
}

async function openSegment(bucket: Bucket, { key, offset, length }: Segment): Promise<BucketObject> {
  return (await bucket.get(key, { range: { offset, length } })) ?? goneAway(key)
}

function goneAway(key: string): never {
  throw new ContentUnavailable(`${key} was taken away while it was read`)
}
