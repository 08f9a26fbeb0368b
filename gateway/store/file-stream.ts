import type { ByteRange } from './content-store.ts'
import type { FileReader } from './fs.ts'

/** Bytes per read: larger ones gain little, smaller ones cost throughput. */
const readBytes = 256 * 1024

/**
 * The bytes of an open file, or those of a range, read as they are asked for. Closes the file at the end, on failure and when the
 * stream is cancelled. @throws RangeError when the range is not inside the file (which is closed then)
 */
export async function fileStream(file: FileReader, range?: ByteRange): Promise<ReadableStream<Uint8Array>> {
  const { first, last } = range ?? { first: 0, last: file.size - 1 }
  if (range && !(first >= 0 && first <= last && last < file.size)) {
    await file.close()
    throw new RangeError(`range ${first}-${last} is not inside ${file.size} bytes`)
  }
  if (last - first < readBytes) return wholeStream(await readRange(file, first, last))
  let position = first
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await readChunk(file, position, last)
          position += chunk.byteLength
          controller.enqueue(chunk)
          if (position <= last) return
          await file.close()
          controller.close()
        } catch (error) {
          await file.close().catch(() => undefined)
          throw error
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  )
}

/** The bytes of an open file from `start` up to, not including, `end`. */
export async function* chunksOf(file: FileReader, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let position = start; position < end; ) {
    const chunk = await readChunk(file, position, end - 1)
    position += chunk.byteLength
    yield chunk
  }
}

/** What fits one read is read at once, so that small content holds no file open. */
async function readRange(file: FileReader, first: number, last: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(last - first + 1)
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

function readChunk(file: FileReader, position: number, last: number): Promise<Uint8Array> {
  return readInto(file, new Uint8Array(Math.min(readBytes, last - position + 1)), position)
}

async function readInto(file: FileReader, target: Uint8Array, position: number): Promise<Uint8Array> {
  const count = await file.read(target, position)
  if (count === 0) throw new Error(`a stored file ends at ${position} of ${file.size} bytes`)
  return target.subarray(0, count)
}

/** A stream of bytes that are in memory already. */
export function wholeStream(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.byteLength > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}
