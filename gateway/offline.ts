import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Hex } from 'viem'
import type { SwarmReader } from './bee/swarm-reader.ts'
import type { CollectionLimits } from './collection-config.ts'
import { type Collection, collectGarbage } from './collector.ts'
import { ConfigError, keyOf } from './config.ts'
import type { Log } from './deps.ts'
import { checkStores, type Problem } from './fsck.ts'
import { defaultLimits } from './limits.ts'
import { type FoundRepository, type Recovery, type RecoveryDeps, restoreRepository } from './recovery.ts'
import { checkRoom, type Reseeded, reseed, type SeedTarget, withoutDone } from './reseed.ts'
import { collectSeeds, recordInLedger } from './reseed-stores.ts'
import { DataFolderInUse } from './store/data-lock.ts'
import { type NodeStores, openNodeStores } from './store/node-stores.ts'
import { createSwarmContent } from './store/swarm-content.ts'
import { encodeIndex, storeVersion } from './swarm-announce.ts'
import { gatherIndexRows } from './swarm-index.ts'

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
  return withStores(dataDir, busy, ({ content, catalog, lists, staged }) =>
    collectGarbage({ content, catalog, lists, staged, clock, limits, log, pause: () => setImmediate() }, { dryRun }),
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

/** What is put on Swarm again out of a data folder. */
export type FolderReseeded = Reseeded & {
  version: number
  listHash: Hex
  /** Of the payload that leads to list and content index; null where they are left to the gateway that has them. */
  payloadReference: Hex | null
}

/**
 * Puts what a name's list and its history need on Swarm again, under another batch, then list and content index; what is not in the folder is read from `reader`'s
 * nodes while they have it. The ledger of the folder says what the batch has already. @throws as `collectOffline`, `checkRoom` and
 * `reseed`; ConfigError for a name without a list in the folder
 */
export function reseedOffline(
  dataDir: string,
  ensName: string,
  target: SeedTarget,
  { reader, limits }: { reader: SwarmReader; limits: CollectionLimits },
): Promise<FolderReseeded> {
  const { clock, pause, postageBatchId, note } = target
  const busy = 'stop the gateway that has it open, or name it with --gateway instead'
  return withStores(dataDir, busy, async ({ content: local, catalog, lists, swarmLedger: ledger }) => {
    const content = createSwarmContent(local, { reader, ledger, clock, noteKept: () => {} })
    const log: Log = (event, fields) => note(`${event}: ${Object.values(fields ?? {}).join(': ')}`)
    const stores = { content, catalog, lists, clock, pause, log, limits: { ...defaultLimits, ...limits } }
    const found = await collectSeeds(stores, ensName)
    if (!found) throw new ConfigError('NAME', ensName, `a name that ${dataDir} has a list of`)
    const record = recordInLedger(ledger, postageBatchId, clock)
    await checkRoom(target, await withoutDone(found.seeds, record))
    const { line, head } = found
    const done = await reseed(target, found.seeds, record)
    const { rows } = await gatherIndexRows({ catalog, ledger, content: local, pause }, line)
    const deps = { lists, hash: target.hash, pause }
    const index = encodeIndex(target.hash, rows)
    const { payloadReference } = await storeVersion(deps, target, { line, signed: head }, index, undefined)
    return { ...done, version: Number(head.list.version), listHash: head.hash, payloadReference }
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
