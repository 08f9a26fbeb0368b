import type { Bee } from './bee/bee.ts'
import { createFetchBee } from './bee/fetch-bee.ts'
import { type Config, ConfigError, keyOf } from './config.ts'
import { createPostage } from './postage.ts'
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

/** What is uploaded with; null without nodes. */
export function uploadsTo(bees: readonly Bee[], { swarm }: Config, clock: () => bigint): SwarmQueueDeps['uploads'] {
  if (swarm === undefined || bees.length === 0) return null
  return { bees, postage: createPostage(bees, swarm.postageBatchId, clock), sync: swarm.sync }
}
