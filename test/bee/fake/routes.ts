import type { SwarmHash } from '../../../gateway/swarm/hash.ts'
import { type Answer, type Asked, json, octets, parseHex, Refused, readBody, refusal } from './answer.ts'
import type { Damage } from './faults.ts'
import { findBatch, headerOf, type Postage, stamp } from './postage.ts'
import { serveContent } from './serve-content.ts'
import { addressOf, ownerOf, parseSoc, readFeed, readSoc, wrappedAddress } from './single-owner.ts'
import { type Chunks, type Put, split, splitWithRedundancy } from './tree.ts'

/** Bee's count of what went up under one upload. */
type UploadTag = { split: number; seen: number; address: string; startedAt: string }

/** All that a node keeps. */
export type NodeState = {
  mode: 'dev' | 'light'
  version: '2.8.0' | '2.8.1'
  hash: SwarmHash
  chunks: Chunks
  tags: Map<number, UploadTag>
  postage: Postage
  isSyncing: boolean
  /** Addresses of single-owner chunks by their owner, in the order in which they came. */
  written?: Map<string, string[]>
}

const noStamp = "Either 'Swarm-Postage-Stamp' or 'Swarm-Postage-Batch-Id' header must be set in the request"
const notInDevMode = 'operation not supported in dev mode'

/** Every endpoint but those of postage. */
export async function answerContent(state: NodeState, asked: Asked, damage: Damage | undefined): Promise<Answer> {
  const [, room = '', id] = asked.path.split('/')
  const isRead = asked.method === 'GET' || asked.method === 'HEAD'
  if (room === '') return octets(Buffer.from('Ethereum Swarm Bee\n'), 'text/plain; charset=utf-8')
  if (/^(?:health|readiness|node)$/.test(room)) return answerNode(state, room)
  if (room === 'tags') return answerTags(state, asked.method, id)
  if (!isRead && state.isSyncing) return refusal(503, 'syncing in progress')
  if (room === 'bytes') return id ? readBytes(state, asked, id) : post(asked, () => writeBytes(state, asked))
  if (room === 'chunks' && isRead && id && isOverlooked(state, id, damage)) return refusal(404, 'chunk not found')
  if (room === 'chunks') return id ? readChunk(state, asked, id) : post(asked, () => writeChunk(state, asked))
  if (room === 'soc') return isRead ? readSoc(state, asked) : writeSoc(state, asked)
  if (room === 'feeds' && isRead) return readFeed(state, asked, damage?.kind === 'older feed' ? damage.by : 0)
  return refusal(404, 'Not Found')
}

function post(asked: Asked, answer: () => Promise<Answer>): Promise<Answer> | Answer {
  if (asked.method === 'POST') return answer()
  return notAllowed('POST')
}

function notAllowed(allowed: string): Answer {
  return json(405, { message: 'Method Not Allowed', code: 405 }, { Allow: allowed })
}

/** What one upload adds to its tag; `seen` are chunks that this batch had stamped before. */
function count([, tag]: [number, UploadTag], { split, seen, address }: Omit<UploadTag, 'startedAt'>): void {
  tag.split += split
  tag.seen += seen
  tag.address = address
}

function answerNode({ mode, version, isSyncing }: NodeState, room: string): Answer {
  const is = mode === 'dev' ? { version: '-dev', apiVersion: '0.0.0' } : versions[version]
  if (room === 'health') return json(200, { status: 'ok', ...is })
  if (room === 'readiness') return json(isSyncing ? 400 : 200, { status: isSyncing ? 'notReady' : 'ready', ...is })
  return json(200, { beeMode: mode, chequebookEnabled: true, swapEnabled: true })
}

const versions = {
  '2.8.0': { version: '2.8.0-fake', apiVersion: '7.4.1' },
  '2.8.1': { version: '2.8.1-fake', apiVersion: '8.1.0' },
}

function answerTags({ tags }: NodeState, method: string, id: string | undefined): Answer {
  const show = ([uid, tag]: [number, UploadTag]) => ({ ...tag, stored: 0, sent: 0, synced: 0, uid })
  const headers = { 'Cache-Control': 'no-cache, private, max-age=0' }
  if (method === 'POST') return json(201, show(openTag(tags)), headers)
  if (!id) return json(200, { tags: [...tags].map(show) }, headers)
  if (!/^\d+$/.test(id)) return refusal(400, 'invalid path params', 'id', 'invalid syntax')
  const tag = tags.get(Number(id))
  if (!tag) return refusal(404, 'tag not present')
  if (method !== 'DELETE') return json(200, show([Number(id), tag]), headers)
  tags.delete(Number(id))
  return { status: 204, headers: {}, body: [] }
}

function openTag(tags: NodeState['tags']): [number, UploadTag] {
  const uid = Math.max(0, ...tags.keys()) + 1
  const tag = { split: 0, seen: 0, address: '', startedAt: new Date().toISOString() }
  tags.set(uid, tag)
  return [uid, tag]
}

/** The tag that a write names. @throws Refused when there is none such */
function findTag({ tags }: NodeState, asked: Asked): [number, UploadTag] | undefined {
  const uid = Number(headerOf(asked, 'swarm-tag') ?? 0)
  if (uid === 0) return undefined
  const tag = tags.get(uid)
  if (!tag) throw new Refused(refusal(404, 'tag not found'))
  return [uid, tag]
}

