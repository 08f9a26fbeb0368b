import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Hex } from 'viem'
import { beforeEach, describe, expect, inject, test } from 'vitest'
import { type Bee, BeeError } from '../../gateway/bee/bee.ts'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { cutOff } from '../../gateway/store/swarm-ledger.ts'
import { uploadSlice } from '../../gateway/swarm-queue.ts'
import { createUploader } from '../../gateway/swarm-upload.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { readWorkerConfig } from '../../worker/config.ts'
import { openDeps } from '../../worker/deps.ts'
import type { Env } from '../../worker/env.ts'
import { createWorkerGateway } from '../../worker/gateway.ts'
import { Repository } from '../../worker/repository.ts'
import type { WorkerUploads } from '../../worker/swarm.ts'
import { keepUp } from '../../worker/upkeep.ts'
import { entryOf } from '../publish/repository.ts'
import { blobOf, bytesOf, configType, imageType, layerType } from '../registry/client.ts'
import { type Gateway, publish } from './publisher.ts'
import { allKeys } from './r2-bucket.ts'
import { emptyBindings } from './stores.ts'

// What is pushed to a Worker goes to Swarm, through the fake node of the global setup: afterwards R2 is a cache.

beforeEach(emptyBindings)

const megabyte = 1_000_000

/** A Worker whose vars name a node and, unless a test says otherwise, a batch. */
async function open(vars: object = {}) {
  const { beeUrl, postageBatchId } = inject('bee')
  const own = { ...env, MOORING_BEE: beeUrl, MOORING_POSTAGE_BATCH: postageBatchId, ...vars } as Env
  const gateway = createWorkerGateway(own)
  const deps = await openDeps(own, readWorkerConfig(own))
  const start = Number(deps.clock())
  /** The cron trigger, so many seconds after the start; `bee` in place of the node. */
  const fire = (seconds: number, bee?: Bee) => {
    const clock = () => BigInt(start + seconds)
    return keepUp(own, { clock, ...(bee && { uploads: through(deps.uploads, bee) }) })
  }
  const { ledger } = deps.swarm
  const statesOf = async (digests: readonly Digest[]) => {
    const rows = await ledger.findMany(digests)
    return digests.map((digest) => rows.get(digest)?.state)
  }
  return { own, gateway, deps, ledger, start, fire, statesOf, node: deps.uploads?.bees[0] as Bee }
}

function through(uploads: WorkerUploads | null, bee: Bee): WorkerUploads {
  return { ...(uploads as WorkerUploads), bees: [bee] }
}

async function ask(gateway: Gateway, method: string, path: string, init: RequestInit = {}) {
  const response = await gateway.fetch(new Request(`http://gateway.test/v2/acme.eth${path}`, { method, ...init }))
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) }
}

async function pushBlob(gateway: Gateway, bytes: Uint8Array<ArrayBuffer>) {
  const digest = await digestOf('sha256', bytes)
  const { headers } = await ask(gateway, 'POST', '/blobs/uploads/')
  let location = headers.get('location') ?? ''
  const half = bytes.byteLength >> 1
  for (const part of [bytes.slice(0, half), bytes.slice(half)]) {
    const patched = await gateway.fetch(new Request(`http://gateway.test${location}`, { method: 'PATCH', body: part }))
    expect(patched.status).toBe(202)
    location = patched.headers.get('location') ?? ''
  }
  const put = await gateway.fetch(new Request(`http://gateway.test${location}?digest=${digest}`, { method: 'PUT' }))
  return { status: put.status, headers: put.headers, digest, size: bytes.byteLength }
}

/** An image with a layer that R2 holds in parts, published as `v1`. */
async function pushImage(gateway: Gateway) {
  const blobs = [bytesOf('{"os":"linux"}'), blobOf(1.2 * megabyte), blobOf(1_000, 5)]
  const pushed = []
  for (const bytes of blobs) {
    const { status, digest, size } = await pushBlob(gateway, bytes)
    expect(status).toBe(201)
    pushed.push({ digest, size })
  }
  const [config, ...layers] = pushed.map((blob, at) => ({ mediaType: at === 0 ? configType : layerType, ...blob }))
  const text = JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers })
  const digest = await digestOf('sha256', bytesOf(text))
  const put = { headers: { 'content-type': imageType }, body: text }
  expect((await ask(gateway, 'PUT', `/manifests/${digest}`, put)).status).toBe(201)
  const entry = { ...entryOf(0), digest, size: text.length, mediaType: imageType, swarmReference: ZERO_REFERENCE }
  await publish(gateway, [{ tag: 'v1', entry }])
  return { text, blobs, digests: [...pushed.map((blob) => blob.digest), digest] }
}

type Image = Awaited<ReturnType<typeof pushImage>>

