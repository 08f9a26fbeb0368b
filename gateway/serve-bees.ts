import type { Bee } from './bee/bee.ts'
import { createFetchBee } from './bee/fetch-bee.ts'
import { type Config, ConfigError, keyOf } from './config.ts'

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
