import { concatBytes } from 'viem'
import type { Limits } from '../limits.ts'
import { OciError } from '../oci/error.ts'
import { PartTooLarge } from '../store/content-store.ts'

/** What is sent in one request where only parts fit: clients print the message and nothing else, so it says which command sends parts. */
export function bodyTooLarge(contentLength: string | null, maxBodyBytes: number): OciError {
  const seen = contentLength === null ? 'the body' : `a body of ${contentLength} bytes`
  const message = `${seen} is over the ${maxBodyBytes} bytes of one request here: mooring push IMAGE NAME:TAG --gateway URL sends parts that fit`
  return new OciError('SIZE_INVALID', message, { detail: { maxBodyBytes } })
}

/** Refuses a body by its length alone, before the first byte. @throws OciError SIZE_INVALID (413) */
export function checkBodyLength({ headers }: Request, { maxBodyBytes }: Limits): void {
  const length = headers.get('content-length')
  if (maxBodyBytes !== null && length !== null && Number(length) > maxBodyBytes) {
    throw bodyTooLarge(length, maxBodyBytes)
  }
}

/**
 * Reads a whole body that must not be larger than `maxBytes`, however it is sent: a Content-Length above it is refused before the
 * first byte, a body without one at the byte that is too many. @throws PartTooLarge (413)
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw new PartTooLarge(maxBytes)
  if (!request.body) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.byteLength
    if (size > maxBytes) {
      reader.releaseLock()
      throw new PartTooLarge(maxBytes)
    }
    chunks.push(next.value)
  }
  const [only] = chunks
  return chunks.length === 1 && only ? only : concatBytes(chunks)
}

/** More than layers usually have: a client that only reads when all is sent gets its answer up to here. */
const maxBytesReadAway = 1024 * 1024 * 1024

/**
 * Reads what is left of a refused request's body, up to some bound, keeping nothing: a server that answers and closes while its client
 * still writes takes the answer with it, and a connection with an unread body cannot be used again.
 */
export async function readAway(request: Request): Promise<void> {
  if (!request.body || request.body.locked) return
  const reader = request.body.getReader()
  try {
    for (let size = 0; size < maxBytesReadAway; ) {
      const { done, value } = await reader.read()
      if (done) return
      size += value.byteLength
    }
  } catch {
    // The client went away, and with it what it had to say.
  } finally {
    reader.releaseLock()
  }
}
