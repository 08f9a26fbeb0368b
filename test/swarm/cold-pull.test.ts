import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { openNodeDigester } from '../../gateway/node-digest.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { createPostage } from '../../gateway/postage.ts'
import { createMemoryContent, createMemoryStores } from '../../gateway/store/memory.ts'
import { createSwarmContent } from '../../gateway/store/swarm-content.ts'
import { startSwarmQueue } from '../../gateway/swarm-queue.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { type TestClock, testSwarmHash } from '../fixtures.ts'
import {
  blobOf,
  configType,
  describeManifest,
  errorOf,
  imageType,
  layerType,
  pushBlob,
  putManifest,
  type Registry,
  registryOver,
  send,
} from '../registry/client.ts'
import { digestOf } from '../store/fixtures.ts'

const layer = blobOf(5 * 1024 * 1024 + 123, 4)
let node: FakeBee
let cold: Registry
let image: Digest
let clock: TestClock

/** A gateway pushes an image and puts it on Swarm; another one has its database and not a byte of content. */
beforeEach(async () => {
  node = await startFakeBee()
  onTestFinished(() => node.stop())
  node.buyBatch()
  const bees = [createFetchBee({ beeUrl: node.beeUrl, idleTimeoutMs: 20_000 })]
  const stores = createMemoryStores()
  const first = registryOver(stores)
  const uploads = { bees, postage: createPostage(bees, null, first.deps.clock), sync: true }
  const { content, swarmLedger: ledger } = stores
  const queue = startSwarmQueue({
    ...first.deps,
    content,
    ledger,
    hash: testSwarmHash,
    openDigester: openNodeDigester,
    uploads,
  })
  onTestFinished(() => queue.stop())
  first.deps.swarm.noteStored = queue.noteStored
  image = await pushLargeImage(first)
  clock = first.deps.clock
  const source = { ledger, clock, noteKept: queue.noteKept, reader: createSwarmReader(bees, testSwarmHash) }
  cold = registryOver({ ...stores, content: createSwarmContent(createMemoryContent(), source) })
})

async function pushLargeImage(registry: Registry): Promise<Digest> {
  const config = new TextEncoder().encode('{}')
  const described = await describeManifest({
    ...{ schemaVersion: 2, mediaType: imageType },
    config: { mediaType: configType, digest: await pushBlob(registry, 'acme.eth', config), size: config.byteLength },
    layers: [{ mediaType: layerType, digest: await pushBlob(registry, 'acme.eth', layer), size: layer.byteLength }],
  })
  expect((await putManifest(registry, 'acme.eth', 'v1', described)).status).toBe(201)
  return described.digest
}

const get = (path: string, headers: Record<string, string> = {}) =>
  send(cold, 'GET', `/v2/acme.eth/${path}`, { headers })
const layerPath = `blobs/${digestOf(layer)}`

test('a cold pull: tag, manifest and layer come from Swarm, byte for byte, and from here the next time', async () => {
  const manifest = await get('manifests/v1')
  expect([manifest.status, digestOf(manifest.bytes)]).toEqual([200, image])
  const blob = await get(layerPath)
  expect([blob.status, digestOf(blob.bytes)]).toEqual([200, digestOf(layer)])
  await node.stop()
  expect((await get('manifests/v1')).status).toBe(200)
  expect(digestOf((await get(layerPath)).bytes)).toBe(digestOf(layer))
})

test('ranges and HEAD of content that is on Swarm alone', async () => {
  const head = await send(cold, 'HEAD', `/v2/acme.eth/${layerPath}`)
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer.byteLength)])
  const part = await get(layerPath, { range: 'bytes=524280-524300' })
  expect([part.status, part.bytes]).toEqual([206, layer.slice(524_280, 524_301)])
  const tail = await get(layerPath, { range: 'bytes=-3' })
  expect([tail.status, tail.bytes]).toEqual([206, layer.slice(-3)])
})

test('protocol 5: what the list names and Swarm cannot deliver is 503 with Retry-After, never 404', async () => {
  expect((await get('manifests/v1')).status).toBe(200)
  await node.stop()
  const answer = await get(layerPath)
  expect(errorOf(answer, 503, 'UNKNOWN')).toContain(`${digestOf(layer)} cannot be had from Swarm right now`)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
})

test('protocol 5: a manifest that cannot be had is 503 too', async () => {
  node.chunks.clear()
  const answer = await get('manifests/v1')
  errorOf(answer, 503, 'UNKNOWN')
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
})

test('protocol 6: a flipped bit never comes out whole, and is not kept', async () => {
  const heal = node.inject({ on: /^GET \/(bytes|chunks)/, damage: { kind: 'flip', at: -1 } })
  const url = `http://gateway.test/v2/acme.eth/${layerPath}`
  const response = await cold.fetch(new Request(url))
  const seen = response.status === 200 ? response.arrayBuffer() : Promise.reject(new Error(`${response.status}`))
  await expect(seen).rejects.toThrow()
  heal()
  clock.advance(5)
  const blob = await get(layerPath)
  expect([blob.status, digestOf(blob.bytes)]).toEqual([200, digestOf(layer)])
})
