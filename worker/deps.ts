import { hexToBytes } from 'viem'
import { createTokenAccess } from '../gateway/auth/access.ts'
import { createAttempts } from '../gateway/auth/attempts.ts'
import { placeOf } from '../gateway/auth/challenge.ts'
import { openTokenKey } from '../gateway/auth/keys.ts'
import { createLogins } from '../gateway/auth/logins.ts'
import { askAtLatestBlock } from '../gateway/chain/account-signature.ts'
import { anyChain } from '../gateway/chain/any-chain.ts'
import { cachedChain } from '../gateway/chain/cached-chain.ts'
import type { ChainReader } from '../gateway/chain/chain-reader.ts'
import { createViemChain } from '../gateway/chain/viem-chain.ts'
import { ConfigError, environmentKey } from '../gateway/config.ts'
import type { Deps, Log } from '../gateway/deps.ts'
import { noFeatures } from '../gateway/features.ts'
import { keptFor } from '../gateway/kept.ts'
import { workerLimits } from '../gateway/limits.ts'
import { createD1Sql } from '../gateway/store/d1.ts'
import { createR2Content, type R2Content } from '../gateway/store/r2.ts'
import type { Sql } from '../gateway/store/sql.ts'
import { createSqlCatalog } from '../gateway/store/sql-catalog.ts'
import { createSqlLogins } from '../gateway/store/sql-logins.ts'
import { createSqlPushPermissions } from '../gateway/store/sql-push-permissions.ts'
import { createSqlStagedTags } from '../gateway/store/sql-staged-tags.ts'
import { createSqlTagLists } from '../gateway/store/sql-tag-lists.ts'
import { createThrottle } from '../gateway/throttle.ts'
import type { WorkerConfig } from './config.ts'
import { cacheAtEdge } from './edge-cache.ts'
import type { Env } from './env.ts'
import { bodyOfLength } from './fixed-length.ts'
import type { Repository } from './repository.ts'
import { openSwarm, type WorkerUploads } from './swarm.ts'

/** What the app gets, and what upkeep needs beside it. */
export type WorkerDeps = Deps & { sql: Sql; local: R2Content; uploads: WorkerUploads | null }

/** One for all that runs in this isolate, whose memory it counts. */
export const contentOf = keptFor((bucket: Env['BLOBS']) => createR2Content(bucket))

/**
 * The drivers behind a Worker's bindings. Many isolates write what is behind them, so nothing that only one process may know is kept:
 * heads of lists are read each time. Content that is not in R2 is read from Swarm where MOORING_BEE names nodes, and kept in R2; what is
 * pushed goes there where MOORING_POSTAGE_BATCH pays for it.
 * @throws ConfigError
 */
export async function openDeps(env: Env, config: WorkerConfig): Promise<WorkerDeps> {
  const sql = createD1Sql(env.DB)
  const local = cacheAtEdge(contentOf(env.BLOBS), await caches.open('content'))
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  const pause = () => scheduler.wait(0)
  const readTask = (ensName: string) => repositoryOf(env, ensName).readTask()
  return {
    ...(await openSwarm(config, sql, { local, clock, log, pause, readTask })),
    sql,
    local,
    chain: cachedChain(openChain(config), workerLimits.authorityTtlSeconds, clock),
    catalog: createSqlCatalog(sql),
    lists: createSqlTagLists(sql),
    staged: createSqlStagedTags(sql),
    pushPermissions: createSqlPushPermissions(sql),
    signer: null,
    ...(await openLogins(config, sql, clock)),
    clock,
    randomId,
    bodyOfLength,
    needsLengths: true,
    pause,
    limits: { ...workerLimits, ...config.collection?.limits, maxBodyBytes: config.maxBodyBytes ?? null },
    features: { ...noFeatures, ...config.features },
    throttle: config.requestsPerMinute ? createThrottle(config.requestsPerMinute, clock) : null,
    log,
  }
}

/** Tokens, where the vars ask for them. Attempts are counted in each isolate. @throws ConfigError */
async function openLogins(
  { tokenKeys, publicUrl, rpcUrls, resolver, chainId }: WorkerConfig,
  sql: Sql,
  clock: () => bigint,
): Promise<Pick<Deps, 'access' | 'logins'>> {
  const [current, ...others] = await Promise.all(tokenKeys.map((key) => openTokenKey(hexToBytes(key))))
  if (current === undefined || !publicUrl) return { access: null }
  const place = placeOf(publicUrl)
  const logins = createLogins({
    ...{ chainId, clock, log, passwords: null, keys: [current, ...others], place: () => place },
    store: createSqlLogins(sql),
    askContract: askAtLatestBlock(rpcUrls, resolver),
    attempts: createAttempts(clock),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  })
  return { logins, access: createTokenAccess(logins) }
}

/** The object of a repository. */
export function repositoryOf({ REPOSITORIES }: Env, ensName: string): DurableObjectStub<Repository> {
  return REPOSITORIES.get(REPOSITORIES.idFromName(ensName)) as DurableObjectStub<Repository>
}

/** One JSON line, for the Worker's logs. */
export const log: Log = (event, fields) => console.log(JSON.stringify({ event, ...fields }))

function openChain({ rpcUrls, chainId, ensRegistry, resolver }: WorkerConfig): ChainReader {
  const [first, ...others] = rpcUrls.map((rpcUrl) => createViemChain({ rpcUrl, chainId, ensRegistry, resolver }))
  if (first === undefined) throw new ConfigError(environmentKey('rpc'), null, 'the URL of a JSON-RPC endpoint')
  return anyChain(first, ...others)
}

function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
