import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import type { Digest } from '../../gateway/oci/digest.ts'
import { BRANCHES, CHUNK_BYTES, SPAN_BYTES } from '../../gateway/swarm/hash.ts'
import { testSwarmHash } from '../fixtures.ts'
import type { Chunks } from './fake/tree.ts'

/** Large content that nobody keeps: a few leaves in an order that a seed gives. A fake node that has it serves it out of one-hundredth. */
export type ComputedContent = {
  size: number
  digest: Digest
  swarmReference: Hex
  /** Whether a piece that came from `offset` on is right. */
  matches(offset: number, piece: Uint8Array): boolean
}

const leafCount = 64

/** Numbers from 0 to below 1, the same for the same seed (Mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Makes it and stores its chunks with these nodes. @param size a multiple of 4,096 */
export function storeComputed(size: number, seed: number, nodes: readonly { chunks: Chunks }[]): ComputedContent {
  const random = seeded(seed)
  const leaves = Array.from({ length: leafCount }, () => {
    return Buffer.from(Uint8Array.from({ length: CHUNK_BYTES }, () => random() * 256))
  })
  const order = Uint8Array.from({ length: size / CHUNK_BYTES }, () => random() * leafCount)
  const leafAt = (at: number) => leaves[order[at] as number] as Buffer
  const sha256 = createHash('sha256')
  for (let at = 0; at < order.length; at++) sha256.update(leafAt(at))
  const put = (span: number, payload: Buffer): Node => {
    const chunk = Buffer.alloc(SPAN_BYTES + payload.byteLength)
    chunk.writeBigUInt64LE(BigInt(span))
    chunk.set(payload, SPAN_BYTES)
    const address = testSwarmHash.addressOf(chunk)
    for (const { chunks } of nodes) chunks.set(address.slice(2), chunk)
    return { address, span }
  }
  const known = leaves.map((leaf) => put(CHUNK_BYTES, leaf))
  const root = rootOf(
    Array.from(order, (leaf) => known[leaf] as Node),
    put,
  )
  return {
    size,
    digest: `sha256:${sha256.digest('hex')}`,
    swarmReference: root.address,
    matches(offset, piece) {
      for (let at = 0; at < piece.byteLength; ) {
        const from = (offset + at) % CHUNK_BYTES
        const length = Math.min(CHUNK_BYTES - from, piece.byteLength - at)
        const leaf = leafAt(Math.floor((offset + at) / CHUNK_BYTES))
        if (leaf.compare(piece, at, at + length, from, from + length) !== 0) return false
        at += length
      }
      return true
    },
  }
}

type Node = { address: Hex; span: number }

/** A last child that is alone goes up a level as it is. */
function rootOf(level: readonly Node[], put: (span: number, payload: Buffer) => Node): Node {
  let nodes = level
  while (nodes.length > 1) {
    const above: Node[] = []
    for (let at = 0; at < nodes.length; at += BRANCHES) {
      const children = nodes.slice(at, at + BRANCHES)
      const payload = Buffer.from(children.map(({ address }) => address.slice(2)).join(''), 'hex')
      const span = children.reduce((sum, child) => sum + child.span, 0)
      above.push(children.length === 1 ? (children[0] as Node) : put(span, payload))
    }
    nodes = above
  }
  return nodes[0] as Node
}
