import type { Hex } from 'viem'
import type { LeafThreads, SwarmHash } from './hash.ts'

/** Hashed in one go: some milliseconds, after which others may run. */
const sliceBytes = 256 * 1024

/**
 * The Swarm reference of content, computed as it comes, without keeping others waiting: on threads where there are some, else in slices.
 * One call at a time.
 */
export type PacedHasher = {
  /** Resolves when more may come. The bytes may change then. */
  update(bytes: Uint8Array): Promise<void>
  /** The 32-byte reference. The hasher is spent afterwards. @throws Error when the threads were closed meanwhile */
  digest(): Promise<Hex>
}

/**
 * The Swarm reference of content that comes in pieces (protocol 6). `pause` is awaited after each 256 KiB at the latest, so that lookups
 * stay quick meanwhile.
 */
export async function referenceOf(
  hash: SwarmHash,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  pause: () => Promise<void>,
): Promise<Hex> {
  const hasher = createPacedHasher(hash, pause)
  for await (const piece of pieces) await hasher.update(piece)
  return hasher.digest()
}

/** Without threads `pause` is awaited after each 256 KiB at the latest. Whoever wants the digest no more just leaves it. */
export function createPacedHasher(hash: SwarmHash, pause: () => Promise<void>): PacedHasher {
  return hash.threads ? createThreadedHasher(hash, hash.threads) : createSlicedHasher(hash, pause)
}

function createSlicedHasher(hash: SwarmHash, pause: () => Promise<void>): PacedHasher {
  const hasher = hash.createHasher()
  return {
    async update(bytes) {
      for (let from = 0; from < bytes.byteLength; from += sliceBytes) {
        hasher.update(bytes.subarray(from, from + sliceBytes))
        await pause()
      }
    },
    digest: async () => hasher.digest(),
  }
}

/** Leaves are hashed elsewhere, in any order; the tree over them grows here, in order. What fills no batch is hashed here, in the end. */
function createThreadedHasher(hash: SwarmHash, { batchBytes, handOver }: LeafThreads): PacedHasher {
  const hasher = hash.createHasher()
  let batch: Uint8Array | undefined
  let filled = 0
  let added = Promise.resolve()
  const handOverBatch = async (whole: Uint8Array): Promise<void> => {
    const { addresses } = await handOver(whole)
    filled = 0
    added = Promise.all([addresses, added]).then(([leaves]) => hasher.addLeaves(leaves))
    added.catch(() => undefined)
  }
  return {
    async update(bytes) {
      for (let left = bytes; left.byteLength > 0; ) {
        batch ??= new Uint8Array(batchBytes)
        const part = left.subarray(0, batchBytes - filled)
        batch.set(part, filled)
        filled += part.byteLength
        left = left.subarray(part.byteLength)
        if (filled === batchBytes) await handOverBatch(batch)
      }
    },
    async digest() {
      await added
      if (batch) hasher.update(batch.subarray(0, filled))
      return hasher.digest()
    },
  }
}
