import { describe, expect, it } from 'vitest'
import { migrationsFolder } from '../../gateway/package-root.ts'
import { openFilesContent } from '../../gateway/store/files.ts'
import type { Fs } from '../../gateway/store/fs.ts'
import { openStoresOver } from '../../gateway/store/node-stores.ts'
import { openSqlite } from '../../gateway/store/sqlite.ts'
import { contentSuite } from '../store-suite.ts'
import { mountDeleteCollect, prepare, type ToldOfCollecting, violationsOf } from './crash/collecting.ts'
import { createForgettingFs } from './crash/forgetting-fs.ts'
import { fsWithSteps, sqlWithSteps } from './crash/steps.ts'
import { findViolations } from './crash/violations.ts'
import { pushContent, type Told } from './crash/work.ts'

const folder = '/data/gateway'

/** Changes one operation of the driver's file system: what the driver would do without it. */
type Fault = (fs: Fs) => Fs

const noFault: Fault = (fs) => fs
const withoutFolderSync = (pattern: RegExp): Fault => {
  return (fs) => ({ ...fs, syncFolder: async (path) => (pattern.test(path) ? undefined : fs.syncFolder(path)) })
}
const withoutFileSync = (pattern: RegExp): Fault => {
  return (fs) => ({
    ...fs,
    create: async (path) => ({ ...(await fs.create(path)), ...(pattern.test(path) ? { sync: async () => {} } : {}) }),
  })
}

/** Cuts the power before a step of a push and looks at what is left. Returns how many steps there were when it was not reached. */
async function cutAt(
  last: number,
  fault: Fault,
  keeps?: () => boolean,
): Promise<{ steps: number; violations: string[] }> {
  const disk = createForgettingFs(folder)
  // SQLite is durable by itself (synchronous=FULL): what it committed is there after the cut.
  const database = openSqlite(':memory:', migrationsFolder())
  const told: Told[] = []
  let steps = 0
  const step = () => {
    steps++
    if (steps >= last) throw new Error('power cut')
  }
  const tell = (item: Told) => {
    step()
    told.push(item)
  }
  const push = async () => {
    const stores = await openStoresOver(sqlWithSteps(database, step), folder, fsWithSteps(fault(disk), step))
    await pushContent(stores, 1, tell)
    step()
  }
  try {
    const failure = await push().catch((error: Error) => error.message)
    if (failure !== undefined && failure !== 'power cut') return { steps, violations: [failure] }
    const violations: string[] = []
    const reopen = async () => {
      disk.cutPower(keeps)
      const stores = await openStoresOver(database, folder, disk)
      violations.push(...(await findViolations({ stores, sql: database, fs: disk, folder }, told)))
      return stores
    }
    await pushContent(await reopen(), 2, (item) => told.push(item))
    await reopen()
    return { steps, violations: violations.map((violation) => `step ${last}: ${violation}`) }
  } finally {
    database.close()
  }
}

/** As `cutAt`, in the midst of mounts, deletions and a collection over content that was there before. */
async function cutWhileCollecting(
  last: number,
  keeps?: () => boolean,
): Promise<{ steps: number; violations: string[] }> {
  const disk = createForgettingFs(folder)
  const database = openSqlite(':memory:', migrationsFolder())
  const told: ToldOfCollecting[] = []
  let steps = 0
  const step = () => {
    steps++
    if (steps >= last) throw new Error('power cut')
  }
  const tell = (item: ToldOfCollecting) => {
    step()
    told.push(item)
  }
  const work = async () => {
    const stores = await openStoresOver(sqlWithSteps(database, step), folder, fsWithSteps(disk, step))
    await mountDeleteCollect(stores, tell)
    step()
  }
  try {
    await prepare(await openStoresOver(database, folder, disk))
    disk.cutPower()
    const failure = await work().catch((error: Error) => error.message)
    if (failure !== undefined && failure !== 'power cut') return { steps, violations: [failure] }
    disk.cutPower(keeps)
    const violations = await violationsOf(await openStoresOver(database, folder, disk), told)
    disk.cutPower(keeps)
    violations.push(...(await violationsOf(await openStoresOver(database, folder, disk), told)))
    return { steps, violations: violations.map((violation) => `step ${last}: ${violation}`) }
  } finally {
    database.close()
  }
}

async function violationsAtEveryStep(fault: Fault, keepsAt?: (step: number) => () => boolean): Promise<string[]> {
  const { steps } = await cutAt(Number.POSITIVE_INFINITY, noFault)
  const violations: string[] = []
  for (let step = 1; step <= steps + 1; step++) {
    const cut = await cutAt(step, fault, keepsAt?.(step))
    violations.push(...cut.violations)
    if (fault !== noFault && violations.length > 0) break
  }
  return violations
}

function coin(seed: number): () => boolean {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) % 2 === 0
  }
}

contentSuite('files on a disk that forgets', async () => {
  const content = await openFilesContent(folder, createForgettingFs(folder))
  return { content, close: () => content.close() }
})

describe('power cut at every step of a push: what was not synced is forgotten (protocol 6)', () => {
  it('everything told is there, nothing untold is half-visible', async () => {
    const { steps } = await cutAt(Number.POSITIVE_INFINITY, noFault)
    expect(steps).toBeGreaterThan(80)
    process.stdout.write(`power cut at ${steps} points\n`)
    expect(await violationsAtEveryStep(noFault)).toEqual([])
  })

  it.each([1, 2, 3, 4])('the same when some of what was not synced survives (coin %i)', async (seed) => {
    expect(await violationsAtEveryStep(noFault, (step) => coin(seed * 1_000 + step))).toEqual([])
  })

  it.each([0, 1, 2])('the same for mounts, deletions and a collection (coin %i); fsck finds nothing', async (seed) => {
    const { steps } = await cutWhileCollecting(Number.POSITIVE_INFINITY)
    expect(steps).toBeGreaterThan(60)
    if (seed === 0) process.stdout.write(`power cut at ${steps} points of mounting, deleting and collecting\n`)
    const violations: string[] = []
    for (let step = 1; step <= steps; step++) {
      violations.push(
        ...(await cutWhileCollecting(step, seed === 0 ? undefined : coin(seed * 1_000 + step))).violations,
      )
    }
    expect(violations).toEqual([])
  })

  it.each([
    ['a part is not synced', withoutFileSync(/\/parts\//)],
    ['a temporary file is not synced', withoutFileSync(/\/temporary\//)],
    ['the folder of the content is not synced after the rename', withoutFolderSync(/\/sha256\/..$/)],
    ['the folder of sha512 content is not synced after the rename', withoutFolderSync(/\/sha512\/..$/)],
    ['the folder of the parts is not synced', withoutFolderSync(/\/parts$/)],
    ['the parent of a new content folder is not synced', withoutFolderSync(/\/sha256(\/\.\.)?$/)],
    ['the parent of the algorithm folders is not synced', withoutFolderSync(/\/content$/)],
    ['the parent of all folders is not synced', withoutFolderSync(/^\/data\/gateway$/)],
  ])('the test can fail: %s, and that is seen', async (_, fault) => {
    expect(await violationsAtEveryStep(fault)).not.toEqual([])
  })
})
