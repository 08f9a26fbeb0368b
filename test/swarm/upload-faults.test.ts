import type { Hex } from 'viem'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { openNodeDigester } from '../../gateway/node-digest.ts'
import { createPostage } from '../../gateway/postage.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { startSwarmQueue } from '../../gateway/swarm-queue.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import { blobOf, pushBlob, registryOver, send } from '../registry/client.ts'
import { digestOf } from '../store/fixtures.ts'

// The rows of docs/swarm.md, "When nodes fail", that are about uploading: pushes are acknowledged, and nothing is lost.

let node: FakeBee
let batch: Hex
beforeEach(async () => {
  node = await startFakeBee()
  onTestFinished(() => node.stop())
  batch = `0x${node.buyBatch()}`
})

function open(beeUrls: readonly string[] = [node.beeUrl]) {
  const stores = createMemoryStores()
  const registry = registryOver(stores)
  const { deps } = registry
  const bees = beeUrls.map((beeUrl) => createFetchBee({ beeUrl, idleTimeoutMs: 500 }))
  const uploads = { bees, postage: createPostage(bees, null, deps.clock), sync: false }
  const { content, swarmLedger: ledger } = stores
  const queue = startSwarmQueue({
    ...deps,
    content,
    ledger,
    hash: testSwarmHash,
    openDigester: openNodeDigester,
    uploads,
  })
  deps.swarm.noteStored = queue.noteStored
  onTestFinished(() => queue.stop())
  const tryAgain = async (seconds = 3600) => {
    deps.clock.advance(seconds)
    await queue.settle()
  }
  return { registry, ledger, queue, tryAgain }
}

const json = { 'Content-Type': 'application/json' }
const says = (status: number, message: string) => {
  return { kind: 'answer', status, headers: json, body: JSON.stringify({ code: status, message }) } as const
}
const writes = () => node.seen.filter(({ method, path }) => method === 'POST' && path === '/bytes').length
const bytes = blobOf(300_000)
const digest = digestOf(bytes)

const passing: readonly [row: string, damage: Parameters<FakeBee['inject']>[0]['damage'], words: string][] = [
  ['fault 1: a connection that ends', { kind: 'reset' }, '/bytes: '],
  ['fault 2: no answer', { kind: 'silence' }, 'next to nothing came within 500 ms'],
  ['fault 6: HTML with 200', { ...says(200, ''), headers: { 'Content-Type': 'text/html' } }, 'text/html'],
  ['fault 6: a redirect', { kind: 'answer', status: 302, headers: { Location: 'http://127.0.0.1:9/' } }, '302'],
  ['fault 7: 402, a full bucket', says(402, 'batch is overissued'), '402 "batch is overissued"'],
  ['fault 8: 422, a batch that is too new', says(422, 'batch not usable yet or does not exist'), '422'],
  ['fault 8: 400 invalid batch id', says(400, 'invalid batch id'), '400 "invalid batch id"'],
  ['fault 8: 404 batch with id not found', says(404, 'batch with id not found'), '404'],
  ['fault 10: 429', says(429, 'too many requests'), '429'],
  ['fault 10: 503 while syncing', says(503, 'syncing in progress'), '503 "syncing in progress"'],
]

test.each(passing)(
  '%s: the push stands, it waits with the reason, and goes up later with the same batch',
  async (...row) => {
    const [, damage, words] = row
    const heal = node.inject({ on: /^POST \/bytes/, damage })
    const { registry, ledger, queue, tryAgain } = open()
    await pushBlob(registry, 'acme.eth', bytes)
    await queue.settle()
    const waiting = await ledger.find(digest)
    expect(waiting).toMatchObject({ state: 'queued', failures: 1, lastError: expect.stringContaining(words) })
    expect(digestOf((await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)).bytes)).toBe(digest)
    const before = writes()
    await queue.settle()
    expect(writes()).toBe(before)
    heal()
    await tryAgain()
    const there = { state: 'uploaded', postageBatchId: batch, failures: 0, lastError: null }
    expect(await ledger.find(digest)).toMatchObject(there)
    expect(node.chunks.has(swarmReferenceOf(bytes).slice(2))).toBe(true)
  },
)

test('fault 1: a host without an address is a node that is down: the next one takes it, and alone it is waited for', async () => {
  const lost = `http://${'a'.repeat(64)}.invalid:1633`
  const both = open([lost, node.beeUrl])
  await pushBlob(both.registry, 'acme.eth', bytes)
  await both.queue.settle()
  expect(await both.ledger.find(digest)).toMatchObject({ state: 'uploaded' })
  const alone = open([lost])
  await pushBlob(alone.registry, 'acme.eth', bytes)
  await alone.queue.settle()
  expect(await alone.ledger.find(digest)).toMatchObject({ state: 'queued', lastError: expect.stringContaining(lost) })
})

test('fault 7, hard test 6: a batch that fills up in the middle, then diluted: nothing is sent twice, shared content costs no slot', async () => {
  const { registry, ledger, queue, tryAgain } = open()
  const contents = Array.from({ length: 6 }, (_, at) => blobOf(20_000, at + 1))
  const [base] = contents as [Uint8Array]
  await pushBlob(registry, 'acme.eth', base)
  await queue.settle()
  const stamped = node.postage.batches.get(batch.slice(2))
  const slots = () => [...(stamped?.buckets.values() ?? [])].reduce((sum, used) => sum + used, 0)
  const used = slots()
  await pushBlob(registry, 'other.eth', base)
  await queue.settle()
  expect(slots()).toBe(used)
  for (let bucket = 0; bucket < 65_536; bucket++) stamped?.buckets.set(bucket, 16)
  for (const each of contents) await pushBlob(registry, 'acme.eth', each)
  await queue.settle()
  expect(await ledger.count()).toMatchObject({ queued: 5 })
  const full = (await ledger.listDue('queued', Number.MAX_SAFE_INTEGER, 9)).map(({ lastError }) => lastError)
  expect(full.some((error) => /402|is full at depth 20: dilute|all are full: dilute/.test(error ?? ''))).toBe(true)
  if (stamped) stamped.depth = 21
  node.seen.length = 0
  await tryAgain()
  await tryAgain()
  expect(await ledger.count()).toMatchObject({ queued: 0 })
  expect(writes()).toBe(5)
})

test.each([
  ['a node from 2.8.1 on behind a proxy that drops the header', true],
  ['a node from 2.8.1 on that is asked for level 0', false],
])('fault 12, hard test 1: %s', async (_what, dropsLevel) => {
  const adding = await startFakeBee({ version: '2.8.1', dropsLevel })
  onTestFinished(() => adding.stop())
  adding.buyBatch()
  const { registry, ledger, queue } = open([adding.beeUrl])
  await pushBlob(registry, 'acme.eth', bytes)
  await queue.settle()
  const row = await ledger.find(digest)
  if (!dropsLevel) return expect(row).toMatchObject({ state: 'uploaded', swarmReference: swarmReferenceOf(bytes) })
  expect(row).toMatchObject({ state: 'queued', swarmReference: swarmReferenceOf(bytes), postageBatchId: null })
  expect(row?.lastError).toContain('adds redundancy or encryption although level 0 was asked for')
})
