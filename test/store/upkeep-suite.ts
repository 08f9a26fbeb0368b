import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../gateway/oci/digest.ts'
import type { RepositoryKey } from '../../gateway/store/catalog.ts'
import { ManifestGone } from '../../gateway/store/tag-list-store.ts'
import { encodeTagKey } from '../../gateway/tags/entry.ts'
import type { TagChange } from '../../gateway/tags/tree.ts'
import type { Stores } from './crash/work.ts'
import {
  bodyOf,
  digestOf,
  drop,
  entryOf,
  line,
  otherOwner,
  owner,
  planNext,
  publish,
  repository,
  someBytes,
} from './fixtures.ts'

/** Opens empty stores whose catalog and lists are of one database. */
export type OpenStores = () => Promise<Pick<Stores, 'content' | 'catalog' | 'lists'> & { close(): Promise<void> }>

const other = { ensName: 'api.acme.eth', owner }
const nothing = { blobs: [], manifests: [] }
const stored = { now: 1_000, removals: 0 }

function manifestOf(digest: Digest) {
  const none = { subject: null, artifactType: null, annotationsJson: null }
  return { digest, size: 8, mediaType: 'application/vnd.oci.image.manifest.v1+json', ...none }
}

function pointTo(tag: string, digest: Digest, flags = 0): TagChange {
  return { tag, entry: { ...entryOf(tag, 0, flags), digest } }
}

