import { expect, test } from 'vitest'
import { type Collection, collectGarbage } from '../../gateway/collector.ts'
import { parseRepository } from '../../gateway/ens/name.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { publishTags } from '../../gateway/publisher.ts'
import { openOf } from '../../gateway/routes/repository.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import {
  blobOf,
  makeImage,
  type OpenRegistry,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'
import { collect, isWhole } from './rules.ts'

const acme = 'acme.eth'
const limits = { gcGraceSeconds: 0, historyVersions: 1, historySeconds: 0 }

/** Lets `first` happen right before the next call of a store's method, once. */
function before<Store extends object, Method extends keyof Store>(
  store: Store,
  method: Method,
  first: () => Promise<unknown>,
): void {
  const real = store[method] as (...values: unknown[]) => Promise<unknown>
  const intercepted = async (...values: unknown[]) => {
    store[method] = real as Store[Method]
    await first()
    return real(...values)
  }
  store[method] = intercepted as Store[Method]
}

/** As `before`, but right after it. */
function after<Store extends object, Method extends keyof Store>(
  store: Store,
  method: Method,
  then: () => Promise<unknown>,
): void {
  const real = store[method] as (...values: unknown[]) => Promise<unknown>
  const intercepted = async (...values: unknown[]) => {
    store[method] = real as Store[Method]
    const result = await real(...values)
    await then()
    return result
  }
  store[method] = intercepted as Store[Method]
}

async function untagged(registry: Registry, seed: number) {
  const image = await makeImage(registry, acme, seed)
  expect((await putManifest(registry, acme, image.digest, image)).status).toBe(201)
  return image
}

/** Stores of its own for every method that a rule replaces. */
function opened(registry: Registry): Registry {
  Object.assign(registry.deps, {
    catalog: { ...registry.deps.catalog },
    content: { ...registry.deps.content },
    lists: { ...registry.deps.lists },
  })
  return registry
}

/** A collection in the middle of a push, whose parts are on their way. */
function collectAmid({ deps }: Registry): Promise<Collection> {
  deps.clock.advance(1)
  return collectGarbage(deps, { dryRun: false })
}

