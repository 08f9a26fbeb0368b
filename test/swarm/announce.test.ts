import { type Hex, toHex } from 'viem'
import { beforeEach, expect, test } from 'vitest'
import { type Bee, BeeError } from '../../gateway/bee/bee.ts'
import { readContentIndex, readWhole } from '../../gateway/bee/read-whole.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { feedAddress } from '../../gateway/swarm/feed.ts'
import type { FakeBee } from '../bee/fake-bee.ts'
import { addressOf, swarmReferenceOf, testKeys } from '../fixtures.ts'
import {
  blobOf,
  bytesOf,
  describeManifest,
  imageType,
  publicGateway,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'
import { openAnnouncing, readAnnounced, sourceOf, startNode, talkTo, topic } from './announced.ts'

const owner = addressOf(testKeys.owner)

let node: FakeBee
let bee: Bee
beforeEach(async () => {
  node = await startNode()
  bee = talkTo(node)
})

const socWrites = ({ seen }: FakeBee) =>
  seen.filter(({ method, path }) => method === 'POST' && path.startsWith('/soc/'))
const saidOf = ({ logged }: { logged: [string, unknown][] }, event: string) =>
  logged.filter(([said]) => said === event).map(([, fields]) => fields as Record<string, unknown>)

async function readList(registry: Registry) {
  const { text } = await send(registry, 'GET', '/v2/acme.eth/_mooring/list')
  return { text, ...(JSON.parse(text) as { list: { version: number }; hash: Hex }) }
}

async function readStatus(registry: Registry) {
  return JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/status')).text)
}

test('protocol 6: after a publish the list and the content index are on Swarm, and update 0 of the feed of its key points to them', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  const image = await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  const [update, ...more] = await readAnnounced(sourceOf(bee))
  const { text, hash } = await readList(registry)
  expect([more, update]).toEqual([[], expect.objectContaining({ position: 0, epoch: 0n, version: 1n, listHash: hash })])
  expect(update?.body).toBe(text)
  const rows = []
  for await (const shard of readContentIndex(sourceOf(bee), update!.indexReference)) rows.push(...shard)
  const { config, layers } = JSON.parse(image.text)
  const manifestRow = { digest: image.digest, size: image.size, mediaType: imageType }
  const expected = [manifestRow, ...[config, ...layers].map(({ digest, size }) => ({ digest, size }))]
  expect(rows.map(({ swarmReference, ...row }) => row).sort(byDigest)).toEqual(expected.sort(byDigest))
  expect(rows.find(({ digest }) => digest === image.digest)?.swarmReference).toBe(swarmReferenceOf(image.text))
  const [said] = saidOf(deps, 'a feed points to the list')
  const payload = await readWhole(sourceOf(bee), said?.payloadReference as Hex, 4096)
  expect(said).toMatchObject({ name: 'acme.eth', version: 1, feed: owner, position: 0 })
  expect(swarmReferenceOf(payload)).toBe(said?.payloadReference)
  expect(new TextDecoder().decode(payload.subarray(0, 4))).toBe('MOOR')
})

const byDigest = (one: { digest: string }, other: { digest: string }) => (one.digest < other.digest ? -1 : 1)

test('protocol 5 status: which reference recovers the list, and which update points to it; later that it was read back', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  const { hash, text } = await readList(registry)
  const { swarm, ok } = await readStatus(registry)
  expect([ok, swarm]).toMatchObject([
    true,
    { version: 1, listHash: hash, listReference: swarmReferenceOf(text), verified: false, error: null },
  ])
  expect(swarm.feed).toEqual({ owner, position: 0 })
  expect(swarm.payloadReference).toBe(saidOf(deps, 'a list is on Swarm')[0]?.payloadReference)
  deps.clock.advance(60)
  await settle()
  expect((await readStatus(registry)).swarm).toEqual({ ...swarm, verified: true })
})

