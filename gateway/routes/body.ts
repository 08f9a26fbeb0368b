import { PartTooLarge } from '../store/content-store.ts'

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
      reader.cancel().catch(() => undefined)
      throw new PartTooLarge(maxBytes)
    }
    chunks.push(next.value)
  }
  return joinChunks(chunks, size)
}

function joinChunks(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only) return only
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}
