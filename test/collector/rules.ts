import { expect, test } from 'vitest'
import { type Collection, collectGarbage, type Garbage } from '../../gateway/collector.ts'
import { checkStores } from '../../gateway/fsck.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { isOfPresentOwner } from '../../gateway/upkeep.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import {
  anotherGateway,
  beginUpload,
  blobOf,
  describeManifest,
  indexType,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'

const acme = 'acme.eth'
/** Nothing of the past is kept, and what nobody used for 100 seconds may go. */
const limits = { gcGraceSeconds: 100, historyVersions: 1, historySeconds: 0 }

/** Lets the grace time pass, collects, and looks whether all that is left is whole. */
export async function collect(registry: Registry, dryRun = false): Promise<Collection> {
  registry.deps.clock.advance(101)
  const isPresent = (line: Parameters<typeof isOfPresentOwner>[1]) => isOfPresentOwner(registry.deps, line)
  const collection = await collectGarbage(registry.deps, { dryRun, isPresent })
  for await (const problem of checkStores({ ...registry.deps, checkDatabase: async () => [] })) {
    expect(problem).toBeUndefined()
  }
  return collection
}

/** What went, without what it belonged to. */
function goneOf({ removed }: Collection, kind: Garbage['kind']): (Digest | null)[] {
  return removed.filter((garbage) => garbage.kind === kind).map(({ digest }) => digest)
}

/** Whether a manifest can be pulled with all its blobs, each with its own digest. */
export async function isWhole(registry: Registry, repository: string, manifest: PushedManifest): Promise<boolean> {
  const path = `/v2/${repository}/manifests/${manifest.digest}`
  const answer = await send(registry, 'GET', path)
  if (answer.status !== 200 || answer.text !== manifest.text) return false
  const { config, layers = [], manifests = [] } = JSON.parse(answer.text)
  const wanted = [config, ...layers].filter(Boolean).map((blob: { digest: string }) => `blobs/${blob.digest}`)
  const children = manifests.map((child: { digest: string }) => `manifests/${child.digest}`)
  for (const what of [...wanted, ...children]) {
    const { status, headers } = await send(registry, 'GET', `/v2/${repository}/${what}`)
    if (status !== 200 || !what.endsWith(headers.get('docker-content-digest') ?? 'none')) return false
  }
  return true
}

function descriptorOf({ digest, size, mediaType }: PushedManifest) {
  return { digest, size, mediaType }
}

async function pushIndex(registry: Registry, tagOrDigest: string, children: readonly PushedManifest[], seed = 0) {
  const annotations = { seed: `${seed}` }
  const body = { schemaVersion: 2, mediaType: indexType, manifests: children.map(descriptorOf), annotations }
  const imageIndex = await describeManifest(body, indexType)
  const put = await putManifest(registry, acme, tagOrDigest === '' ? imageIndex.digest : tagOrDigest, imageIndex)
  expect([put.status, put.text]).toEqual([201, ''])
  return imageIndex
}

/** Pushes an image by digest alone. */
async function pushUntagged(registry: Registry, seed: number, more: object = {}, repository = acme) {
  const image = await makeImage(registry, repository, seed, more)
  expect((await putManifest(registry, repository, image.digest, image)).status).toBe(201)
  return image
}

const digestsOf = (image: PushedManifest) => {
  const { config, layers } = JSON.parse(image.text)
  return [config.digest, ...layers.map((layer: { digest: Digest }) => layer.digest)] as Digest[]
}

/** Mark and sweep over any stores: what stays, what goes, and when. */
export function collectorRules(open: OpenRegistry): void {
  markRules(open)
  graceRules(open)
  historyRules(open)
  uploadRules(open)
}

function markRules(open: OpenRegistry): void {
  test('what a tag names stays; an untagged image goes with its blobs and bytes, and the report says what', async () => {
    const registry = await open({ limits })
    const kept = await pushImage(registry, acme, 'v1', 1)
    const loose = await pushUntagged(registry, 2)
    const collection = await collect(registry)
    expect(await isWhole(registry, acme, kept)).toBe(true)
    expect(goneOf(collection, 'manifest')).toEqual([loose.digest])
    expect(goneOf(collection, 'blob').sort()).toEqual(digestsOf(loose).sort())
    expect(goneOf(collection, 'content').sort()).toEqual([loose.digest, ...digestsOf(loose)].sort())
    expect(collection.bytes).toBe(loose.size + 300 + '{"seed":2}'.length)
    expect((await send(registry, 'GET', `/v2/${acme}/manifests/${loose.digest}`)).status).toBe(404)
    expect((await send(registry, 'HEAD', `/v2/${acme}/blobs/${digestsOf(loose)[0]}`)).status).toBe(404)
    expect((await collect(registry)).removed).toEqual([])
    expect(await isWhole(registry, acme, await pushImage(registry, acme, 'v2', 2))).toBe(true)
  })

  test('a dry run reports the same and removes nothing', async () => {
    const registry = await open({ limits })
    await pushImage(registry, acme, 'v1', 1)
    const loose = await pushUntagged(registry, 2)
    const location = await beginUpload(registry, acme)
    await send(registry, 'PATCH', location, { body: blobOf(7) })
    registry.deps.clock.advance(registry.deps.limits.uploadTtlSeconds)
    const planned = await collect(registry, true)
    expect(planned.bytes).toBe(loose.size + 300 + '{"seed":2}'.length + 7)
    expect(await isWhole(registry, acme, loose)).toBe(true)
    const sorted = ({ removed, bytes }: Collection) => [bytes, removed.map((item) => JSON.stringify(item)).sort()]
    expect(sorted(await collect(registry))).toEqual(sorted(planned))
  })

  test('untagged children of a tagged index stay, nested ones too; with the index they go', async () => {
    const registry = await open({ limits })
    const images = [await pushUntagged(registry, 1), await pushUntagged(registry, 2)] as const
    const inner = await pushIndex(registry, '', [images[0]])
    const outer = await pushIndex(registry, 'v1', [inner, images[1]])
    expect((await collect(registry)).removed).toEqual([])
    for (const manifest of [...images, inner, outer]) expect(await isWhole(registry, acme, manifest)).toBe(true)
    await send(registry, 'DELETE', `/v2/${acme}/manifests/v1`)
    const gone = goneOf(await collect(registry), 'manifest')
    expect(gone.sort()).toEqual([...images, inner, outer].map(({ digest }) => digest).sort())
  })

  test('indexes that name each other many times over are each looked at once', async () => {
    const registry = await open({ limits: { ...limits, maxIndexDepth: 30 } })
    let level = [await pushUntagged(registry, 1)]
    for (let depth = 0; depth < 10; depth++) {
      level = [await pushIndex(registry, '', level, depth), await pushIndex(registry, '', level, 100 + depth)]
    }
    await pushIndex(registry, 'v1', level, 1000)
    let looked = 0
    const { findManifest } = registry.deps.catalog
    registry.deps.catalog = {
      ...registry.deps.catalog,
      findManifest: (...key) => {
        looked++
        return findManifest(...key)
      },
    }
    expect((await collect(registry)).removed).toEqual([])
    expect(looked).toBe(22)
  })

  test('referrers of what stays stay, and theirs; with their subject they go, and those of nothing live go too', async () => {
    const registry = await open({ limits })
    const child = await pushUntagged(registry, 1)
    const imageIndex = await pushIndex(registry, 'v1', [child])
    const signature = await pushUntagged(registry, 2, { subject: descriptorOf(imageIndex) })
    const aboutSignature = await pushUntagged(registry, 3, { subject: descriptorOf(signature) })
    const aboutChild = await pushUntagged(registry, 4, { subject: descriptorOf(child) })
    const elsewhere = { ...descriptorOf(child), digest: `sha256:${'ab'.repeat(32)}` as Digest }
    const ofNothing = await pushUntagged(registry, 5, { subject: elsewhere })
    expect(goneOf(await collect(registry), 'manifest')).toEqual([ofNothing.digest])
    for (const kept of [signature, aboutSignature, aboutChild]) expect(await isWhole(registry, acme, kept)).toBe(true)
    await send(registry, 'DELETE', `/v2/${acme}/manifests/${imageIndex.digest}`)
    const gone = goneOf(await collect(registry), 'manifest')
    const expected = [child, signature, aboutSignature, aboutChild].map(({ digest }) => digest)
    expect(gone.sort()).toEqual(expected.sort())
  })

  test('a digest of two tags stays until both are gone; bytes of two repositories until neither shows them', async () => {
    const registry = await open({ limits })
    const image = await pushImage(registry, acme, 'a', 1)
    await putManifest(registry, acme, 'b', image)
    await pushImage(registry, 'other.eth', 'v1', 1)
    await send(registry, 'DELETE', `/v2/${acme}/manifests/a`)
    expect((await collect(registry)).removed).toEqual([])
    await send(registry, 'DELETE', `/v2/${acme}/manifests/b`)
    const first = await collect(registry)
    expect([goneOf(first, 'blob').length, goneOf(first, 'content')]).toEqual([2, []])
    expect(await isWhole(registry, 'other.eth', image)).toBe(true)
    await send(registry, 'DELETE', `/v2/other.eth/manifests/v1`)
    expect(goneOf(await collect(registry), 'content')).toHaveLength(3)
  })

  test('sha512 blobs and manifests are followed like sha256 ones', async () => {
    const registry = await open({ limits })
    const layer = blobOf(40, 9)
    const digest = await pushBlob(registry, acme, layer, 'sha512')
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest, size: layer.byteLength }
    const image = await describeManifest({ schemaVersion: 2, config, layers: [] })
    expect((await putManifest(registry, acme, 'v1', image)).status).toBe(201)
    const loose = await pushBlob(registry, acme, blobOf(41, 9), 'sha512')
    expect(goneOf(await collect(registry), 'content')).toEqual([loose])
    expect(await isWhole(registry, acme, image)).toBe(true)
  })

  test('a manifest that cannot be read: its repository is left whole and named, others are collected', async () => {
    const registry = await open({ limits })
    const broken = await pushImage(registry, acme, 'v1', 1)
    await pushUntagged(registry, 2)
    const loose = await pushUntagged(registry, 3, {}, 'other.eth')
    const { read } = registry.deps.content
    registry.deps.content = {
      ...registry.deps.content,
      read: async (digest, range) => (digest === broken.digest ? undefined : read(digest, range)),
    }
    registry.deps.clock.advance(101)
    const collection = await collectGarbage(registry.deps, { dryRun: false })
    expect(collection.skipped).toEqual([{ repository: acme, reason: expect.stringContaining(broken.digest) }])
    expect(goneOf(collection, 'manifest')).toEqual([loose.digest])
    registry.deps.content = { ...registry.deps.content, read }
    expect(await isWhole(registry, acme, broken)).toBe(true)
    expect(goneOf(await collect(registry), 'manifest')).toHaveLength(1)
  })
}

