import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClientMemory, defaultStateDir } from '../../gateway/cli/client/memory.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import type { SeenTags } from '../../gateway/library/name-memory.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE, type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { NO_DELEGATIONS, type SignedList, ZERO_HASH } from '../../gateway/tags/list.ts'
import { addressOf, testDomain, testKeys } from '../fixtures.ts'

const node = nodeOf('acme.eth')
const owner = addressOf(testKeys.owner)

function listOf(version: number, change: Partial<SignedList['list']> = {}): SignedList {
  const list = {
    ...{ name: 'acme.eth', node, owner, epoch: 0n, version: BigInt(version), previous: ZERO_HASH, root: ZERO_HASH },
    ...{ count: 1n, delegations: NO_DELEGATIONS, issuedAt: 1n, expiresAt: 2n },
    ...change,
  }
  return { list, hash: `0x${version.toString(16).padStart(64, '0')}`, signatures: [], timestamp: null }
}

function entryOf(flags: number): TagEntry {
  const digest = `sha256:${'1'.repeat(64)}` as const
  return { digest, size: 1, mediaType: 'a/b', swarmReference: ZERO_REFERENCE, updatedVersion: 1, flags }
}

/** What a lookup of these tags saw. */
function seeing(...entries: [tag: string, entry: TagEntry][]): SeenTags {
  return { tags: entries.map(([tag]) => tag), entries: new Map(entries) }
}

const nothing = seeing()

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-memory-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('row 9: a name never seen has no memory, one seen keeps owner, epoch, version and hash', async () => {
  const memory = createClientMemory(join(folder, 'new'), '31337')
  expect(await memory.recall(testDomain, node)).toBeNull()
  await memory.remember(testDomain, listOf(7), nothing)
  const again = createClientMemory(join(folder, 'new'), '31337')
  expect(await again.recall(testDomain, node)).toEqual({
    ...{ owner, epoch: 0n, version: 7n, hash: listOf(7).hash, signed: listOf(7) },
    ...{ entries: new Map(), witnesses: new Map() },
  })
})

test('row 9: immutable entries are kept inside their epoch, mutable ones are not, a new epoch begins anew', async () => {
  const memory = createClientMemory(folder, '31337')
  const tombstone = entryOf(FLAG_IMMUTABLE | FLAG_TOMBSTONE)
  await memory.remember(testDomain, listOf(1), seeing(['free', entryOf(0)], ['fixed', entryOf(FLAG_IMMUTABLE)]))
  await memory.remember(testDomain, listOf(2), seeing(['gone', tombstone]))
  const entries = new Map([
    ['fixed', entryOf(FLAG_IMMUTABLE)],
    ['gone', tombstone],
  ])
  expect((await memory.recall(testDomain, node))?.entries).toEqual(entries)
  await memory.remember(testDomain, listOf(1, { epoch: 1n }), nothing)
  expect(await memory.recall(testDomain, node)).toMatchObject({ epoch: 1n, version: 1n, entries: new Map() })
})

test('row 9: memory never goes back, whoever writes last', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(9), nothing)
  await memory.remember(testDomain, listOf(8), nothing)
  expect((await memory.recall(testDomain, node))?.version).toBe(9n)
  await memory.remember(testDomain, listOf(10), nothing)
  expect((await memory.recall(testDomain, node))?.version).toBe(10n)
})

test('row 9: chains, resolvers and names are kept apart', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), nothing)
  expect(await createClientMemory(folder, '31337-other').recall(testDomain, node)).toBeNull()
  expect(await memory.recall({ ...testDomain, resolver: owner }, node)).toBeNull()
  expect(await memory.recall(testDomain, nodeOf('other.eth'))).toBeNull()
})

test('a state file is whole, private, and leaves no temporary one behind', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), nothing)
  const own = memory.folderOf(testDomain, node)
  expect((await readdir(folder)).map((name) => join(folder, name))).toEqual([own])
  expect(await readdir(own)).toEqual(['1.json'])
  expect((await stat(join(own, '1.json'))).mode & 0o777).toBe(0o600)
  expect((await stat(own)).mode & 0o777).toBe(0o700)
})

test('a state file that cannot be read is refused by name, not forgotten', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), nothing)
  const file = join(memory.folderOf(testDomain, node), '1.json')
  const text = await readFile(file, 'utf8')
  const noList = text.replace(/"lists": \[[\s\S]*\]/, '"lists": []')
  for (const broken of ['', text.slice(0, 30), '{}', text.replace('"0x', '"0X'), noList]) {
    await writeFile(file, broken)
    await expect(memory.recall(testDomain, node)).rejects.toThrow(file)
  }
})

