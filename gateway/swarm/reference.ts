import type { Hex } from 'viem'
import type { SwarmHash, SwarmHasher } from './hash.ts'

/** Hashed in one go: some milliseconds, after which others may run. */
const sliceBytes = 256 * 1024

/**
 * The Swarm reference of content that comes in pieces (protocol 6). `pause` is awaited after each 256 KiB at the latest, so that lookups
 * stay quick meanwhile.
 */
export async function referenceOf(
  hash: SwarmHash,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  pause: () => Promise<void>,
): Promise<Hex> {
  const hasher = hash.createHasher()
  for await (const piece of pieces) await updateInSlices(hasher, piece, pause)
  return hasher.digest()
}

/** Hashes one piece, however long, and awaits `pause` after each 256 KiB at the latest. */
export async function updateInSlices(
  hasher: SwarmHasher,
  piece: Uint8Array,
  pause: () => Promise<void>,
): Promise<void> {
  for (let from = 0; from < piece.byteLength; from += sliceBytes) {
    hasher.update(piece.subarray(from, from + sliceBytes))
    await pause()
  }
}
