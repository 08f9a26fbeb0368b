import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Deps } from '../../gateway/deps.ts'
import { type DecideChanges, publishTags, renewList } from '../../gateway/publisher.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { decodeTagEntry, decodeTagKey, type TagEntry } from '../../gateway/tags/entry.ts'
import { ZERO_HASH } from '../../gateway/tags/list.ts'
import { verifyList, verifyWholeList } from '../../gateway/tags/verify.ts'
import { createTurns } from '../../gateway/turns.ts'
import { addressOf, createTestDeps, createTestSigner, type TestDeps, testKeys, testTime } from '../fixtures.ts'
import { historyOf } from '../store/fixtures.ts'
import { entryOf, openedRepository } from './repository.ts'

type Stores = Pick<Deps, 'content' | 'catalog' | 'lists'>

const memory = async (): Promise<Stores> => ({
  content: createMemoryContent(),
  catalog: createMemoryCatalog(),
  lists: createMemoryTagLists(),
})

const nodeStores = async (): Promise<Stores> => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-publisher-'))
  const stores = await openNodeStores(folder)
  onTestFinished(async () => {
    await stores.close()
    await rm(folder, { recursive: true })
  })
  return stores
}

const put =
  (tag: string, entry: TagEntry | null): DecideChanges =>
  async () => [{ tag, entry }]

/** Every tag of the current list, after the whole of it was checked. */
async function readTags(deps: TestDeps): Promise<Map<string, TagEntry>> {
  const { line, authority } = await openedRepository({ deps }, 'acme.eth')
  const head = (await deps.lists.findHead(line))!
  const slots = (await deps.lists.readSlots(line, head.hash, 0, 10_000))!
  for (const _ of verifyWholeList(head.list, slots));
  expect(await verifyList(head, authority, deps.clock())).toBe(head.hash)
  const entries = slots.slice(1).map(({ key, value }) => [key, value] as const)
  return new Map(entries.map(([key, value]) => [decodeTagKey(key), decodeTagEntry(value, head.list.version)]))
}

describe.each([
  ['memory', memory],
  ['SQLite and files', nodeStores],
])('publishing over %s', (_, open) => {
  const begin = async () => {
    const deps = createTestDeps(await open())
    return { deps, repository: await openedRepository({ deps }, 'acme.eth') }
  }

  test('protocol 2.2: versions begin at 1, rise by one, and name the list before', async () => {
    const { deps, repository } = await begin()
    const one = await publishTags(deps, repository, put('v1', entryOf(1)))
    const two = await publishTags(deps, repository, put('v2', entryOf(2)))
    expect(one?.list).toMatchObject({ name: 'acme.eth', version: 1n, previous: ZERO_HASH, count: 2n, epoch: 0n })
    expect(two?.list).toMatchObject({ version: 2n, previous: one?.hash, count: 3n, issuedAt: testTime })
    expect(two?.list.expiresAt).toBe(testTime + BigInt(deps.limits.listLifetimeSeconds))
    const tags = await readTags(deps)
    expect([...tags.values()].map(({ updatedVersion }) => updatedVersion)).toEqual([1, 2])
  })

  test('a decision for nothing publishes nothing and gives the current list', async () => {
    const { deps, repository } = await begin()
    expect(await publishTags(deps, repository, async () => [])).toBeUndefined()
    const one = await publishTags(deps, repository, put('v1', entryOf(1)))
    expect((await publishTags(deps, repository, async () => []))?.hash).toBe(one?.hash)
  })

  test('decide sees the list that the commit compares with, tombstones included', async () => {
    const { deps, repository } = await begin()
    await publishTags(deps, repository, put('v1', entryOf(1, { flags: 3 })))
    await publishTags(deps, repository, async ({ head, entryOf: read }) => {
      expect([head?.list.version, (await read('v1'))?.flags, await read('v2')]).toEqual([1n, 3, undefined])
      return []
    })
  })

  test('50 parallel pushes of different tags are all there, and no version is lost', async () => {
    const { deps, repository } = await begin()
    const pushes = Array.from({ length: 50 }, (_, i) => publishTags(deps, repository, put(`t${i}`, entryOf(i))))
    const versions = (await Promise.all(pushes)).map((signed) => Number(signed?.list.version))
    expect(versions).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    expect((await readTags(deps)).size).toBe(50)
    const history = await historyOf(deps.lists, repository.line, null, 100)
    expect(history.map(({ changes }) => changes[0]?.tag)).toEqual(Array.from({ length: 50 }, (_, i) => `t${49 - i}`))
  })

  test('publishers in several processes: compare-and-swap, decided again after each lost race', async () => {
    const { deps } = await begin()
    // Another object is another process: it shares the stores and not the queue.
    const processes = Array.from({ length: 4 }, () => ({ ...deps, lists: { ...deps.lists } }))
    const pushes = processes.flatMap((each, p) =>
      Array.from({ length: 5 }, async (_, i) => {
        const repository = await openedRepository({ deps: each }, 'acme.eth')
        return publishTags(each, repository, put(`p${p}-${i}`, entryOf(i)))
      }),
    )
    const versions = (await Promise.all(pushes)).map((signed) => Number(signed?.list.version))
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect((await readTags(deps)).size).toBe(20)
  })

  test('a decision that throws publishes nothing and does not hold up the next', async () => {
    const { deps, repository } = await begin()
    const refused = publishTags(deps, repository, async () => {
      throw new Error('not allowed')
    })
    const next = publishTags(deps, repository, put('v1', entryOf(1)))
    await expect(refused).rejects.toThrow('not allowed')
    expect((await next)?.list.version).toBe(1n)
  })

  test('protocol 2.1: an immutable tag is not moved or removed', async () => {
    const { deps, repository } = await begin()
    await publishTags(deps, repository, put('v1', entryOf(1, { flags: 1 })))
    for (const entry of [entryOf(2), null]) {
      await expect(publishTags(deps, repository, put('v1', entry))).rejects.toMatchObject({
        reason: 'ImmutableChanged',
      })
    }
    expect((await publishTags(deps, repository, put('v2', entryOf(2))))?.list.version).toBe(2n)
  })

  test('protocol 2.2: a list is renewed at half its life, under a new version with the same root', async () => {
    const { deps, repository } = await begin()
    expect(await renewList(deps, repository)).toBeUndefined()
    const one = (await publishTags(deps, repository, put('v1', entryOf(1))))!
    deps.clock.advance(deps.limits.listLifetimeSeconds / 2 - 1)
    expect((await renewList(deps, repository))?.hash).toBe(one.hash)
    deps.clock.advance(1)
    const two = (await renewList(deps, repository))!
    expect(two.list).toMatchObject({ version: 2n, previous: one.hash, root: one.list.root, count: one.list.count })
    expect(two.list.expiresAt).toBe(deps.clock() + BigInt(deps.limits.listLifetimeSeconds))
    expect((await readTags(deps)).get('v1')?.updatedVersion).toBe(1)
    expect((await renewList(deps, repository))?.hash).toBe(two.hash)
  })
})