test('seeing the same again writes nothing; old generations go', async () => {
  const memory = createClientMemory(folder, '31337')
  const own = memory.folderOf(testDomain, node)
  for (let times = 0; times < 3; times++) await memory.remember(testDomain, listOf(1), seeing(['fixed', entryOf(1)]))
  expect(await readdir(own)).toEqual(['1.json'])
  for (let version = 2; version < 20; version++) await memory.remember(testDomain, listOf(version), nothing)
  expect((await readdir(own)).sort()).toEqual(['15.json', '16.json', '17.json', '18.json', '19.json'])
  expect(await memory.recall(testDomain, node)).toMatchObject({
    version: 19n,
    entries: new Map([['fixed', entryOf(1)]]),
  })
})

test('row 9: what another process remembered meanwhile is held against what is remembered now', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(4), seeing(['fixed', entryOf(1)]))
  const refusals: [SignedList, SeenTags, string][] = [
    [{ ...listOf(4), hash: listOf(99).hash }, nothing, 'Equivocation'],
    [listOf(5), seeing(['fixed', { ...entryOf(1), digest: `sha256:${'2'.repeat(64)}` }]), 'ImmutableChanged'],
    [listOf(5), { tags: 'all', entries: new Map() }, 'ImmutableChanged'],
    [listOf(5, { owner: addressOf(testKeys.other) }), nothing, 'OwnerChanged'],
    // An older list, read at the same time as the newer one.
    [listOf(3), seeing(['fixed', { ...entryOf(1), size: 9 }]), 'ImmutableChanged'],
  ]
  for (const [signed, seen, reason] of refusals) {
    await expect(memory.remember(testDomain, signed, seen)).rejects.toMatchObject({ reason })
    expect(await memory.recall(testDomain, node)).toMatchObject({ version: 4n, owner })
  }
  await memory.remember(testDomain, listOf(3), seeing(['fixed', entryOf(1)], ['older', entryOf(1)]))
  expect([...((await memory.recall(testDomain, node))?.entries.keys() ?? [])]).toEqual(['fixed', 'older'])
  await memory.remember(testDomain, listOf(5), seeing(['fixed', entryOf(3)]))
  expect((await memory.recall(testDomain, node))?.version).toBe(5n)
})

test('row 9: evidence that cannot be kept does not turn a refusal into anything else', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(4), nothing)
  const contradict = () => memory.remember(testDomain, { ...listOf(4), hash: listOf(99).hash }, nothing)
  await writeFile(join(folder, 'evidence'), 'no folder')
  await expect(contradict()).rejects.toMatchObject({
    reason: 'Equivocation',
    message: expect.stringContaining('the evidence could not be kept: '),
  })
  await rm(join(folder, 'evidence'))
  await expect(contradict()).rejects.toMatchObject({
    reason: 'Equivocation',
    message: expect.stringContaining('both signed lists are in '),
  })
  expect(await memory.evidenceOf('acme.eth')).toHaveLength(1)
})

test('row 9: of one name a hundred contradictions are kept, and every later one is refused all the same', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(4), nothing)
  for (let count = 0; count < 102; count++) {
    const hash = listOf(1000 + count).hash.replace(
      /^0x0{16}/,
      `0x${count.toString(16).padStart(16, '0')}`,
    ) as `0x${string}`
    const contradict = memory.remember(testDomain, { ...listOf(4), hash }, nothing)
    await expect(contradict).rejects.toMatchObject({ reason: 'Equivocation' })
  }
  expect(await memory.evidenceOf('acme.eth')).toHaveLength(100)
})

test('row 9: an accepted owner begins anew, and one that comes back is held to what was seen of it', async () => {
  const memory = createClientMemory(folder, '31337')
  const other = addressOf(testKeys.other)
  await memory.remember(testDomain, listOf(7), seeing(['fixed', entryOf(1)]))
  await memory.accept(testDomain, node, other, 2n)
  expect(await memory.recall(testDomain, node)).toMatchObject({
    owner: other,
    epoch: 2n,
    version: 0n,
    entries: new Map(),
  })
  await expect(memory.remember(testDomain, listOf(8), nothing)).rejects.toMatchObject({ reason: 'OwnerChanged' })
  await memory.remember(testDomain, listOf(1, { owner: other, epoch: 2n }), nothing)
  expect(await memory.recall(testDomain, node)).toMatchObject({ owner: other, version: 1n })
  await memory.accept(testDomain, node, owner, 0n)
  expect(await memory.recall(testDomain, node)).toMatchObject({ owner, version: 7n })
  expect((await memory.recall(testDomain, node))?.entries.has('fixed')).toBe(true)
  expect((await memory.recallAll(testDomain, node))?.others).toMatchObject([{ owner: other, version: 1n }])
})

test('the default state folder follows XDG', () => {
  expect(defaultStateDir({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/mooring')
  expect(defaultStateDir({ HOME: '/h' })).toBe('/h/.local/state/mooring')
})