function graceRules(open: OpenRegistry): void {
  const uses: readonly [string, (registry: Registry, image: PushedManifest) => Promise<{ status: number }>][] = [
    ['a push', (registry, image) => putManifest(registry, acme, image.digest, image)],
    ['a HEAD', (registry, { digest }) => send(registry, 'HEAD', `/v2/${acme}/manifests/${digest}`)],
    ['a GET', (registry, { digest }) => send(registry, 'GET', `/v2/${acme}/manifests/${digest}`)],
  ]
  test.each(uses)('grace time: %s of an untagged manifest renews it, blobs included', async (_, use) => {
    const registry = await open({ limits })
    const image = await pushUntagged(registry, 1)
    registry.deps.clock.advance(70)
    expect((await use(registry, image)).status).toBeLessThan(202)
    expect((await collectAt(registry, 70)).removed).toEqual([])
    expect(await isWhole(registry, acme, image)).toBe(true)
    expect(goneOf(await collect(registry), 'manifest')).toEqual([image.digest])
  })

  test.each(['HEAD', 'GET', 'mount'])('grace time: a %s of a blob that nothing names renews it', async (use) => {
    const registry = await open({ limits })
    const digest = await pushBlob(registry, acme, blobOf(10))
    const untouched = await pushBlob(registry, acme, blobOf(11))
    registry.deps.clock.advance(70)
    const path = `/v2/${use === 'mount' ? 'other.eth' : acme}/blobs`
    const mounted = () => send(registry, 'POST', `${path}/uploads/?mount=${digest}&from=${acme}`)
    const answer = use === 'mount' ? await mounted() : await send(registry, use, `${path}/${digest}`)
    expect(answer.status).toBe(use === 'mount' ? 201 : 200)
    const collection = await collectAt(registry, 70)
    expect(goneOf(collection, 'content')).toEqual([untouched])
    expect((await send(registry, 'GET', `${path}/${digest}`)).status).toBe(200)
  })

  test('a use is written down once in a quarter of the grace time', async () => {
    const registry = await open({ limits })
    const digest = await pushBlob(registry, acme, blobOf(10))
    let writes = 0
    const { renewBlob } = registry.deps.catalog
    registry.deps.catalog.renewBlob = (...use) => {
      writes++
      return renewBlob(...use)
    }
    const head = () => send(registry, 'HEAD', `/v2/${acme}/blobs/${digest}`)
    for (let second = 0; second <= 25; second++) {
      await head()
      registry.deps.clock.advance(1)
    }
    expect(writes).toBe(0)
    await head()
    await head()
    expect(writes).toBe(1)
  })
}

