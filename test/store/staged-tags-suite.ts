import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Digest } from '../../gateway/oci/digest.ts'
import type { Catalog } from '../../gateway/store/catalog.ts'
import type { StagedChange, StagedTagStore } from '../../gateway/store/staged-tags.ts'
import { ManifestGone, type TagListStore } from '../../gateway/store/tag-list-store.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE } from '../../gateway/tags/entry.ts'
import { add, digestOf, entryOf, line, otherOwner, publish, repository } from './fixtures.ts'

type Stores = { catalog: Catalog; lists: TagListStore; staged: StagedTagStore }

/** Opens empty stores that see each other as parts of one database do. */
export type OpenStagedTags = () => Promise<Stores & { close(): Promise<void> }>

const manifest = digestOf('manifest')

function change(tag: string, entry: StagedChange['entry'] = entryOf(tag, 0), stagedAt = 1_000): StagedChange {
  return { tag, entry, stagedAt, stagedBy: otherOwner }
}

function putManifest(catalog: Catalog, digest: Digest): Promise<boolean> {
  const none = { subject: null, artifactType: null, annotationsJson: null }
  const record = { digest, size: 8, mediaType: 'application/vnd.oci.image.manifest.v1+json', ...none }
  return catalog.putManifest(repository, record, { blobs: [], manifests: [] }, { now: 1_000, removals: 0 })
}

/** What every store of staged changes must do (gateway/store/staged-tags.ts, protocol 5). */
export function stagedTagSuite(driver: string, open: OpenStagedTags): void {
  describe(`staged tags: ${driver}`, () => {
    let stores: Awaited<ReturnType<OpenStagedTags>>
    beforeEach(async () => {
      stores = await open()
    })
    afterEach(() => stores.close())
    writingRules(() => stores)
    basisRules(() => stores)
    catalogRules(() => stores)
  })
}

function writingRules(opened: () => Stores): void {
  it('nothing is staged: generation 0, no changes, no lines', async () => {
    const { staged } = opened()
    expect(await staged.read(line)).toEqual({ generation: 0, count: 0, changes: [] })
    expect(await staged.read(line, ['a'])).toEqual({ generation: 0, count: 0, changes: [] })
    expect(await staged.find(line, 'a')).toBeUndefined()
    expect(await staged.listLines()).toEqual([])
  })

  it('changes come back as they were staged, in byte order: moved, to be removed, immutable, deleted, sha512', async () => {
    const { staged } = opened()
    const long = { ...entryOf('long', 0, FLAG_IMMUTABLE), digest: digestOf('long', 'sha512') }
    const changes = [
      change('Z', long, 2_000),
      change('_x', null),
      change('a'),
      change('aa', entryOf('gone', 0, FLAG_IMMUTABLE | FLAG_TOMBSTONE)),
      change('a-b', entryOf('b', 0), 3_000),
    ]
    expect(await staged.write(line, { generation: 0 }, { put: changes })).toBe(true)
    const sorted = changes.toSorted((one, other) => (one.tag < other.tag ? -1 : 1))
    expect(await staged.read(line)).toEqual({ generation: 1, count: 5, changes: sorted })
    for (const each of changes) expect(await staged.find(line, each.tag)).toEqual(each)
    expect(await staged.find(line, 'A')).toBeUndefined()
    expect(await staged.read(line, ['aa', 'none', 'Z'])).toEqual({
      ...{ generation: 1, count: 5 },
      changes: [changes[0], changes[3]],
    })
    expect(await staged.read(line, [])).toEqual({ generation: 1, count: 5, changes: [] })
  })

  it('a change takes the place of what was staged for its tag; one write sets some and takes others away', async () => {
    const { staged } = opened()
    await staged.write(line, { generation: 0 }, { put: [change('a'), change('b'), change('c')] })
    const moved = change('a', entryOf('moved', 0), 2_000)
    expect(await staged.write(line, { generation: 1 }, { put: [moved], drop: ['b', 'never'] })).toBe(true)
    expect(await staged.read(line)).toEqual({ generation: 2, count: 2, changes: [moved, change('c')] })
    expect(await staged.write(line, { generation: 2 }, { drop: ['a', 'c'] })).toBe(true)
    expect(await staged.read(line)).toEqual({ generation: 3, count: 0, changes: [] })
  })

  it('lines are apart: another owner, epoch, name, chain and contract have nothing of it', async () => {
    const { staged } = opened()
    const others = [
      { ...line, owner: otherOwner },
      { ...line, epoch: 1n },
      { ...line, ensName: 'api.acme.eth' },
      { ...line, chainId: 1 },
      { ...line, resolver: otherOwner },
    ]
    await staged.write(line, { generation: 0 }, { put: [change('a')] })
    for (const other of others) {
      expect([other, await staged.read(other), await staged.find(other, 'a')]).toEqual([
        ...[other, { generation: 0, count: 0, changes: [] }, undefined],
      ])
      expect(await staged.write(other, { generation: 0 }, { put: [change('b')] })).toBe(true)
    }
    expect(await staged.listLines()).toEqual([line, ...others])
    const own = [line, others[1], others[3], others[4]]
    expect(await staged.listLines(repository)).toEqual(own)
    await staged.write(line, { generation: 1 }, { drop: ['a'] })
    expect(await staged.listLines(repository)).toEqual(own.slice(1))
  })

  it('thousands of changes at once', async () => {
    const { staged } = opened()
    const many = Array.from({ length: 2_500 }, (_, number) => change(`${'long'.repeat(20)}-${10_000 + number}`))
    expect(await staged.write(line, { generation: 0 }, { put: many })).toBe(true)
    expect(await staged.read(line)).toEqual({ generation: 1, count: 2_500, changes: many })
    const tags = many.map(({ tag }) => tag)
    expect((await staged.read(line, tags)).changes).toHaveLength(2_500)
    expect(await staged.write(line, { generation: 1 }, { drop: tags.slice(1) })).toBe(true)
    expect((await staged.read(line)).changes).toEqual([many[0]])
  })
}

