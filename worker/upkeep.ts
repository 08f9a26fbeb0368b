import { expireUploads } from '../gateway/collector.ts'
import { endCutOffRemovals } from '../gateway/store/cut-off-removals.ts'
import { beginRound } from '../gateway/store/sql-rounds.ts'
import { sweepTrees } from '../gateway/store/sql-trees.ts'
import { collectOnce } from '../gateway/upkeep.ts'
import { readWorkerConfig } from './config.ts'
import { log, openDeps, type WorkerDeps } from './deps.ts'
import type { Env } from './env.ts'

/** A cron trigger's work ends after 15 minutes, so whatever began this long ago is over. */
const leastIntervalSeconds = 20 * 60
/** Longer than any request: what is unfinished for this long was cut off. */
const abandonedSeconds = 24 * 60 * 60
/** The collection stops in time, and the next round goes on. */
const mostMs = 12 * 60 * 1000

/**
 * What the cron trigger does: ends uploads that expired and, once in MOORING_GC_INTERVAL for all instances together (20 minutes at
 * least), removes what was cut off and collects garbage. @throws ConfigError, and whatever failed, so that the trigger shows it
 */
export async function keepUp(env: Env, overrides: Partial<WorkerDeps> = {}): Promise<void> {
  const config = readWorkerConfig(env)
  const deps = { ...(await openDeps(env, config)), ...overrides }
  await expireUploads(deps)
  const intervalSeconds = config.collection?.intervalSeconds ?? null
  if (intervalSeconds === null) return
  const now = Number(deps.clock())
  if (!(await beginRound(deps.sql, 'collect', now, Math.max(intervalSeconds, leastIntervalSeconds)))) return
  await sweep(deps, now)
  await collectOnce(deps, AbortSignal.timeout(mostMs))
}

/** Removes what requests and collections left when they were cut off. */
async function sweep({ sql, local, catalog }: WorkerDeps, now: number): Promise<void> {
  await endCutOffRemovals(catalog, local, now)
  const trees = await sweepTrees(sql, abandonedSeconds)
  const objects = await local.sweep(await catalog.listParts(), now - abandonedSeconds)
  if (trees + objects > 0) log('swept', { trees, objects })
}