test('a later list supersedes those that could not be announced, and each update after it goes one position on', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  await settle()
  await node.stop()
  for (const tag of ['v1', 'v2', 'v3']) await pushImage(registry, 'acme.eth', tag)
  await settle()
  expect((await readStatus(registry)).swarm).toMatchObject({ version: null, feed: { owner, position: null } })
  await node.start()
  deps.clock.advance(400)
  await settle()
  for (const tag of ['v4', 'v5']) {
    await pushImage(registry, 'acme.eth', tag)
    await settle()
  }
  const announced = await readAnnounced(sourceOf(bee))
  expect(announced.map(({ position, version }) => [position, version])).toEqual([
    [0, 3n],
    [1, 4n],
    [2, 5n],
  ])
})

test('the feed waits until what the index names is on Swarm, but not for ever for what no node takes', async () => {
  let takes = false
  const picky: Bee = {
    ...bee,
    writeBytes: async (body, size, options) => {
      if (size === 300 && !takes) throw new BeeError('refused', 'no layers here')
      return bee.writeBytes(body, size, options)
    },
  }
  const { registry, deps, stores, settle } = openAnnouncing({ bees: [picky] })
  const { digest, text } = await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  expect((await stores.swarmLedger.find(digest))?.state).toBe('uploaded')
  expect([await readAnnounced(sourceOf(bee)), saidOf(deps, 'a list is not announced')]).toEqual([[], []])
  takes = true
  deps.clock.advance(60)
  await settle()
  expect(await readAnnounced(sourceOf(bee))).toHaveLength(1)
  takes = false
  const layer = { ...JSON.parse(text).layers[0], digest: await pushBlob(registry, 'acme.eth', blobOf(300, 7)) }
  await pushImage(registry, 'acme.eth', 'v2', 2, { layers: [layer] })
  deps.clock.advance(500)
  await settle()
  expect(await readAnnounced(sourceOf(bee))).toHaveLength(1)
  deps.clock.advance(600)
  await settle()
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n, 2n])
})

test('a referrer is pushed and no list changes: the same version is announced again with an index that has it', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  const image = await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  const { mediaType, digest, size } = image
  const config = { mediaType: 'application/json', digest: await pushBlob(registry, 'acme.eth', bytesOf('{}')), size: 2 }
  const subject = { mediaType, digest, size }
  const referrer = await describeManifest({ schemaVersion: 2, mediaType, config, layers: [], subject })
  expect((await putManifest(registry, 'acme.eth', referrer.digest, referrer)).status).toBe(201)
  await settle()
  expect(await readAnnounced(sourceOf(bee))).toHaveLength(1)
  deps.clock.advance(30)
  await settle()
  const [first, second] = await readAnnounced(sourceOf(bee))
  expect([second?.version, second?.listReference]).toEqual([1n, first?.listReference])
  const rows = []
  for await (const shard of readContentIndex(sourceOf(bee), second!.indexReference)) rows.push(...shard)
  expect(rows.map(({ digest }) => digest)).toContain(referrer.digest)
})

test('a relay gateway writes no feed and says so; its list is found by the reference of the payload', async () => {
  const publishing = openAnnouncing({ bees: [bee] })
  await pushImage(publishing.registry, 'acme.eth', 'v1')
  await publishing.stop()
  const { registry, deps, settle } = openAnnouncing({ bees: [bee], stores: publishing.stores, signerKey: null })
  await settle()
  expect(socWrites(node)).toEqual([])
  const [said] = saidOf(deps, 'a list is on Swarm')
  expect(said?.feed).toBe("none: this gateway holds no publisher's key of acme.eth")
  expect(await readWhole(sourceOf(bee), said?.payloadReference as Hex, 4096)).toHaveLength(117)
  expect((await readStatus(registry)).swarm).toMatchObject({ version: 1, feed: null, error: null })
})

