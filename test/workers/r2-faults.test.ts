import { reset } from 'cloudflare:test'
import { beforeEach, expect, test } from 'vitest'
import { digestOf } from '../../gateway/oci/digest.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { bodyOfLength } from '../../worker/fixed-length.ts'
import {
  type Answer,
  blobOf,
  bytesOf,
  configType,
  describeManifest,
  imageType,
  layerType,
  type Registry,
  registryOver,
  send,
} from '../registry/client.ts'
import { type Around, createWatchedBucket, longAfter } from './r2-bucket.ts'

const never = new Promise<never>(() => {})
const overloaded = () => {
  throw new Error('We encountered an internal error. Please try again. (10001)')
}

/** What R2 does once, at its nth call: before anything happened, after it did, or nothing at all for as long as anybody waits. */
const faults: Readonly<Record<string, (isNth: () => boolean) => Around>> = {
  fails: (isNth) => ({ before: () => (isNth() ? overloaded() : undefined) }),
  'does it and fails': (isNth) => ({ after: () => (isNth() ? overloaded() : undefined) }),
  'never answers': (isNth) => ({ before: () => (isNth() ? never : undefined) }),
}

function openRegistry(around: Around): Registry {
  const content = createR2Content(createWatchedBucket(around), { copiedBytes: 100, timeoutMs: 60 })
  const registry = registryOver({ ...createMemoryStores(), content })
  registry.deps.bodyOfLength = bodyOfLength
  return registry
}

const layer = blobOf(3_000)
const layerDigest = await digestOf('sha256', layer)
const config = bytesOf('{"seed":1}')
const configDigest = await digestOf('sha256', config)
const image = await describeManifest({
  schemaVersion: 2,
  mediaType: imageType,
  config: { mediaType: configType, digest: configDigest, size: config.byteLength },
  layers: [{ mediaType: layerType, digest: layerDigest, size: layer.byteLength }],
})
const blobs = '/v2/acme.eth/blobs'
const chunk = (first: number, end: number) => ({
  headers: { 'content-range': `${first}-${end - 1}` },
  body: layer.slice(first, end),
})

/** `gives`: the digest of what it answers. */
type Step = { wanted: number; gives?: string; run: (registry: Registry, location: string) => Promise<Answer> }

/** A push of an image in all ways that bytes come, and a pull of it. */
const steps: readonly Step[] = [
  { wanted: 202, run: (registry, location) => send(registry, 'PATCH', location, chunk(0, 2_000)) },
  { wanted: 202, run: (registry, location) => send(registry, 'PATCH', location, chunk(2_000, 2_500)) },
  {
    wanted: 201,
    run: (registry, location) => send(registry, 'PUT', `${location}?digest=${layerDigest}`, chunk(2_500, 3_000)),
  },
  {
    wanted: 201,
    run: (registry) => send(registry, 'POST', `${blobs}/uploads/?digest=${configDigest}`, { body: config }),
  },
  {
    wanted: 201,
    run: (registry) =>
      send(registry, 'PUT', '/v2/acme.eth/manifests/latest', {
        headers: { 'content-type': imageType },
        body: bytesOf(image.text),
      }),
  },
  { wanted: 200, gives: image.digest, run: (registry) => send(registry, 'GET', '/v2/acme.eth/manifests/latest') },
  { wanted: 200, run: (registry) => send(registry, 'HEAD', `${blobs}/${layerDigest}`) },
  { wanted: 200, gives: layerDigest, run: (registry) => send(registry, 'GET', `${blobs}/${layerDigest}`) },
  {
    wanted: 206,
    run: (registry) => send(registry, 'GET', `${blobs}/${layerDigest}`, { headers: { range: 'bytes=1500-2600' } }),
  },
]

/** 503 with Retry-After, or a transfer that broke: then what is there is whole or absent, and the next try does it. */
async function runStep(registry: Registry, { wanted, gives, run }: Step, location: string): Promise<boolean> {
  const isDone = async ({ status, bytes }: Answer) =>
    status === wanted && (gives === undefined || (await digestOf('sha256', bytes)) === gives)
  const answer = await run(registry, location).catch(() => 'broken' as const)
  if (answer !== 'broken' && (await isDone(answer))) return true
  if (answer !== 'broken') expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
  await expectWholeOrAbsent(registry)
  const again = await run(registry, location)
  expect([again.status, await isDone(again)]).toEqual([wanted, true])
  return false
}

async function expectWholeOrAbsent(registry: Registry): Promise<void> {
  const { status, bytes } = await send(registry, 'GET', `${blobs}/${layerDigest}`)
  if (status === 200) expect(await digestOf('sha256', bytes)).toBe(layerDigest)
  else expect(status).toBe(404)
  const manifest = await send(registry, 'GET', '/v2/acme.eth/manifests/latest')
  if (manifest.status === 200) expect(manifest.text).toBe(image.text)
  else expect(manifest.status).toBe(404)
}

/** How many steps needed a second try. */
async function pushAndPull(registry: Registry): Promise<number> {
  const begun = await send(registry, 'POST', `${blobs}/uploads/`)
  expect(begun.status).toBe(202)
  let again = 0
  for (const step of steps) {
    const isDone = await runStep(registry, step, begun.headers.get('location') ?? '')
    if (!isDone) again++
  }
  return again
}

beforeEach(() => reset())

test('with an R2 that works, a push and a pull need no second try', async () => {
  expect(await pushAndPull(openRegistry({}))).toBe(0)
})

test.each(Object.entries(faults))(
  'R2 %s at any one call: 503 with Retry-After or a broken transfer, nothing half-visible, and the next try works',
  async (_, faultAt) => {
    let failures = 0
    for (let call = 0; ; call++) {
      await reset()
      let calls = 0
      const registry = openRegistry(faultAt(() => calls++ === call))
      const again = await pushAndPull(registry)
      if (calls <= call) break
      expect(again).toBeLessThanOrEqual(1)
      failures += again
    }
    expect(failures).toBeGreaterThan(15)
  },
)

test('while R2 refuses everything, every request that needs it is 503 with Retry-After, and what needs it not goes on', async () => {
  let isDown = false
  const registry = openRegistry({ before: () => (isDown ? overloaded() : undefined) })
  await pushAndPull(registry)
  const location = (await send(registry, 'POST', `${blobs}/uploads/`)).headers.get('location') ?? ''
  isDown = true
  const refused = [
    await send(registry, 'GET', `${blobs}/${layerDigest}`),
    await send(registry, 'HEAD', `${blobs}/${layerDigest}`),
    await send(registry, 'GET', `${blobs}/${configDigest}`, { headers: { range: 'bytes=1-2' } }),
    await send(registry, 'PATCH', location, { body: layer }),
    await send(registry, 'PUT', '/v2/acme.eth/manifests/other', {
      headers: { 'content-type': imageType },
      body: bytesOf(`${image.text} `),
    }),
  ]
  expect(refused.map(({ status, headers }) => [status, headers.get('retry-after')])).toEqual(
    refused.map(() => [503, '5']),
  )
  expect((await send(registry, 'GET', location)).status).toBe(204)
  expect((await send(registry, 'GET', '/v2/acme.eth/tags/list')).status).toBe(200)
  expect((await send(registry, 'DELETE', location)).status).toBe(204)
  isDown = false
  const content = registry.deps.content as ReturnType<typeof createR2Content>
  await content.sweep(await registry.deps.catalog.listParts(), longAfter)
  expect(await content.listParts()).toEqual([])
  expect((await send(registry, 'GET', `${blobs}/${layerDigest}`)).status).toBe(200)
})
