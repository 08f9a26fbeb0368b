import { type Hex, keccak256, stringToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bee } from '../../gateway/bee/bee.ts'
import { readFeed } from '../../gateway/bee/feed-reader.ts'
import { writeNextUpdate } from '../../gateway/bee/feed-writer.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import type { SwarmSource } from '../../gateway/bee/read-whole.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { feedAddress, feedTopic } from '../../gateway/swarm/feed.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'

const hash = await openSwarmHash()
const account = privateKeyToAccount(keccak256(stringToBytes('who writes the feed')))
const owner = account.address.toLowerCase() as Hex
const signer = { address: owner, signMessage: (raw: Hex) => account.signMessage({ message: { raw } }) }
const topic = feedTopic(keccak256(stringToBytes('a node')))

let fakes: [FakeBee, FakeBee]
let source: SwarmSource
beforeEach(async () => {
  fakes = [await startFakeBee(), await startFakeBee()]
  const bees = fakes.map(({ beeUrl }) => createFetchBee({ beeUrl, idleTimeoutMs: 5_000 }))
  source = { bees, hash, reader: createSwarmReader(bees, hash) }
})
afterEach(() => Promise.all(fakes.map((fake) => fake.stop())))

const words = (updates: readonly { payload: Uint8Array }[]) => {
  return updates.map(({ payload }) => new TextDecoder().decode(payload))
}

/** Writes as a publisher does. */
const append = (payload: string, known: number, isAhead = async () => false) => {
  const [bee] = source.bees
  const nodes = { ...source, bee: bee as Bee, postageBatchId: `0x${fakes[0].buyBatch()}` as const }
  return writeNextUpdate(nodes, { signer, topic, payload: new TextEncoder().encode(payload), known, isAhead })
}

test('an update is written behind the last one, from wherever its writer knows the feed', async () => {
  expect(await append('zero', -1)).toEqual({ position: 0 })
  expect(await append('one', 0)).toEqual({ position: 1 })
  const asked = fakes[0].seen.length
  expect(await append('two', 1)).toEqual({ position: 2 })
  expect(fakes[0].seen.slice(asked).map(({ method, path }) => `${method} ${path.split('/')[1]}`)).toEqual([
    'GET chunks',
    'POST soc',
    'GET chunks',
  ])
  expect(await append('three', -1)).toEqual({ position: 3 })
  expect(words((await readFeed(source, owner, topic, 8)).updates)).toEqual(['three', 'two', 'one', 'zero'])
})

test('what stands at the end already is not written again, and what is ahead not written over', async () => {
  expect(await append('zero', -1)).toEqual({ position: 0 })
  expect(await append('zero', -1)).toEqual({ position: 0 })
  const writing = await append('older', -1, async () => true)
  expect('ahead' in writing && words([writing.ahead])).toEqual(['zero'])
  expect(words((await readFeed(source, owner, topic, 8)).updates)).toEqual(['zero'])
})

test('writers at the same time get positions of their own, and none is lost', async () => {
  const payloads = ['a', 'b', 'c', 'd']
  await Promise.all(payloads.map((payload) => append(payload, -1)))
  expect(words((await readFeed(source, owner, topic, 8)).updates).sort()).toEqual(payloads)
})

test('where no node can say what is there nothing is written; where one says that nothing is, it is', async () => {
  const { address } = feedAddress(owner, topic, 0)
  const fail = (fake: FakeBee) => {
    return fake.inject({ on: new RegExp(address.slice(2)), times: 1, damage: { kind: 'answer', status: 500 } })
  }
  for (const fake of fakes) fail(fake)
  await expect(append('zero', -1)).rejects.toThrow(/500/)
  expect(fakes.flatMap(({ seen }) => seen).filter(({ path }) => path.startsWith('/soc'))).toEqual([])
  fail(fakes[0])
  expect(await append('zero', -1)).toEqual({ position: 0 })
})
