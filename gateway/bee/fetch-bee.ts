import { type Hex, isHex } from 'viem'
import { CHUNK_BYTES, SPAN_BYTES } from '../swarm/hash.ts'
import { type Members, nonsense, readBinary, readJson } from './answer.ts'
import { type Bee, BeeError, type BeeHealth, type PostageBatch } from './bee.ts'
import { type BeeNode, callBee } from './call.ts'
import { readContent } from './read-content.ts'

/** Where a node is, and what is expected of it. */
export type FetchBeeOptions = {
  /** Its API's address: http or https, perhaps with a path. */
  beeUrl: string
  /** Milliseconds without progress after which a call ends. */
  idleTimeoutMs?: number
  /** Bytes that must come within that time, so that a trickle is no progress. */
  leastBytes?: number
  /** Milliseconds that a node may take to push a single-owner chunk to its network before it answers. */
  pushTimeoutMs?: number
  /** Between two blocks of its chain; Gnosis has 5. No node says it. */
  blockTimeSeconds?: number
}

/** A single-owner chunk before span and payload: id and signature. */
const SOC_HEAD_BYTES = 32 + 65
const maxChunkBytes = SOC_HEAD_BYTES + SPAN_BYTES + CHUNK_BYTES
/** Nodes from 2.8.1 on add redundancy by themselves, and look for replicas of what is not there. */
const plain = { 'swarm-redundancy-level': '0' }
const octets = { 'content-type': 'application/octet-stream' }

/** A Bee node over `fetch` alone, on Node and in a Worker. @throws Error for a URL that is none of a node */
export function createFetchBee(options: FetchBeeOptions): Bee {
  const { idleTimeoutMs = 30_000, leastBytes = 4096, pushTimeoutMs = 90_000, blockTimeSeconds = 5 } = options
  const beeUrl = parseBeeUrl(options.beeUrl)
  const node: BeeNode = { beeUrl, patience: { idleTimeoutMs, leastBytes } }
  const get = (path: string, signal?: AbortSignal) => callBee(node, { path, headers: plain, signal })
  return {
    beeUrl,
    health: (signal) => readHealth(node, signal),
    readBytes: (swarmReference, { range, signal } = {}) => {
      const path = `/bytes/${bare(swarmReference)}`
      return readContent(node, { path, headers: plain, signal }, range)
    },
    async readChunk(address, signal) {
      const answer = await get(`/chunks/${bare(address)}`, signal)
      const chunk = await readBinary(answer, maxChunkBytes)
      if (chunk.byteLength >= SPAN_BYTES) return chunk
      throw nonsense(answer.what, `${chunk.byteLength} bytes are no chunk`)
    },
    async writeBytes(body, size, { postageBatchId, signal }) {
      const headers = { ...plain, ...octets, ...stampWith(postageBatchId), 'swarm-deferred-upload': 'true' }
      const sent = body instanceof Uint8Array ? { body } : { body, bodyBytes: size }
      const answer = await callBee(node, { method: 'POST', path: '/bytes', headers, ...sent, signal })
      return (await readJson(answer)).hash('reference')
    },
    writeChunk: createChunkWriter(node),
    async writeSingleOwnerChunk({ owner, id, signature, chunk }, { postageBatchId, signal }) {
      const path = `/soc/${bare(owner)}/${bare(id)}?sig=${bare(signature)}`
      const headers = { ...octets, ...stampWith(postageBatchId) }
      const request = { method: 'POST', path, headers, body: chunk, answerTimeoutMs: pushTimeoutMs, signal } as const
      ;(await readJson(await callBee(node, request))).hash('reference')
    },
    async listPostageBatches(signal) {
      const members = await readJson(await get('/stamps', signal))
      return members.objects('stamps').map(toPostageBatch)
    },
    async readPrice(signal) {
      const members = await readJson(await get('/chainstate', signal))
      return { plurPerChunkAndBlock: members.bigint('currentPrice'), blockTimeSeconds }
    },
  }
}

/** @throws Error */
function parseBeeUrl(text: string): string {
  const wanted = 'an http or https URL without query and credentials, such as http://localhost:1633'
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password
  if (!isPlain) throw new Error(`a Bee node's address is ${wanted}`)
  return url.href.replace(/\/+$/, '')
}

/** Bee takes hex without 0x. @throws Error for what is no hex, which would be another path */
function bare(hex: Hex): string {
  if (!isHex(hex, { strict: true })) throw new Error(`${JSON.stringify(hex)} is no hex`)
  return hex.slice(2).toLowerCase()
}

function stampWith(postageBatchId: Hex): Record<string, string> {
  return { 'swarm-postage-batch-id': bare(postageBatchId) }
}

/**
 * Chunks go up under one upload tag, so that the node answers when it has them and pushes them later; without one it would push each
 * before it answers. A node that lost the tag gets another. Tags are never deleted while chunks may still be on their way.
 */
function createChunkWriter(node: BeeNode): Bee['writeChunk'] {
  let uploadTag: Promise<number> | undefined
  const openUploadTag = (): Promise<number> => {
    const opened = callBee(node, { method: 'POST', path: '/tags' }).then(readJson)
    return opened.then((members) => members.integer('uid'))
  }
  const currentTag = () => {
    uploadTag ??= openUploadTag().catch((error: unknown) => {
      uploadTag = undefined
      throw error
    })
    return uploadTag
  }
  return async (chunk, { postageBatchId, signal }) => {
    const write = async (tag: number): Promise<Hex> => {
      const headers = { ...octets, ...stampWith(postageBatchId), 'swarm-tag': String(tag) }
      const answer = await callBee(node, { method: 'POST', path: '/chunks', headers, body: chunk, signal })
      return (await readJson(answer)).hash('reference')
    }
    const tag = await currentTag()
    return write(tag).catch(async (error: unknown) => {
      if (!(error instanceof BeeError && error.fault === 'absent')) throw error
      if ((await uploadTag) === tag) uploadTag = undefined
      return write(await currentTag())
    })
  }
}

/** A node in ultra-light mode has no access to the chain, and says so only in its mode; a gateway before it may not tell. */
async function readHealth(node: BeeNode, signal: AbortSignal | undefined): Promise<BeeHealth> {
  const ask = (path: string) => callBee(node, { path, signal }).then(readJson)
  const unlessRefused = (error: unknown) => {
    if (error instanceof BeeError && /^(?:absent|refused)$/.test(error.fault)) return undefined
    throw error
  }
  const [health, readiness, mode] = await Promise.all([
    ask('/health'),
    ask('/readiness').catch(unlessRefused),
    ask('/node').catch(unlessRefused),
  ])
  const isReady = health.text('status') === 'ok' && readiness?.text('status') === 'ready'
  const hasChain = mode?.text('beeMode') !== 'ultra-light'
  return { version: health.text('version'), apiVersion: health.text('apiVersion'), isReady: isReady && hasChain }
}

/** A balance below zero is one that is used up, and a batch that is gone at the next block. */
function toPostageBatch(members: Members): PostageBatch {
  const depth = members.integer('depth')
  const remainingSeconds = Math.max(0, members.rounded('batchTTL'))
  const bucketSlots = 2 ** (depth - members.integer('bucketDepth'))
  return {
    postageBatchId: members.hash('batchID'),
    depth,
    fullness: Math.min(1, members.integer('utilization') / bucketSlots),
    isUsable: members.flag('usable') && remainingSeconds > 0,
    isImmutable: members.flag('immutableFlag'),
    remainingSeconds,
  }
}
