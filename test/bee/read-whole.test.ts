import { type Hex, keccak256, stringToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readFeed } from '../../gateway/bee/feed-reader.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { readContentIndex, readWhole, type SwarmSource } from '../../gateway/bee/read-whole.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { encodeContentIndex, encodeIndexRoot, type IndexRow } from '../../gateway/swarm/content-index.ts'
import { feedAddress, feedTopic, signFeedUpdate } from '../../gateway/swarm/feed.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { patternBytes } from '../swarm/naive.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'

const hash = await openSwarmHash()
const account = privateKeyToAccount(keccak256(stringToBytes('who owns the feed')))
const owner = account.address.toLowerCase() as Hex
const topic = feedTopic(keccak256(stringToBytes('a node')))

let fakes: [FakeBee, FakeBee]
let source: SwarmSource
beforeEach(async () => {
  fakes = [await startFakeBee(), await startFakeBee()]
  const bees = fakes.map(({ beeUrl }) => createFetchBee({ beeUrl, idleTimeoutMs: 2_000 }))
  source = { bees, hash, reader: createSwarmReader(bees, hash) }
})
afterEach(() => Promise.all(fakes.map((fake) => fake.stop())))

/** Stores content at one of the nodes. */
async function store(bytes: Uint8Array, at: 0 | 1 = 0): Promise<Hex> {
  const postageBatchId: Hex = `0x${fakes[at].buyBatch()}`
  return source.bees[at]!.writeBytes(bytes, bytes.byteLength, { postageBatchId })
}

async function update(position: number, text: string, at: 0 | 1 = 0): Promise<void> {
  const signer = { address: owner, signMessage: (raw: Hex) => account.signMessage({ message: { raw } }) }
  const soc = await signFeedUpdate(signer, { topic, position, payload: stringToBytes(text) }, hash)
  await source.bees[at]!.writeSingleOwnerChunk(soc, { postageBatchId: `0x${fakes[at].buyBatch()}` })
}

const words = (updates: readonly { payload: Uint8Array }[]) => {
  return updates.map(({ payload }) => new TextDecoder().decode(payload))
}

test.each([0, 1, 4096, 4097, 1_300_000])('content of %i bytes comes whole from its reference alone', async (size) => {
  const bytes = patternBytes(size)
  expect(Buffer.from(await readWhole(source, await store(bytes), 1_300_000)).equals(Buffer.from(bytes))).toBe(true)
})

test('content that is larger than asked for is refused before it is read', async () => {
  const reference = await store(patternBytes(10_000))
  expect(await readWhole(source, reference, 10_000)).toHaveLength(10_000)
  fakes[0].seen.length = 0
  await expect(readWhole(source, reference, 9_999)).rejects.toThrow('has 10000 bytes, over 9999')
  expect(fakes[0].seen.map(({ path }) => path)).toEqual([`/chunks/${reference.slice(2)}`])
})

test('a node whose root chunk is another one is passed over, and nothing comes of a reference that nobody has', async () => {
  const bytes = patternBytes(20_000)
  const reference = await store(bytes)
  expect(await store(bytes, 1)).toBe(reference)
  fakes[0].inject({ on: /\/chunks\//, damage: { kind: 'flip', at: 3 } })
  expect(await readWhole(source, reference, 20_000)).toEqual(bytes)
  fakes[1].inject({ on: /\/chunks\//, damage: { kind: 'answer', status: 404 } })
  await expect(readWhole(source, reference, 20_000)).rejects.toThrow(/cannot be had: .* gives other bytes; .*404/)
})

test("a content index is read shard by shard; a shard in another one's place is refused", async () => {
  const rows = ['a', 'b', 'c'].map((seed): IndexRow => {
    const key = keccak256(stringToBytes(seed))
    return { digest: `sha256:${key.slice(2)}`, swarmReference: key, size: 3 }
  })
  const places = []
  for (const { firstByte, bytes } of encodeContentIndex(rows)) {
    places.push({ firstByte, swarmReference: await store(bytes), size: bytes.byteLength })
  }
  const readAll = async (reference: Hex) => {
    const found: IndexRow[] = []
    for await (const shard of readContentIndex(source, reference)) found.push(...shard)
    return found
  }
  expect(places).toHaveLength(3)
  const byDigest = (one: IndexRow, other: IndexRow) => (one.digest < other.digest ? -1 : 1)
  expect(await readAll(await store(encodeIndexRoot(places)))).toEqual(rows.sort(byDigest))
  const [first, second, third] = places as [(typeof places)[0], (typeof places)[0], (typeof places)[0]]
  const swapped = [
    { ...first, swarmReference: second.swarmReference },
    { ...second, swarmReference: first.swarmReference },
    third,
  ]
  await expect(readAll(await store(encodeIndexRoot(swapped)))).rejects.toThrow(/content index: the shard of/)
})

test('a feed without updates has none, and says nothing more', async () => {
  expect(await readFeed(source, owner, topic, 8)).toEqual({ owner, topic, updates: [], doubts: [] })
})

test.each([1, 2, 3, 4, 7, 8, 9, 31])(
  'of %i updates the newest come first, at most as many as asked for, in about 2 log n requests',
  async (count) => {
    for (let position = 0; position < count; position += 1) await update(position, `update ${position}`)
    const { updates } = await readFeed(source, owner, topic, 3)
    const wanted = Array.from({ length: Math.min(3, count) }, (_, at) => `update ${count - 1 - at}`)
    expect(words(updates)).toEqual(wanted)
  },
)

test('what one node does not have another one may, and what is no update is a doubt', async () => {
  await update(0, 'zero', 0)
  await update(1, 'one', 1)
  await update(2, 'two', 0)
  fakes[0].inject({ on: new RegExp(feedAddress(owner, topic, 2).address.slice(2)), damage: { kind: 'flip', at: 106 } })
  const { updates, doubts } = await readFeed(source, owner, topic, 8)
  expect(words(updates)).toEqual(['one', 'zero'])
  expect(doubts).toEqual([expect.stringMatching(/^feed update 2 of 0x.* is signed by/)])
})

test('a node that is down leaves a doubt, and the other one is asked', async () => {
  await update(0, 'zero', 1)
  await fakes[0].stop()
  const { updates, doubts } = await readFeed(source, owner, topic, 8)
  expect(words(updates)).toEqual(['zero'])
  expect(doubts.length).toBeGreaterThan(0)
  await fakes[0].start()
})

test('of two updates at one position, on two nodes, both are given: the owner signed both', async () => {
  await update(0, 'zero', 0)
  await update(0, 'zero', 1)
  await update(1, 'one here', 0)
  await update(1, 'one there', 1)
  const { updates } = await readFeed(source, owner, topic, 8)
  expect(words(updates)).toEqual(['one here', 'one there', 'zero'])
})
