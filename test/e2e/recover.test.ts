import { join } from 'node:path'
import { encodeFunctionData } from 'viem'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { publicResolverAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { checkOffline } from '../../gateway/offline.ts'
import { startGateway } from '../../gateway/serve.ts'
import { feedAddress } from '../../gateway/swarm/feed.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { contentsOf, openPublisher, type Put, referrerOf } from './on-swarm.ts'
import { freePort, pushTags, read, startWorld, type World } from './world.ts'

let world: World
let image: DemoImage
let contents: Put[]
let referrer: Awaited<ReturnType<typeof referrerOf>>
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, 'latest', '1.0')
  referrer = await referrerOf(image.imageIndex)
  const { manifest, blob } = referrer
  const artifact = {
    blobs: [blob],
    manifests: [{ ...manifest, mediaType: manifest.mediaType ?? '' }],
    imageIndex: image.imageIndex,
  }
  await pushImage(`${world.gateway.url}/v2/acme.eth`, artifact, [])
  contents = [...contentsOf(image), manifest, blob]
})
afterAll(() => world.close())

let bee: FakeBee
let publisher: Awaited<ReturnType<typeof openPublisher>>
beforeEach(async () => {
  bee = await startFakeBee()
  publisher = await openPublisher(world, bee)
})
afterEach(() => bee.stop())

let made = 0
const newFolder = (what: string) => join(world.folder, `${what}-${++made}`)

/** With a memory of its own, so that one test does not know what another has seen. */
async function recover(dataDir: string, ...more: string[]) {
  return read(world, 'recover', 'acme.eth', '--bee', bee.beeUrl, '--data', dataDir, ...more)
}
function withOwnState(): void {
  const flags = [...world.chainFlags]
  flags[flags.indexOf('--state') + 1] = newFolder('state')
  world = { ...world, chainFlags: flags }
}
beforeEach(withOwnState)

/** What a gateway over a folder answers to these paths. */
async function ask(dataDir: string, paths: readonly string[]) {
  const port = await freePort()
  const gateway = await startGateway({ ...world.config, port, dataDir, publisherKeyFile: null }, { log: () => {} })
  const answers = []
  for (const path of paths) {
    const answer = await fetch(`${gateway.url}/v2/acme.eth/${path}`, { headers: { accept: '*/*' } })
    answers.push({ status: answer.status, body: Buffer.from(await answer.arrayBuffer()) })
  }
  await gateway.close()
  return answers
}

const everything = () => [
  ...['tags/list', '_mooring/list', 'manifests/latest', 'manifests/1.0', `referrers/${image.imageIndex.digest}`],
  ...contents.map(({ digest, mediaType }) => `${mediaType === undefined ? 'blobs' : 'manifests'}/${digest}`),
]

async function originals(paths: readonly string[]) {
  const answers = []
  for (const path of paths) {
    const answer = await fetch(`${world.gateway.url}/v2/acme.eth/${path}`, { headers: { accept: '*/*' } })
    answers.push({ status: answer.status, body: Buffer.from(await answer.arrayBuffer()) })
  }
  return answers
}

test('protocol 6: from the chain and Swarm alone a gateway answers every path with the same bytes as before', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const dataDir = newFolder('data')
  const { code, json, err } = await recover(dataDir)
  expect([code, err]).toEqual([0, ''])
  const { version, hash } = await publisher.readList()
  expect(json).toEqual({
    ...{ ok: true, name: 'acme.eth', version, tags: 2, manifests: 4, blobs: image.blobs.length + 1, missing: [] },
    ...{ listHash: hash, from: `update 0 of ${publisher.owner}` },
  })
  expect(await ask(dataDir, everything())).toEqual(await originals(everything()))
  expect(await checkOffline(dataDir)).toEqual([])
})

test('it can be run again, over what is there already', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const dataDir = newFolder('data')
  const first = await recover(dataDir)
  expect(first.code).toBe(0)
  expect((await recover(dataDir)).json).toEqual(first.json)
  expect(await checkOffline(dataDir)).toEqual([])
})

