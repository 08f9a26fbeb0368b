import { randomBytes } from 'node:crypto'
import { type Answer, type Asked, json, parseHex, Refused, refusal } from './answer.ts'

/** A batch as the fake keeps it; a test may change what it likes. */
export type FakeBatch = {
  postageBatchId: string
  depth: number
  /** PLUR for each chunk it can hold. */
  plurPerChunk: bigint
  isImmutable: boolean
  isUsable: boolean
  label: string
  /** Used slots of each bucket. */
  buckets: Map<number, number>
  /** Addresses. */
  stamped: Set<string>
  /** Address and content of the single-owner chunks among them. */
  updates: Set<string>
}

/** A node's batches and the chain as it sees it. */
export type Postage = {
  readonly mode: 'dev' | 'light'
  /** Version 2.8.1 or later: a node tells of any single batch, and some more. */
  readonly isNewer: boolean
  batches: Map<string, FakeBatch>
  plurPerChunkAndBlock: bigint
  /** Seconds that passed since the batches were bought. */
  elapsedSeconds: number
}

const blockTimeSeconds = 5
/** A day of them. */
const leastValidityBlocks = 17_280
const transaction = { txHash: `0x${'00'.repeat(32)}` }

/** @param mode a development node has one bucket, another way to count the time, and no topping up */
export function createPostage(mode: 'dev' | 'light', isNewer: boolean): Postage {
  const plurPerChunkAndBlock = mode === 'dev' ? 1n : 24_000n
  return { mode, isNewer, batches: new Map(), plurPerChunkAndBlock, elapsedSeconds: 0 }
}

