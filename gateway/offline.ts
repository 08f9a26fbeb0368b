import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { CollectionLimits } from './collection-config.ts'
import { type Collection, collectGarbage } from './collector.ts'
import { ConfigError, keyOf } from './config.ts'
import type { Log } from './deps.ts'
import { checkStores, type Problem } from './fsck.ts'
import { defaultLimits } from './limits.ts'
import { type FoundRepository, type Recovery, type RecoveryDeps, restoreRepository } from './recovery.ts'
import { DataFolderInUse } from './store/data-lock.ts'
import { type NodeStores, openNodeStores } from './store/node-stores.ts'

/**
 * Node entry for work on a data folder that no gateway has open. The chain is not asked: every list in the folder counts as its
 * name's present one. @throws ConfigError for a folder without stores, Error when a gateway has it open
 */
export function collectOffline(
  dataDir: string,
  options: { dryRun: boolean; limits: CollectionLimits; log: Log },
): Promise<Collection> {
  const { dryRun, log } = options
  const limits = { ...defaultLimits, ...options.limits }
  const busy = 'a running gateway collects by itself (--gc-interval): stop it to collect from outside'
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  return withStores(dataDir, busy, ({ content, catalog, lists }) =>
    collectGarbage({ content, catalog, lists, clock, limits, log, pause: () => setImmediate() }, { dryRun }),
  )
}

/** Everything that is wrong in a data folder; opening it has already removed what a crash left unfinished. @throws as `collectOffline` */
export function checkOffline(dataDir: string): Promise<Problem[]> {
  return withStores(dataDir, 'stop the gateway that has it open first', async (stores) => {
    const { content, catalog, lists, checkDatabase } = stores
    const problems: Problem[] = []
    const checked = { content, catalog, lists, checkDatabase, limits: defaultLimits, pause: () => setImmediate() }
    for await (const problem of checkStores(checked)) problems.push(problem)
    return problems
  })
}

/**
 * Puts a repository that was found on Swarm into a data folder, which is made when it is missing. @throws Error when a gateway has it
 * open, and as `restoreRepository`
 */
export function restoreOffline(
  dataDir: string,
  from: Pick<RecoveryDeps, 'reader' | 'onDemand' | 'note'>,
  found: FoundRepository,
): Promise<Recovery> {
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  return withOpened(dataDir, 'stop the gateway that has it open first', (stores) => {
    return restoreRepository({ ...stores, ...from, limits: defaultLimits, clock }, found)
  })
}

async function withStores<Result>(
  dataDir: string,
  whenBusy: string,
  work: (stores: NodeStores) => Promise<Result>,
): Promise<Result> {
  const isThere = await access(join(dataDir, 'gateway.sqlite')).then(
    () => true,
    () => false,
  )
  if (!isThere) throw new ConfigError(keyOf('data'), dataDir, 'the data folder of a gateway (it has a gateway.sqlite)')
  return withOpened(dataDir, whenBusy, work)
}

async function withOpened<Result>(
  dataDir: string,
  whenBusy: string,
  work: (stores: NodeStores) => Promise<Result>,
): Promise<Result> {
  const stores = await openNodeStores(dataDir).catch((error: unknown) => {
    if (error instanceof DataFolderInUse) throw new Error(`the data folder ${dataDir} is in use: ${whenBusy}`)
    throw error
  })
  try {
    return await work(stores)
  } finally {
    await stores.close()
  }
}
