import type { Hex } from 'viem'
import { CHUNK_BYTES, SPAN_BYTES, type SwarmHash } from '../swarm/hash.ts'
import { parseParent, parseSpan, pathToWindow } from '../swarm/tree.ts'
import type { Bee } from './bee.ts'
import { WrongBytes } from './rota.ts'
import type { SwarmContent } from './swarm-reader.ts'

/** What a reference stands for is not what was said of it: whoever signed or indexed it is wrong, and no node can help. */
export class SwarmMisdescribed extends Error {
  override readonly name = 'SwarmMisdescribed'
}

/** The parents of windows, each checked against its own address; those used last are kept. */
export type Parents = {
  /**
   * The reference of the window at `offset`, proven up to the content's. @throws BeeError, WrongBytes, SwarmMisdescribed
   */
  referenceOf(content: SwarmContent, offset: number, bee: Bee, signal: AbortSignal): Promise<Hex>
  /**
   * The content's root chunk is what a plain one of this size is: before a node is asked for its bytes, since a root that was published with
   * a redundancy level and has no parities keeps a node (Bee 2.8) busy for ever. @throws BeeError, WrongBytes, SwarmMisdescribed
   */
  proveRoot(content: SwarmContent, bee: Bee, signal: AbortSignal): Promise<void>
  /** Content of at most a chunk: all of it. @throws BeeError, WrongBytes, SwarmMisdescribed */
  readLeaf(content: SwarmContent, bee: Bee, signal: AbortSignal): Promise<Uint8Array>
}

/** 128 references each: about 4 KiB of memory as bytes, three times that as text. */
const maxKept = 256

/** None kept yet. */
export function createParents(hash: SwarmHash): Parents {
  const kept = new Map<string, readonly Hex[]>()
  const childrenOf = async (reference: Hex, bytes: number, bee: Bee, signal: AbortSignal): Promise<readonly Hex[]> => {
    const key = `${reference} ${bytes}`
    const children = kept.get(key) ?? parseProven(await readProven(hash, reference, bee, signal), reference, bytes, bee)
    kept.delete(key)
    kept.set(key, children)
    if (kept.size > maxKept) kept.delete(kept.keys().next().value as string)
    return children
  }
  return {
    async referenceOf({ swarmReference, size }, offset, bee, signal) {
      let reference = swarmReference
      for (const { bytes, child } of pathToWindow(size, offset)) {
        reference = (await childrenOf(reference, bytes, bee, signal))[child] as Hex
      }
      return reference
    },
    async proveRoot({ swarmReference, size }, bee, signal) {
      await childrenOf(swarmReference, size, bee, signal)
    },
    async readLeaf({ swarmReference, size }, bee, signal) {
      const leaf = await readProven(hash, swarmReference, bee, signal)
      checkSpan(leaf, swarmReference, size)
      if (leaf.byteLength === SPAN_BYTES + size) return leaf.subarray(SPAN_BYTES)
      throw new WrongBytes(
        `${bee.beeUrl}: ${swarmReference} is a chunk with ${leaf.byteLength - SPAN_BYTES} bytes there`,
      )
    },
  }
}

async function readProven(hash: SwarmHash, reference: Hex, bee: Bee, signal: AbortSignal): Promise<Uint8Array> {
  const chunk = await bee.readChunk(reference, signal)
  const isChunk = chunk.byteLength <= SPAN_BYTES + CHUNK_BYTES
  if (isChunk && hash.addressOf(chunk) === reference.toLowerCase()) return chunk
  throw new WrongBytes(`${bee.beeUrl}: the chunk ${reference} has wrong bytes there`)
}

/** A chunk that has its address but another span was published so; one with too many references was filled up by the node. */
function parseProven(chunk: Uint8Array, reference: Hex, bytes: number, bee: Bee): readonly Hex[] {
  checkSpan(chunk, reference, bytes)
  try {
    return parseParent(chunk, bytes)
  } catch (error) {
    throw new WrongBytes(`${bee.beeUrl}: ${reference} is ${(error as Error).message}`)
  }
}

/** @throws SwarmMisdescribed */
function checkSpan(chunk: Uint8Array, reference: Hex, size: number): void {
  const span = parseSpan(chunk)
  if (span.redundancyLevel > 0) {
    const why = `was stored with redundancy level ${span.redundancyLevel}, not as plain content`
    throw new SwarmMisdescribed(`${reference} ${why}`)
  }
  if (span.bytes !== BigInt(size))
    throw new SwarmMisdescribed(`${reference} stands for ${span.bytes} bytes, not ${size}`)
}
