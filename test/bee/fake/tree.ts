import type { SwarmHash } from '../../../gateway/swarm/hash.ts'
import { encodeParities, paritiesOfLevel1 } from './erasure.ts'

// The chunk tree of a node: what content is split into, and how it is put together again. No reader of the gateway uses this.

/** Chunks by address in hex: span and payload, or a whole single-owner chunk. */
export type Chunks = Map<string, Buffer>

/** Where a splitter puts chunks; may throw Refused. */
export type Put = (address: string, chunk: Buffer) => void

/** A chunk is not there: Bee has answered by then, and cuts the connection. */
export class MissingChunk extends Error {}

const leafBytes = 4096
const redundancyFlag = 0x80

/** Splits content as it comes, redundancy level 0. Gives the root's address. */
export async function split(hash: SwarmHash, content: AsyncIterable<Buffer>, put: Put): Promise<string> {
  const hasher = hash.createHasher(({ address, span, payload }) => {
    const chunk = Buffer.alloc(8 + payload.byteLength)
    chunk.writeBigUInt64LE(BigInt(span))
    chunk.set(payload, 8)
    put(Buffer.from(address).toString('hex'), chunk)
  })
  for await (const piece of content) hasher.update(piece)
  return hasher.digest().slice(2)
}

/** As `split`, at redundancy level 1: parity chunks beside up to 119 data chunks, and a level in the span of every parent. */
export function splitWithRedundancy(hash: SwarmHash, content: Buffer, put: Put): string {
  const store = (chunk: Buffer): Buffer => {
    const address = hash.addressOf(chunk).slice(2)
    put(address, chunk)
    return Buffer.from(address, 'hex')
  }
  const leaves: Buffer[] = []
  for (let at = 0; at < Math.max(1, content.byteLength); at += leafBytes) {
    const payload = content.subarray(at, at + leafBytes)
    leaves.push(Buffer.concat([spanOf(payload.byteLength), payload]))
  }
  let level = leaves
  while (level.length > 1) {
    const parents: Buffer[] = []
    for (let at = 0; at < level.length; at += 119) parents.push(parentOf(level.slice(at, at + 119), store))
    level = parents
  }
  return store(level[0] as Buffer).toString('hex')
}

function parentOf(children: readonly Buffer[], store: (chunk: Buffer) => Buffer): Buffer {
  if (children.length === 1) return children[0] as Buffer
  const span = spanOf(children.reduce((sum, child) => sum + readSpan(child).bytes, 0))
  span[7] = redundancyFlag | 1
  const shards = children.map((child) => Buffer.concat([child, Buffer.alloc(8 + leafBytes - child.byteLength)]))
  const parities = encodeParities(shards, paritiesOfLevel1(shards.length))
  return Buffer.concat([span, ...children.map(store), ...parities.map(store)])
}

function spanOf(bytes: number): Buffer {
  const span = Buffer.alloc(8)
  span.writeBigUInt64LE(BigInt(bytes))
  return span
}

/** How much content is under a chunk, and how many data chunks a parent has at most. */
export function readSpan(chunk: Buffer): { bytes: number; branches: number } {
  const isRedundant = ((chunk[7] ?? 0) & redundancyFlag) !== 0
  const plain = Buffer.from(chunk.subarray(0, 8))
  if (isRedundant) plain[7] = 0
  return { bytes: Number(plain.readBigUInt64LE()), branches: isRedundant ? 119 : 128 }
}

/** The bytes from `from` to before `to` under a root, leaf by leaf. @throws MissingChunk on the way */
export function* join(chunks: Chunks, root: Buffer, from: number, to: number): Generator<Buffer> {
  const { bytes, branches } = readSpan(root)
  if (bytes <= leafBytes) {
    if (from < to) yield root.subarray(8 + from, 8 + to)
    return
  }
  let childBytes = leafBytes
  while (childBytes * branches < bytes) childBytes *= branches
  for (let start = Math.floor(from / childBytes) * childBytes; start < to; start += childBytes) {
    const at = 8 + (start / childBytes) * 32
    const child = chunks.get(root.toString('hex', at, at + 32))
    if (!child) throw new MissingChunk()
    yield* join(chunks, child, Math.max(0, from - start), Math.min(to - start, readSpan(child).bytes))
  }
}
