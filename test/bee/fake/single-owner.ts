import { hashMessage, keccak256, recoverAddress, toHex } from 'viem'
import type { SwarmHash } from '../../../gateway/swarm/hash.ts'
import { type Answer, type Asked, octets, parseHex, Refused, readBody, refusal } from './answer.ts'
import { serveContent } from './serve-content.ts'
import { type Chunks, join, MissingChunk, readSpan } from './tree.ts'

const headBytes = 32 + 65
const maxCacBytes = 8 + 4096

/** The address of a single-owner chunk. */
export function addressOf(owner: Buffer, id: Buffer): string {
  return keccak256(Buffer.concat([id, owner])).slice(2)
}

/** `POST /soc/{owner}/{id}?sig=`: the chunk as it is stored, and its address. */
export async function parseSoc(hash: SwarmHash, asked: Asked): Promise<{ address: string; soc: Buffer }> {
  const [, , ownerText, idText] = asked.path.split('/')
  const owner = parseHex(ownerText, 'path', 'owner')
  const id = parseHex(idText, 'path', 'id')
  const signature = parseHex(asked.query.get('sig') ?? undefined, 'query', 'sig')
  const chunk = await readBody(asked, Number.MAX_SAFE_INTEGER)
  if (chunk.byteLength < 8) throw new Refused(refusal(400, 'short chunk data'))
  if (chunk.byteLength > maxCacBytes) throw new Refused(refusal(413, 'Request Entity Too Large'))
  const soc = Buffer.concat([id, signature, chunk])
  if (owner.byteLength !== 20) throw new Refused(refusal(401, 'invalid address'))
  if (!(await isSignedBy(hash, owner, soc))) throw new Refused(refusal(401, 'invalid chunk'))
  return { address: addressOf(owner, id), soc }
}

async function isSignedBy(hash: SwarmHash, owner: Buffer, soc: Buffer): Promise<boolean> {
  return (await ownerOf(hash, soc))?.equals(owner) ?? false
}

/** Who signed a single-owner chunk; undefined for bytes that are none. */
export async function ownerOf(hash: SwarmHash, soc: Buffer): Promise<Buffer | undefined> {
  if (soc.byteLength < headBytes + 8 || soc.byteLength > headBytes + maxCacBytes) return undefined
  const content = Buffer.from(hash.addressOf(soc.subarray(headBytes)).slice(2), 'hex')
  const signed = keccak256(Buffer.concat([soc.subarray(0, 32), content]))
  try {
    const signer = await recoverAddress({
      hash: hashMessage({ raw: signed }),
      signature: toHex(soc.subarray(32, headBytes)),
    })
    return Buffer.from(signer.slice(2), 'hex')
  } catch {
    return undefined
  }
}

/** The address of the content in a single-owner chunk, without 0x. */
export function wrappedAddress(hash: SwarmHash, soc: Buffer): string {
  return hash.addressOf(soc.subarray(headBytes)).slice(2)
}

type Node = { chunks: Chunks; hash: SwarmHash }

/** `GET /soc/{owner}/{id}`. */
export function readSoc(node: Node, asked: Asked): Answer {
  const [, , owner, id] = asked.path.split('/')
  const soc = node.chunks.get(addressOf(parseHex(owner, 'path', 'owner'), parseHex(id, 'path', 'id')))
  if (!soc) return refusal(404, 'requested chunk cannot be retrieved')
  return serveWrapped(node, soc, asked, {})
}

/** `GET /feeds/{owner}/{topic}`: the last update of a sequence without gaps; `older` updates are overlooked, as a slow node does. */
export function readFeed(node: Node, asked: Asked, older: number): Answer {
  const [, , ownerText, topicText] = asked.path.split('/')
  // What is no address is as good as none.
  const ownerHex = /^[0-9a-f]{40}$/i.test(ownerText ?? '') ? ownerText : undefined
  const [owner, topic] = [parseHex(ownerHex, 'path', 'owner'), parseHex(topicText, 'path', 'topic')]
  const at = (position: number) => node.chunks.get(addressOf(owner, feedId(topic, position)))
  let count = 0
  while (at(count)) count += 1
  const position = count - 1 - older
  const soc = at(position)
  if (position < 0 || !soc) return refusal(404, 'no update found')
  return serveWrapped(node, soc, asked, {
    'Swarm-Feed-Index': indexOf(position).toString('hex'),
    'Swarm-Feed-Index-Next': indexOf(position + 1).toString('hex'),
    'Swarm-Feed-Resolved-Version': 'v2',
  })
}

function indexOf(position: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(Math.max(0, position)))
  return bytes
}

function feedId(topic: Buffer, position: number): Buffer {
  return Buffer.from(keccak256(Buffer.concat([topic, indexOf(position)]), 'bytes'))
}

function serveWrapped({ chunks, hash }: Node, soc: Buffer, asked: Asked, extra: Record<string, string>): Answer {
  const headers = { 'Swarm-Soc-Signature': soc.toString('hex', 32, headBytes), ...extra }
  const wrapped = soc.subarray(headBytes)
  if (asked.headers['swarm-only-root-chunk'] === 'true') return octets(wrapped, 'application/octet-stream', headers)
  return serveContent(chunks, wrapped, asked, { ...headers, ETag: `"${wrappedAddress(hash, soc)}"` })
}

/** Whether all chunks under a root are there, as GET /stewardship and pins say it. */
export function isWhole(chunks: Chunks, root: Buffer): boolean {
  try {
    for (const _leaf of join(chunks, root, 0, readSpan(root).bytes));
    return true
  } catch (error) {
    if (error instanceof MissingChunk) return false
    throw error
  }
}