test('a development node takes no feed: it is said with the reference that recovers, and the next version goes up all the same', async () => {
  const dev = await startNode({ mode: 'dev' })
  const { registry, deps, settle } = openAnnouncing({ bees: [talkTo(dev)] })
  for (const [version, tag] of ['v1', 'v2'].entries()) {
    await pushImage(registry, 'acme.eth', tag)
    await settle()
    const { swarm, ok } = await readStatus(registry)
    expect([ok, swarm.version, swarm.feed.position]).toEqual([true, version + 1, null])
    expect(swarm.error).toContain('501')
    expect(swarm.error).toContain(`mooring recover acme.eth --list ${swarm.payloadReference}`)
    expect(await readWhole(sourceOf(talkTo(dev)), swarm.payloadReference, 4096)).toHaveLength(117)
  }
  expect(saidOf(deps, 'a list is not announced')).toHaveLength(2)
})

test('of two nodes the one that takes the feed writes it', async () => {
  const dev = await startNode({ mode: 'dev' })
  const { registry, settle } = openAnnouncing({ bees: [talkTo(dev), bee] })
  await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  expect((await readStatus(registry)).swarm).toMatchObject({ feed: { owner, position: 0 }, error: null })
  expect(await readAnnounced(sourceOf(talkTo(dev), bee))).toHaveLength(1)
})

/** A gateway that lost all it knew of the feed, over the lists of another. */
async function afterForgetting(known: ReturnType<typeof openAnnouncing>) {
  await known.settle()
  await known.stop()
  const { announcements } = createMemoryStores()
  return openAnnouncing({ bees: [bee], stores: { ...known.stores, announcements } })
}

test('a failed lookup is no absence: whatever the node answers, nothing is written at position 0 again', async () => {
  const known = openAnnouncing({ bees: [bee] })
  await pushImage(known.registry, 'acme.eth', 'v1')
  const { registry, deps, settle } = await afterForgetting(known)
  const soc = socWrites(node).length
  const { address } = feedAddress(owner, topic, 0)
  for (const status of [500, 503, 429]) {
    const undo = node.inject({ on: new RegExp(address.slice(2)), damage: { kind: 'answer', status } })
    await pushImage(registry, 'acme.eth', `v${status}`)
    deps.clock.advance(400)
    await settle()
    expect([status, socWrites(node).length]).toEqual([status, soc])
    undo()
  }
  deps.clock.advance(400)
  await settle()
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n, 4n])
})

test('an older feed never takes the feed back: what is written goes behind the true end once that is seen', async () => {
  const known = openAnnouncing({ bees: [bee] })
  for (const tag of ['v1', 'v2', 'v3']) {
    await pushImage(known.registry, 'acme.eth', tag)
    await known.settle()
  }
  const { registry, deps, settle } = await afterForgetting(known)
  const undo = node.inject({ on: /^GET \/chunks\//, damage: { kind: 'older feed', by: 2 } })
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n])
  await pushImage(registry, 'acme.eth', 'v4')
  await settle()
  undo()
  deps.clock.advance(60)
  await settle()
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n])
  expect((await readStatus(registry)).swarm).toMatchObject({ version: 4, feed: { position: 3 }, error: null })
})

test('a running gateway whose node shows an older feed goes on from the position that it knows', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  for (const tag of ['v1', 'v2', 'v3']) {
    await pushImage(registry, 'acme.eth', tag)
    await settle()
    deps.clock.advance(60)
    await settle()
  }
  const undo = node.inject({ on: /^GET \/chunks\//, damage: { kind: 'older feed', by: 2 } })
  await pushImage(registry, 'acme.eth', 'v4')
  await settle()
  expect((await readList(registry)).list.version).toBe(4)
  undo()
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n])
})

const versionsIn = async () => (await readAnnounced(sourceOf(bee))).map(({ version }) => version)

async function pushAll({ registry, settle }: ReturnType<typeof openAnnouncing>, ...tags: string[]) {
  for (const tag of tags) {
    await pushImage(registry, 'acme.eth', tag)
    await settle()
  }
}

