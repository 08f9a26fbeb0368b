import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AgedTag, type RetentionPolicy, tagsToRemove } from '../../gateway/cli/retention.ts'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import { parseGlob } from '../../gateway/tags/glob.ts'
import { isWhole } from '../collector/rules.ts'
import { makeImage, pushImage, putManifest, registryOver, send } from '../registry/client.ts'
import { command } from './command.ts'

/** A folder with one tagged image, one that nothing names, and the gateway that stored them still running. */
async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-upkeep-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const stores = await openNodeStores(folder)
  const registry = registryOver(stores)
  // What nobody used for an hour by the clock of the command line, which is the machine's.
  const hourAgo = BigInt(Math.floor(Date.now() / 1000) - 7_200)
  registry.deps.clock.advance(Number(hourAgo - registry.deps.clock()))
  const kept = await pushImage(registry, 'acme.eth', 'v1', 1)
  const loose = await makeImage(registry, 'acme.eth', 2)
  expect((await putManifest(registry, 'acme.eth', loose.digest, loose)).status).toBe(201)
  return { folder, stores, kept, loose }
}

const run = async (verb: string, folder: string, ...flags: string[]) => {
  const { code, out, err } = await command([verb, '--data', folder, '--json', ...flags])
  return { code, err, value: out === '' ? undefined : JSON.parse(out) }
}

test('mooring gc: refused while a gateway has the folder, then a dry run says what goes, then it goes', async () => {
  const { folder, stores, kept, loose } = await openFolder()
  const busy = await run('gc', folder)
  expect([busy.code, busy.value]).toMatchObject([1, { ok: false, error: 'Failed' }])
  expect(busy.err).toMatch(/in use: a running gateway collects by itself \(--gc-interval\)/)
  await stores.close()

  const now = await run('gc', folder, '--gc-grace', '100000')
  expect(now).toMatchObject({ code: 0, value: { ok: true, removed: [], bytes: 0 } })
  const planned = await run('gc', folder, '--dry-run')
  expect(planned.value).toMatchObject({ ok: true, dryRun: true })
  const named = planned.value.removed.filter(({ kind }: { kind: string }) => kind === 'manifest')
  expect(named).toEqual([{ kind: 'manifest', repository: 'acme.eth', digest: loose.digest, bytes: loose.size }])
  // Links were used two hours ago, but the bytes came just now by the file system's clock.
  const links = await run('gc', folder)
  expect(links.value.removed).toHaveLength(3)
  const bytes = await run('gc', folder, '--gc-grace', '0')
  expect(bytes).toMatchObject({ code: 0 })

  const again = await openNodeStores(folder)
  const registry = registryOver(again)
  expect(await isWhole(registry, 'acme.eth', kept)).toBe(true)
  expect((await send(registry, 'GET', `/v2/acme.eth/manifests/${loose.digest}`)).status).toBe(404)
  await again.close()
})

test('mooring fsck: 0 and nothing, then 1 and every fault by its name', async () => {
  const { folder, stores, kept, loose } = await openFolder()
  expect((await run('fsck', folder)).err).toContain('in use')
  await stores.close()
  expect(await run('fsck', folder)).toMatchObject({ code: 0, value: { ok: true, problems: [] } })
  expect((await command(['fsck', '--data', folder])).out).toBe('nothing is wrong')

  const pathOf = (digest: string) => join(folder, 'content', 'sha256', digest.slice(7, 9), digest.slice(7))
  const bytes = await readFile(pathOf(kept.digest))
  bytes[0]! ^= 1
  await writeFile(pathOf(kept.digest), bytes)
  await rm(pathOf(loose.digest))
  const { code, value } = await run('fsck', folder)
  expect([code, value.ok]).toEqual([1, false])
  const about = (digest: string) =>
    value.problems.filter((problem: { about: string }) => problem.about.includes(digest))
  expect(about(kept.digest).map(({ kind }: { kind: string }) => kind)).toEqual(['content', 'manifest'])
  expect(about(loose.digest)).toEqual([
    { kind: 'manifest', about: `acme.eth ${loose.digest}`, problem: 'the catalog shows it and its bytes are gone' },
  ])
})

test.each([
  ['a slot', "UPDATE slot SET next_key = x'0161' WHERE position = 0", /list/],
  ['a hash of the tree', 'UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND position = 0', /another root/],
  ['a version', 'DELETE FROM list_version WHERE version = 1', /missing|refers/],
  ['a signature', `UPDATE list_version SET signatures_json = '[{"signer":"0x01","signature":"1"}]'`, /protocol 2\.3/],
  ['a header', 'UPDATE list_version SET issued_at = issued_at + 1 WHERE version = 1', /hash it is stored under/],
  [
    'a part',
    `INSERT INTO upload VALUES ('u', 'acme.eth', '0x', 1, 1, 9e9); INSERT INTO upload_part VALUES ('u', 0, 'p', 1, 'sha256:${'ab'.repeat(32)}')`,
    /part p/,
  ],
])('fsck sees that %s was changed', async (_what, statements, expected) => {
  const { folder, stores } = await openFolder()
  await pushImage(registryOver(stores), 'acme.eth', 'v2', 3)
  await stores.close()
  expect((await run('fsck', folder)).code).toBe(0)
  const broken = await openNodeStores(folder, {
    aroundSql: (sql) => {
      for (const text of statements.split('; ')) sql.run(text)
      return sql
    },
  })
  await broken.close()
  const { code, value } = await run('fsck', folder)
  expect(code).toBe(1)
  expect(
    value.problems.map(({ problem, kind }: { problem: string; kind: string }) => `${kind} ${problem}`).join(),
  ).toMatch(expected)
})

test('gc and fsck of a folder without stores: exit 2, and no folder is made', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-upkeep-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const verb of ['gc', 'fsck']) {
    expect(await run(verb, join(folder, 'none'))).toMatchObject({ code: 2, err: expect.stringContaining('--data') })
    expect((await command([verb, folder])).code).toBe(2)
  }
  expect((await command(['gc', '--gc-grace', 'soon'])).err).toContain('--gc-grace: saw "soon"')
  expect(await readdir(folder)).toEqual([])
})

const day = 24 * 60 * 60
const tags: readonly AgedTag[] = ['v1', 'v2', 'latest', 'ci-1', 'ci-2', 'ci-3', 'fixed'].map((tag, at) => ({
  ...{ tag, digest: `sha256:${at}`, immutable: tag === 'fixed' },
  ...{ updatedVersion: at + 1, updatedAt: at * day },
}))

test.each<[string, Partial<RetentionPolicy>, string[]]>([
  ['the last two', { keepLast: 2 }, ['v1', 'v2', 'latest', 'ci-1']],
  ['by glob', { keepGlobs: ['v*', 'latest'].map(parseGlob) }, ['ci-1', 'ci-2', 'ci-3']],
  ['by age', { maxAgeSeconds: 4 * day }, ['v1', 'v2']],
  ['one character', { keepGlobs: ['ci-?', 'v.'].map(parseGlob) }, ['v1', 'v2', 'latest']],
  [
    'the last of what no glob keeps, and the young',
    { keepLast: 1, keepGlobs: ['v?'].map(parseGlob), maxAgeSeconds: 3 * day },
    ['latest'],
  ],
])('retention keeps %s, and immutable tags always', (_what, policy, removed) => {
  const found = tagsToRemove(tags, { keepLast: null, keepGlobs: [], maxAgeSeconds: null, ...policy }, 6 * day)
  expect(found.map(({ tag }) => tag)).toEqual(removed)
})