function basisRules(opened: () => Stores): void {
  it('compare-and-swap: another generation writes nothing, and of writers at once exactly one gets through', async () => {
    const { staged } = opened()
    expect(await staged.write(line, { generation: 1 }, { put: [change('a')] })).toBe(false)
    expect(await staged.read(line)).toEqual({ generation: 0, count: 0, changes: [] })
    const write = (number: number) => staged.write(line, { generation: 0 }, { put: [change(`t${number}`)] })
    const wrote = await Promise.all(Array.from({ length: 8 }, (_, number) => write(number)))
    expect(wrote.filter(Boolean)).toHaveLength(1)
    expect(await staged.read(line)).toMatchObject({ generation: 1, count: 1 })
    expect(await staged.write(line, { generation: 0 }, { drop: ['t0'] })).toBe(false)
    expect((await staged.read(line)).count).toBe(1)
  })

  it('a decision over another list writes nothing: null where there is none, then the hash of the current one', async () => {
    const { staged, lists } = opened()
    const write = async (listHash: `0x${string}` | null) => {
      const { generation } = await staged.read(line)
      return staged.write(line, { generation, listHash }, { put: [change('a')] })
    }
    expect(await write(null)).toBe(true)
    const first = await publish(lists, [add('a')])
    expect([await write(null), await write(first.hash)]).toEqual([false, true])
    const second = await publish(lists, [add('b')])
    expect([await write(first.hash), await write(second.hash)]).toEqual([false, true])
  })

  it('with a manifest: only while the repository shows it, else ManifestGone; a lost race says false first', async () => {
    const { staged, catalog } = opened()
    const write = (generation: number) =>
      staged.write(line, { generation, listHash: null, manifest }, { put: [change('a')] })
    await expect(write(0)).rejects.toThrow(ManifestGone)
    expect(await staged.read(line)).toEqual({ generation: 0, count: 0, changes: [] })
    expect(await putManifest(catalog, manifest)).toBe(true)
    expect([await write(1), await write(0)]).toEqual([false, true])
    await staged.write(line, { generation: 1 }, { drop: ['a'] })
    expect(await catalog.removeManifest(repository, manifest)).toBe(true)
    expect(await write(1)).toBe(false)
    await expect(write(2)).rejects.toThrow(ManifestGone)
  })
}

function catalogRules(opened: () => Stores): void {
  it('removeManifest: it stays while something staged under the line names it, and goes with a removal or tombstone', async () => {
    const { staged, catalog } = opened()
    const named = (flags: number) => change('a', { ...entryOf('a', 0, flags), digest: manifest })
    await putManifest(catalog, manifest)
    await staged.write(line, { generation: 0 }, { put: [named(FLAG_IMMUTABLE)] })
    expect(await catalog.removeManifest(repository, manifest, line)).toBe(false)
    expect(await catalog.findManifest(repository, manifest)).toBeDefined()
    await staged.write(line, { generation: 1 }, { put: [named(FLAG_IMMUTABLE | FLAG_TOMBSTONE), change('b', null)] })
    expect(await catalog.removeManifest(repository, manifest, line)).toBe(true)
  })

  it('sweep: a repository in which something was staged since its revision was read loses nothing', async () => {
    const { staged, catalog } = opened()
    await putManifest(catalog, manifest)
    const sweep = { manifests: [manifest], blobs: [], usedSince: 2_000 }
    for (const of of [line, { ...line, epoch: 5n }]) {
      const revision = await catalog.readRevision(repository)
      await staged.write(of, { generation: 0 }, { put: [change('a')] })
      expect(await catalog.sweep(repository, { ...sweep, revision })).toBeUndefined()
    }
    const revision = await catalog.readRevision(repository)
    expect(await catalog.sweep(repository, { ...sweep, revision })).toEqual({ manifests: [manifest], blobs: [] })
  })

  it('findEntries: what the current list has for some tags, tombstones included; undefined without a list', async () => {
    const { lists } = opened()
    expect(await lists.findEntries(line, ['a'])).toBeUndefined()
    const gone = entryOf('gone', 0, FLAG_IMMUTABLE | FLAG_TOMBSTONE)
    const head = await publish(lists, [add('a'), add('aa'), { tag: 'gone', entry: gone }])
    const found = await lists.findEntries(line, ['aa', 'ab', 'gone', 'A', 'a'])
    expect(found?.head).toEqual(head)
    expect(found?.entries).toEqual(
      new Map([
        ['a', entryOf('a', 1)],
        ['aa', entryOf('aa', 1)],
        ['gone', { ...gone, updatedVersion: 1 }],
      ]),
    )
    expect((await lists.findEntries(line, []))?.entries.size).toBe(0)
  })
}