test('a gateway that fell behind another with the same key writes nothing, and a person hears of it', async () => {
  await pushAll(openAnnouncing({ bees: [bee] }), 'v1', 'v2', 'v3')
  const behind = openAnnouncing({ bees: [bee] })
  await pushAll(behind, 'old')
  const { ok, problems, swarm } = await readStatus(behind.registry)
  expect([ok, problems]).toEqual([false, [{ reason: 'AnnouncementFailing', tag: null, detail: swarm.error }]])
  const said = /update 2 of the feed of 0x\w+ names version 3 .* this gateway has version 1: recover it first/
  expect(swarm.error).toMatch(said)
  const publicly = await readStatus(publicGateway(behind.registry))
  expect(publicly.problems).toMatchObject([{ detail: 'the list is not announced' }])
  await pushAll(behind, 'o2', 'o3')
  expect((await readStatus(behind.registry)).swarm.error).toMatch(/names version 3 .* this gateway has version 3/)
  expect(await versionsIn()).toEqual([1n, 2n, 3n])
  await pushAll(behind, 'o4')
  expect((await readStatus(behind.registry)).ok).toBe(true)
  expect(await versionsIn()).toEqual([1n, 2n, 3n, 4n])
})

test('a name that changed hands begins with version 1 behind the greater versions of the owner before', async () => {
  const gateway = openAnnouncing({ bees: [bee], names: { 'acme.eth': { owner } } })
  await pushAll(gateway, 'v1', 'v2')
  gateway.deps.chain.setName('acme.eth', { owner: addressOf(testKeys.other), policy: { publishers: [owner] } })
  await pushAll(gateway, 'new')
  expect(await versionsIn()).toEqual([1n, 2n, 1n])
})

test('what no node gives back time and again is put on Swarm anew', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  const { swarm } = await readStatus(registry)
  node.chunks.delete(swarm.indexReference.slice(2))
  deps.clock.advance(60)
  for (let tries = 0; tries < 6; tries++) {
    await settle()
    deps.clock.advance(400)
  }
  await settle()
  expect(node.chunks.has(swarm.indexReference.slice(2))).toBe(true)
  expect((await readStatus(registry)).swarm).toMatchObject({ ...swarm, feed: { owner }, verified: true, error: null })
})

test('an update that the node lost is written again at its position: a feed has no gap', async () => {
  const { registry, deps, settle } = openAnnouncing({ bees: [bee] })
  await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  node.chunks.delete(feedAddress(owner, topic, 0).address.slice(2))
  deps.clock.advance(60)
  await settle()
  deps.clock.advance(400)
  await settle()
  expect((await readAnnounced(sourceOf(bee))).map(({ position }) => position)).toEqual([0])
})

test('an unanswered step at any point: another start over the same stores ends with the feed at the newest list', async () => {
  let points = 0
  for (let ending = false; !ending; points += 1) {
    const own = await startNode()
    const calls = { left: points }
    const first = openAnnouncing({ bees: [cutAfter(talkTo(own), calls)] })
    await pushImage(first.registry, 'acme.eth', 'v1')
    await first.settle().catch(() => undefined)
    ending = calls.left > 0
    await first.stop()
    const next = openAnnouncing({ bees: [talkTo(own)], stores: first.stores })
    next.deps.clock.advance(4000)
    await next.settle()
    const announced = await readAnnounced(sourceOf(talkTo(own)))
    expect([points, announced.map(({ position, version }) => [position, version])]).toEqual([points, [[0, 1n]]])
    await own.stop()
  }
  expect(points).toBeGreaterThan(12)
})

/** A node that answers so many calls and none after them. */
function cutAfter(bee: Bee, calls: { left: number }): Bee {
  const cut = <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) => {
    return async (...args: Args): Promise<Answer> => {
      if (calls.left <= 0) throw new BeeError('unavailable', 'gone')
      calls.left -= 1
      return call(...args)
    }
  }
  const { readBytes, readChunk, writeBytes, writeSingleOwnerChunk, listPostageBatches } = bee
  return {
    ...bee,
    ...{ readBytes: cut(readBytes), readChunk: cut(readChunk), writeBytes: cut(writeBytes) },
    ...{ writeSingleOwnerChunk: cut(writeSingleOwnerChunk), listPostageBatches: cut(listPostageBatches) },
  }
}

