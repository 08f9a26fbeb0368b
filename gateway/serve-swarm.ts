import type { Bee } from './bee/bee.ts'
import { createSwarmReader } from './bee/swarm-reader.ts'
import type { Config } from './config.ts'
import type { ContentStore } from './store/content-store.ts'
import { createSwarmContent, type SwarmSource } from './store/swarm-content.ts'
import { hashWhileStoring, type IngestDeps } from './store/swarm-ingest.ts'
import type { AnnouncerDeps } from './swarm-announce-step.ts'
import { type Announcer, startAnnouncer } from './swarm-announcer.ts'
import type { SwarmQueueDeps } from './swarm-queue.ts'

/**
 * Content that comes from Swarm where it is not here. Where a push waits for Swarm, its reference is computed while it is stored: it
 * would be read once more otherwise before anything is sent.
 */
export function readingFrom(
  bees: readonly Bee[],
  { swarm }: Config,
  local: ContentStore,
  { hash, pause, ...source }: Omit<SwarmSource, 'reader'> & IngestDeps,
): ContentStore {
  if (bees.length === 0) return local
  const content = createSwarmContent(local, { ...source, reader: createSwarmReader(bees, hash) })
  return swarm?.sync ? hashWhileStoring(content, { hash, pause, ledger: source.ledger }) : content
}

/** What puts lists on Swarm; undefined without nodes. */
export function announcerTo(
  uploads: SwarmQueueDeps['uploads'],
  deps: Omit<AnnouncerDeps, 'bees' | 'reader' | 'postage'>,
): Announcer | undefined {
  if (!uploads) return undefined
  const { bees, postage } = uploads
  return startAnnouncer({ ...deps, bees, postage, reader: createSwarmReader(bees, deps.hash) })
}
