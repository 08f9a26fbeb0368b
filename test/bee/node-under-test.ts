import type { Hex } from 'viem'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'

/** The node that a suite runs against: the one at BEE_URL, or a fake. */
export type NodeUnderTest = {
  beeUrl: string
  postageBatchId: Hex
  /** A development node takes no single-owner chunks. */
  isDev: boolean
  /** Undefined for a real node. */
  fake: FakeBee | undefined
  stop(): Promise<void>
}

/** Enough of both for any suite, and next to nothing on a development node, where all is for free. */
const [plurPerChunk, depth] = [1_000_000_000, 20]

/**
 * The node at BEE_URL with the batch BEE_POSTAGE_BATCH or its own with the most room; a development node is given one. Without BEE_URL
 * a fake in light mode.
 */
export async function openNodeUnderTest(): Promise<NodeUnderTest> {
  const beeUrl = process.env.BEE_URL
  if (!beeUrl) return openFake(await startFakeBee())
  const { beeMode } = (await (await fetch(`${beeUrl}/node`)).json()) as { beeMode: string }
  const isDev = beeMode === 'dev'
  const postageBatchId = (process.env.BEE_POSTAGE_BATCH as Hex) ?? (await findBatch(beeUrl, isDev))
  return { beeUrl, postageBatchId, isDev, fake: undefined, stop: async () => undefined }
}

/** Two nodes with the same content whose answers a test may damage: fakes, or two ways to the node at BEE_URL. */
export type FaultyPair = {
  a: FakeBee
  b: FakeBee
  postageBatchIds: readonly [a: Hex, b: Hex]
  stop(): Promise<void>
}

/** Opens one of each. */
export async function openFaultyPair(): Promise<FaultyPair> {
  const node = process.env.BEE_URL ? await openNodeUnderTest() : undefined
  const options = node ? { before: node.beeUrl } : {}
  const [a, b] = [await startFakeBee(options), await startFakeBee(options)]
  const batchOf = (fake: FakeBee): Hex => node?.postageBatchId ?? `0x${fake.buyBatch(depth)}`
  const stop = async () => void (await Promise.all([a.stop(), b.stop()]))
  return { a, b, postageBatchIds: [batchOf(a), batchOf(b)], stop }
}

/** A suite over a fake of a test's own choice. */
export function openFake(fake: FakeBee, isDev = false): NodeUnderTest {
  return { beeUrl: fake.beeUrl, postageBatchId: `0x${fake.buyBatch(depth)}`, isDev, fake, stop: () => fake.stop() }
}

async function findBatch(beeUrl: string, isDev: boolean): Promise<Hex> {
  const batches = await createFetchBee({ beeUrl }).listPostageBatches()
  const usable = batches.filter(({ isUsable }) => isUsable).sort((a, b) => a.fullness - b.fullness)
  if (usable[0]) return usable[0].postageBatchId
  if (!isDev) throw new Error(`${beeUrl} has no usable postage batch; buy one, or name one in BEE_POSTAGE_BATCH`)
  const bought = await fetch(`${beeUrl}/stamps/${plurPerChunk}/${depth}`, { method: 'POST' })
  return `0x${((await bought.json()) as { batchID: string }).batchID}`
}