test('ten thousand blobs: an image of three new ones costs at most 10 chunks of the content index', async () => {
  const writes: Uint8Array[] = []
  const noting: Bee = {
    ...bee,
    async writeBytes(body, size, options) {
      if (body instanceof Uint8Array && body[0] === 1) writes.push(body)
      return bee.writeBytes(body, size, options)
    },
  }
  const stores = createMemoryStores()
  const key = { ensName: 'acme.eth', owner }
  for (let number = 0; number < 10_000; number++) {
    const digest = `sha256:${toHex(BigInt(number) * 0x9e3779b97f4a7c15n, { size: 32 })
      .slice(2)
      .slice(-2)}${toHex(number, { size: 31 }).slice(2)}` as const
    await stores.catalog.linkBlob(key, digest, 1000 + number, { now: 0, removals: 0 })
    await stores.swarmLedger.claimReferences([
      { digest, size: 1000 + number, swarmReference: swarmReferenceOf(digest) },
    ])
  }
  const { registry, settle } = openAnnouncing({ bees: [noting], stores })
  await pushImage(registry, 'acme.eth', 'v1')
  await settle()
  const chunksOf = (pieces: readonly Uint8Array[]) =>
    pieces.reduce((sum, { byteLength }) => sum + chunkCount(byteLength), 0)
  const whole = chunksOf(writes.splice(0))
  expect(whole).toBeGreaterThan(200)
  const layers = []
  for (const text of ['one', 'two']) {
    const digest = await pushBlob(registry, 'acme.eth', bytesOf(text))
    layers.push({ mediaType: 'application/octet-stream', digest, size: text.length })
  }
  await pushImage(registry, 'acme.eth', 'v2', 2, { layers })
  await settle()
  const again = chunksOf(writes)
  process.stdout.write(
    `content index of 10,000 blobs: ${whole} chunks at first, ${again} after an image of three new blobs\n`,
  )
  expect(again).toBeGreaterThan(0)
  expect(again).toBeLessThanOrEqual(10)
  expect((await readAnnounced(sourceOf(bee))).map(({ version }) => version)).toEqual([1n, 2n])
})

/** Chunks of content: its leaves and their parents. */
function chunkCount(bytes: number): number {
  const leaves = Math.max(1, Math.ceil(bytes / 4096))
  return leaves === 1 ? 1 : leaves + Math.ceil(leaves / 128)
}

test('when the batch has ended all of it goes up anew under another, and the feed begins again where nothing is left of it', async () => {
  const gateway = openAnnouncing({ bees: [bee] })
  const { registry, deps, settle } = gateway
  await pushAll(gateway, 'v1', 'v2', 'v3')
  deps.clock.advance(60)
  await settle()
  const { swarm } = await readStatus(registry)
  expect(swarm).toMatchObject({ verified: true, feed: { position: 2 } })
  node.expireBatch(swarm.postageBatchId.slice(2))
  const { postageBatchId } = await buyAnother()
  expect(await readAnnounced(sourceOf(bee))).toEqual([])
  await gateway.stop()
  const next = openAnnouncing({ bees: [bee], stores: gateway.stores })
  await next.settle()
  next.deps.clock.advance(60)
  await next.settle()
  const after = (await readStatus(next.registry)).swarm
  expect(after).toMatchObject({ version: 3, listHash: swarm.listHash, postageBatchId, feed: { owner, position: 0 } })
  expect(await versionsIn()).toEqual([3n])
  const rows = []
  for await (const shard of readContentIndex(sourceOf(bee), after.indexReference)) rows.push(...shard)
  expect(rows.length).toBeGreaterThan(2)
  await pushAll(next, 'v4')
  expect(await versionsIn()).toEqual([3n, 4n])
})

async function buyAnother() {
  const bought = await fetch(`${node.beeUrl}/stamps/100000000000/20`, { method: 'POST' })
  return { postageBatchId: `0x${((await bought.json()) as { batchID: string }).batchID}` }
}
