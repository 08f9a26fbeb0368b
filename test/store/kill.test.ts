import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../gateway/package-root.ts'
import { nodeFs } from '../../gateway/store/fs.ts'
import { openNodeStores } from '../../gateway/store/node-stores.ts'
import type { Sql } from '../../gateway/store/sql.ts'
import { prepare, type ToldOfCollecting, violationsOf } from './crash/collecting.ts'
import { findViolations, problemsOf } from './crash/violations.ts'
import { publishLists, pushContent, type Told } from './crash/work.ts'

/** Memory where there is some: a kill keeps what was written, synced or not (power-cut.test.ts is about syncing). */
const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const childrenAtOnce = 2

type Ended<Item> = { told: Item[]; signal: string | null; stderr: string }

describe('kill -9 at every step of the drivers and around every commit (protocol 6)', () => {
  let built = ''
  let child = ''
  beforeAll(async () => {
    await mkdir(join(packageRoot(), 'node_modules', '.cache'), { recursive: true })
    built = await mkdtemp(join(packageRoot(), 'node_modules', '.cache', 'mooring-kill-'))
    child = join(built, 'child.mjs')
    const entry = join(packageRoot(), 'test', 'store', 'crash', 'child.ts')
    const common = { bundle: true, platform: 'node', format: 'esm', target: 'node20' } as const
    await build({ ...common, entryPoints: [entry], outfile: child, external: ['better-sqlite3'], logLevel: 'error' })
  })
  afterAll(() => rm(built, { recursive: true }))

  const runChild = <Item = Told>(folder: string, step: number, work = 'push') =>
    new Promise<Ended<Item>>((resolve) => {
      execFile(process.execPath, [child, folder, String(step), work], (error, stdout, stderr) => {
        const told = stdout
          .split('\n')
          .filter(Boolean)
          .map((text) => JSON.parse(text) as Item)
        resolve({ told, signal: error?.signal ?? null, stderr })
      })
    })

  /** Kills a child at a step, reopens what it left, and lets work go on there. Returns what is wrong. */
  const violationsAt = async (step: number): Promise<string[]> => {
    const folder = await mkdtemp(join(scratch, 'mooring-kill-'))
    try {
      const { told, signal, stderr } = await runChild(folder, step)
      if (signal !== 'SIGKILL') return [`step ${step}: the child was not killed: ${stderr}`]
      let sql: Sql | undefined
      const stores = await openNodeStores(folder, { aroundSql: (opened) => (sql = opened) })
      const found = await findViolations({ stores, sql: sql!, fs: nodeFs, folder }, told)
      await pushContent(stores, 2, (item) => told.push(item))
      await publishLists(stores, 2, (item) => told.push(item))
      found.push(...(await findViolations({ stores, sql: sql!, fs: nodeFs, folder }, told)))
      found.push(...(await problemsOf({ stores, sql: sql!, fs: nodeFs, folder })))
      await stores.close()
      return found.map((violation) => `step ${step}: ${violation}`)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  it('a second process on one data folder is refused, and says so', async () => {
    const folder = await mkdtemp(join(scratch, 'mooring-kill-'))
    const stores = await openNodeStores(folder)
    const refused = await runChild(folder, 0)
    expect(refused.told).toEqual([])
    expect(refused.stderr).toContain(`the data folder ${folder} is in use by another gateway`)
    await stores.close()
    await rm(folder, { recursive: true })
  })

  /** The same in the midst of mounts, deletions and a collection. */
  const collectingViolationsAt = async (step: number, prepared: string): Promise<string[]> => {
    const folder = await mkdtemp(join(scratch, 'mooring-kill-'))
    try {
      await cp(prepared, folder, { recursive: true })
      const { told, signal, stderr } = await runChild<ToldOfCollecting>(folder, step, 'collect')
      if (signal !== 'SIGKILL') return [`step ${step}: the child was not killed: ${stderr}`]
      const stores = await openNodeStores(folder)
      const found = await violationsOf(stores, told)
      await stores.close()
      return found.map((violation) => `step ${step}: ${violation}`)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  const violationsAtEach = async (steps: number, at: (step: number) => Promise<string[]>): Promise<string[]> => {
    const violations: string[] = []
    let next = 1
    const worker = async () => {
      while (next <= steps) violations.push(...(await at(next++)))
    }
    await Promise.all(Array.from({ length: childrenAtOnce }, worker))
    return violations
  }

  it('everything told is there, nothing untold is half-visible, and work goes on', { timeout: 240_000 }, async () => {
    const folder = await mkdtemp(join(scratch, 'mooring-kill-'))
    const whole = await runChild(folder, 0)
    await rm(folder, { recursive: true })
    const steps = Number(whole.stderr)
    expect(steps).toBeGreaterThan(120)
    process.stdout.write(`kill -9 at ${steps} points of pushing and publishing\n`)
    expect(await violationsAtEach(steps, violationsAt)).toEqual([])
  })

  it('the same for mounts, deletions and a collection; fsck finds nothing', { timeout: 240_000 }, async () => {
    const prepared = await mkdtemp(join(scratch, 'mooring-kill-'))
    const stores = await openNodeStores(prepared)
    await prepare(stores)
    await stores.close()
    const folder = await mkdtemp(join(scratch, 'mooring-kill-'))
    await cp(prepared, folder, { recursive: true })
    const whole = await runChild<ToldOfCollecting>(folder, 0, 'collect')
    await rm(folder, { recursive: true })
    const steps = Number(whole.stderr)
    expect([whole.told.at(-1), steps > 60]).toEqual(['collected', true])
    process.stdout.write(`kill -9 at ${steps} points of mounting, deleting and collecting\n`)
    expect(await violationsAtEach(steps, (step) => collectingViolationsAt(step, prepared))).toEqual([])
    await rm(prepared, { recursive: true })
  })
})
