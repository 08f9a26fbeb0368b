import type { ServerResponse } from 'node:http'

/** What a body's bytes are read into, over and over: large enough to cost few calls, small enough for a processor's cache. */
const bufferBytes = 256 * 1024

/**
 * Sends an answer whose body is a byte stream (`type: 'bytes'`, WHATWG Streams) through one buffer of its own, so that a blob of any size
 * allocates nothing while it goes out; an HTTP adapter that takes each chunk as it comes leaves a gigabyte to the garbage collector for
 * each gigabyte sent. False for every other body: nothing was sent. A body that breaks off breaks the connection: what was promised in
 * `Content-Length` does not come, and nobody takes it for whole. Resolves when all is sent or the client is gone.
 */
export async function sendLargeBody(response: Response, outgoing: ServerResponse): Promise<boolean> {
  const reader = response.body && byteReaderOf(response.body)
  if (!reader) return false
  const giveUp = () => void reader.cancel().catch(() => undefined)
  outgoing.once('close', giveUp)
  try {
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    await pump(reader, outgoing)
    outgoing.end()
  } catch {
    outgoing.destroy()
  } finally {
    outgoing.off('close', giveUp)
    giveUp()
  }
  return true
}

/** Undefined for a stream that cannot be read into a buffer of the reader's. */
function byteReaderOf(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

async function pump(reader: ReadableStreamBYOBReader, outgoing: ServerResponse): Promise<void> {
  let buffer = new ArrayBuffer(bufferBytes)
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(buffer))
    if (done) return
    await written(outgoing, value)
    buffer = value.buffer as ArrayBuffer
  }
}

/** Resolves when the operating system has the bytes, and the buffer may be filled again. */
function written(outgoing: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    outgoing.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
