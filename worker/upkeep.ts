import { expireUploads } from '../gateway/collector.ts'
import { expireStaged } from '../gateway/staging.ts'
import { endCutOffRemovals } from '../gateway/store/cut-off-removals.ts'
import { beginRound } from '../gateway/store/sql-rounds.ts'
import { sweepTrees } from '../gateway/store/sql-trees.ts'
import { enqueueShown } from '../gateway/swarm-queue.ts'
import { collectOnce } from '../gateway/upkeep.ts'
import { readWorkerConfig } from './config.ts'
import { log, openDeps, type WorkerDeps } from './deps.ts'
import type { Env } from './env.ts'
import { uploadSome } from './swarm-work.ts'

/** A cron trigger's work ends after 15 minutes, so whatever began this long ago is over. */
const leastIntervalSeconds = 20 * 60
/** Longer than any request: what is unfinished for this long was cut off. */
const abandonedSeconds = 24 * 60 * 60
/** All of it stops in time, and the next round goes on. */
const mostMs = 12 * 60 * 1000
/** Looked for what nobody queued: pushed before there was a postage batch. */
const enqueueSeconds = 24 * 60 * 60

/**
 * What the cron trigger does: ends uploads and staged changes that expired and, once in MOORING_GC_INTERVAL for all instances together (20 minutes at
 * least), removes what was cut off and collects garbage; then a slice of what waits for Swarm. @throws ConfigError, and whatever failed, so that the trigger shows it
 */
export async function keepUp(env: Env, overrides: Partial<WorkerDeps> = {}): Promise<void> {
  const config = readWorkerConfig(env)
  const deps = { ...(await openDeps(env, config)), ...overrides }
  const signal = AbortSignal.timeout(mostMs)
  await expireUploads(deps)
  await deps.logins?.removeExpired()
  await expireStaged(deps)
  await collectDue(deps, config.collection?.intervalSeconds ?? null, signal)
  await uploadDue(deps, signal)
}

async function collectDue(deps: WorkerDeps, intervalSeconds: number | null, signal: AbortSignal): Promise<void> {
  if (intervalSeconds === null) return
  const now = Number(deps.clock())
  if (!(await beginRound(deps.sql, 'collect', now, Math.max(intervalSeconds, leastIntervalSeconds)))) return
  await sweep(deps, now)
  await collectOnce(deps, signal)
}

async function uploadDue(deps: WorkerDeps, signal: AbortSignal): Promise<void> {
  if (!deps.uploads) return
  const isTime = await beginRound(deps.sql, 'queue for Swarm', Number(deps.clock()), enqueueSeconds)
  if (isTime) await enqueueShown({ ...deps, ledger: deps.swarm.ledger }, signal)
  await uploadSome(deps, signal)
}

/** Removes what requests and collections left when they were cut off. */
async function sweep({ sql, local, catalog }: WorkerDeps, now: number): Promise<void> {
  await endCutOffRemovals(catalog, local, now)
  const trees = await sweepTrees(sql, abandonedSeconds)
  const objects = await local.sweep(await catalog.listParts(), now - abandonedSeconds)
  if (trees + objects > 0) log('swept', { trees, objects })
}
