import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildDemoImage, type DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { startGateway } from '../../gateway/serve.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { command } from '../cli/command.ts'
import { swarmReferenceOf } from '../fixtures.ts'
import { patternBytes } from '../swarm/naive.ts'
import { contentsOf, type Put, referrerOf } from './on-swarm.ts'
import { freePort, read, startWorld, type World } from './world.ts'

// `latest` was one image and is another one now, an SBOM refers to it, and something was pushed that no list ever named.

let world: World
let contents: Put[]
let unlisted: Put
let bee: FakeBee
let folder: string

beforeAll(async () => {
  world = await startWorld()
  const [before, now, never] = ['Before.', 'Now.', 'Never.'].map(buildDemoImage) as [DemoImage, DemoImage, DemoImage]
  const repositoryUrl = `${world.gateway.url}/v2/acme.eth`
  await pushImage(repositoryUrl, before, ['latest', '1.0'])
  await pushImage(repositoryUrl, now, [])
  const { bytes, mediaType } = now.imageIndex
  for (const tag of ['latest', '1.0']) {
    const moved = { method: 'PUT', headers: { 'content-type': mediaType }, body: bytes as BodyInit }
    expect((await fetch(`${repositoryUrl}/manifests/${tag}`, moved)).status).toBe(201)
  }
  const { manifest, blob } = await referrerOf(now.imageIndex)
  const sbom = { blobs: [blob], manifests: [{ ...manifest, mediaType: manifest.mediaType ?? '' }] }
  await pushImage(repositoryUrl, { ...sbom, imageIndex: now.imageIndex }, [])
  await pushImage(repositoryUrl, { ...never, manifests: [], imageIndex: now.imageIndex }, [])
  const big = await largeImage()
  await pushImage(repositoryUrl, big, ['large'])
  const all = [...contentsOf(before), ...contentsOf(now), manifest, blob, ...contentsOf(big)]
  contents = [...new Map(all.map((each) => [each.digest, each])).values()]
  unlisted = never.blobs.find(({ digest }) => !contents.some((each) => each.digest === digest)) as Put
  folder = join(world.folder, 'stopped')
  await world.gateway.close()
  await cp(world.config.dataDir, folder, { recursive: true })
  world = { ...world, gateway: await startGateway(world.config, { log: () => {} }) }
})
afterAll(() => world.close())

/** One layer of several chunks, which redundancy would change. */
async function largeImage(): Promise<Pick<DemoImage, 'blobs' | 'manifests' | 'imageIndex'>> {
  const blobs = []
  for (const bytes of [new TextEncoder().encode('{}'), patternBytes(700_000)]) {
    blobs.push({ digest: await digestOf('sha256', bytes), bytes })
  }
  const [config, layer] = blobs.map(({ digest, bytes }) => ({ digest, size: bytes.byteLength, mediaType: 'a/b' }))
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const text = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] })
  const bytes = new TextEncoder().encode(text)
  return { blobs, manifests: [], imageIndex: { digest: await digestOf('sha256', bytes), bytes, mediaType } }
}

let made = 0
beforeEach(async () => {
  bee = await startFakeBee()
  const flags = [...world.chainFlags]
  flags[flags.indexOf('--state') + 1] = join(world.folder, `state-${++made}`)
  world = { ...world, chainFlags: flags }
})
afterEach(() => bee.stop())

const copyOfFolder = async () => {
  const copy = join(world.folder, `copy-${++made}`)
  await cp(folder, copy, { recursive: true })
  return copy
}
const reseed = (batch: string, ...more: string[]) =>
  read(world, 'storage', 'reseed', 'acme.eth', '--bee', bee.beeUrl, '--postage-batch', batch, ...more)
const uploads = () => bee.seen.filter(({ method, path }) => method === 'POST' && path === '/bytes')
/** Contents are sent as streams, and so is the list that follows them from a folder; the content index is not. */
const streamed = () => uploads().filter(({ headers }) => headers['transfer-encoding'] === 'chunked').length
const isThere = ({ bytes }: Put) => bee.chunks.has(swarmReferenceOf(bytes).slice(2))

const sources: readonly [what: string, flags: () => Promise<string[]>][] = [
  ['a folder (--data)', async () => ['--data', await copyOfFolder()]],
  ['a gateway (--gateway)', async () => ['--gateway', world.gateway.url]],
]