async function writeBytes(state: NodeState, asked: Asked): Promise<Answer> {
  const level = parseLevel(asked, state.version)
  const isDeferred = headerOf(asked, 'swarm-deferred-upload') !== 'false'
  parseHex(headerOf(asked, 'swarm-postage-batch-id'), 'header', 'swarm-postage-batch-id')
  const tag = findTag(state, asked) ?? (isDeferred ? openTag(state.tags) : undefined)
  const batch = findBatch(state.postage, asked)
  if (!isDeferred && state.mode === 'dev') return refusal(400, notInDevMode)
  const staged: [string, Buffer][] = []
  let seen = 0
  const put: Put = (address, chunk) => {
    if (batch.stamped.has(address)) seen += 1
    stamp(state.postage, batch, address)
    staged.push([address, chunk])
  }
  const reference =
    level === 0
      ? await split(state.hash, asked.body, put)
      : splitWithRedundancy(state.hash, await readBody(asked, Number.MAX_SAFE_INTEGER), put)
  for (const [address, chunk] of staged) state.chunks.set(address, chunk)
  if (tag) count(tag, { split: staged.length, seen, address: reference })
  const expose = { 'Access-Control-Expose-Headers': 'Swarm-Tag', ...(tag && { 'Swarm-Tag': String(tag[0]) }) }
  return json(201, { reference }, expose)
}

function parseLevel(asked: Asked, version: NodeState['version']): number {
  const text = headerOf(asked, 'swarm-redundancy-level')
  const level = text === undefined ? (version === '2.8.0' ? 0 : 1) : Number(text)
  if (level >= 0 && level <= 4) return level
  const [name, error] = Number.isInteger(level)
    ? ['swarm-redundancy-level', 'want redundancy level to be between 0 and 4']
    : ['Swarm-Redundancy-Level', 'invalid syntax']
  throw new Refused(refusal(400, 'invalid header params', name, error))
}

function readBytes(state: NodeState, asked: Asked, reference: string): Answer {
  if (asked.method !== 'GET' && asked.method !== 'HEAD') return notAllowed('GET, HEAD')
  const address = parseHex(reference, 'path', 'address').toString('hex')
  if (address.length < 64) return refusal(500, 'joiner failed')
  const root = state.chunks.get(address)
  if (!root) return asked.method === 'HEAD' ? { status: 404, headers: {}, body: [] } : refusal(404, 'Not Found')
  return serveContent(state.chunks, root, asked, asked.method === 'HEAD' ? {} : { ETag: `"${address}"` })
}

function readChunk(state: NodeState, asked: Asked, address: string): Answer {
  const chunk = state.chunks.get(parseHex(address, 'path', 'address').toString('hex'))
  if (!chunk) return refusal(404, 'chunk not found')
  if (asked.method === 'HEAD') return json(200, { code: 200, message: 'OK' })
  return octets(chunk, 'binary/octet-stream')
}

/** A node that shows an older feed does not know the updates that an owner wrote last. */
function isOverlooked({ written = new Map() }: NodeState, address: string, damage: Damage | undefined): boolean {
  if (damage?.kind !== 'older feed') return false
  return [...written.values()].some((addresses) => addresses.slice(-damage.by).includes(address))
}

async function writeChunk(state: NodeState, asked: Asked): Promise<Answer> {
  const tag = findTag(state, asked)
  if (!headerOf(asked, 'swarm-postage-batch-id')) return refusal(400, noStamp)
  const batch = findBatch(state.postage, asked)
  if (!tag && state.mode === 'dev') return refusal(400, notInDevMode)
  const bytes = await readBody(asked, 32 + 65 + 8 + 4096)
  if (bytes.byteLength < 8) return refusal(400, 'insufficient data length')
  const address = await addressAnyChunk(state.hash, bytes)
  if (!address) return refusal(500, 'create chunk error')
  const seen = batch.stamped.has(address) ? 1 : 0
  stamp(state.postage, batch, address)
  if (!state.chunks.has(address)) state.chunks.set(address, bytes)
  if (tag) count(tag, { split: 1, seen, address: tag[1].address })
  const expose = { 'Access-Control-Expose-Headers': 'Swarm-Tag', ...(tag && { 'Swarm-Tag': String(tag[0]) }) }
  return json(201, { reference: address }, expose)
}

/** Whatever is short enough is taken for a content-addressed chunk, even a single-owner one. */
async function addressAnyChunk(hash: SwarmHash, bytes: Buffer): Promise<string | undefined> {
  if (bytes.byteLength <= 8 + 4096) return hash.addressOf(bytes).slice(2)
  const owner = await ownerOf(hash, bytes)
  return owner && addressOf(owner, bytes.subarray(0, 32))
}

/** A second chunk at an address is answered as the first, which stays. Since 2.8.1 one may go up under a tag, to be pushed later. */
async function writeSoc(state: NodeState, asked: Asked): Promise<Answer> {
  const tag = state.version === '2.8.0' ? undefined : findTag(state, asked)
  if (!headerOf(asked, 'swarm-postage-batch-id')) return refusal(400, noStamp)
  const batch = findBatch(state.postage, asked)
  if (state.mode === 'dev') return refusal(501, 'operation is not supported in dev mode')
  const { address, soc } = await parseSoc(state.hash, asked)
  try {
    stamp(state.postage, batch, address, wrappedAddress(state.hash, soc))
  } catch {
    return refusal(400, 'chunk write error')
  }
  if (!state.chunks.has(address)) {
    const [, , owner = ''] = asked.path.split('/')
    state.written ??= new Map()
    state.written.set(owner, [...(state.written.get(owner) ?? []), address])
    state.chunks.set(address, soc)
  }
  return json(201, { reference: address }, tag && { 'Swarm-Tag': String(tag[0]) })
}
