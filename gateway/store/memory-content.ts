import { createHash, randomUUID } from 'node:crypto'
import { concatBytes } from 'viem'
import { algorithmOf, type Digest, parseDigest } from '../oci/digest.ts'
import { type ContentStore, DigestMismatch, PartTooLarge, type StoredPart } from './content-store.ts'
import { bytesStream } from './file-stream.ts'

const noBytes = new Uint8Array()
type StoredBytes = { part: StoredPart; bytes: Uint8Array }

/** Content in memory. */
export function createMemoryContent(): ContentStore {
  const contents = new Map<Digest, Uint8Array>()
  const storedAt = new Map<Digest, number>()
  const show = (digest: Digest, bytes: Uint8Array) => {
    contents.set(digest, bytes)
    storedAt.set(digest, Math.floor(Date.now() / 1000))
  }
  const uploads = new Map<string, Map<string, StoredBytes>>()
  return {
    stat: async (digest) => contents.get(digest)?.byteLength,
    async read(digest, range) {
      const bytes = contents.get(digest)
      return bytes && bytesStream(bytes, range)
    },
    async put(digest, bytes) {
      checkDigest(digest, bytes)
      if (!contents.has(digest)) show(digest, bytes.slice())
    },
    async writePart(uploadId, body, maxBytes) {
      const bytes = await collect(body, maxBytes)
      const part = { partId: randomUUID(), size: bytes.byteLength, sha256: digestOf('sha256', bytes) }
      const parts = uploads.get(uploadId) ?? new Map<string, StoredBytes>()
      uploads.set(uploadId, parts.set(part.partId, { part, bytes }))
      return part
    },
    async dropPart(uploadId, partId) {
      uploads.get(uploadId)?.delete(partId)
    },
    async assemble(uploadId, parts, digest) {
      const stored = uploads.get(uploadId)
      const size = parts.reduce((sum, part) => sum + part.size, 0)
      if (!isMadeOf(contents.get(digest), parts)) {
        const bytes = joined(parts.map((part) => stored?.get(part.partId)?.bytes))
        checkDigest(digest, bytes)
        show(digest, bytes)
      }
      return { size }
    },
    async dropUpload(uploadId) {
      uploads.delete(uploadId)
    },
    remove: async (digest) => contents.delete(digest),
    async list(after, limit) {
      const digests = [...contents.keys()].filter((digest) => digest > after).sort()
      return digests.slice(0, limit).map((digest) => {
        return { digest, size: contents.get(digest)!.byteLength, storedAt: storedAt.get(digest)! }
      })
    },
    async listParts() {
      return [...uploads].flatMap(([uploadId, parts]) =>
        [...parts.values()].map(({ part }) => ({ uploadId, partId: part.partId, size: part.size })),
      )
    },
    async close() {
      contents.clear()
      uploads.clear()
    },
  }
}

/** Whether these bytes are exactly these parts, by their hashes: then the parts themselves are not needed. */
function isMadeOf(bytes: Uint8Array | undefined, parts: readonly StoredPart[]): boolean {
  let position = 0
  for (const part of parts) {
    if (digestOf('sha256', bytes?.subarray(position, position + part.size) ?? noBytes) !== part.sha256) return false
    position += part.size
  }
  return position === bytes?.byteLength
}

function checkDigest(digest: Digest, bytes: Uint8Array): void {
  const actual = digestOf(algorithmOf(parseDigest(digest)), bytes)
  if (actual !== digest) throw new DigestMismatch(digest, actual)
}

function digestOf(algorithm: 'sha256' | 'sha512', bytes: Uint8Array): Digest {
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`)
}

async function collect(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(chunks)
    size += value.byteLength
    if (size > maxBytes) {
      await reader.cancel().catch(() => undefined)
      throw new PartTooLarge(maxBytes)
    }
    chunks.push(value.slice())
  }
}

function joined(chunks: readonly (Uint8Array | undefined)[]): Uint8Array {
  const present = chunks.map((chunk) => {
    if (!chunk) throw new Error('a part of this upload is gone: begin the upload again')
    return chunk
  })
  return concatBytes(present)
}
