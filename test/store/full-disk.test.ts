import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { collectGarbage } from '../../gateway/collector.ts'
import { checkStores } from '../../gateway/fsck.ts'
import { type Fs, nodeFs } from '../../gateway/store/fs.ts'
import { type NodeSeams, openNodeStores } from '../../gateway/store/node-stores.ts'
import type { SqliteSql } from '../../gateway/store/sqlite.ts'
import { isWhole } from '../collector/rules.ts'
import { beginUpload, blobOf, pushImage, type Registry, registryOver, send } from '../registry/client.ts'
import { fsWithSteps } from './crash/steps.ts'

const acme = 'acme.eth'
const limits = { gcGraceSeconds: 0, historyVersions: 1, historySeconds: 0 }

async function openRegistry(folder: string, seams: Partial<NodeSeams> = {}) {
  const stores = await openNodeStores(folder, seams)
  onTestFinished(() => stores.close())
  return { registry: registryOver(stores, { limits }), stores }
}

async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-full-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** A push that answers `{}` when it got its 201, else the status that ended it, whatever request that was. */
async function tryPush(registry: Registry, tag: string, seed: number): Promise<{ status?: number }> {
  let status: number | undefined
  const fetch = async (request: Request) => {
    const answer = await registry.fetch(request)
    if (answer.status >= 400) status = answer.status
    return answer
  }
  await pushImage({ ...registry, fetch }, acme, tag, seed).catch((error: unknown) => {
    if (status === undefined) throw error
  })
  return status === undefined ? {} : { status }
}

async function tagStatus(registry: Registry, tag: string): Promise<number> {
  return (await send(registry, 'HEAD', `/v2/${acme}/manifests/${tag}`)).status
}

async function expectSound(registry: Registry, checkDatabase: () => Promise<readonly string[]>): Promise<void> {
  for await (const problem of checkStores({ ...registry.deps, checkDatabase })) expect(problem).toBeUndefined()
}

test('a file system without room at any step of a push: 507, no tag, what was there stays whole; then pushes work', async () => {
  const folder = await scratchFolder()
  let failing = Number.POSITIVE_INFINITY
  let steps = 0
  const needsRoom = (name: string) => {
    if (/^(create|write|sync|rename)/.test(name) && ++steps === failing) {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    }
  }
  const fs: Fs = fsWithSteps(nodeFs, needsRoom)
  const { registry, stores } = await openRegistry(folder, { fs })
  const first = await pushImage(registry, acme, 'first', 1)
  let points = 0
  for (let point = 1; ; point++) {
    steps = 0
    failing = point
    const tag = `t${point}`
    const { status } = await tryPush(registry, tag, 100 + point)
    failing = Number.POSITIVE_INFINITY
    if (status === undefined) break
    points++
    expect([point, status, await tagStatus(registry, tag)]).toEqual([point, 507, 404])
    expect(await isWhole(registry, acme, await pushImage(registry, acme, tag, 100 + point))).toBe(true)
  }
  process.stdout.write(`no room at ${points} points of a push\n`)
  expect(points).toBeGreaterThan(10)
  expect(await isWhole(registry, acme, first)).toBe(true)
  registry.deps.clock.advance(registry.deps.limits.uploadTtlSeconds + 1)
  await collectGarbage(registry.deps, { dryRun: false })
  expect(await stores.content.listParts()).toEqual([])
  await expectSound(registry, stores.checkDatabase)
})

test('a database without room (SQLITE_FULL): 507, no tag, reads go on; with room again pushes work', async () => {
  let sql: SqliteSql | undefined
  const { registry, stores } = await openRegistry(await scratchFolder(), { aroundSql: (opened) => (sql = opened) })
  const first = await pushImage(registry, acme, 'first', 1)
  const [{ page_count: pages } = { page_count: 0 }] = await sql!.all<{ page_count: number }>('PRAGMA page_count')
  await sql!.all(`PRAGMA max_page_count = ${pages + 1}`)
  const tags = new Map<string, number | undefined>()
  for (let seed = 2; seed < 400 && ![...tags.values()].includes(507); seed++) {
    const { status } = await tryPush(registry, `t${seed}`, seed)
    tags.set(`t${seed}`, status)
  }
  expect([...tags.values()].filter((status) => status !== undefined)).toEqual([507])
  for (const [tag, status] of tags) expect(await tagStatus(registry, tag)).toBe(status === undefined ? 200 : 404)
  expect(await isWhole(registry, acme, first)).toBe(true)
  await sql!.all(`PRAGMA max_page_count = ${pages + 10_000}`)
  expect(await tryPush(registry, 'after', 999)).toEqual({})
  await expectSound(registry, stores.checkDatabase)
})

test('a real disk that is full (tmpfs of 8 MB): 5xx, nothing half-visible; what a collection frees can be pushed again', async ({
  skip,
}) => {
  const disk = await scratchFolder()
  const run = promisify(execFile)
  const refusal = await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk]).then(
    () => undefined,
    (error: Error) => error.message.split('\n')[0],
  )
  if (refusal !== undefined) return skip(`needs the right to mount a tmpfs: ${refusal}`)
  onTestFinished(() => run('umount', ['-l', disk]).then(() => undefined))
  const { registry, stores } = await openRegistry(join(disk, 'data'))
  const pushBlob = async (seed: number) => {
    const bytes = blobOf(1_000_000, seed)
    const location = await beginUpload(registry, acme)
    const digest = await digestOfBytes(bytes)
    return { digest, status: (await send(registry, 'PUT', `${location}?digest=${digest}`, { body: bytes })).status }
  }
  const kept = await pushImage(registry, acme, 'kept', 1)
  const blobs: { digest: string; status: number }[] = []
  while (blobs.every(({ status }) => status === 201)) blobs.push(await pushBlob(blobs.length))
  const stored = blobs.slice(0, -1)
  const refused = blobs.at(-1)!
  expect([refused.status, stored.length > 3]).toEqual([507, true])
  expect((await send(registry, 'HEAD', `/v2/${acme}/blobs/${refused.digest}`)).status).toBe(404)
  for (const { digest } of stored) {
    const answer = await send(registry, 'GET', `/v2/${acme}/blobs/${digest}`)
    expect([answer.status, await digestOfBytes(answer.bytes)]).toEqual([200, digest])
  }
  expect(await isWhole(registry, acme, kept)).toBe(true)
  registry.deps.clock.advance(registry.deps.limits.uploadTtlSeconds + 1)
  const { bytes } = await collectGarbage(registry.deps, { dryRun: false })
  expect(bytes).toBeGreaterThanOrEqual(stored.length * 1_000_000)
  expect((await pushBlob(0)).status).toBe(201)
  expect(await tryPush(registry, 'after', 7)).toEqual({})
  expect(await isWhole(registry, acme, kept)).toBe(true)
  await expectSound(registry, stores.checkDatabase)
})

async function digestOfBytes(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return `sha256:${Buffer.from(hash).toString('hex')}`
}
