import type { Hex } from 'viem'
import { collectionFlags, readCollectionConfig } from '../gateway/collection-config.ts'
import {
  type Config,
  ConfigError,
  environmentKey,
  type Flag,
  gatewayFlags,
  readConfig,
  readSwitch,
  readText,
  type Settings,
  settingsFromEnvironment,
} from '../gateway/config.ts'
import { readSwarmConfig, type SwarmConfig, swarmFlags } from '../gateway/swarm-config.ts'

/** What a Worker has in bindings, or must not have at all. */
const meaningless: readonly (readonly [flag: string, why: string])[] = [
  ['port', 'a Worker listens on no port'],
  ['host', 'a Worker listens on no address'],
  ['data', 'a Worker keeps everything in its bindings DB and BLOBS'],
  ['publisher-key-file', 'a Worker holds no publisher key'],
  ['htpasswd', 'a Worker has no files, so that accounts alone log in'],
  ['token-key-file', 'a Worker has the key of its tokens in the secret MOORING_TOKEN_KEY'],
]

/** What only a Worker is told in text: keys of tokens, `0x` and 64 hex digits, the one that signs first. */
export const workerFlags: readonly Flag[] = [
  { name: 'token-key', value: 'KEY', repeatable: true, help: 'secret: 0x and 64 hex digits, signs tokens' },
]

/** What a Worker is told when it starts. */
export type WorkerConfig = Config & { tokenKeys: readonly Hex[] }

/** Written by Cloudflare, whatever the client sent under that name. */
const clientAddressHeader = 'cf-connecting-ip'

/**
 * The configuration in a Worker's vars and secrets: the MOORING_* keys of a gateway on Node, read by the same parser.
 * @throws ConfigError naming the first key that cannot be used
 */
export function readWorkerConfig(bindings: object): WorkerConfig {
  const vars = Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const settings = settingsFromEnvironment(
    [...gatewayFlags, ...collectionFlags, ...swarmFlags, ...workerFlags],
    Object.fromEntries(vars),
  )
  for (const [flag, why] of meaningless) refuseMeaningless(settings, flag, why)
  if (readText(settings, 'auth') !== 'token' && !readSwitch(settings, 'insecure-no-auth')) {
    const wanted =
      'token, so that whoever pushes logs in, or MOORING_INSECURE_NO_AUTH true: anybody may push content then'
    throw new ConfigError(environmentKey('auth'), readText(settings, 'auth') ?? null, wanted)
  }
  // Beyond loopback, which some defaults depend on.
  const everywhere = new Map([...settings, ['host', [{ from: 'the Worker', text: '0.0.0.0' }]] as const])
  const config = readConfig(everywhere)
  return {
    ...config,
    tokenKeys: readTokenKeys(settings, config),
    clientAddressHeader: config.clientAddressHeader ?? clientAddressHeader,
    collection: readCollectionConfig(settings),
    swarm: readPaidSwarm(settings),
  }
}

/** Nodes alone may be somebody else's, and are only read from. @throws ConfigError */
function readPaidSwarm(settings: Settings): SwarmConfig {
  const swarm = readSwarmConfig(settings)
  if (!swarm.sync || swarm.postageBatchId !== null) return swarm
  const wanted = 'the postage batch that pays, without which a Worker uploads nothing and MOORING_SWARM_SYNC cannot be'
  throw new ConfigError(environmentKey('postage-batch'), null, wanted)
}

/** @throws ConfigError that says nothing of what the secret holds */
function readTokenKeys(settings: Settings, { logins }: Config): Hex[] {
  if (!logins) return []
  const texts = (settings.get('token-key') ?? []).map(({ text }) => text)
  const wanted =
    '0x and 64 hex digits, several separated by commas: a secret (npx wrangler secret put MOORING_TOKEN_KEY)'
  if (texts.length === 0) throw new ConfigError(environmentKey('token-key'), null, wanted)
  const isKey = (text: string): text is Hex => /^0x[0-9a-fA-F]{64}$/.test(text)
  if (texts.every(isKey)) return texts
  throw new ConfigError(
    environmentKey('token-key'),
    `${texts.length} of ${texts.map((text) => text.length)} characters`,
    wanted,
  )
}

function refuseMeaningless(settings: Settings, flag: string, why: string): void {
  const setting = settings.get(flag)?.at(-1)
  if (setting !== undefined) throw new ConfigError(setting.from, setting.text, `nothing: ${why}`)
}
