import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, ManifestRecord } from '../../gateway/store/catalog.ts'
import type { StoredPart } from '../../gateway/store/content-store.ts'
import { digestOf, otherOwner, owner, repository } from './fixtures.ts'

/** Opens an empty catalog. */
export type OpenCatalog = () => Promise<{ catalog: Catalog; close(): Promise<void> }>

const otherName = { ensName: 'api.acme.eth', owner }
const stored = { now: 1_000, removals: 0 }
const nothing = { blobs: [], manifests: [] }
const nextOwner = { ensName: repository.ensName, owner: otherOwner }

function manifestOf(seed: string, more: Partial<ManifestRecord> = {}): ManifestRecord {
  return {
    digest: digestOf(seed),
    size: seed.length,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    subject: null,
    artifactType: null,
    annotationsJson: null,
    ...more,
  }
}

function partOf(partId: string, size: number): StoredPart {
  return { partId, size, sha256: digestOf(partId) }
}

/** What every catalog must do (gateway/store/catalog.ts). */
export function catalogSuite(driver: string, open: OpenCatalog): void {
  describe(`catalog: ${driver}`, () => {
    let opened: Awaited<ReturnType<OpenCatalog>>
    let catalog: Catalog
    beforeEach(async () => {
      opened = await open()
      catalog = opened.catalog
    })
    afterEach(() => opened.close())

    it('a linked blob is found in its repository only: not under another name, not under the next owner', async () => {
      const digest = digestOf('blob')
      expect(await catalog.findBlob(repository, digest)).toBeUndefined()
      await catalog.linkBlob(repository, digest, 4, stored)
      await catalog.linkBlob(repository, digest, 4, stored)
      expect(await catalog.findBlob(repository, digest)).toEqual({ size: 4, usedAt: 1_000 })
      expect(await catalog.findBlob(otherName, digest)).toBeUndefined()
      expect(await catalog.findBlob(nextOwner, digest)).toBeUndefined()
    })

    it('unlinkBlob says whether it was there', async () => {
      const digest = digestOf('blob')
      await catalog.linkBlob(repository, digest, 4, stored)
      expect(await catalog.unlinkBlob(otherName, digest)).toBe(false)
      expect(await catalog.unlinkBlob(repository, digest)).toBe(true)
      expect(await catalog.unlinkBlob(repository, digest)).toBe(false)
      expect(await catalog.findBlob(repository, digest)).toBeUndefined()
    })

    it('findBlobAnywhere names a repository that shows the blob', async () => {
      const digest = digestOf('blob')
      expect(await catalog.findBlobAnywhere(digest)).toBeUndefined()
      await catalog.linkBlob(repository, digest, 4, stored)
      await catalog.linkBlob(otherName, digest, 4, stored)
      await catalog.unlinkBlob(repository, digest)
      expect(await catalog.findBlobAnywhere(digest)).toEqual({ repository: otherName, size: 4 })
    })

    it('a manifest comes back as it was put; a second push changes its media type only', async () => {
      const manifest = manifestOf('m', {
        subject: digestOf('subject'),
        artifactType: 'application/example',
        annotationsJson: '{"a":"\\u0001 ü"}',
      })
      await catalog.putManifest(repository, manifest, nothing, stored)
      expect(await catalog.findManifest(repository, manifest.digest)).toEqual({ ...manifest, usedAt: 1_000 })
      await catalog.putManifest(
        repository,
        { ...manifest, mediaType: 'application/other', artifactType: null },
        nothing,
        stored,
      )
      expect(await catalog.findManifest(repository, manifest.digest)).toEqual({
        ...manifest,
        mediaType: 'application/other',
        usedAt: 1_000,
      })
      expect(await catalog.findManifest(otherName, manifest.digest)).toBeUndefined()
      expect(await catalog.findManifest(nextOwner, manifest.digest)).toBeUndefined()
    })

    it('removeManifest says whether it was there', async () => {
      const manifest = manifestOf('m')
      await catalog.putManifest(repository, manifest, nothing, stored)
      expect(await catalog.removeManifest(otherName, manifest.digest)).toBe(false)
      expect(await catalog.removeManifest(repository, manifest.digest)).toBe(true)
      expect(await catalog.removeManifest(repository, manifest.digest)).toBe(false)
      expect(await catalog.findManifest(repository, manifest.digest)).toBeUndefined()
    })

    it('referrers: those of the subject in this repository, ascending by digest, in pages', async () => {
      const subject = digestOf('subject')
      const referrers = Array.from({ length: 7 }, (_, i) => manifestOf(`referrer ${i}`, { subject }))
      for (const referrer of referrers) await catalog.putManifest(repository, referrer, nothing, stored)
      await catalog.putManifest(
        repository,
        manifestOf('of another', { subject: digestOf('other subject') }),
        nothing,
        stored,
      )
      await catalog.putManifest(repository, manifestOf('of none'), nothing, stored)
      await catalog.putManifest(otherName, manifestOf('elsewhere', { subject }), nothing, stored)
      const expected = referrers.map(({ digest }) => digest).sort()
      const seen: string[] = []
      for (;;) {
        const page = await catalog.listReferrers(repository, subject, seen.at(-1) ?? '', 3)
        if (page.length === 0) break
        expect(page.length).toBeLessThanOrEqual(3)
        seen.push(...page.map(({ digest }) => digest))
      }
      expect(seen).toEqual(expected)
    })

    it('hasContent: false before anything was stored, true ever after, per owner; an upload alone is nothing', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      expect(await catalog.hasContent(repository)).toBe(false)
      await catalog.linkBlob(repository, digestOf('blob'), 4, stored)
      await catalog.unlinkBlob(repository, digestOf('blob'))
      expect(await catalog.hasContent(repository)).toBe(true)
      expect(await catalog.hasContent(nextOwner)).toBe(false)
      await catalog.putManifest(otherName, manifestOf('m'), nothing, stored)
      expect(await catalog.hasContent(otherName)).toBe(true)
    })

    it('listNames: each name once whoever owned it, in byte order, in pages, whatever was removed since', async () => {
      expect(await catalog.listNames('', 10)).toEqual([])
      const names = ['b.eth', 'acme.eth', 'web.acme.eth', 'a-b.eth']
      for (const ensName of names) await catalog.linkBlob({ ensName, owner }, digestOf('blob'), 4, stored)
      await catalog.linkBlob({ ensName: 'b.eth', owner: otherOwner }, digestOf('blob'), 4, stored)
      await catalog.unlinkBlob({ ensName: 'acme.eth', owner }, digestOf('blob'))
      expect(await catalog.listNames('', 10)).toEqual(['a-b.eth', 'acme.eth', 'b.eth', 'web.acme.eth'])
      expect(await catalog.listNames('acme.eth', 1)).toEqual(['b.eth'])
      expect(await catalog.listNames('web.acme.eth', 1)).toEqual([])
      expect(await catalog.listNames('', 0)).toEqual([])
    })

    it('an upload is found with its parts in order, only in its own repository', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      expect(await catalog.findUpload(repository, 'upload')).toEqual({
        uploadId: 'upload',
        size: 0,
        parts: [],
        expiresAt: 100,
      })
      expect(await catalog.appendPart(repository, 'upload', 0, partOf('p1', 10), 110)).toBe(true)
      expect(await catalog.appendPart(repository, 'upload', 10, partOf('p2', 0), 120)).toBe(true)
      expect(await catalog.appendPart(repository, 'upload', 10, partOf('p3', 5), 130)).toBe(true)
      expect(await catalog.findUpload(repository, 'upload')).toEqual({
        uploadId: 'upload',
        size: 15,
        parts: [partOf('p1', 10), partOf('p2', 0), partOf('p3', 5)],
        expiresAt: 130,
      })
      expect(await catalog.findUpload(otherName, 'upload')).toBeUndefined()
      expect(await catalog.findUpload(nextOwner, 'upload')).toBeUndefined()
      const parts = [partOf('p1', 10), partOf('p2', 0), partOf('p3', 5)]
      expect(await catalog.listParts()).toEqual(parts.map((part) => ({ ...part, uploadId: 'upload', expiresAt: 130 })))
    })

    it('appendPart at another offset, in another repository or without a session: false, and nothing changes', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      expect(await catalog.appendPart(repository, 'upload', 0, partOf('p1', 10), 110)).toBe(true)
      const before = await catalog.findUpload(repository, 'upload')
      expect(await catalog.appendPart(repository, 'upload', 0, partOf('p2', 10), 120)).toBe(false)
      expect(await catalog.appendPart(repository, 'upload', 11, partOf('p2', 10), 120)).toBe(false)
      expect(await catalog.appendPart(otherName, 'upload', 10, partOf('p2', 10), 120)).toBe(false)
      expect(await catalog.appendPart(repository, 'never', 0, partOf('p2', 10), 120)).toBe(false)
      expect(await catalog.findUpload(repository, 'upload')).toEqual(before)
    })

    it('twenty appends at one offset: exactly one is true, and its part is the one', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      const parts = Array.from({ length: 20 }, (_, i) => partOf(`p${i}`, 10))
      const won = await Promise.all(parts.map((part) => catalog.appendPart(repository, 'upload', 0, part, 110)))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await catalog.findUpload(repository, 'upload')).toMatchObject({
        size: 10,
        parts: [parts[won.indexOf(true)]],
      })
    })

    it('createUpload with an id that is taken is an error, not a take-over', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      await expect(catalog.createUpload(otherName, 'upload', 100)).rejects.toThrow()
      expect(await catalog.findUpload(repository, 'upload')).toBeDefined()
    })

    it('removeUpload forgets the session with its parts, in its own repository only', async () => {
      await catalog.createUpload(repository, 'upload', 100)
      await catalog.appendPart(repository, 'upload', 0, partOf('p1', 10), 110)
      expect(await catalog.removeUpload(otherName, 'upload')).toBe(false)
      expect(await catalog.removeUpload(repository, 'upload')).toBe(true)
      expect(await catalog.removeUpload(repository, 'upload')).toBe(false)
      expect(await catalog.findUpload(repository, 'upload')).toBeUndefined()
      expect(await catalog.listParts()).toEqual([])
    })

    it('expireUploads ends the sessions that expired before now, and names them', async () => {
      await catalog.createUpload(repository, 'old', 99)
      await catalog.appendPart(repository, 'old', 0, partOf('p1', 10), 99)
      await catalog.createUpload(repository, 'due', 100)
      await catalog.createUpload(otherName, 'new', 101)
      expect(await catalog.expireUploads(100)).toEqual(['old'])
      expect(await catalog.findUpload(repository, 'old')).toBeUndefined()
      expect(await catalog.findUpload(repository, 'due')).toBeDefined()
      expect(await catalog.listParts()).toEqual([])
    })
  })
}