/** One value of a header. */
export function headerOf(asked: Asked, name: string): string | undefined {
  const value = asked.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** The batch that a write names. @throws Refused */
export function findBatch({ batches }: Postage, asked: Asked): FakeBatch {
  const id = parseHex(headerOf(asked, 'swarm-postage-batch-id'), 'header', 'swarm-postage-batch-id')
  const found = batches.get(id.toString('hex'))
  if (!found) throw new Refused(refusal(404, 'batch with id not found'))
  if (found.isUsable) return found
  throw new Refused(refusal(422, 'batch not usable yet or does not exist'))
}

/**
 * One chunk's stamp; the same chunk again costs nothing, another single-owner chunk (`content`: what it wraps) at its address does.
 * @throws Refused when its bucket is full
 */
export function stamp(postage: Postage, batch: FakeBatch, address: string, content?: string): void {
  const update = `${address} ${content}`
  if (content ? batch.updates.has(update) : batch.stamped.has(address)) return
  const bucket = postage.mode === 'dev' ? 0 : Number.parseInt(address.slice(0, 4), 16)
  const used = batch.buckets.get(bucket) ?? 0
  if (used >= slotsOf(postage, batch)) throw new Refused(refusal(402, 'batch is overissued'))
  batch.buckets.set(bucket, used + 1)
  batch.stamped.add(address)
  if (content) batch.updates.add(update)
}

/** `/stamps`, `/batches` and `/chainstate`; undefined for what is none of these. */
export function answerPostage(postage: Postage, asked: Asked): Answer | undefined {
  const [, room, first, second, third] = asked.path.split('/')
  if (room === 'chainstate') {
    const currentPrice = String(postage.plurPerChunkAndBlock)
    const minimum = postage.isNewer && { minimumValidityBlocks: leastValidityBlocks }
    return json(200, { chainTip: 1, block: postage.mode === 'dev' ? 0 : 1, totalAmount: '1', currentPrice, ...minimum })
  }
  if (room === 'batches') return answerBatches(postage, first)
  if (room !== 'stamps') return undefined
  if (asked.method === 'POST') return buy(postage, asked, first, second)
  if (asked.method === 'PATCH') return change(postage, first, second, third)
  if (first) return answerStamp(postage, first, second)
  return json(200, { stamps: [...postage.batches.values()].map((batch) => stampRow(postage, batch)) })
}

function bucketDepthOf({ mode }: Postage): number {
  return mode === 'dev' ? 0 : 16
}

function slotsOf(postage: Postage, { depth }: FakeBatch): number {
  return 2 ** (depth - bucketDepthOf(postage))
}

function secondsLeft({ mode, plurPerChunkAndBlock, elapsedSeconds }: Postage, batch: FakeBatch): number {
  const { plurPerChunk, depth } = batch
  if (mode === 'dev') return Number(plurPerChunk * 2n ** BigInt(depth) - 1n) * 2 - elapsedSeconds
  return Number((plurPerChunk * BigInt(blockTimeSeconds)) / plurPerChunkAndBlock) - elapsedSeconds
}

function stampRow(postage: Postage, batch: FakeBatch): object {
  const utilization = Math.max(0, ...batch.buckets.values())
  return {
    batchID: batch.postageBatchId,
    utilization,
    ...(postage.isNewer && { utilizationRatio: utilization / slotsOf(postage, batch) }),
    usable: batch.isUsable,
    label: batch.label,
    depth: batch.depth,
    amount: String(batch.plurPerChunk),
    bucketDepth: bucketDepthOf(postage),
    blockNumber: 0,
    immutableFlag: batch.isImmutable,
    exists: true,
    batchTTL: secondsLeft(postage, batch),
  }
}

function chainRow(postage: Postage, batch: FakeBatch): object {
  return {
    batchID: batch.postageBatchId,
    value: String(batch.plurPerChunk),
    start: 0,
    owner: '00'.repeat(20),
    depth: batch.depth,
    bucketDepth: bucketDepthOf(postage),
    immutable: batch.isImmutable,
    batchTTL: secondsLeft(postage, batch),
  }
}

function answerBatches(postage: Postage, id: string | undefined): Answer {
  const batches = postage.mode === 'dev' ? [] : [...postage.batches.values()]
  if (!id) return json(200, { batches: batches.map((batch) => chainRow(postage, batch)) })
  const found = postage.isNewer ? postage.batches.get(id) : undefined
  return found ? json(200, chainRow(postage, found)) : refusal(404, postage.isNewer ? 'batch not found' : 'Not Found')
}

function answerStamp(postage: Postage, id: string, what: string | undefined): Answer {
  const bytes = parseHex(id, 'path', 'batch_id')
  if (bytes.byteLength !== 32) return refusal(400, 'invalid path params', 'batch_id', 'want len:32')
  const batch = postage.batches.get(bytes.toString('hex'))
  if (!batch) return refusal(404, 'issuer does not exist')
  if (what !== 'buckets') return json(200, stampRow(postage, batch))
  const bucketDepth = bucketDepthOf(postage)
  const buckets = Array.from({ length: 2 ** bucketDepth }, (_, bucketID) => {
    return { bucketID, collisions: batch.buckets.get(bucketID) ?? 0 }
  })
  return json(200, { depth: batch.depth, bucketDepth, bucketUpperBound: slotsOf(postage, batch), buckets })
}

function buy(postage: Postage, asked: Asked, amount = '', depthText = ''): Answer {
  const depth = Number(depthText)
  if (depth < 17) return refusal(400, 'invalid path params', 'depth', 'want min:17')
  if (!/^\d+$/.test(amount)) return refusal(400, 'invalid path params', 'amount', 'invalid value')
  const plurPerChunk = BigInt(amount)
  const leastPlur = postage.plurPerChunkAndBlock * BigInt(leastValidityBlocks)
  if (postage.mode === 'light' && plurPerChunk < leastPlur) {
    return refusal(400, 'insufficient amount for 24h minimum validity')
  }
  const postageBatchId = randomBytes(32).toString('hex')
  const isImmutable = headerOf(asked, 'immutable') !== 'false'
  const label = asked.query.get('label') ?? ''
  const shape = { postageBatchId, depth, plurPerChunk, isImmutable, label, isUsable: true }
  postage.batches.set(postageBatchId, { ...shape, buckets: new Map(), stamped: new Set(), updates: new Set() })
  return json(201, { batchID: postageBatchId, ...transaction })
}

function change(postage: Postage, verb: string | undefined, id = '', value = ''): Answer {
  if (postage.mode === 'dev') return refusal(501, 'Not Implemented')
  const batch = postage.batches.get(id)
  if (!batch) return refusal(500, `cannot ${verb} batch`)
  if (verb === 'topup') batch.plurPerChunk += BigInt(value)
  else if (Number(value) <= batch.depth) return refusal(400, 'invalid depth')
  else {
    batch.plurPerChunk /= 2n ** BigInt(Number(value) - batch.depth)
    batch.depth = Number(value)
  }
  return json(202, { batchID: id, ...transaction })
}