test('without a feed the reference of its payload is enough; that of the list alone finds no blobs', async () => {
  const payload = await publisher.payloadOf(await publisher.storeIndex(contents))
  const none = await recover(newFolder('data'))
  expect([none.code, none.json.error]).toEqual([1, 'SwarmUnavailable'])
  const dataDir = newFolder('data')
  const { code, json } = await recover(dataDir, '--list', (await publisher.store(payload)).slice(2))
  expect([code, json.ok]).toEqual([0, true])
  expect(await ask(dataDir, ['manifests/latest'])).toEqual(await originals(['manifests/latest']))
  const list = await recover(newFolder('data'), '--list', await publisher.store((await publisher.readList()).body))
  expect([list.code, list.json.tags, list.json.blobs]).toEqual([1, 2, 0])
})

test('the newest of many updates is found, and one that leads nowhere is passed over', async () => {
  const index = await publisher.storeIndex(contents)
  const payload = await publisher.payloadOf(index)
  for (let position = 0; position < 40; position += 1) await publisher.writeUpdate(position, payload)
  await publisher.writeUpdate(
    40,
    await publisher.payloadOf(index, { version: 99n, listReference: `0x${'12'.repeat(32)}` }),
  )
  await publisher.writeUpdate(41, new TextEncoder().encode('no payload of ours'))
  const { code, json, err } = await recover(newFolder('data'))
  expect([code, json.from]).toEqual([0, `update 39 of ${publisher.owner}`])
  expect(err).toContain('wanted "MOOR"')
  expect(err).toContain('cannot be had')
})

test('protocol 3.1 row 4 and 9: a feed that was rolled back never lowers what this client has seen', async () => {
  const before = await publisher.payloadOf(await publisher.storeIndex(contents))
  await publisher.writeUpdate(0, before)
  const dataDir = newFolder('data')
  expect((await recover(dataDir)).code).toBe(0)
  await pushImage(`${world.gateway.url}/v2/acme.eth`, image, [`next-${made}`])
  const { version } = await publisher.readList()
  await publisher.writeUpdate(1, await publisher.payloadOf(await publisher.storeIndex(contents)))
  expect((await recover(newFolder('data'))).json.version).toBe(version)
  const { address } = feedAddress(publisher.owner, publisher.topic, 1)
  const showAgain = bee.inject({ on: new RegExp(address.slice(2)), damage: { kind: 'answer', status: 404 } })
  const rolledBack = await recover(newFolder('data'))
  expect([rolledBack.code, rolledBack.json.error]).toEqual([4, 'Rollback'])
  const older = await recover(newFolder('data'), '--list', await publisher.store(before))
  expect([older.code, older.json.error]).toEqual([4, 'Rollback'])
  showAgain()
  expect((await recover(newFolder('data'))).code).toBe(0)
})

test('a folder with an older list goes on through the versions of the feed; where one is missing it says that it cannot', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const [dataDir, behind] = [newFolder('data'), newFolder('data')]
  expect([(await recover(dataDir)).code, (await recover(behind)).code]).toEqual([0, 0])
  const publishNext = async (position: number) => {
    await pushImage(`${world.gateway.url}/v2/acme.eth`, image, [`next-${++made}`])
    await publisher.writeUpdate(position, await publisher.payloadOf(await publisher.storeIndex(contents)))
  }
  await publishNext(1)
  const next = await recover(dataDir)
  expect([next.code, next.json.version]).toEqual([0, (await publisher.readList()).version])
  expect(await checkOffline(dataDir)).toEqual([])
  expect(await ask(dataDir, ['tags/list', '_mooring/list'])).toEqual(await originals(['tags/list', '_mooring/list']))
  await publishNext(2)
  const caughtUp = await recover(behind)
  expect([caughtUp.code, caughtUp.json.version]).toEqual([0, (await publisher.readList()).version])
  expect(await checkOffline(behind)).toEqual([])
  const history = '_mooring/history?n=2'
  const fresh = newFolder('data')
  expect((await recover(fresh)).code).toBe(0)
  expect(await checkOffline(fresh)).toEqual([])
  for (const folder of [behind, fresh]) expect(await ask(folder, [history])).toEqual(await originals([history]))
  await publishNext(3)
  await publishNext(4)
  const payload = await publisher.store(await publisher.payloadOf(await publisher.storeIndex(contents)))
  const missed = await recover(behind, '--list', payload)
  expect([missed.code, missed.err]).toEqual([1, expect.stringContaining('recover into an empty folder')])
})