/** Every byte of it, and a range over the seam of two parts. */
async function expectPulled(gateway: Gateway, { text, blobs, digests }: Image): Promise<void> {
  const manifest = await ask(gateway, 'GET', '/manifests/v1')
  expect([manifest.status, manifest.text]).toEqual([200, text])
  for (const [at, bytes] of blobs.entries()) {
    const ranged = { headers: { range: `bytes=${bytes.byteLength >> 2}-${bytes.byteLength - 3}` } }
    const range = await ask(gateway, 'GET', `/blobs/${digests[at]}`, ranged)
    expect(range.status).toBe(206)
    expect(await digestOf('sha256', range.bytes)).toBe(
      await digestOf('sha256', bytes.slice(bytes.byteLength >> 2, bytes.byteLength - 2)),
    )
    const blob = await ask(gateway, 'GET', `/blobs/${digests[at]}`)
    expect([blob.status, await digestOf('sha256', blob.bytes)]).toEqual([200, digests[at]])
  }
}

async function wipeR2(): Promise<void> {
  const keys = await allKeys()
  expect(keys.length).toBeGreaterThan(0)
  await env.BLOBS.delete(keys)
  expect(await allKeys()).toEqual([])
}

const all = <State>(digests: readonly Digest[], state: State) => digests.map(() => state)

describe('MOORING_POSTAGE_BATCH: what is pushed to a Worker goes to Swarm', () => {
  test('queued when a push is acknowledged, uploaded and read back by the cron trigger: then R2 may be emptied', async () => {
    const { gateway, fire, statesOf } = await open()
    const image = await pushImage(gateway)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'queued'))
    await fire(1)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    await fire(60)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    await fire(62)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'verified'))
    const status = JSON.parse((await ask(gateway, 'GET', '/_mooring/status')).text)
    expect(status.tags[0]).toMatchObject({ stored: true, swarm: { queued: 0, uploaded: 0, verified: 4 } })
    await wipeR2()
    await expectPulled((await open()).gateway, image)
    expect((await allKeys()).length).toBeGreaterThan(0)
    await wipeR2()
    await expectPulled((await open()).gateway, image)
  })

  test('without a batch nodes are read from and nothing is queued; with one later, what was pushed before goes up too', async () => {
    const reading = await open({ MOORING_POSTAGE_BATCH: '' })
    const image = await pushImage(reading.gateway)
    await reading.fire(1)
    expect(await reading.ledger.count()).toMatchObject({ queued: 0, uploaded: 0, verified: 0 })
    await expectPulled(reading.gateway, image)
    const { fire, statesOf } = await open()
    await fire(2)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
  })

  const wrong: Hex = `0x${'66'.repeat(32)}`
  test.each<[what: string, broken: Partial<Bee>, said: string]>([
    ['answers with another reference', { writeBytes: async () => wrong }, `under the reference ${wrong}`],
    ['refuses', { writeBytes: async () => Promise.reject(new BeeError('refused', 'no: 400')) }, 'no: 400'],
    ['is down', { listPostageBatches: async () => Promise.reject(new BeeError('unavailable', 'gone')) }, 'gone'],
    ['has no such batch', { listPostageBatches: async () => [] }, 'has no postage batch'],
  ])(
    'a node that %s: pushes are acknowledged, the queue stays whole, and a node that works gets it all',
    async (_, broken, said) => {
      const { gateway, fire, statesOf, ledger, node } = await open()
      const image = await pushImage(gateway)
      await fire(1, { ...node, ...broken })
      expect(await statesOf(image.digests)).toEqual(all(image.digests, 'queued'))
      const failed = [...(await ledger.findMany(image.digests)).values()].filter(({ failures }) => failures > 0)
      expect(failed.length).toBeGreaterThan(0)
      for (const { failures, lastError } of failed)
        expect([failures, lastError]).toEqual([1, expect.stringContaining(said)])
      await expectPulled(gateway, image)
      await fire(3_700)
      expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    },
  )

  test('a node that took everything and gives nothing back: never verified, and after five readings it goes up again', async () => {
    const { gateway, fire, statesOf, node } = await open()
    const image = await pushImage(gateway)
    await fire(1)
    const forgetful = { ...node, readBytes: async () => Promise.reject(new BeeError('absent', 'never had it')) }
    for (const time of [100, 4_000, 8_000, 12_000]) await fire(time, forgetful)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    await fire(16_000, forgetful)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'queued'))
    await fire(20_000)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    await expectPulled(gateway, image)
  })
})

describe('MOORING_SWARM_SYNC: a push is acknowledged when it is on Swarm', () => {
  test('all that was acknowledged is there: R2 may be emptied at any time', async () => {
    const { gateway, statesOf } = await open({ MOORING_SWARM_SYNC: 'true' })
    const image = await pushImage(gateway)
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    await wipeR2()
    await expectPulled((await open()).gateway, image)
  })

  test('a node that cannot be reached: 503 with Retry-After, and the same push again when it can', async () => {
    const down = await open({ MOORING_SWARM_SYNC: 'true', MOORING_BEE: 'http://127.0.0.1:9' })
    const refused = await pushBlob(down.gateway, blobOf(5_000))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    const { gateway, statesOf } = await open({ MOORING_SWARM_SYNC: 'true' })
    const { status, digest } = await pushBlob(gateway, blobOf(5_000))
    expect([status, await statesOf([digest])]).toEqual([201, ['uploaded']])
  })

  test('it cannot be without a batch', async () => {
    const { gateway } = await open()
    expect((await ask(gateway, 'GET', '/tags/list')).status).toBe(404)
    const opened = open({ MOORING_SWARM_SYNC: 'true', MOORING_POSTAGE_BATCH: '' })
    await expect(opened).rejects.toThrow(/MOORING_POSTAGE_BATCH.*the postage batch that pays/)
  })
})

