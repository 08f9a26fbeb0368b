import type { Hex } from 'viem'
import { CHUNK_BYTES, SPAN_BYTES, type SwarmHash } from '../swarm/hash.ts'
import { parseParent, parseSpan, pathToWindow } from '../swarm/tree.ts'
import { type Bee, BeeError } from './bee.ts'
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
  /** @throws SwarmMisdescribed when the node proves that the content has another size; silent when it proves nothing */
  checkSize(content: SwarmContent, bee: Bee, signal: AbortSignal): Promise<void>
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
    async checkSize({ swarmReference, size }, bee, signal) {
      const root = await readProven(hash, swarmReference, bee, signal).catch((error: unknown) => {
        if (error instanceof BeeError || error instanceof WrongBytes) return undefined
        throw error
      })
      if (root) checkSpan(root, swarmReference, size)
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
