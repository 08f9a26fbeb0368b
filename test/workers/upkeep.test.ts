import { env } from 'cloudflare:workers'
import { beforeEach, expect, test } from 'vitest'
import { parseDigest } from '../../gateway/oci/digest.ts'
import { beginRound } from '../../gateway/store/sql-rounds.ts'
import { readWorkerConfig } from '../../worker/config.ts'
import { openDeps, type WorkerDeps } from '../../worker/deps.ts'
import type { Env } from '../../worker/env.ts'
import { keepUp } from '../../worker/upkeep.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { bodyOf, digestOf, someBytes } from '../store/fixtures.ts'
import { emptyBindings } from './stores.ts'

// What the cron trigger does, over the bindings; the collector's own rules are in test/collector and the stores' suites.

beforeEach(emptyBindings)

const repository = { ensName: 'acme.eth', owner: addressOf(testKeys.owner) }
const day = 24 * 60 * 60

async function open(vars: object = {}) {
  const own = { ...env, ...vars } as Env
  const deps = await openDeps(own, readWorkerConfig(own))
  const start = Number(deps.clock())
  /** The trigger, so many seconds after the start. */
  const fire = (seconds: number) => keepUp(own, { clock: () => BigInt(start + seconds) })
  return { deps, start, fire }
}

/** A blob that a repository showed and shows no more. */
async function pushUnlinked({ content, catalog }: WorkerDeps, seed: number, now: number) {
  const bytes = someBytes(2_000, seed)
  const digest = digestOf(bytes)
  await content.put(digest, bytes)
  const storing = { now, removals: await catalog.countRemovals() }
  expect(await catalog.linkBlob(repository, digest, bytes.byteLength, storing)).toBe(true)
  expect(await catalog.unlinkBlob(repository, digest)).toBe(true)
  return digest
}

test('an upload that nobody touched for its time is ended with each firing, its bytes too', async () => {
  const { deps, start, fire } = await open({ MOORING_GC_INTERVAL: 'off' })
  const uploadId = 'a'.repeat(32)
  await deps.catalog.createUpload(repository, uploadId, start + 100)
  const part = await deps.content.writePart(uploadId, bodyOf(someBytes(1_000)), 1_000)
  expect(await deps.catalog.appendPart(repository, uploadId, 0, part, start + 100)).toBe(true)
  await fire(99)
  expect((await deps.catalog.findUpload(repository, uploadId))?.size).toBe(1_000)
  expect(await deps.content.listParts()).toHaveLength(1)
  await fire(101)
  expect(await deps.catalog.findUpload(repository, uploadId)).toBeUndefined()
  expect(await deps.content.listParts()).toEqual([])
})

test('a change that waited for a signature for 30 days is dropped, with garbage collection off too', async () => {
  const { deps, start, fire } = await open({ MOORING_GC_INTERVAL: 'off' })
  const line = { ...deps.chain.domain, ...repository, epoch: 0n }
  const change = { tag: 'v1', entry: null, stagedAt: start, stagedBy: 'operator' }
  expect(await deps.staged.write(line, { generation: 0 }, { put: [change] })).toBe(true)
  await fire(30 * day - 1)
  expect(await deps.staged.find(line, 'v1')).toEqual(change)
  await fire(30 * day)
  expect(await deps.staged.find(line, 'v1')).toBeUndefined()
})

test('garbage is collected once in MOORING_GC_INTERVAL, whichever instance fires, and not at all when it is off', async () => {
  const { deps, start, fire } = await open({ MOORING_GC_INTERVAL: '3600' })
  await fire(2 * day)
  const digest = await pushUnlinked(deps, 1, start)
  const off = await open({ MOORING_GC_INTERVAL: 'off' })
  await off.fire(4 * day)
  await fire(2 * day + 3_599)
  expect(await deps.content.stat(digest)).toBe(2_000)
  await Promise.all([fire(2 * day + 3_600), (await open({ MOORING_GC_INTERVAL: '3600' })).fire(2 * day + 3_600)])
  expect(await deps.content.stat(digest)).toBeUndefined()
})

test('a round is one instance’s alone, and comes again after its interval', async () => {
  const { sql } = (await open()).deps
  const begun = await Promise.all(Array.from({ length: 10 }, () => beginRound(sql, 'collect', 1_000, 60)))
  expect(begun.filter(Boolean)).toHaveLength(1)
  expect(await beginRound(sql, 'other', 1_000, 60)).toBe(true)
  expect([await beginRound(sql, 'collect', 1_059, 60), await beginRound(sql, 'collect', 1_060, 60)]).toEqual([
    false,
    true,
  ])
})

test('what a collection began to remove when it was cut off is removed by the next, and can be pushed again', async () => {
  const { deps, start, fire } = await open()
  const digest = await pushUnlinked(deps, 2, start)
  expect(await deps.catalog.beginRemovals([digest])).toHaveLength(1)
  const bytes = someBytes(2_000, 2)
  const link = async () => {
    const storing = { now: start, removals: await deps.catalog.countRemovals() }
    await deps.content.put(digest, bytes)
    return deps.catalog.linkBlob(repository, parseDigest(digest), bytes.byteLength, storing)
  }
  expect(await link()).toBe(false)
  await fire(1)
  expect(await deps.content.stat(digest)).toBeUndefined()
  expect(await link()).toBe(true)
})

test('a whole list that was never finished is swept after a day, one that is under way is not', async () => {
  const { deps, fire } = await open()
  const begin = (age: number) =>
    deps.sql.run("INSERT INTO tree (state, begun_at) VALUES ('pending', unixepoch() - ?1)", [age])
  await begin(day + 60)
  await begin(day - 60)
  await fire(1)
  const left = await deps.sql.all<{ age: number }>('SELECT unixepoch() - begun_at AS age FROM tree')
  expect(left).toHaveLength(1)
  expect(left[0]!.age).toBeLessThan(day)
})
