import type { Hex } from 'viem'
import { ConfigError, type Flag, keyOf, readSwitch, readUrls, type Settings } from './config.ts'

/** How a gateway puts content on Swarm. */
export type SwarmConfig = {
  /** Bee nodes, asked in this order; none: references are computed, and nothing is uploaded. */
  beeUrls: readonly string[]
  /** The batch that stamps; null: of each node's usable ones the one that lasts longest. */
  postageBatchId: Hex | null
  /** A push is acknowledged when it is on Swarm, and not before. */
  sync: boolean
}

/** The keys of a gateway's Swarm side. */
export const swarmFlags: readonly Flag[] = [
  { name: 'bee', value: 'URL', repeatable: true, help: 'API of a Bee node to put content on Swarm with; repeatable' },
  {
    name: 'postage-batch',
    value: 'ID',
    help: 'postage batch that pays (default: the usable one of the node that lasts longest)',
  },
  {
    name: 'swarm-sync',
    value: null,
    help: 'acknowledge a push when it is on Swarm, and refuse it (503) when it cannot be',
  },
]

/** @throws ConfigError */
export function readSwarmConfig(settings: Settings): SwarmConfig {
  const beeUrls = readUrls(settings, 'bee')
  const sync = readSwitch(settings, 'swarm-sync')
  const postageBatchId = readBatchId(settings)
  if (beeUrls.length > 0 || (!sync && postageBatchId === null)) return { beeUrls, postageBatchId, sync }
  throw new ConfigError(keyOf('bee'), null, 'the API of a Bee node, which --swarm-sync and --postage-batch need')
}

function readBatchId(settings: Settings): Hex | null {
  const setting = settings.get('postage-batch')?.at(-1)
  if (setting === undefined) return null
  const digits = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(setting.text)?.[1]
  if (digits !== undefined) return `0x${digits.toLowerCase()}`
  throw new ConfigError(setting.from, setting.text, 'a postage batch: 64 hex digits')
}