/** What happens between the steps of a collection, with no grace time at all to help. */
export function raceRules(open: OpenRegistry): void {
  test('a tag that comes between reckoning and removal is seen: the image stays', async () => {
    const registry = opened(await open({ limits }))
    const image = await untagged(registry, 1)
    const loose = await untagged(registry, 2)
    before(registry.deps.catalog, 'sweep', async () => {
      expect((await putManifest(registry, acme, 'v1', image)).status).toBe(201)
    })
    const { removed } = await collect(registry)
    expect(await isWhole(registry, acme, image)).toBe(true)
    expect(removed.filter(({ kind }) => kind === 'manifest').map(({ digest }) => digest)).toEqual([loose.digest])
  })

  test('where somebody pushes each time that a collection gives way, it is collected all the same', async () => {
    const registry = opened(await open({ limits }))
    await pushImage(registry, acme, 'v0', 1)
    const loose = await untagged(registry, 2)
    registry.deps.clock.advance(1)
    let pushes = 0
    const pause = async () => {
      pushes++
      await pushImage(registry, acme, `v${pushes}`, 2 + pushes)
    }
    const { removed, skipped } = await collectGarbage({ ...registry.deps, pause }, { dryRun: false })
    expect(skipped).toEqual([])
    expect(removed.filter(({ kind }) => kind === 'manifest').map(({ digest }) => digest)).toEqual([loose.digest])
    expect(pushes).toBeGreaterThan(0)
  })

  test('a list signed elsewhere that comes between reckoning and removal is seen: what it names stays', async () => {
    const registry = opened(await open({ limits }))
    await pushImage(registry, acme, 'v1', 1)
    const image = await untagged(registry, 2)
    before(registry.deps.catalog, 'sweep', async () => {
      const repository = openOf(parseRepository(acme), await registry.deps.chain.readAuthority(acme))
      const { digest, size, mediaType } = image
      const entry = { digest, size, mediaType, swarmReference: ZERO_REFERENCE, updatedVersion: 0, flags: 0 }
      await publishTags(registry.deps, repository!, async () => [{ tag: 'v2', entry }])
    })
    expect((await collect(registry)).removed).toEqual([])
    expect(await isWhole(registry, acme, image)).toBe(true)
  })

  test('a HEAD that says "here" between reckoning and removal keeps the manifest and all it names', async () => {
    const registry = opened(await open({ limits }))
    const image = await untagged(registry, 1)
    before(registry.deps.catalog, 'sweep', async () => {
      expect((await send(registry, 'HEAD', `/v2/${acme}/manifests/${image.digest}`)).status).toBe(200)
    })
    expect((await collect(registry)).removed).toEqual([])
    expect(await isWhole(registry, acme, image)).toBe(true)
  })

  test('a blob that is mounted, or said to be here, between reckoning and removal stays in that repository', async () => {
    const registry = opened(await open({ limits }))
    const digests = [await pushBlob(registry, acme, blobOf(10)), await pushBlob(registry, acme, blobOf(11))] as const
    before(registry.deps.catalog, 'sweep', async () => {
      await send(registry, 'POST', `/v2/other.eth/blobs/uploads/?mount=${digests[0]}&from=${acme}`)
      await send(registry, 'HEAD', `/v2/${acme}/blobs/${digests[1]}`)
    })
    await collect(registry)
    expect((await send(registry, 'GET', `/v2/other.eth/blobs/${digests[0]}`)).status).toBe(200)
    expect((await send(registry, 'GET', `/v2/${acme}/blobs/${digests[1]}`)).status).toBe(200)
  })

  test('a manifest swept between its row and its tag is stored again: 201 only for what can be pulled', async () => {
    const registry = opened(await open({ limits }))
    const blob = await pushImage(registry, acme, 'base', 1)
    const image = await makeImage(registry, acme, 1, { annotations: { other: 'image' } })
    before(registry.deps.lists, 'commit', () => collect(registry))
    const put = await putManifest(registry, acme, 'v1', image)
    expect([put.status, put.text]).toEqual([201, ''])
    expect(await isWhole(registry, acme, image)).toBe(true)
    expect(await isWhole(registry, acme, blob)).toBe(true)
  })

  test("blobs swept between a push's check and its manifest: MANIFEST_BLOB_UNKNOWN, and no tag", async () => {
    const registry = opened(await open({ limits }))
    const image = await makeImage(registry, acme, 1)
    before(registry.deps.catalog, 'putManifest', () => collect(registry))
    const put = await putManifest(registry, acme, 'v1', image)
    expect([put.status, put.text]).toEqual([400, expect.stringContaining('MANIFEST_BLOB_UNKNOWN')])
    expect((await send(registry, 'GET', `/v2/${acme}/manifests/v1`)).status).toBe(404)
  })

  test('bytes that are pushed again while they are taken away: 201, and they are there', async () => {
    const registry = opened(await open({ limits }))
    const bytes = blobOf(500, 3)
    const digest = await pushBlob(registry, acme, bytes)
    await send(registry, 'DELETE', `/v2/${acme}/blobs/${digest}`)
    let pushed: Promise<Digest> | undefined
    before(registry.deps.content, 'remove', async () => {
      pushed = pushBlob(registry, 'other.eth', bytes)
      await new Promise((resume) => setTimeout(resume, 20))
    })
    await collectAmid(registry)
    expect(await pushed).toBe(digest)
    expect((await send(registry, 'GET', `/v2/other.eth/blobs/${digest}`)).bytes).toEqual(bytes)
  })

  test('bytes taken away between store and row: the push stores them again, with chunks and as a manifest too', async () => {
    const registry = opened(await open({ limits }))
    const bytes = blobOf(500, 3)
    const digest = await pushBlob(registry, acme, bytes)
    await send(registry, 'DELETE', `/v2/${acme}/blobs/${digest}`)
    // It was there already, so the parts were not needed to store it.
    after(registry.deps.content, 'assemble', () => collectAmid(registry))
    expect(await pushBlob(registry, acme, bytes)).toBe(digest)
    expect((await send(registry, 'GET', `/v2/${acme}/blobs/${digest}`)).bytes).toEqual(bytes)
    await pushImage(registry, acme, 'base', 1)
    const image = await makeImage(registry, acme, 1, { annotations: { other: 'image' } })
    expect((await putManifest(registry, acme, image.digest, image)).status).toBe(201)
    await send(registry, 'DELETE', `/v2/${acme}/manifests/${image.digest}`)
    after(registry.deps.content, 'put', () => collectAmid(registry))
    expect((await putManifest(registry, acme, 'v1', image)).status).toBe(201)
    expect(await isWhole(registry, acme, image)).toBe(true)
  })

  test('a mount of what is swept at that moment is no mount: 202, and the client uploads', async () => {
    const registry = opened(await open({ limits }))
    const digest = await pushBlob(registry, acme, blobOf(10))
    const mount = () => send(registry, 'POST', `/v2/other.eth/blobs/uploads/?mount=${digest}&from=${acme}`)
    before(registry.deps.catalog, 'mountBlob', () => collect(registry))
    expect((await mount()).status).toBe(202)
    expect((await send(registry, 'GET', `/v2/other.eth/blobs/${digest}`)).status).toBe(404)
    await pushBlob(registry, acme, blobOf(10))
    expect((await mount()).status).toBe(201)
  })

  test('DELETE of a manifest and a push of another tag for it at once: no tag is left without its manifest', async () => {
    const registry = opened(await open({ limits }))
    const image = await pushImage(registry, acme, 'a', 1)
    before(registry.deps.catalog, 'removeManifest', async () => {
      expect((await putManifest(registry, acme, 'b', image)).status).toBe(201)
    })
    expect((await send(registry, 'DELETE', `/v2/${acme}/manifests/${image.digest}`)).status).toBe(202)
    expect((await send(registry, 'GET', `/v2/${acme}/manifests/b`)).status).toBe(404)
    before(registry.deps.lists, 'commit', async () => {
      expect((await send(registry, 'DELETE', `/v2/${acme}/manifests/${image.digest}`)).status).toBe(202)
    })
    expect((await putManifest(registry, acme, 'c', image)).status).toBe(201)
    expect(await isWhole(registry, acme, image)).toBe(true)
  })

  test.each(['sweep', 'beginRemovals', 'endRemovals'] as const)(
    'a collection that fails before or after %s leaves all whole, and the next one finishes',
    async (method) => {
      for (const fail of [before, after]) {
        const registry = opened(await open({ limits }))
        const kept = await pushImage(registry, acme, 'v1', 1)
        const loose = await untagged(registry, 2)
        registry.deps.clock.advance(1)
        fail(registry.deps.catalog, method, () => Promise.reject(new Error('the store is broken')))
        const failed = await collectGarbage(registry.deps, { dryRun: false }).catch((error: Error) => error)
        expect(failed instanceof Error || failed.skipped.length === 1).toBe(true)
        await registry.deps.catalog.endRemovals(await registry.deps.catalog.listRemovals(), 0)
        await collect(registry)
        expect(await isWhole(registry, acme, kept)).toBe(true)
        expect(await registry.deps.content.stat(loose.digest)).toBeUndefined()
        expect(await isWhole(registry, acme, await pushImage(registry, acme, 'v2', 2))).toBe(true)
      }
    },
  )

  test('a repository that changes all the time is left for the next collection, and said so', async () => {
    const registry = opened(await open({ limits }))
    await pushImage(registry, acme, 'v1', 1)
    await untagged(registry, 2)
    registry.deps.clock.advance(1)
    const { sweep, renewManifest } = registry.deps.catalog
    const tagged = await pushImage(registry, acme, 'v3', 3)
    registry.deps.clock.advance(1)
    registry.deps.catalog.sweep = async (...values) => {
      await renewManifest({ ensName: acme, owner: values[0].owner }, tagged.digest, 0)
      return sweep(...values)
    }
    const { removed, skipped } = await collectGarbage(registry.deps, { dryRun: false })
    expect([removed, skipped]).toEqual([[], [{ repository: acme, reason: expect.stringContaining('changed') }]])
    registry.deps.catalog.sweep = sweep
    expect((await collect(registry)).skipped).toEqual([])
  })
}
