import type { Hex } from 'viem'
import { type Bee, BeeError, type PostageBatch } from './bee/bee.ts'

/** A batch as it must be now, by what its node said last. */
export type KnownBatch = PostageBatch & {
  beeUrl: string
  /** Unix seconds at which the node was asked. */
  askedAt: number
}

/** Which postage batches the nodes have, and which one pays. */
export type Postage = {
  /**
   * The batch to stamp with at this node, before bytes move. @throws BeeError `batch unusable` or `batch full` saying which and why, and
   * whatever keeps the node from listing its batches
   */
  choose(bee: Bee, signal?: AbortSignal): Promise<Hex>
  /** Asks a node again at its next use: it refused a batch. */
  forget(bee: Bee): void
  /** What is known of a batch, its time reckoned until now; undefined for one that no node told of. */
  find(postageBatchId: Hex): KnownBatch | undefined
  /** Seconds a batch has left; 0 when every node was asked and none has it (any more); null when nothing is known. */
  remainingSeconds(postageBatchId: Hex): number | null
  /** Asks every node; one that does not answer is left as it was known. */
  refresh(signal?: AbortSignal): Promise<void>
}

/** Seconds for which what a node said of its batches is believed to stand. */
const believedSeconds = 60

/** @param wanted the batch to use; null: of a node's usable ones that are not full the one that lasts longest */
export function createPostage(bees: readonly Bee[], wanted: Hex | null, clock: () => bigint): Postage {
  const known = new Map<string, readonly KnownBatch[]>()
  const forgotten = new Set<string>()
  const now = () => Number(clock())
  const ask = async (bee: Bee, signal?: AbortSignal): Promise<readonly KnownBatch[]> => {
    const { beeUrl } = bee
    const askedAt = now()
    const batches = (await bee.listPostageBatches(signal)).map((batch) => ({ ...batch, beeUrl, askedAt }))
    known.set(beeUrl, batches)
    forgotten.delete(beeUrl)
    return batches
  }
  const batchesOf = async (bee: Bee, signal?: AbortSignal) => {
    const last = known.get(bee.beeUrl)
    const isFresh = last?.[0] !== undefined && now() < last[0].askedAt + believedSeconds
    return isFresh && !forgotten.has(bee.beeUrl) ? last : ask(bee, signal)
  }
  const find = (postageBatchId: Hex) => {
    const told = [...known.values()].flat().filter((batch) => batch.postageBatchId === postageBatchId)
    const last = told.sort((one, other) => other.askedAt - one.askedAt)[0]
    return last && agedTo(last, now())
  }
  return {
    find,
    async choose(bee, signal) {
      const batches = (await batchesOf(bee, signal)).map((batch) => agedTo(batch, now()))
      return wanted === null ? chooseLongest(bee, batches) : checkWanted(bee, batches, wanted)
    },
    forget: ({ beeUrl }) => void forgotten.add(beeUrl),
    remainingSeconds(postageBatchId) {
      const hasAskedAll = bees.every(({ beeUrl }) => known.has(beeUrl))
      return find(postageBatchId)?.remainingSeconds ?? (hasAskedAll ? 0 : null)
    },
    async refresh(signal) {
      await Promise.all(bees.map((bee) => ask(bee, signal).catch(() => undefined)))
    },
  }
}

function agedTo(batch: KnownBatch, now: number): KnownBatch {
  const remainingSeconds = Math.max(0, batch.remainingSeconds - (now - batch.askedAt))
  return { ...batch, remainingSeconds, isUsable: batch.isUsable && remainingSeconds > 0 }
}

function chooseLongest({ beeUrl }: Bee, batches: readonly KnownBatch[]): Hex {
  const usable = batches.filter(({ isUsable }) => isUsable)
  if (usable.length === 0) {
    throw new BeeError(
      'batch unusable',
      `${beeUrl} has no usable postage batch of ${batches.length}: buy one, or top one up`,
    )
  }
  const open = usable.filter(({ fullness }) => fullness < 1)
  if (open.length === 0) {
    throw new BeeError(
      'batch full',
      `${beeUrl} has ${usable.length} usable postage batches, and all are full: dilute one`,
    )
  }
  return open.reduce((best, batch) => (batch.remainingSeconds > best.remainingSeconds ? batch : best)).postageBatchId
}

function checkWanted({ beeUrl }: Bee, batches: readonly KnownBatch[], wanted: Hex): Hex {
  const batch = batches.find(({ postageBatchId }) => postageBatchId === wanted)
  if (!batch)
    throw new BeeError('batch unusable', `${beeUrl} has no postage batch ${wanted}: it expired, or is another node's`)
  if (!batch.isUsable) {
    const why = batch.remainingSeconds > 0 ? 'is not usable yet' : 'has expired'
    throw new BeeError('batch unusable', `postage batch ${wanted} of ${beeUrl} ${why}`)
  }
  if (batch.fullness < 1) return wanted
  throw new BeeError(
    'batch full',
    `postage batch ${wanted} of ${beeUrl} is full at depth ${batch.depth}: dilute it to a greater one`,
  )
}