/** Collects after so many seconds, as `collect` does. */
async function collectAt(registry: Registry, seconds: number): Promise<Collection> {
  registry.deps.clock.advance(seconds - 101)
  return collect(registry)
}

function historyRules(open: OpenRegistry): void {
  test('history: what one of the last versions named stays, then goes with the version', async () => {
    const registry = await open({ limits: { ...limits, historyVersions: 3 } })
    const first = await pushImage(registry, acme, 'v1', 1)
    await pushImage(registry, acme, 'v1', 2)
    await pushImage(registry, acme, 'v1', 3)
    expect((await collect(registry)).removed).toEqual([])
    expect(await isWhole(registry, acme, first)).toBe(true)
    await pushImage(registry, acme, 'v1', 4)
    expect(goneOf(await collect(registry), 'manifest')).toEqual([first.digest])
  })

  test('history: what a list named that was current lately stays, however many came after it', async () => {
    const registry = await open({ limits: { ...limits, historySeconds: 1_000 } })
    const first = await pushImage(registry, acme, 'v1', 1)
    registry.deps.clock.advance(5_000)
    for (let seed = 2; seed < 8; seed++) await pushImage(registry, acme, 'v1', seed)
    expect((await collect(registry)).removed).toEqual([])
    expect(await isWhole(registry, acme, first)).toBe(true)
    registry.deps.clock.advance(1_000)
    expect(goneOf(await collect(registry), 'manifest')).toHaveLength(6)
  })

  test("a name changed hands: the former owner's content stays while the list could come back, then it goes", async () => {
    const registry = await open({ limits: { ...limits, listLifetimeSeconds: 10_000 } })
    const former = await pushImage(registry, acme, 'v1', 1)
    registry.deps.chain.setName(acme, { owner: addressOf(testKeys.other) })
    const present = anotherGateway(registry, testKeys.other)
    const image = await pushImage(present, acme, 'v1', 2)
    expect((await collect(registry)).removed).toEqual([])
    registry.deps.clock.advance(10_000)
    expect(goneOf(await collect(registry), 'manifest')).toEqual([former.digest])
    await pushImage(present, acme, 'v2', 2)
    expect(await isWhole(present, acme, image)).toBe(true)
  })

  test('a chain that cannot be asked takes nothing away', async () => {
    const registry = await open({ limits: { ...limits, listLifetimeSeconds: 10_000 } })
    await pushImage(registry, acme, 'v1', 1)
    registry.deps.chain.setName(acme, { owner: addressOf(testKeys.other) })
    registry.deps.clock.advance(20_000)
    registry.deps.chain.setDown(true)
    expect((await collect(registry)).removed).toEqual([])
    registry.deps.chain.setDown(false)
    expect(goneOf(await collect(registry), 'manifest')).toHaveLength(1)
  })
}

function uploadRules(open: OpenRegistry): void {
  test('the parts of a running upload stay, those of an expired one go; content of a part is not taken away', async () => {
    const registry = await open({ limits: { ...limits, uploadTtlSeconds: 500 } })
    const location = await beginUpload(registry, acme)
    const bytes = blobOf(50, 4)
    await send(registry, 'PATCH', location, { body: bytes })
    const digest = await pushBlob(registry, acme, bytes)
    await send(registry, 'DELETE', `/v2/${acme}/blobs/${digest}`)
    expect((await collect(registry)).removed).toEqual([])
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`)).status).toBe(201)
    const given = await beginUpload(registry, acme)
    await send(registry, 'PATCH', given, { body: blobOf(60) })
    registry.deps.clock.advance(400)
    const collection = await collect(registry)
    expect(collection.removed.find(({ kind }) => kind === 'upload')?.bytes).toBe(60)
    expect(await registry.deps.content.listParts()).toEqual([])
  })
}