describe('what would be refused is not published', () => {
  const begin = async (names = {}) => {
    const deps = createTestDeps(await memory(), {
      names: { 'acme.eth': { owner: addressOf(testKeys.owner), ...names } },
    })
    return { deps, repository: await openedRepository({ deps }, 'acme.eth') }
  }

  test('another owner, a floor above, a revoked key, a stranger’s key', async () => {
    const owner = addressOf(testKeys.owner)
    const { deps, repository } = await begin()
    await publishTags(deps, repository, put('v1', entryOf(1)))
    const cases = [
      ['OwnerMismatch', { owner: addressOf(testKeys.other) }],
      ['EpochMismatch', { owner, epoch: 1n }],
      ['Rollback', { owner, minVersion: 3n }],
      ['Revoked', { owner, revoked: [owner] }],
      ['NotPublisher', { owner, policy: { publishers: [addressOf(testKeys.third)] } }],
      ['ThresholdNotMet', { owner, policy: { publishers: [owner, addressOf(testKeys.third)].sort(), threshold: 2 } }],
    ] as const
    for (const [reason, name] of cases) {
      deps.chain.setName('acme.eth', name)
      await expect(publishTags(deps, repository, put('v2', entryOf(2)))).rejects.toMatchObject({ reason })
      expect((await deps.lists.findHead(repository.line))?.list.version).toBe(1n)
    }
    deps.chain.setName('acme.eth', { owner })
    expect((await publishTags(deps, repository, put('v2', entryOf(2))))?.list.version).toBe(2n)
  })

  test('row 5: a block time behind the clock moves the issue time back, so that no block finds it in its future', async () => {
    const { deps, repository } = await begin({ blockTime: testTime - 1000n })
    const signed = await publishTags(deps, repository, put('v1', entryOf(1)))
    expect(signed?.list.issuedAt).toBe(testTime - 700n)
  })

  test('a gateway without a key publishes nothing', async () => {
    const { deps, repository } = await begin()
    const relay = { ...deps, signer: null }
    await expect(publishTags(relay, repository, put('v1', entryOf(1)))).rejects.toThrow('holds no key')
    expect(await publishTags({ ...deps, signer: createTestSigner() }, repository, put('v1', entryOf(1)))).toBeDefined()
  })
})

test('turns: one key’s work is one after another and outlives failures, other keys do not wait', async () => {
  const turns = createTurns()
  const seen: string[] = []
  let open = () => {}
  const first = turns('a', async () => {
    await new Promise<void>((resolve) => {
      open = resolve
    })
    seen.push('a1')
    throw new Error('broken')
  })
  const second = turns('a', async () => seen.push('a2'))
  await turns('b', async () => seen.push('b1'))
  open()
  await expect(first).rejects.toThrow('broken')
  await second
  expect(seen).toEqual(['b1', 'a1', 'a2'])
})
