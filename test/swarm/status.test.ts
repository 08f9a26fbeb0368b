import type { Hex } from 'viem'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Bee } from '../../gateway/bee/bee.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { openNodeDigester } from '../../gateway/node-digest.ts'
import { createPostage } from '../../gateway/postage.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { type SwarmQueue, startSwarmQueue } from '../../gateway/swarm-queue.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import {
  errorOf,
  makeImage,
  publicGateway,
  pushImage,
  putManifest,
  type Registry,
  registryOver,
  send,
} from '../registry/client.ts'

const day = 86_400

let node: FakeBee
let batch: Hex
let registry: Registry
let queue: SwarmQueue
let stores: ReturnType<typeof createMemoryStores>

/** A publishing gateway with one node, whose batch lasts 100 days. */
beforeEach(async () => {
  node = await startFakeBee()
  onTestFinished(() => node.stop())
  batch = `0x${node.buyBatch()}`
  const bee = createFetchBee({ beeUrl: node.beeUrl, idleTimeoutMs: 20_000 })
  const lasting: Bee = {
    ...bee,
    listPostageBatches: async () =>
      (await bee.listPostageBatches()).map((each) => ({ ...each, remainingSeconds: 100 * day })),
  }
  stores = createMemoryStores()
  registry = registryOver(stores)
  const { deps } = registry
  const postage = createPostage([lasting], null, deps.clock)
  const { content, swarmLedger: ledger } = stores
  const uploads = { bees: [lasting], postage, sync: false }
  queue = startSwarmQueue({ ...deps, content, ledger, hash: testSwarmHash, openDigester: openNodeDigester, uploads })
  onTestFinished(() => queue.stop())
  Object.assign(deps.swarm, { noteStored: queue.noteStored, postage })
})

async function readStatus(of: Registry = registry, query = '') {
  const answer = await send(of, 'GET', `/v2/acme.eth/_mooring/status${query}`)
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  return { ...JSON.parse(answer.text), link: answer.headers.get('link') }
}

test('protocol 5 status: per tag what is stored, how far it is on its way, and for how long that is paid', async () => {
  errorOf(await send(registry, 'GET', '/v2/acme.eth/_mooring/status'), 404, 'NAME_UNKNOWN')
  const { digest, size, text } = await pushImage(registry, 'acme.eth', 'v1')
  await queue.settle()
  const uploaded = await readStatus()
  expect(uploaded).toEqual({
    ...{
      name: 'acme.eth',
      ok: true,
      version: 1,
      listHash: expect.stringMatching(/^0x/),
      problems: [],
      link: null,
      swarm: null,
    },
    tags: [
      {
        ...{ tag: 'v1', digest, size, swarmReference: swarmReferenceOf(text), stored: true, manifest: 'uploaded' },
        ...{ published: true, staged: null },
        ...{ swarm: { local: 0, queued: 0, uploaded: 3, verified: 0 }, missing: 0, failing: 0 },
        postage: [{ postageBatchId: batch, remainingSeconds: 100 * day }],
      },
    ],
  })
  registry.deps.clock.advance(day)
  await queue.settle()
  const { tags } = await readStatus()
  expect(tags[0]).toMatchObject({ manifest: 'verified', swarm: { uploaded: 0, verified: 3 } })
})

test('status counts what an index names, down to the last layer, and each content once', async () => {
  const images = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
  for (const image of images) await putManifest(registry, 'acme.eth', image.digest, image)
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const manifests = images.map(({ digest, size, mediaType: type }) => ({ mediaType: type, digest, size }))
  const text = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [...manifests, ...manifests] })
  expect((await putManifest(registry, 'acme.eth', 'both', { text, mediaType })).status).toBe(201)
  await queue.settle()
  expect((await readStatus()).tags[0].swarm).toEqual({ local: 0, queued: 0, uploaded: 7, verified: 0 })
})