describe('a run is of limited length', () => {
  const slice = { contents: 3, bytes: megabyte, leaseSeconds: 100 }

  async function openQueue(sizes: readonly number[]) {
    const opened = await open()
    const { gateway, deps, ledger, start, node } = opened
    const digests: Digest[] = []
    for (const size of sizes) digests.push((await pushBlob(gateway, blobOf(size, digests.length))).digest)
    const run = (
      seconds: number,
      limits: Partial<typeof slice> = {},
      bee = node,
      signal = AbortSignal.timeout(60_000),
    ) => {
      const clock = () => BigInt(start + seconds)
      const uploader = createUploader({ ...through(deps.uploads, bee), clock })
      return uploadSlice({ ledger }, uploader, clock, { ...slice, ...limits }, signal)
    }
    return { ...opened, digests, run }
  }

  test('so many contents, or so many bytes, and what is left is done by the next', async () => {
    const { run, ledger } = await openQueue([10, 20, 30, 40, 50])
    expect(await run(1)).toEqual({ more: true, uploaded: true })
    expect(await ledger.count()).toMatchObject({ queued: 2, uploaded: 3 })
    expect(await run(2, { bytes: 1 })).toEqual({ more: true, uploaded: true })
    expect(await ledger.count()).toMatchObject({ queued: 1, uploaded: 4 })
    expect(await run(3)).toEqual({ more: false, uploaded: true })
    expect(await run(4)).toEqual({ more: false, uploaded: false })
    expect(await ledger.count()).toMatchObject({ queued: 0, uploaded: 5 })
  })

  test('several at once do each content once', async () => {
    const { run, ledger, node } = await openQueue([10, 20, 30, 40, 50, 60])
    let writes = 0
    const writeBytes: Bee['writeBytes'] = (...write) => {
      writes++
      return node.writeBytes(...write)
    }
    const counting: Bee = { ...node, writeBytes }
    await Promise.all([run(1, {}, counting), run(1, {}, counting), run(1, {}, counting)])
    expect([writes, (await ledger.count()).uploaded]).toEqual([6, 6])
  })

  test('cut off in the middle: nobody has it while the lease lasts, then the next run does it', async () => {
    const { run, ledger, digests, node } = await openQueue([10])
    const stopping = new AbortController()
    const silent: Bee = {
      ...node,
      writeBytes: async (_body, _size, { signal }) => {
        stopping.abort()
        throw signal?.reason
      },
    }
    expect(await run(1, {}, silent, stopping.signal)).toMatchObject({ more: true })
    expect(await ledger.find(digests[0]!)).toMatchObject({ state: 'queued', failures: 0, lastError: cutOff })
    expect(await run(100)).toEqual({ more: false, uploaded: false })
    expect(await run(101)).toEqual({ more: false, uploaded: true })
    expect(await ledger.find(digests[0]!)).toMatchObject({ state: 'uploaded', lastError: null })
  })
})

test('the object of a repository does it by its alarm, and puts the list and its index on Swarm: no feed points to them', async () => {
  const { own, deps, statesOf } = await open()
  const stub = env.REPOSITORIES.get(env.REPOSITORIES.idFromName('acme.eth'))
  await runInDurableObject(stub, async (_, state) => {
    const repository = new Repository(state, own)
    expect(await state.storage.getAlarm()).toBeNull()
    expect((await ask(repository, 'POST', '/blobs/uploads/')).status).toBe(202)
    expect(await state.storage.getAlarm()).not.toBeNull()
    // On a slow machine it fires meanwhile, in an object of the deployed vars, which name no node.
    const image = await pushImage(repository)
    await repository.alarm()
    expect(await statesOf(image.digests)).toEqual(all(image.digests, 'uploaded'))
    expect(await state.storage.getAlarm()).not.toBeNull()
    const announcement = await deps.uploads?.announcements.find('acme.eth', null)
    expect(announcement).toMatchObject({ version: 1n, position: null, indexRows: 4 })
    expect(await repository.readTask()).toEqual({ error: null, needsPerson: false })
    const list = await fetch(`${inject('bee').beeUrl}/bytes/${announcement?.listReference.slice(2)}`)
    expect(((await list.json()) as { list: { name: string } }).list.name).toBe('acme.eth')
    const { swarm } = JSON.parse((await ask(repository, 'GET', '/_mooring/status')).text)
    expect(swarm).toMatchObject({ version: 1, listReference: announcement?.listReference, feed: null, error: null })
    await state.storage.deleteAlarm()
    await state.storage.deleteAll()
  })
})
