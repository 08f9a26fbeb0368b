import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createClientMemory, defaultStateDir } from '../../gateway/cli/client/memory.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
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

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-memory-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('row 9: a name never seen has no memory, one seen keeps owner, epoch, version and hash', async () => {
  const memory = createClientMemory(join(folder, 'new'), '31337')
  expect(await memory.recall(testDomain, node)).toBeNull()
  await memory.remember(testDomain, listOf(7), new Map())
  const again = createClientMemory(join(folder, 'new'), '31337')
  expect(await again.recall(testDomain, node)).toEqual({
    ...{ owner, epoch: 0n, version: 7n, hash: listOf(7).hash },
    entries: new Map(),
  })
})

test('row 9: immutable entries are kept inside their epoch, mutable ones are not, a new epoch begins anew', async () => {
  const memory = createClientMemory(folder, '31337')
  const tombstone = entryOf(FLAG_IMMUTABLE | FLAG_TOMBSTONE)
  await memory.remember(
    testDomain,
    listOf(1),
    new Map([
      ['free', entryOf(0)],
      ['fixed', entryOf(FLAG_IMMUTABLE)],
    ]),
  )
  await memory.remember(testDomain, listOf(2), new Map([['gone', tombstone]]))
  const entries = new Map([
    ['fixed', entryOf(FLAG_IMMUTABLE)],
    ['gone', tombstone],
  ])
  expect((await memory.recall(testDomain, node))?.entries).toEqual(entries)
  await memory.remember(testDomain, listOf(1, { epoch: 1n }), new Map())
  expect(await memory.recall(testDomain, node)).toMatchObject({ epoch: 1n, version: 1n, entries: new Map() })
})

test('row 9: memory never goes back, whoever writes last', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(9), new Map())
  await memory.remember(testDomain, listOf(8), new Map())
  expect((await memory.recall(testDomain, node))?.version).toBe(9n)
  await memory.remember(testDomain, listOf(10), new Map())
  expect((await memory.recall(testDomain, node))?.version).toBe(10n)
})

test('row 9: chains, resolvers and names are kept apart', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), new Map())
  expect(await createClientMemory(folder, '31337-other').recall(testDomain, node)).toBeNull()
  expect(await memory.recall({ ...testDomain, resolver: owner }, node)).toBeNull()
  expect(await memory.recall(testDomain, nodeOf('other.eth'))).toBeNull()
})

test('a state file is whole, private, and leaves no temporary one behind', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), new Map())
  const files = await readdir(folder)
  expect(files.map((file) => join(folder, file))).toEqual([memory.fileOf(testDomain, node)])
  expect((await stat(memory.fileOf(testDomain, node))).mode & 0o777).toBe(0o600)
})

test('a state file that cannot be read is refused by name, not forgotten', async () => {
  const memory = createClientMemory(folder, '31337')
  await memory.remember(testDomain, listOf(1), new Map())
  const file = memory.fileOf(testDomain, node)
  const text = await readFile(file, 'utf8')
  for (const broken of ['', text.slice(0, 30), '{}', text.replace('"0x', '"0X')]) {
    await writeFile(file, broken)
    await expect(memory.recall(testDomain, node)).rejects.toThrow(file)
  }
})

test('the default state folder follows XDG', () => {
  expect(defaultStateDir({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/mooring')
  expect(defaultStateDir({ HOME: '/h' })).toBe('/h/.local/state/mooring')
})