test('status pages: at most n tags, and where the next ones are', async () => {
  for (const tag of ['a', 'b', 'c']) await pushImage(registry, 'acme.eth', tag)
  const first = await readStatus(registry, '?n=2')
  expect(first.tags.map(({ tag }: { tag: string }) => tag)).toEqual(['a', 'b'])
  expect(first.link).toBe('</v2/acme.eth/_mooring/status?n=2&last=b>; rel="next"')
  const second = await readStatus(registry, '?n=2&last=b')
  expect([second.tags.map(({ tag }: { tag: string }) => tag), second.link]).toEqual([['c'], null])
})

test('postage: below 7 days it needs a person, and when it is over', async () => {
  await pushImage(registry, 'acme.eth', 'v1')
  await queue.settle()
  registry.deps.clock.advance(93 * day)
  expect(await readStatus()).toMatchObject({ ok: true, problems: [] })
  registry.deps.clock.advance(1)
  const { ok, problems } = await readStatus()
  expect([ok, problems]).toEqual([
    false,
    [{ reason: 'PostageExpires', tag: 'v1', detail: `postage batch ${batch} ends in ${7 * day - 1} s` }],
  ])
  registry.deps.clock.advance(8 * day)
  expect((await readStatus()).problems[0].detail).toBe(`postage batch ${batch} has expired`)
})

test('distribution-spec "Warnings": a manifest whose postage ends within 30 days carries one, every time', async () => {
  const { digest } = await pushImage(registry, 'acme.eth', 'v1')
  await queue.settle()
  const warningOf = async (tagOrDigest: string) =>
    (await send(registry, 'GET', `/v2/acme.eth/manifests/${tagOrDigest}`)).headers.get('warning')
  for (const tagOrDigest of ['v1', digest]) expect(await warningOf(tagOrDigest)).toBeNull()
  registry.deps.clock.advance(70 * day)
  for (const tagOrDigest of ['v1', digest]) expect(await warningOf(tagOrDigest)).toBeNull()
  registry.deps.clock.advance(61)
  const expected = `299 - "the postage of ${digest} on Swarm expires in 29 days"`
  for (const tagOrDigest of ['v1', 'v1', digest, digest]) expect(await warningOf(tagOrDigest)).toBe(expected)
})

test('uploads that fail again and again need a person; only who may push hears what the nodes say', async () => {
  await node.stop()
  await pushImage(registry, 'acme.eth', 'v1')
  await queue.settle()
  expect(await readStatus()).toMatchObject({ ok: true })
  for (let tries = 0; tries < 12; tries++) {
    registry.deps.clock.advance(3600)
    await queue.settle()
  }
  const { ok, problems } = await readStatus()
  expect(ok).toBe(false)
  expect(problems[0]).toMatchObject({
    reason: 'UploadFailing',
    tag: 'v1',
    detail: expect.stringContaining(node.beeUrl),
  })
  const publicly = await readStatus(publicGateway(registry))
  expect(publicly.problems).toEqual([{ reason: 'UploadFailing', tag: 'v1', detail: 'uploads fail' }])
})

test('what the list names and is neither here nor on Swarm needs a person; what is on Swarm does not', async () => {
  await node.stop()
  const { text } = await pushImage(registry, 'acme.eth', 'v1')
  const [layer] = JSON.parse(text).layers
  await queue.settle()
  expect((await readStatus()).problems).toEqual([])
  await stores.content.remove(layer.digest)
  const detail = `${layer.digest} is neither here nor known to be on Swarm`
  const lost = await readStatus()
  expect([lost.ok, lost.problems]).toEqual([false, [{ reason: 'ContentMissing', tag: 'v1', detail }]])
  expect(lost.tags[0]).toMatchObject({ stored: false, missing: 1 })
  await stores.swarmLedger.enqueue([layer])
  await stores.swarmLedger.markUploaded(layer.digest, batch, 0)
  const { problems, tags } = await readStatus()
  expect([problems, tags[0].stored, tags[0].missing]).toEqual([[], false, 0])
})
