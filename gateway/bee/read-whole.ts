import type { Hex } from 'viem'
import { decodeIndexRoot, decodeIndexShard, type IndexRow, MAX_INDEX_ROOT_BYTES } from '../swarm/content-index.ts'
import { CHUNK_BYTES, SPAN_BYTES, type SwarmHash } from '../swarm/hash.ts'
import { parseSpan } from '../swarm/tree.ts'
import { type Bee, BeeError } from './bee.ts'
import { type SwarmReader, SwarmUnavailable } from './swarm-reader.ts'

/** Nodes to read from, none of them believed. `reader` is over `bees`. */
export type SwarmSource = { bees: readonly Bee[]; reader: SwarmReader; hash: SwarmHash }

/** A list's body is at most this long on Swarm: some 2 million entries. */
export const MAX_LIST_BYTES = 512 * 1024 * 1024

/**
 * Content of which only the reference is known, whole: its size is what its root chunk says, which the reference proves.
 * @throws SwarmUnavailable when no node gives it, Error when it is larger than `maxBytes` or has redundancy
 */
export async function readWhole(source: SwarmSource, swarmReference: Hex, maxBytes: number): Promise<Uint8Array> {
  const root = await readProvenChunk(source, swarmReference)
  const { bytes, redundancyLevel } = parseSpan(root)
  if (redundancyLevel > 0) throw new Error(`${swarmReference} has redundancy level ${redundancyLevel}, wanted 0`)
  if (bytes > BigInt(maxBytes)) throw new Error(`${swarmReference} has ${bytes} bytes, over ${maxBytes}`)
  const stream = await source.reader.read({ swarmReference, size: Number(bytes) })
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

async function readProvenChunk({ bees, hash }: SwarmSource, address: Hex): Promise<Uint8Array> {
  const said: string[] = []
  for (const bee of bees) {
    try {
      const chunk = await bee.readChunk(address)
      if (chunk.byteLength <= SPAN_BYTES + CHUNK_BYTES && hash.addressOf(chunk) === address) return chunk
      said.push(`${bee.beeUrl} gives other bytes`)
    } catch (error) {
      if (!(error instanceof BeeError)) throw error
      said.push(error.message)
    }
  }
  throw new SwarmUnavailable(`${address} cannot be had: ${said.join('; ')}`)
}

/**
 * The rows of a content index, shard by shard. A shard that no node gives is passed over where `onLost` is told of it.
 * @throws SwarmUnavailable; Error for bytes that are no index
 */
export async function* readContentIndex(
  source: SwarmSource,
  indexReference: Hex,
  onLost?: (line: string) => void,
): AsyncGenerator<readonly IndexRow[]> {
  for (const shard of decodeIndexRoot(await readWhole(source, indexReference, MAX_INDEX_ROOT_BYTES))) {
    const bytes = await readWhole(source, shard.swarmReference, shard.size).catch((error: unknown) => {
      if (!onLost || !(error instanceof SwarmUnavailable)) throw error
      onLost(`content index: the shard of ${shard.firstByte}: ${error.message}`)
      return undefined
    })
    if (!bytes) continue
    const rows = decodeIndexShard(bytes)
    const first = rows[0]?.digest.slice(7, 9)
    if (first !== shard.firstByte.toString(16).padStart(2, '0')) {
      throw new Error(`content index: the shard of ${shard.firstByte} holds digests that begin with ${first}`)
    }
    yield rows
  }
}