describe.each(sources)('storage reseed from %s', (what, source) => {
  const lists = what.startsWith('a folder') ? 1 : 0

  test('hard test 9, fault 9: after a batch expired another one brings the same references back', async () => {
    const flags = await source()
    const first = bee.buyBatch()
    const { code, json } = await reseed(first, ...flags)
    const bytes = contents.reduce((sum, each) => sum + each.bytes.byteLength, 0)
    const named = { ok: true, name: 'acme.eth', postageBatchId: `0x${first}`, bee: bee.beeUrl }
    expect([code, json]).toMatchObject([0, { ...named, stored: contents.length, kept: 0, bytes, missing: [] }])
    expect(contents.filter(isThere)).toHaveLength(contents.length)
    expect(isThere(unlisted)).toBe(false)
    const addresses = [...bee.chunks.keys()].sort()
    bee.expireBatch(first)
    expect(contents.filter(isThere)).toEqual([])
    const second = await reseed(bee.buyBatch(), ...flags)
    expect([second.code, second.json]).toMatchObject([0, { ok: true, stored: contents.length, kept: 0, missing: [] }])
    expect([...bee.chunks.keys()].sort()).toEqual(addresses)
  })

  test('run again with the same batch it sends nothing, and says so', async () => {
    const flags = await source()
    const batch = bee.buyBatch()
    expect((await reseed(batch, ...flags)).code).toBe(0)
    expect(streamed()).toBe(contents.length + lists)
    bee.seen.length = 0
    const { code, json } = await reseed(batch, ...flags)
    expect([code, json]).toMatchObject([0, { ok: true, stored: 0, kept: contents.length, bytes: 0 }])
    expect(streamed()).toBe(lists)
  })

  test('fault 7: a batch that fills up in the middle: where it stopped is said, and from there it goes on', async () => {
    const flags = await source()
    const batch = bee.buyBatch()
    const heal = bee.inject({ on: /^POST \/bytes/, damage: full, after: 5 })
    const { code, json, err } = await reseed(batch, ...flags)
    expect([code, json.error]).toEqual([1, 'BatchFull'])
    expect(err).toContain(`(5 of ${contents.length} are stored: dilute the batch and run this again to go on)`)
    heal()
    bee.seen.length = 0
    const again = await reseed(batch, ...flags)
    expect([again.code, again.json]).toMatchObject([0, { stored: contents.length - 5, kept: 5 }])
    expect(streamed()).toBe(contents.length - 5 + lists)
    expect(contents.filter(isThere)).toHaveLength(contents.length)
  })

  test('fault 9: an expired, unknown, unusable, full or too small batch is an error before bytes move', async () => {
    const flags = await source()
    const [expired, unusable, fullBatch] = [bee.buyBatch(), bee.buyBatch(), bee.buyBatch()]
    bee.expireBatch(expired)
    const batches = bee.postage.batches
    Object.assign(batches.get(unusable) ?? {}, { isUsable: false })
    for (let bucket = 0; bucket < 65_536; bucket++) batches.get(fullBatch)?.buckets.set(bucket, 16)
    const refused: readonly [batch: string, error: string, words: string][] = [
      [expired, 'BatchUnusable', 'has no postage batch'],
      ['12'.repeat(32), 'BatchUnusable', "it expired, or is another node's"],
      [unusable, 'BatchUnusable', 'is not usable yet'],
      [fullBatch, 'BatchFull', 'is full at depth 20: dilute it'],
    ]
    for (const [batch, error, words] of refused) {
      const { code, json, err } = await reseed(batch, ...flags)
      expect([code, json]).toEqual([
        1,
        { ok: false, name: 'acme.eth', postageBatchId: `0x${batch}`, bee: bee.beeUrl, error },
      ])
      expect(err).toContain(words)
    }
    bee.isSyncing = true
    expect((await reseed(bee.buyBatch(), ...flags)).json.error).toBe('NodeUnavailable')
    expect(uploads()).toEqual([])
  })

  test('fault 12: a node that adds redundancy is an error that names the cause, and nothing counts as stored', async () => {
    const flags = await source()
    const adding = await startFakeBee({ version: '2.8.1', dropsLevel: true })
    const args = ['storage', 'reseed', 'acme.eth', '--bee', adding.beeUrl, '--postage-batch', adding.buyBatch()]
    const { code, err } = await command([...args, ...flags, ...world.chainFlags])
    expect([code, err]).toEqual([1, expect.stringContaining('adds redundancy or encryption although level 0')])
    await adding.stop()
  })
})

const full = {
  kind: 'answer',
  status: 402,
  headers: { 'Content-Type': 'application/json' },
  body: '{"code":402,"message":"batch is overissued"}',
} as const

