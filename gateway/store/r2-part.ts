import { digestOf, hexOf } from '../oci/digest.ts'
import { PartTooLarge, type StoredPart } from './content-store.ts'
import type { Bucket } from './r2-bucket.ts'
import type { Buffers } from './r2-buffers.ts'
import { openHash } from './r2-hash.ts'
import { partKey, writingKey } from './r2-keys.ts'
import { openSource, type Source } from './r2-source.ts'

/** What writing needs: where to, memory, and how much R2 gets in one call (5 MiB or more: R2 error 10011 otherwise). */
export type PartWriter = { bucket: Bucket; buffers: Buffers; partBytes: number }

/** Most bodies are small: they need no more memory than this. */
const firstBytes = 64 * 1024

/**
 * Receives one body as an object of its own. One that fits `partBytes` is held whole and put with its hash, which R2 checks. A longer one
 * goes up in pieces of `partBytes`, one being sent while the next fills. @throws PartTooLarge, ContentUnavailable, what the body throws
 */
export async function writePart(
  writer: PartWriter,
  uploadId: string,
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<StoredPart> {
  const { buffers, partBytes } = writer
  const source = limitedSource(openSource(body), maxBytes)
  const partId = crypto.randomUUID().replaceAll('-', '')
  let release = buffers.hold(firstBytes)
  try {
    let bytes = await source.fill(new Uint8Array(firstBytes))
    if (bytes.byteLength === firstBytes) {
      release()
      release = await buffers.take(2 * partBytes)
      bytes = await fillUp(source, bytes, partBytes)
    }
    if (bytes.byteLength < partBytes) return await putWhole(writer, uploadId, partId, bytes)
    return await sendPieces(writer, { uploadId, partId, source, first: bytes })
  } catch (error) {
    await source.cancel(error)
    throw error
  } finally {
    release()
  }
}

/** Goes on filling in a larger buffer. */
async function fillUp(source: Source, begun: Uint8Array, bytes: number): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes)
  whole.set(begun)
  const rest = await source.fill(whole.subarray(begun.byteLength))
  return new Uint8Array(rest.buffer, 0, begun.byteLength + rest.byteLength)
}

async function putWhole({ bucket }: PartWriter, uploadId: string, partId: string, bytes: Uint8Array) {
  const sha256 = await digestOf('sha256', bytes)
  await bucket.put(partKey(uploadId, partId), bytes, { sha256: hexOf(sha256) })
  return { partId, size: bytes.byteLength, sha256 }
}

type Receiving = { uploadId: string; partId: string; source: Source; first: Uint8Array }

/** Notes the multipart upload before the first piece: R2 lists none that never ended, so the sweep knows of it from here. */
async function sendPieces(writer: PartWriter, receiving: Receiving): Promise<StoredPart> {
  const { bucket } = writer
  const { uploadId, partId } = receiving
  const upload = await bucket.createMultipartUpload(partKey(uploadId, partId))
  const note = writingKey(uploadId, partId)
  try {
    await bucket.put(note, '', { customMetadata: { multipart: upload.uploadId } })
    const { pieces, ...stored } = await sendAll(writer, upload, receiving)
    await upload.complete(pieces)
    await bucket.delete(note).catch(() => undefined)
    return { partId, ...stored }
  } catch (error) {
    const aborted = await upload.abort().then(
      () => true,
      () => false,
    )
    if (aborted) await bucket.delete(note).catch(() => undefined)
    throw error
  }
}

/** All pieces are of one length but the last (R2: error 10048 otherwise). Two buffers take turns. */
async function sendAll({ partBytes }: PartWriter, upload: R2MultipartUpload, { source, first }: Receiving) {
  const hash = openHash('sha256')
  const pieces: R2UploadedPart[] = []
  let size = 0
  const send = async (piece: Uint8Array): Promise<Uint8Array> => {
    const [sent] = await Promise.all([upload.uploadPart(pieces.length + 1, piece), hash.update(piece)])
    pieces.push(sent)
    return new Uint8Array(piece.buffer)
  }
  let sending: Promise<Uint8Array> = Promise.resolve(new Uint8Array(partBytes))
  try {
    for (let piece = first; piece.byteLength > 0; ) {
      size += piece.byteLength
      const spare = await sending
      sending = send(piece)
      sending.catch(() => undefined)
      piece = piece.byteLength < partBytes ? new Uint8Array() : await source.fill(spare)
    }
    await sending
    return { pieces, size, sha256: await hash.digest() }
  } catch (error) {
    await sending.catch(() => undefined)
    await hash.abort(error)
    throw error
  }
}

/** Reads no further than one byte past `maxBytes`. */
function limitedSource(source: Source, maxBytes: number): Source {
  let size = 0
  return {
    async fill(target) {
      const bytes = await source.fill(target.subarray(0, Math.min(target.byteLength, maxBytes - size + 1)))
      size += bytes.byteLength
      if (size > maxBytes) throw new PartTooLarge(maxBytes)
      return bytes
    },
    cancel: source.cancel,
  }
}
