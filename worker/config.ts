import { collectionFlags, readCollectionConfig } from '../gateway/collection-config.ts'
import {
  type Config,
  ConfigError,
  environmentKey,
  gatewayFlags,
  readConfig,
  readSwitch,
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
]

/** Written by Cloudflare, whatever the client sent under that name. */
const clientAddressHeader = 'cf-connecting-ip'

/**
 * The configuration in a Worker's vars and secrets: the MOORING_* keys of a gateway on Node, read by the same parser.
 * @throws ConfigError naming the first key that cannot be used
 */
export function readWorkerConfig(bindings: object): Config {
  const vars = Object.entries(bindings).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const settings = settingsFromEnvironment(
    [...gatewayFlags, ...collectionFlags, ...swarmFlags],
    Object.fromEntries(vars),
  )
  for (const [flag, why] of meaningless) refuseMeaningless(settings, flag, why)
  if (!readSwitch(settings, 'insecure-no-auth')) {
    const wanted = 'true: anybody who reaches a Worker may push content, until tokens say who may'
    throw new ConfigError(environmentKey('insecure-no-auth'), null, wanted)
  }
  // Beyond loopback, which some defaults depend on.
  const everywhere = new Map([...settings, ['host', [{ from: 'the Worker', text: '0.0.0.0' }]] as const])
  const config = readConfig(everywhere)
  return {
    ...config,
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

function refuseMeaningless(settings: Settings, flag: string, why: string): void {
  const setting = settings.get(flag)?.at(-1)
  if (setting !== undefined) throw new ConfigError(setting.from, setting.text, `nothing: ${why}`)
}
