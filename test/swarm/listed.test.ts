import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { createSwarmContent } from '../../gateway/store/swarm-content.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { listPath, put } from '../publish/client.ts'
import {
  errorOf,
  makeImage,
  type PushedManifest,
  pushImage,
  putManifest,
  type Registry,
  registryOver,
  send,
} from '../registry/client.ts'

// A relay gateway that was given a signed list and nothing else: it knows of manifests by what the list says.

let publisher: Registry
let relay: Registry
let node: FakeBee
let image: PushedManifest
let untagged: PushedManifest

beforeEach(async () => {
  node = await startFakeBee()
  onTestFinished(() => node.stop())
  publisher = registryOver(createMemoryStores())
  untagged = await makeImage(publisher, 'acme.eth', 1)
  expect((await putManifest(publisher, 'acme.eth', untagged.digest, untagged)).status).toBe(201)
  image = await pushImage(publisher, 'acme.eth', 'v1', 2)
  const stores = createMemoryStores()
  relay = registryOver(stores, { signerKey: null })
  const bees = [createFetchBee({ beeUrl: node.beeUrl, idleTimeoutMs: 20_000 })]
  const { clock } = relay.deps
  const { ledger } = relay.deps.swarm
  const reader = createSwarmReader(bees, relay.deps.swarm.hash)
  relay.deps.content = createSwarmContent(stores.content, { ledger, clock, noteKept: () => {}, reader })
  const { timestamp: _, hash: __, ...upload } = JSON.parse((await send(publisher, 'GET', listPath)).text)
  expect((await put(relay, JSON.stringify(upload))).status).toBe(201)
})

async function store(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text)
  const postageBatchId = `0x${node.buyBatch()}` as const
  await createFetchBee({ beeUrl: node.beeUrl }).writeBytes(bytes, bytes.byteLength, { postageBatchId })
}

const get = (tagOrDigest: string, method = 'GET') => send(relay, method, `/v2/acme.eth/manifests/${tagOrDigest}`)

test('protocol 5: a manifest that only an uploaded list names comes from Swarm, by tag and by digest', async () => {
  await store(image.text)
  for (const tagOrDigest of ['v1', 'v1', image.digest, image.digest]) {
    const { status, text, headers } = await get(tagOrDigest)
    expect([status, text]).toEqual([200, image.text])
    const named = [headers.get('docker-content-digest'), headers.get('content-type')]
    expect(named).toEqual([image.digest, image.mediaType])
  }
  expect((await get('v1', 'HEAD')).headers.get('content-length')).toBe(String(image.size))
  await node.stop()
  expect((await get('v1')).status).toBe(200)
})

test('protocol 5: listed, and neither here nor on Swarm: 503 with Retry-After, and 200 once it is there', async () => {
  for (const tagOrDigest of ['v1', image.digest]) {
    const answer = await get(tagOrDigest)
    expect(errorOf(answer, 503, 'UNKNOWN')).toContain(image.digest)
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  }
  await store(image.text)
  relay.deps.clock.advance(5)
  expect((await get('v1')).text).toBe(image.text)
})

test('protocol 5: what no list names is 404, also while every node is down', async () => {
  await store(untagged.text)
  expect((await send(publisher, 'GET', `/v2/acme.eth/manifests/${untagged.digest}`)).status).toBe(200)
  errorOf(await get(untagged.digest), 404, 'MANIFEST_UNKNOWN')
  errorOf(await get('none'), 404, 'MANIFEST_UNKNOWN')
  await node.stop()
  errorOf(await get(untagged.digest), 404, 'MANIFEST_UNKNOWN')
  errorOf(await get(image.digest), 503, 'UNKNOWN')
})

test('protocol 6: a listed manifest whose place on Swarm holds other bytes is 503, and not a byte of them', async () => {
  await store(image.text)
  const heal = node.inject({ on: /^GET \/(?:bytes|chunks)/, damage: { kind: 'flip', at: -1 } })
  errorOf(await get('v1'), 503, 'UNKNOWN')
  heal()
  relay.deps.clock.advance(5)
  expect((await get('v1')).text).toBe(image.text)
})

test('a gateway without nodes answers 503 for what only its list names', async () => {
  await store(image.text)
  expect((await get('v1')).status).toBe(200)
  const alone = registryOver({ ...relay.deps, content: createMemoryStores().content }, { signerKey: null })
  for (const method of ['GET', 'HEAD']) {
    const answer = await send(alone, method, '/v2/acme.eth/manifests/v1')
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
  }
})
