import type { ByteRange } from './content-store.ts'
import type { FileReader } from './fs.ts'

/** Bytes per read: larger ones gain little, smaller ones cost throughput. */
const readBytes = 256 * 1024

/**
 * The bytes of an open file, or those of a range, read as they are asked for: a byte stream, so that who reads much may bring a buffer.
 * Closes the file at the end, on failure and when the stream is cancelled. @throws RangeError when the range is not inside the file (which is closed then)
 */
export async function fileStream(file: FileReader, range?: ByteRange): Promise<ReadableStream<Uint8Array>> {
  let bounds: [number, number]
  try {
    bounds = boundsOf(file.size, range)
  } catch (error) {
    await file.close()
    throw error
  }
  const [first, end] = bounds
  if (end - first <= readBytes) return wholeStream(await readRange(file, first, end))
  let position = first
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      try {
        position += await readOnce(file, controller, position, end)
        if (position < end) return
        await file.close()
        controller.close()
        // A read that is waiting by now with a buffer of its own ends only so (WHATWG Streams, ReadableByteStreamControllerRespondInClosedState).
        controller.byobRequest?.respond(0)
      } catch (error) {
        await file.close().catch(() => undefined)
        throw error
      }
    },
    cancel: () => file.close(),
  })
}

/** Into the reader's own buffer where it brought one. Returns how many bytes. */
async function readOnce(
  file: FileReader,
  controller: ReadableByteStreamController,
  position: number,
  end: number,
): Promise<number> {
  const request = controller.byobRequest
  const chunk = await (request?.view
    ? readInto(file, startOf(request.view, end - position), position)
    : readChunk(file, position, end))
  // Handing it over takes the bytes away from here, and their number with them.
  const { byteLength } = chunk
  if (request) request.respond(byteLength)
  else controller.enqueue(chunk)
  return byteLength
}

function startOf({ buffer, byteOffset, byteLength }: ArrayBufferView, maxBytes: number) {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, Math.min(byteLength, maxBytes))
}

/** The bytes of an open file from `start` up to, not including, `end`. */
export async function* chunksOf(file: FileReader, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end; ) {
    const chunk = await readChunk(file, position, end)
    position += chunk.byteLength
    yield chunk
  }
}

/** What fits one read is read at once, so that small content holds no file open. */
async function readRange(file: FileReader, first: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - first)
  try {
    for (let filled = 0; filled < bytes.byteLength; ) {
      const chunk = await readInto(file, bytes.subarray(filled), first + filled)
      filled += chunk.byteLength
    }
    return bytes
  } finally {
    await file.close()
  }
}

function readChunk(file: FileReader, position: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  return readInto(file, new Uint8Array(Math.min(readBytes, end - position)), position)
}

async function readInto<Bytes extends ArrayBufferLike>(
  file: FileReader,
  target: Uint8Array<Bytes>,
  position: number,
): Promise<Uint8Array<Bytes>> {
  const count = await file.read(target, position)
  if (count === 0) throw new Error(`a stored file ends at ${position} of ${file.size} bytes`)
  return target.subarray(0, count)
}

/** A copy of bytes that are in memory already, or of a range of them. @throws RangeError when it is not inside them */
export function bytesStream(bytes: Uint8Array, range?: ByteRange): ReadableStream<Uint8Array> {
  return wholeStream(bytes.slice(...boundsOf(bytes.byteLength, range)))
}

function wholeStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

/** First byte and the one behind the last. */
function boundsOf(size: number, range: ByteRange | undefined): [number, number] {
  if (!range) return [0, size]
  const { first, last } = range
  if (first >= 0 && first <= last && last < size) return [first, last + 1]
  throw new RangeError(`range ${first}-${last} is not inside ${size} bytes`)
}
