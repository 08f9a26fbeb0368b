import type { Hex } from 'viem'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Bee } from '../../gateway/bee/bee.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { openNodeDigester } from '../../gateway/node-digest.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { createPostage } from '../../gateway/postage.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { hashWhileStoring } from '../../gateway/store/swarm-ingest.ts'
import { type SwarmQueue, startSwarmQueue } from '../../gateway/swarm-queue.ts'
import { backoffSeconds } from '../../gateway/swarm-upload.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import { blobOf, errorOf, makeImage, pushBlob, pushImage, putManifest, registryOver, send } from '../registry/client.ts'
import { digestOf } from '../store/fixtures.ts'

const batchOf = (id: string): Hex => `0x${id}`
const key = { ensName: 'acme.eth', owner: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266' } as const

type Options = {
  bees?: readonly Bee[]
  batch?: Hex | null
  sync?: boolean
  stores?: ReturnType<typeof createMemoryStores>
}

/** A registry whose pushes go through a queue, as an entry puts them together. */
function open({ bees = [], batch = null, sync = false, stores = createMemoryStores() }: Options = {}) {
  const registry = registryOver(stores)
  const { deps } = registry
  const postage = createPostage(bees, batch, deps.clock)
  const uploads = bees.length > 0 ? { bees, postage, sync } : null
  const ledger = stores.swarmLedger
  const start = () =>
    startSwarmQueue({
      ...deps,
      content: stores.content,
      ledger,
      hash: testSwarmHash,
      openDigester: openNodeDigester,
      uploads,
    })
  const queue = start()
  deps.swarm.noteStored = queue.noteStored
  onTestFinished(() => queue.stop())
  const stateOf = async (digest: Digest) => (await ledger.find(digest))?.state
  return { registry, deps, stores, ledger, queue, start, stateOf, postage }
}

async function startNode(): Promise<FakeBee> {
  const node = await startFakeBee()
  onTestFinished(() => node.stop())
  return node
}

const talkTo = ({ beeUrl }: FakeBee): Bee => createFetchBee({ beeUrl, idleTimeoutMs: 20_000 })
const writesTo = (node: FakeBee) => node.seen.filter(({ method, path }) => method === 'POST' && path === '/bytes')
const logged = (deps: { logged: [string, unknown][] }, event: string) => deps.logged.filter(([said]) => said === event)

test('references of pushed blobs are computed in the background, from the stored bytes', async () => {
  const { registry, ledger, queue, stateOf } = open()
  const sizes = [0, 1, 4096, 4097, 600_000]
  const pushed: [Digest, Uint8Array][] = []
  for (const size of sizes) {
    const bytes = blobOf(size, size + 2)
    pushed.push([await pushBlob(registry, 'acme.eth', bytes), bytes])
  }
  const sha512 = blobOf(70_000, 9)
  pushed.push([await pushBlob(registry, 'acme.eth', sha512, 'sha512'), sha512])
  await queue.settle()
  for (const [digest, bytes] of pushed) {
    expect(await ledger.find(digest)).toMatchObject({
      ...{ swarmReference: swarmReferenceOf(bytes), isProven: true, size: bytes.byteLength, state: 'local' },
    })
  }
  expect(await stateOf(digestOf('never pushed'))).toBeUndefined()
})

test('what was stored before a crash and has no reference is found again by the next start', async () => {
  const first = open()
  await first.queue.settle()
  await first.queue.stop()
  const bytes = blobOf(5_000, 3)
  const digest = await pushBlob(first.registry, 'acme.eth', bytes)
  const image = await pushImage(first.registry, 'other.eth', 'v1')
  expect(await first.ledger.find(digest)).toBeUndefined()
  const next = open({ stores: first.stores })
  await next.queue.settle()
  expect(await next.ledger.find(digest)).toMatchObject({ swarmReference: swarmReferenceOf(bytes), isProven: true })
  expect(await next.ledger.withoutProvenReference(JSON.parse(image.text).layers.map(digestIn))).toEqual([])
})

const digestIn = ({ digest }: { digest: Digest }) => digest

test('stored bytes that changed get no reference: it is logged, and all others are computed', async () => {
  const { stores, deps, queue, ledger } = open()
  await queue.settle()
  const [good, bad] = [blobOf(100, 1), blobOf(100, 2)]
  const { content } = stores
  const lying = { ...content, read: async () => content.read(digestOf(good)) }
  for (const bytes of [good, bad]) {
    await content.put(digestOf(bytes), bytes)
    await stores.catalog.linkBlob(key, digestOf(bytes), 100, { now: 0, removals: 0 })
  }
  const next = startSwarmQueue({
    ...deps,
    content: lying,
    ledger,
    hash: testSwarmHash,
    openDigester: openNodeDigester,
    uploads: null,
  })
  onTestFinished(() => next.stop())
  await next.settle()
  expect(await ledger.withoutProvenReference([digestOf(good), digestOf(bad)])).toEqual([digestOf(bad)])
  expect(logged(deps, 'a Swarm reference cannot be computed')).toHaveLength(1)
})

let node: FakeBee
let batch: Hex
beforeEach(async () => {
  node = await startNode()
  batch = batchOf(node.buyBatch())
})

test('a push is acknowledged when it is stored, and all of it goes to Swarm: queued, uploaded, read back', async () => {
  const { registry, deps, ledger, queue } = open({ bees: [talkTo(node)] })
  const image = await pushImage(registry, 'acme.eth', 'v1')
  const { config, layers } = JSON.parse(image.text)
  const digests: Digest[] = [image.digest, config.digest, layers[0].digest]
  for (const row of (await ledger.findMany(digests)).values()) expect(row.state).toMatch(/queued|uploaded/)
  await queue.settle()
  for (const digest of digests) {
    expect(await ledger.find(digest)).toMatchObject({ state: 'uploaded', postageBatchId: batch, lastError: null })
  }
  expect(writesTo(node)).toHaveLength(3)
  expect(new Set(writesTo(node).map(({ headers }) => headers['swarm-redundancy-level']))).toEqual(new Set(['0']))
  deps.clock.advance(60)
  await queue.settle()
  expect(await ledger.count()).toEqual({ local: 0, queued: 0, uploaded: 0, verified: 3 })
  const { swarmReference } = (await ledger.find(image.digest))!
  expect(node.seen.some(({ method, path }) => method === 'GET' && path === `/bytes/${swarmReference?.slice(2)}`)).toBe(
    true,
  )
})

test('a node that is down holds up no push; nothing is lost, and it all arrives when the node is back', async () => {
  await node.stop()
  const { registry, deps, ledger, queue } = open({ bees: [talkTo(node)] })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  expect(await ledger.find(digest)).toMatchObject({
    ...{ state: 'queued', failures: 1, isProven: true, lastError: expect.stringContaining(node.beeUrl) },
  })
  await node.start()
  await queue.settle()
  expect(await ledger.find(digest)).toMatchObject({ state: 'queued', failures: 1 })
  deps.clock.advance(backoffSeconds(0))
  await queue.settle()
  expect(await ledger.find(digest)).toMatchObject({ state: 'uploaded', failures: 0, lastError: null })
})

test('while every node rests nothing is tried: one outage is one failure, and not one of each content', async () => {
  const { registry, deps, ledger, queue } = open({ bees: [talkTo(node)] })
  await queue.settle()
  await node.stop()
  for (let seed = 1; seed <= 12; seed++) {
    await pushBlob(registry, 'acme.eth', blobOf(10, seed))
    await queue.settle()
  }
  const failed = (await ledger.listDue('queued', Number.MAX_SAFE_INTEGER, 99)).filter(({ failures }) => failures > 0)
  expect(failed).toHaveLength(1)
  await node.start()
  deps.clock.advance(60)
  await queue.settle()
  expect(await ledger.count()).toMatchObject({ queued: 0, uploaded: 12 })
})

test('a queue that was cut off goes on where it stood', async () => {
  await node.stop()
  const first = open({ bees: [talkTo(node)] })
  const image = await pushImage(first.registry, 'acme.eth', 'v1')
  await first.queue.stop()
  expect((await first.ledger.count()).queued).toBe(3)
  await node.start()
  const next = open({ bees: [talkTo(node)], stores: first.stores })
  next.deps.clock.advance(3600)
  await next.queue.settle()
  expect(await next.stateOf(image.digest)).toBe('uploaded')
  expect((await next.ledger.count()).queued).toBe(0)
})

test('what was pushed while there was no node is queued by the first start that has one', async () => {
  const first = open()
  const image = await pushImage(first.registry, 'acme.eth', 'v1')
  await first.queue.settle()
  await first.queue.stop()
  expect(await first.stateOf(image.digest)).toBe('local')
  const next = open({ bees: [talkTo(node)], stores: first.stores })
  await next.queue.settle()
  expect(await next.ledger.count()).toEqual({ local: 0, queued: 0, uploaded: 3, verified: 0 })
})

test('a node that answers another reference is an error that names redundancy, and nothing counts as uploaded', async () => {
  const reference = 'ab'.repeat(32)
  const heal = node.inject({ on: /^POST \/bytes/, damage: answerOf(201, JSON.stringify({ reference })) })
  const { registry, deps, ledger, queue, stateOf } = open({ bees: [talkTo(node)] })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  const { state, lastError } = (await ledger.find(digest))!
  expect(state).toBe('queued')
  expect(lastError).toContain(reference)
  expect(lastError).toContain('redundancy')
  heal()
  deps.clock.advance(3600)
  await queue.settle()
  expect(await stateOf(digest)).toBe('uploaded')
})

const answerOf = (status: number, body: string) =>
  ({ kind: 'answer', status, body, headers: { 'content-type': 'application/json' } }) as const

test('the second node takes what the first one does not', async () => {
  const second = await startNode()
  const secondBatch = batchOf(second.buyBatch())
  await node.stop()
  const { registry, ledger, queue } = open({ bees: [talkTo(node), talkTo(second)] })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  expect(await ledger.find(digest)).toMatchObject({ state: 'uploaded', postageBatchId: secondBatch })
})

test('an expired, unknown or full batch is refused before bytes move, and the error says which and what to do', async () => {
  const bee = talkTo(node)
  const full: Bee = {
    ...bee,
    listPostageBatches: async () => (await bee.listPostageBatches()).map((each) => ({ ...each, fullness: 1 })),
  }
  const none: Bee = { ...bee, listPostageBatches: async () => [] }
  const cases: [Bee, Hex | null, RegExp][] = [
    [bee, `0x${'77'.repeat(32)}`, /has no postage batch 0x7777/],
    [full, batch, /is full at depth 20: dilute/],
    [full, null, /all are full: dilute one/],
    [none, null, /no usable postage batch of 0: buy one/],
  ]
  for (const [asked, wanted, message] of cases) {
    const { registry, ledger, queue } = open({ bees: [asked], batch: wanted })
    const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
    await queue.settle()
    expect(await ledger.find(digest)).toMatchObject({ state: 'queued', lastError: expect.stringMatching(message) })
  }
  expect(writesTo(node)).toEqual([])
  const { registry, queue, stateOf } = open({ bees: [bee], batch })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  expect(await stateOf(digest)).toBe('uploaded')
})

test('of several usable batches the one that lasts longest pays', async () => {
  const bee = talkTo(node)
  const longer = batchOf(node.buyBatch())
  const listPostageBatches = async () =>
    (await bee.listPostageBatches()).map((each) => ({
      ...each,
      remainingSeconds: each.postageBatchId === longer ? 9_000 : 4_000,
    }))
  const { deps, postage } = open({ bees: [{ ...bee, listPostageBatches }] })
  await postage.refresh()
  expect(postage.find(longer)).toMatchObject({ remainingSeconds: 9_000, isUsable: true, beeUrl: node.beeUrl })
  expect(await postage.choose({ ...bee, listPostageBatches })).toBe(longer)
  deps.clock.advance(8_999)
  expect(postage.find(longer)).toMatchObject({ remainingSeconds: 1, isUsable: true })
  deps.clock.advance(1)
  expect(postage.find(longer)).toMatchObject({ remainingSeconds: 0, isUsable: false })
  expect(postage.find(`0x${'77'.repeat(32)}`)).toBeUndefined()
})

test('content that does not come back right stays unverified, and after five readings it is uploaded once more', async () => {
  const { registry, deps, ledger, queue } = open({ bees: [talkTo(node)] })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  const heal = node.inject({ on: /^GET \/bytes/, damage: { kind: 'flip', at: 100 } })
  for (let reading = 1; reading < 5; reading++) {
    deps.clock.advance(3600)
    await queue.settle()
    const { state, failures, lastError } = (await ledger.find(digest))!
    expect([state, failures]).toEqual(['uploaded', reading])
    expect(lastError).toContain('other bytes')
  }
  const before = writesTo(node).length
  deps.clock.advance(3600)
  await queue.settle()
  heal()
  deps.clock.advance(3600)
  await queue.settle()
  deps.clock.advance(3600)
  await queue.settle()
  expect(writesTo(node)).toHaveLength(before + 1)
  expect(await ledger.find(digest)).toMatchObject({ state: 'verified', failures: 0, lastError: null })
})

test('content that was collected before its upload waits no more', async () => {
  await node.stop()
  const { registry, stores, deps, queue, stateOf } = open({ bees: [talkTo(node)] })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  await queue.settle()
  await stores.catalog.unlinkBlob(key, digest)
  await stores.content.remove(digest)
  await node.start()
  deps.clock.advance(3600)
  await queue.settle()
  expect(await stateOf(digest)).toBe('local')
})

test('--swarm-sync: a push is acknowledged when it and all that it names are on Swarm', async () => {
  const { registry, ledger, stateOf } = open({ bees: [talkTo(node)], sync: true })
  const digest = await pushBlob(registry, 'acme.eth', blobOf(9_000))
  expect(await stateOf(digest)).toBe('uploaded')
  await pushImage(registry, 'acme.eth', 'v1')
  expect(await ledger.count()).toEqual({ local: 0, queued: 0, uploaded: 4, verified: 0 })
})

test('--swarm-sync: hashed while it is stored, a blob is read once, to be sent, and its reference stands when it is acknowledged', async () => {
  const stores = createMemoryStores()
  const reads: Digest[] = []
  const read: typeof stores.content.read = (digest, range) => {
    reads.push(digest)
    return stores.content.read(digest, range)
  }
  const { registry, deps, ledger } = open({
    bees: [talkTo(node)],
    sync: true,
    stores: { ...stores, content: { ...stores.content, read } },
  })
  deps.content = hashWhileStoring(stores.content, { ledger, hash: testSwarmHash, pause: deps.pause })
  const bytes = blobOf(700_000)
  const digest = await pushBlob(registry, 'acme.eth', bytes)
  const row = { swarmReference: swarmReferenceOf(bytes), isProven: true, state: 'uploaded' }
  expect(await ledger.find(digest)).toMatchObject(row)
  expect(reads).toEqual([digest])
})

test('--swarm-sync: what cannot be put on Swarm is 503 with Retry-After, no tag moves, and the push may be sent again', async () => {
  const { registry, ledger } = open({ bees: [talkTo(node)], sync: true })
  const image = await makeImage(registry, 'acme.eth')
  await node.stop()
  const bytes = blobOf(5_000, 7)
  const path = `/v2/acme.eth/blobs/uploads/?digest=${digestOf(bytes)}`
  const refusedBlob = await send(registry, 'POST', path, { body: bytes })
  expect(errorOf(refusedBlob, 503, 'UNKNOWN')).toContain(`push not acknowledged: ${digestOf(bytes)} is not on Swarm`)
  expect(refusedBlob.headers.get('retry-after')).toMatch(/^\d+$/)
  const refused = await putManifest(registry, 'acme.eth', 'v1', image)
  expect(errorOf(refused, 503, 'UNKNOWN')).toContain(node.beeUrl)
  expect((await send(registry, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(404)
  await node.start()
  expect((await putManifest(registry, 'acme.eth', 'v1', image)).status).toBe(201)
  expect(await ledger.find(image.digest)).toMatchObject({ state: 'uploaded', postageBatchId: batch })
})

test('lookups are answered while a large blob is hashed: the queue lets others run', async () => {
  const { registry, stores, deps, queue } = open()
  await queue.settle()
  const bytes = blobOf(4 * 1024 * 1024, 5)
  await stores.content.put(digestOf(bytes), bytes)
  await stores.catalog.linkBlob(key, digestOf(bytes), bytes.byteLength, { now: 0, removals: 0 })
  let pauses = 0
  const pause = async () => void pauses++
  const ledger = stores.swarmLedger
  const next: SwarmQueue = startSwarmQueue({
    ...deps,
    pause,
    ledger,
    hash: testSwarmHash,
    openDigester: openNodeDigester,
    uploads: null,
  })
  onTestFinished(() => next.stop())
  await next.settle()
  expect(await ledger.find(digestOf(bytes))).toMatchObject({ isProven: true })
  expect(pauses).toBeGreaterThanOrEqual(16)
  expect((await send(registry, 'GET', '/v2/')).status).toBe(200)
})