/** What the collector and `fsck` need of every set of stores (gateway/store/catalog-upkeep.ts). */
export function upkeepSuite(drivers: string, open: OpenStores): void {
  describe(`upkeep: ${drivers}`, () => {
    let stores: Awaited<ReturnType<OpenStores>>
    let catalog: Stores['catalog']
    beforeEach(async () => {
      stores = await open()
      catalog = stores.catalog
    })
    afterEach(() => stores.close())
    const manifest = digestOf('manifest')
    const blob = digestOf('blob')
    const putManifest = (digest: Digest, references: { blobs: Digest[]; manifests: Digest[] } = nothing) =>
      catalog.putManifest(repository, manifestOf(digest), references, stored)

    it('content is listed ascending by digest, sha256 before sha512, in pages; parts with their sizes', async () => {
      const { content } = stores
      const digests: Digest[] = []
      for (const algorithm of ['sha256', 'sha512'] as const) {
        for (let seed = 0; seed < 6; seed++) {
          const bytes = someBytes(10 + seed, seed)
          digests.push(digestOf(bytes, algorithm))
          await content.put(digests.at(-1)!, bytes)
        }
      }
      const found: { digest: Digest; size: number; storedAt: number }[] = []
      for (let page = await content.list('', 4); page.length > 0; page = await content.list(found.at(-1)!.digest, 4)) {
        found.push(...page)
      }
      expect(found.map(({ digest }) => digest)).toEqual([...digests].sort())
      expect(found.reduce((sum, { size }) => sum + size, 0)).toBe(150)
      expect(found.every(({ storedAt }) => Math.abs(storedAt - Date.now() / 1000) < 1_000)).toBe(true)
      const part = await content.writePart('upload', bodyOf(someBytes(30)), 100)
      expect(await content.listParts()).toEqual([{ uploadId: 'upload', partId: part.partId, size: 30 }])
    })

    it('repositories, blobs and manifests are listed in order and in pages', async () => {
      const keys: RepositoryKey[] = [other, repository, { ...repository, owner: otherOwner }]
      for (const key of keys) await catalog.linkBlob(key, blob, 4, stored)
      const blobs = ['1', '2', '3'].map((text) => digestOf(text)).sort()
      for (const digest of blobs) {
        await catalog.linkBlob(other, digest, 1, stored)
        await catalog.putManifest(other, manifestOf(digest), nothing, stored)
      }
      expect(await catalog.listRepositories(null, 2)).toEqual(keys.slice(0, 2))
      expect(await catalog.listRepositories(keys[1]!, 2)).toEqual(keys.slice(2))
      expect(await catalog.listRepositories(keys[2]!, 2)).toEqual([])
      const all = [...blobs, blob].sort()
      expect((await catalog.listBlobs(other, '', 9)).map(({ digest }) => digest)).toEqual(all)
      expect(await catalog.listBlobs(other, all[2]!, 9)).toEqual([
        { digest: all[3], size: all[3] === blob ? 4 : 1, usedAt: 1_000 },
      ])
      expect(await catalog.listManifests(other, blobs[0]!, 1)).toEqual([{ ...manifestOf(blobs[1]!), usedAt: 1_000 }])
    })

    it('lines with a list, of one repository or all; digests of the current list once each, tombstones left out', async () => {
      const { lists } = stores
      const next = { ...line, epoch: 1n }
      const elsewhere = { ...line, ensName: other.ensName }
      expect(await lists.listLines()).toEqual([])
      const wide = digestOf('wide', 'sha512')
      await publish(lists, [pointTo('a', manifest), pointTo('b', manifest), pointTo('c', blob, 3), pointTo('d', wide)])
      for (const of of [next, elsewhere]) await publish(lists, [pointTo('a', blob)], of)
      const heads = await Promise.all([line, next, elsewhere].map((of) => lists.findHead(of)))
      const found = [line, next, elsewhere].map((of, at) => ({ line: of, head: heads[at] }))
      expect(await lists.listLines()).toEqual(found)
      expect(await lists.listLines(repository)).toEqual(found.slice(0, 2))
      expect(await lists.listLines({ ...repository, owner: otherOwner })).toEqual([])
      expect(await lists.listDigests(line, '', 9)).toEqual([manifest, wide])
      expect(await lists.listDigests(line, '', 1)).toEqual([manifest])
      expect(await lists.listDigests(line, manifest, 9)).toEqual([wide])
      expect(await lists.listDigests({ ...line, epoch: 9n }, '', 9)).toEqual([])
    })

    it('findSlot: with the manifest that the line’s own repository shows for the tag, of either algorithm', async () => {
      const { lists } = stores
      const wide = digestOf('wide', 'sha512')
      await publish(lists, [pointTo('a', manifest), pointTo('b', wide), pointTo('c', blob)])
      await catalog.putManifest(other, manifestOf(blob), nothing, stored)
      await catalog.putManifest({ ...repository, owner: otherOwner }, manifestOf(blob), nothing, stored)
      const found = async (tag: string) => (await lists.findSlot(line, encodeTagKey(tag)))?.manifest
      expect([await found('a'), await found('b')]).toEqual([undefined, undefined])
      for (const digest of [manifest, wide]) await catalog.putManifest(repository, manifestOf(digest), nothing, stored)
      expect(await found('a')).toEqual({ ...manifestOf(manifest), usedAt: 1_000 })
      expect(await found('b')).toEqual({ ...manifestOf(wide), usedAt: 1_000 })
      expect([await found('c'), await found('absent')]).toEqual([undefined, undefined])
      await catalog.removeManifest(repository, manifest)
      expect(await found('a')).toBeUndefined()
    })

    it('commit with a manifest: only while the repository shows it, else ManifestGone and nothing is written', async () => {
      const { lists } = stores
      const { signed, delta } = await planNext(lists, [pointTo('a', manifest)])
      await catalog.putManifest(other, manifestOf(manifest), nothing, stored)
      await expect(lists.commit(line, signed, delta, manifest)).rejects.toThrow(ManifestGone)
      expect(await lists.findHead(line)).toBeUndefined()
      await putManifest(manifest)
      expect(await lists.commit(line, signed, delta, manifest)).toBe(true)
      expect(await lists.commit(line, signed, delta, manifest)).toBe(false)
    })

    it('removeManifest unless tagged: stays while the current list of that line has a tag for it', async () => {
      await putManifest(manifest)
      await publish(stores.lists, [pointTo('a', manifest)])
      expect(await catalog.removeManifest(repository, manifest, line)).toBe(false)
      expect(await catalog.findManifest(repository, manifest)).toBeDefined()
      expect(await catalog.removeManifest(repository, manifest, { ...line, epoch: 1n })).toBe(true)
      await putManifest(manifest)
      await publish(stores.lists, [drop('a')])
      expect(await catalog.removeManifest(repository, manifest, line)).toBe(true)
    })

    it('putManifest: only where all that it names is shown, in that repository', async () => {
      await catalog.linkBlob(other, blob, 4, stored)
      await catalog.putManifest(other, manifestOf(digestOf('child')), nothing, stored)
      const references = { blobs: [blob], manifests: [digestOf('child')] }
      expect(await putManifest(manifest, references)).toBe(false)
      await catalog.linkBlob(repository, blob, 4, stored)
      expect(await putManifest(manifest, references)).toBe(false)
      expect(await catalog.findManifest(repository, manifest)).toBeUndefined()
      await putManifest(digestOf('child'))
      expect(await putManifest(manifest, references)).toBe(true)
    })

    it('mountBlob shows what the source shows, as used now; what it does not show stays unknown', async () => {
      expect(await catalog.mountBlob(repository, other, blob, 2_000)).toBeUndefined()
      expect(await catalog.findBlob(other, blob)).toBeUndefined()
      await catalog.linkBlob(repository, blob, 4, stored)
      expect(await catalog.mountBlob(repository, other, blob, 2_000)).toEqual({ size: 4 })
      expect(await catalog.findBlob(other, blob)).toEqual({ size: 4, usedAt: 2_000 })
      expect(await catalog.mountBlob(repository, other, blob, 1_500)).toEqual({ size: 4 })
      expect(await catalog.findBlob(other, blob)).toEqual({ size: 4, usedAt: 2_000 })
    })

    it('renewals move the time of use on, never back, and say whether it is there', async () => {
      expect(await catalog.renewBlob(repository, blob, 2_000)).toBe(false)
      expect(await catalog.renewManifest(repository, manifest, 2_000)).toBe(false)
      await catalog.linkBlob(repository, blob, 4, stored)
      await putManifest(manifest)
      for (const now of [2_000, 1_500]) {
        expect(await catalog.renewBlob(repository, blob, now)).toBe(true)
        expect(await catalog.renewManifest(repository, manifest, now)).toBe(true)
      }
      expect((await catalog.findBlob(repository, blob))?.usedAt).toBe(2_000)
      expect((await catalog.findManifest(repository, manifest))?.usedAt).toBe(2_000)
    })

    it('sweep: what was not used since goes, what was stays; nothing goes when the revision moved', async () => {
      for (const digest of [blob, digestOf('used')]) await catalog.linkBlob(repository, digest, 4, stored)
      await catalog.linkBlob(other, blob, 4, stored)
      await putManifest(manifest)
      await catalog.renewBlob(repository, digestOf('used'), 2_000)
      const sweep = { manifests: [manifest], blobs: [blob, digestOf('used'), digestOf('never')], usedSince: 2_000 }
      const revision = await catalog.readRevision(repository)
      const moves: (() => Promise<unknown>)[] = [
        () => putManifest(digestOf('another')),
        () => catalog.renewManifest(repository, manifest, 1_500),
        () => publish(stores.lists, [pointTo('a', manifest)]),
        () => publish(stores.lists, [pointTo('a', manifest)], { ...line, epoch: 5n }),
      ]
      for (const move of moves) {
        const before = await catalog.readRevision(repository)
        await move()
        expect(await catalog.sweep(repository, { ...sweep, revision: before })).toBeUndefined()
      }
      expect(await catalog.readRevision(repository)).not.toBe(revision)
      expect(await catalog.findManifest(repository, manifest)).toBeDefined()
      const swept = await catalog.sweep(repository, { ...sweep, revision: await catalog.readRevision(repository) })
      expect(swept).toEqual({ manifests: [manifest], blobs: [blob] })
      expect(await catalog.findManifest(repository, manifest)).toBeUndefined()
      expect(await catalog.findBlob(repository, digestOf('used'))).toBeDefined()
      expect(await catalog.findBlob(other, blob)).toBeDefined()
    })

    it('removals begin only for bytes that no repository shows and no upload holds as a part', async () => {
      const part = { partId: 'p', size: 1, sha256: digestOf('part') }
      await catalog.createUpload(repository, 'upload', 2_000)
      await catalog.appendPart(repository, 'upload', 0, part, 2_000)
      await catalog.linkBlob(repository, blob, 4, stored)
      await putManifest(manifest)
      const free = digestOf('free')
      const begun = await catalog.beginRemovals([blob, manifest, part.sha256, free])
      expect(begun).toEqual([{ removalId: expect.any(Number), digest: free }])
      expect(await catalog.listRemovals()).toEqual(begun)
      await catalog.endRemovals(begun, 3_000)
      expect(await catalog.listRemovals()).toEqual([])
    })

    it('what was stored before its removal ended is not linked; what is stored after it is', async () => {
      const before = { now: 1_000, removals: await catalog.countRemovals() }
      const begun = await catalog.beginRemovals([blob, manifest])
      const during = { now: 1_000, removals: await catalog.countRemovals() }
      const link = (storing: typeof before) => catalog.linkBlob(repository, blob, 4, storing)
      const put = (storing: typeof before) => catalog.putManifest(repository, manifestOf(manifest), nothing, storing)
      for (const storing of [before, during]) expect([await link(storing), await put(storing)]).toEqual([false, false])
      await catalog.endRemovals(begun, 3_000)
      for (const storing of [before, during]) expect([await link(storing), await put(storing)]).toEqual([false, false])
      expect(await catalog.findBlob(repository, blob)).toBeUndefined()
      const after = { now: 1_000, removals: await catalog.countRemovals() }
      expect([await link(after), await put(after)]).toEqual([true, true])
      expect(await catalog.linkBlob(repository, digestOf('of another digest'), 4, before)).toBe(true)
    })
  })
}
