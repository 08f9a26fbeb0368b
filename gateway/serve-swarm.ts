import type { Bee } from './bee/bee.ts'
import { createFetchBee } from './bee/fetch-bee.ts'
import { createSwarmReader } from './bee/swarm-reader.ts'
import { type Config, ConfigError, keyOf } from './config.ts'
import { createPostage } from './postage.ts'
import type { ContentStore } from './store/content-store.ts'
import { createSwarmContent, type SwarmSource } from './store/swarm-content.ts'
import type { SwarmHash } from './swarm/hash.ts'
import type { SwarmQueueDeps } from './swarm-queue.ts'

/** The nodes that `config` names. @throws ConfigError for what is no address of a node */
export function openBees({ swarm }: Config): Bee[] {
  return (swarm?.beeUrls ?? []).map((beeUrl) => {
    try {
      return createFetchBee({ beeUrl })
    } catch (error) {
      throw new ConfigError(keyOf('bee'), beeUrl, (error as Error).message)
    }
  })
}

/** What the queue uploads with; null without nodes. */
export function uploadsTo(bees: readonly Bee[], { swarm }: Config, clock: () => bigint): SwarmQueueDeps['uploads'] {
  if (swarm === undefined || bees.length === 0) return null
  return { bees, postage: createPostage(bees, swarm.postageBatchId, clock), sync: swarm.sync }
}

/** Content that comes from Swarm where it is not here. */
export function readingFrom(
  bees: readonly Bee[],
  hash: SwarmHash,
  local: ContentStore,
  source: Omit<SwarmSource, 'reader'>,
): ContentStore {
  if (bees.length === 0) return local
  return createSwarmContent(local, { ...source, reader: createSwarmReader(bees, hash) })
}
