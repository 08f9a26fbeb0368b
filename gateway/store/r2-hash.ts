import { type Digest, type DigestAlgorithm, parseDigest } from '../oci/digest.ts'
import { ContentUnavailable } from './content-store.ts'
import type { Buffers } from './r2-buffers.ts'
import { openSource, patientSource } from './r2-source.ts'

/** Bytes that are hashed at a time: the runtime's own pieces of 4 KiB cost twice the time. */
const pieceBytes = 1024 * 1024

/** A hash over bytes as they come. `update` is over when the bytes are no longer needed. */
export type Hash = {
  update(bytes: Uint8Array): Promise<void>
  digest(): Promise<Digest>
  abort(reason: unknown): Promise<void>
}

/** The runtime's own, for any length. */
export function openHash(algorithm: DigestAlgorithm): Hash {
  const stream = new crypto.DigestStream(algorithm === 'sha256' ? 'SHA-256' : 'SHA-512')
  stream.digest.catch(() => undefined)
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    abort: (reason) => writer.abort(reason).catch(() => undefined),
    async digest() {
      await writer.close()
      const hash = new Uint8Array(await stream.digest)
      const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
      return parseDigest(`${algorithm}:${hex}`)
    },
  }
}

/** What reading back needs: memory, and how long R2 may be silent. */
export type Reading = { buffers: Buffers; timeoutMs: number }

/** What is hashed: bytes of this length, of which each stretch (`lengths`) goes to the next hash of `hashes`. */
export type Stretch = { length: number; hash: Hash }

/**
 * Reads a stream through hashes, one stretch after another, in memory that is counted. @throws ContentUnavailable when it ends before
 * they do, breaks or stalls
 */
export async function hashStretches(
  { buffers, timeoutMs }: Reading,
  stream: ReadableStream<Uint8Array>,
  stretches: readonly Stretch[],
): Promise<void> {
  const source = patientSource(openSource(stream), timeoutMs)
  const release = await buffers.take(pieceBytes)
  let spare: Uint8Array = new Uint8Array(pieceBytes)
  try {
    for (const { length, hash } of stretches) {
      for (let left = length; left > 0; ) {
        const piece = await source.fill(spare.subarray(0, Math.min(left, pieceBytes)))
        if (piece.byteLength === 0) throw new ContentUnavailable('stored content ended before its length')
        await hash.update(piece)
        left -= piece.byteLength
        spare = new Uint8Array(piece.buffer)
      }
    }
  } finally {
    await source.cancel(undefined)
    release()
  }
}