test('protocol 6: from a folder list and content index come back too: what is printed is enough to recover', async () => {
  const copy = await copyOfFolder()
  const first = await reseed(bee.buyBatch(), '--data', copy)
  bee.forget()
  const { json } = await reseed(bee.buyBatch(), '--data', copy)
  expect(json.payloadReference).toBe(first.json.payloadReference)
  const list = ['--list', String(json.payloadReference), '--bee', bee.beeUrl]
  const recovered = await read(
    world,
    'recover',
    'acme.eth',
    ...list,
    '--data',
    join(world.folder, `recovered-${++made}`),
  )
  expect(recovered.json).toMatchObject({ ok: true, tags: 3, missing: [], listHash: json.listHash })
})

test('progress: one line for each content, on stderr', async () => {
  const { err } = await reseed(bee.buyBatch(), '--data', await copyOfFolder())
  const lines = err.split('\n').filter((line) => / of \d+ {2}sha256:/.test(line))
  expect(lines).toHaveLength(contents.length)
  expect(lines[0]).toMatch(new RegExp(`^1 of ${contents.length} {2}sha256:[0-9a-f]{64} {2}\\d+ bytes$`))
})

test('what is in the folder no more comes from the node that still has it; what nobody has is named, and the rest is stored', async () => {
  const copy = await copyOfFolder()
  const blobs = contents.filter(({ mediaType, bytes }) => mediaType === undefined && bytes.byteLength > 100)
  const lost = blobs[0] as Put
  const fileOf = (digest: Digest) => join(copy, 'content/sha256', digest.slice(7, 9), digest.slice(7))
  const first = bee.buyBatch()
  expect((await reseed(first, '--data', copy)).code).toBe(0)
  await rm(fileOf(lost.digest))
  expect((await reseed(bee.buyBatch(), '--data', copy)).json).toMatchObject({ ok: true, missing: [] })
  await rm(fileOf(lost.digest))
  bee.forget()
  const { code, json } = await reseed(bee.buyBatch(), '--data', copy)
  expect([code, json]).toMatchObject([1, { ok: false, stored: contents.length - 1, missing: [lost.digest] }])
  expect(contents.filter((each) => !isThere(each))).toEqual([lost])
})

test('history beyond what was asked for is left out', async () => {
  const limits = ['--gc-history-versions', '1', '--gc-history-days', '0']
  for (const [, source] of sources) {
    const { json } = await reseed(bee.buyBatch(), ...(await source()), ...limits)
    expect(json.stored).toBeLessThan(contents.length)
    expect(json.stored).toBeGreaterThan(0)
  }
})

test('a folder that a gateway has open is refused, and what to do instead is said', async () => {
  const args = ['storage', 'reseed', 'acme.eth', '--bee', bee.beeUrl, '--postage-batch', bee.buyBatch()]
  const busy = await command([...args, '--data', world.config.dataDir])
  expect(busy).toMatchObject({ code: 1, err: expect.stringContaining('--gateway instead') })
  const unknown = await command([...args, '--data', join(world.folder, 'none')])
  expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('gateway.sqlite') })
  const other = ['storage', 'reseed', 'bob.eth', ...args.slice(3), '--data', await copyOfFolder()]
  expect(await command(other)).toMatchObject({ code: 2, err: expect.stringContaining('has a list of') })
})

test('a gateway that lies is exit 4, and one that is not there, too', async () => {
  const port = await freePort()
  const { code, json } = await reseed(bee.buyBatch(), '--gateway', `http://127.0.0.1:${port}`)
  expect([code, json.error]).toEqual([4, 'GatewayUnavailable'])
  expect(uploads()).toEqual([])
})

test('flags that do not fit are usage errors', async () => {
  const batch = ['--postage-batch', '12'.repeat(32)]
  const bad: readonly [args: string[], words: string][] = [
    [['acme.eth', ...batch], '--bee'],
    [['acme.eth', '--bee', bee.beeUrl], '--postage-batch'],
    [['acme.eth', '--bee', bee.beeUrl, '--postage-batch', '12'], '64 hex digits'],
    [['--bee', bee.beeUrl, ...batch], 'NAME'],
    [['acme.eth', '--bee', bee.beeUrl, ...batch, '--data', 'x', '--gateway', 'http://127.0.0.1:1'], 'either'],
  ]
  for (const [args, words] of bad) {
    expect(await command(['storage', 'reseed', ...args])).toMatchObject({
      code: 2,
      err: expect.stringContaining(words),
    })
  }
})