test('the address in the text record oci-feed may own the feed, and can do nothing but point', async () => {
  const { owner: publisherKey } = testKeys
  const [feedOwner, node] = [addressOf(testKeys.other), nodeOf('acme.eth')]
  const args = [node, 'oci-feed', feedOwner] as const
  const data = encodeFunctionData({ abi: publicResolverAbi, functionName: 'setText', args })
  await world.chain.send({ from: addressOf(publisherKey), to: world.chain.addresses.fallbackResolver, data })
  const payload = await publisher.payloadOf(await publisher.storeIndex(contents))
  await publisher.writeUpdate(0, payload, testKeys.other)
  const { code, json } = await recover(newFolder('data'))
  expect([code, json.from]).toEqual([0, `update 0 of ${feedOwner}`])
})

test('of several feeds the newest list that holds is taken, whichever feed it is in', async () => {
  const index = await publisher.storeIndex(contents)
  await publisher.writeUpdate(0, await publisher.payloadOf(index), testKeys.other)
  expect((await recover(newFolder('data'))).json.from).toBe(`update 0 of ${addressOf(testKeys.other)}`)
  await pushImage(`${world.gateway.url}/v2/acme.eth`, image, [`next-${++made}`])
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const { version } = await publisher.readList()
  const newest = await recover(newFolder('data'))
  expect([newest.json.version, newest.json.from]).toEqual([version, `update 0 of ${publisher.owner}`])
  const forged = await publisher.payloadOf(index, { version: 99n, listReference: `0x${'12'.repeat(32)}` })
  await publisher.writeUpdate(1, forged, testKeys.other)
  expect((await recover(newFolder('data'))).json).toMatchObject({ version, from: `update 0 of ${publisher.owner}` })
})

