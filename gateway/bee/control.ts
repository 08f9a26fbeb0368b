import { BeeArgumentError, Bee as BeeJs, BeeResponseError } from '@ethersphere/bee-js'
import type { Hex } from 'viem'
import { type Bee, BeeError, type BeeFault, type BeeHealth, type PostageBatch } from './bee.ts'

/** What a batch is to be. */
export type PostageOrder = {
  /** Exponent of the number of chunks it can stamp; at least 17. */
  depth: number
  /** Balance of each chunk, in PLUR: price of a chunk for one block times the blocks it shall last. */
  plurPerChunk: bigint
  isImmutable: boolean
  label?: string
}

/** How far an upload is on its way from its node into the network, in chunks. */
export type UploadProgress = { split: number; seen: number; sent: number; synced: number }

/**
 * What is rare and spends money or asks about it: a node's stamps and upload tags, over bee-js, on Node only. All throw BeeError but for
 * an aborted `signal`. bee-js knows no timeout of its own, so every call ends after the given time.
 */
export type BeeControl = {
  beeUrl: string
  health(signal?: AbortSignal): Promise<BeeHealth>
  /** How it runs, in Bee's word: `dev`, `ultra-light`, `light` or `full`. */
  readMode(signal?: AbortSignal): Promise<string>
  listPostageBatches(signal?: AbortSignal): Promise<readonly PostageBatch[]>
  /** Buys one; the node says when it may be used. Gives its id. */
  buyPostageBatch(order: PostageOrder, signal?: AbortSignal): Promise<Hex>
  /** Adds so much to the balance of each chunk: the batch lasts longer. */
  topUpPostageBatch(postageBatchId: Hex, plurPerChunk: bigint, signal?: AbortSignal): Promise<void>
  /** Makes it larger; its time shrinks by half for each step. */
  dilutePostageBatch(postageBatchId: Hex, depth: number, signal?: AbortSignal): Promise<void>
  openUploadTag(signal?: AbortSignal): Promise<number>
  readUploadTag(uploadTag: number, signal?: AbortSignal): Promise<UploadProgress>
}

/** A purchase waits for its transaction, which is some blocks. */
const purchaseTimeoutMs = 300_000
const defaultTimeoutMs = 30_000

type Options = { signal: AbortSignal }

/** Asks bee-js something, with an end to it. */
type Call = <Answer>(
  what: string,
  limits: { milliseconds: number; signal: AbortSignal | undefined },
  ask: (options: Options) => Promise<Answer>,
) => Promise<Answer>

/**
 * @param bee the same node over fetch: it answers what both can, so that there is one reading of each answer
 * @param timeoutMs for what does not wait for a transaction
 */
export function createBeeControl(bee: Bee, timeoutMs: number = defaultTimeoutMs): BeeControl {
  const { beeUrl } = bee
  const call = createCall(beeUrl)
  const node = new BeeJs(beeUrl, { headers: { 'swarm-redundancy-level': '0' } })
  const purchase = (signal: AbortSignal | undefined) => ({ milliseconds: purchaseTimeoutMs, signal })
  const question = (signal: AbortSignal | undefined) => ({ milliseconds: timeoutMs, signal })
  return {
    beeUrl,
    health: (signal) => bee.health(signal),
    async readMode(signal) {
      return (await call('asking for its mode', question(signal), (options) => node.getNodeInfo(options))).beeMode
    },
    listPostageBatches: (signal) => bee.listPostageBatches(signal),
    async buyPostageBatch({ plurPerChunk, depth, isImmutable, label }, signal) {
      const order = { immutableFlag: isImmutable, waitForUsable: false, ...(label && { label }) }
      const buy = (options: Options) => node.createPostageBatch(plurPerChunk, depth, order, options)
      return `0x${(await call('buying a postage batch', purchase(signal), buy)).toHex()}`
    },
    async topUpPostageBatch(postageBatchId, plurPerChunk, signal) {
      const topUp = (options: Options) => node.topUpBatch(postageBatchId.slice(2), plurPerChunk, options)
      await call('topping up a postage batch', purchase(signal), topUp)
    },
    async dilutePostageBatch(postageBatchId, depth, signal) {
      const dilute = (options: Options) => node.diluteBatch(postageBatchId.slice(2), depth, options)
      await call('diluting a postage batch', purchase(signal), dilute)
    },
    async openUploadTag(signal) {
      return (await call('opening an upload tag', question(signal), (options) => node.createTag(options))).uid
    },
    async readUploadTag(uploadTag, signal) {
      const tag = await call('reading an upload tag', question(signal), (options) =>
        node.retrieveTag(uploadTag, options),
      )
      return { split: tag.split, seen: tag.seen, sent: tag.sent, synced: tag.synced }
    },
  }
}

/** Not all that a call of bee-js asks takes its signal, so the wait ends by itself; what would spend anything is not begun after that. */
function createCall(beeUrl: string): Call {
  return async (what, { milliseconds, signal }, ask) => {
    const limit = AbortSignal.timeout(milliseconds)
    const either = signal ? AbortSignal.any([signal, limit]) : limit
    const ended = new Promise<never>((_, reject) => either.addEventListener('abort', () => reject(either.reason)))
    try {
      either.throwIfAborted()
      return await Promise.race([ask({ signal: either }), ended])
    } catch (error) {
      signal?.throwIfAborted()
      if (limit.aborted) throw new BeeError('stalled', `${beeUrl}: ${what}: no answer within ${milliseconds} ms`)
      throw toBeeError(`${beeUrl}: ${what}`, error)
    }
  }
}

/** bee-js has one error for all that a node says, others for what it refuses itself. */
function toBeeError(what: string, error: unknown): BeeError {
  const { message } = error as Error
  if (!(error instanceof BeeResponseError)) {
    const fault = error instanceof BeeArgumentError ? 'refused' : 'nonsense'
    return new BeeError(fault, `${what}: ${message}`, undefined, { cause: error })
  }
  const said = (error.responseBody as { message?: string } | undefined)?.message ?? error.statusText ?? message
  const fault = chooseFault(error.status, said)
  return new BeeError(fault, `${what}: ${error.status ?? 'no answer'} ${said}`, undefined, { cause: error })
}

function chooseFault(status: number | undefined, said: string): BeeFault {
  if (status === undefined) return 'unavailable'
  if (status === 503 && /\bsync/i.test(said)) return 'syncing'
  if (status === 404 || status === 422) return 'batch unusable'
  return status === 429 || (status >= 500 && status !== 501) ? 'unavailable' : 'refused'
}