test('a node with an older feed: a folder with a newer list keeps it, and its gateway answers as before', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const older = await publisher.readList()
  await pushImage(`${world.gateway.url}/v2/acme.eth`, image, [`next-${++made}`])
  await publisher.writeUpdate(1, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const dataDir = newFolder('data')
  expect((await recover(dataDir)).json.version).toBe(older.version + 1)
  bee.inject({ on: /^GET \/chunks\//, damage: { kind: 'older feed', by: 1 } })
  expect((await recover(newFolder('data'))).json.error).toBe('Rollback')
  withOwnState()
  expect((await recover(newFolder('data'))).json.version).toBe(older.version)
  const kept = await recover(dataDir)
  expect([kept.code, kept.err]).toEqual([0, expect.stringContaining(`has version ${older.version + 1} already: kept`)])
  expect(await ask(dataDir, ['_mooring/list', 'tags/list'])).toEqual(await originals(['_mooring/list', 'tags/list']))
})

test('a forked feed: of two updates at one position, on two nodes, the newest list that holds is taken', async () => {
  const other = await startFakeBee()
  const elsewhere = await openPublisher(world, other)
  const stale = await publisher.payloadOf(await publisher.storeIndex(contents))
  await publisher.writeUpdate(0, stale)
  await pushImage(`${world.gateway.url}/v2/acme.eth`, image, [`next-${++made}`])
  await elsewhere.writeUpdate(0, await elsewhere.payloadOf(await elsewhere.storeIndex(contents)))
  const { version } = await publisher.readList()
  for (const nodes of [
    [bee.beeUrl, other.beeUrl],
    [other.beeUrl, bee.beeUrl],
  ]) {
    const flags = nodes.flatMap((beeUrl) => ['--bee', beeUrl])
    const { json } = await read(world, 'recover', 'acme.eth', ...flags, '--data', newFolder('data'))
    expect([json.version, json.missing]).toEqual([version, []])
  }
  await other.stop()
})

test('a list that nobody signed is refused with its reason, exit 4, and no gateway is made of it', async () => {
  const index = await publisher.storeIndex(contents)
  const { body } = await publisher.readList()
  const text = new TextDecoder().decode(body)
  const forged = text.replace(image.imageIndex.digest.slice(-8), '00000000')
  const list = await publisher.store(new TextEncoder().encode(forged))
  await publisher.writeUpdate(0, await publisher.payloadOf(index, { listReference: list, version: 99n }))
  const refused = await recover(newFolder('data'))
  expect([refused.code, refused.json.error]).toEqual([4, 'MalformedList'])
  await publisher.writeUpdate(1, await publisher.payloadOf(index))
  expect((await recover(newFolder('data'))).code).toBe(0)
})

test('content that Swarm lost is named, answered 503, and all else is served; when it is back, running again gets it', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const lost = image.blobs[0] as Put
  const hasher = publisher.hash.createHasher()
  hasher.update(lost.bytes)
  const key = hasher.digest().slice(2)
  const chunk = bee.chunks.get(key)
  bee.chunks.delete(key)
  const dataDir = newFolder('data')
  const { code, json, err } = await recover(dataDir)
  expect([code, json.ok, json.missing]).toEqual([1, false, [lost.digest]])
  expect(err).toContain(lost.digest)
  const paths = everything().filter((path) => !path.endsWith(lost.digest))
  expect(await ask(dataDir, paths)).toEqual(await originals(paths))
  expect((await ask(dataDir, [`blobs/${lost.digest}`]))[0]?.status).toBe(503)
  bee.chunks.set(key, chunk as Buffer)
  expect((await recover(dataDir)).code).toBe(0)
  expect(await ask(dataDir, everything())).toEqual(await originals(everything()))
})

test('a lost manifest is 503, what it names is served; with a lost shard of the index all that others name is, too', async () => {
  const index = await publisher.storeIndex(contents)
  await publisher.writeUpdate(0, await publisher.payloadOf(index))
  const referenceOf = (bytes: Uint8Array) => {
    const hasher = publisher.hash.createHasher()
    hasher.update(bytes)
    return hasher.digest().slice(2)
  }
  const child = image.manifests[0] as Put
  bee.chunks.delete(referenceOf(child.bytes))
  const withoutChild = newFolder('data')
  expect((await recover(withoutChild)).json).toMatchObject({ ok: false, missing: [child.digest] })
  const rest = everything().filter((path) => !path.endsWith(child.digest))
  expect(await ask(withoutChild, rest)).toEqual(await originals(rest))
  const nobody = `manifests/sha256:${'0'.repeat(64)}`
  const [lost, unknown] = await ask(withoutChild, [`manifests/${child.digest}`, nobody])
  expect([lost?.status, unknown?.status]).toEqual([503, 404])
  // Of the other platform, whose manifest is there.
  const blob = image.blobs.at(-1) as Put
  const root = bee.chunks.get(index.slice(2)) as Buffer
  const at = 8 + 3
  const entries = Array.from({ length: root.readUInt16BE(8 + 1) }, (_, entry) => root.subarray(at + entry * 41))
  const shard = entries.find((entry) => entry[0] === Number.parseInt(blob.digest.slice(7, 9), 16)) as Buffer
  bee.chunks.delete(shard.toString('hex', 1, 33))
  const { code, json, err } = await recover(newFolder('data'))
  expect([code, json.ok]).toEqual([1, false])
  expect(json.missing).toEqual(expect.arrayContaining([blob.digest]))
  expect(err).toContain('content index: the shard of')
})

test("an index that says a wrong place is the publisher's fault: the digest is missing, never other bytes", async () => {
  const other = await publisher.store(new TextEncoder().encode('other bytes'))
  const target = image.manifests[0] as Put
  const index = await publisher.storeIndex(contents, (row) => {
    return row.digest === target.digest ? { ...row, swarmReference: other, size: 11 } : row
  })
  await publisher.writeUpdate(0, await publisher.payloadOf(index))
  const dataDir = newFolder('data')
  const { code, json, err } = await recover(dataDir)
  expect([code, json.missing]).toEqual([1, [target.digest]])
  expect(err).toContain("the publisher's index is wrong")
  const [answer] = await ask(dataDir, [`manifests/${target.digest}`])
  expect(answer?.status).not.toBe(200)
})

test('with --on-demand blobs stay on Swarm', async () => {
  await publisher.writeUpdate(0, await publisher.payloadOf(await publisher.storeIndex(contents)))
  const { code, json } = await recover(newFolder('data'), '--on-demand')
  expect([code, json.blobs, json.missing]).toEqual([0, image.blobs.length + 1, []])
  const read = bee.seen
    .filter(({ method, path }) => method === 'GET' && path.startsWith('/bytes/'))
    .map(({ path }) => path)
  for (const { bytes } of image.blobs) {
    const hasher = publisher.hash.createHasher()
    hasher.update(bytes)
    expect(read).not.toContain(`/bytes/${hasher.digest().slice(2)}`)
  }
})

test('flags that do not fit are usage errors', async () => {
  expect(await command(['recover', 'acme.eth'])).toMatchObject({ code: 2, err: expect.stringContaining('--bee') })
  const bad = await command(['recover', 'acme.eth', '--bee', bee.beeUrl, '--list', '0x12'])
  expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('--list') })
})
