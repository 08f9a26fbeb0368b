import type { Hex } from 'viem'
import { onTestFinished } from 'vitest'
import type { Bee } from '../../gateway/bee/bee.ts'
import { readFeed } from '../../gateway/bee/feed-reader.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { readWhole, type SwarmSource } from '../../gateway/bee/read-whole.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { openNodeDigester } from '../../gateway/node-digest.ts'
import { createPostage } from '../../gateway/postage.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { decodeFeedPayload, feedTopic } from '../../gateway/swarm/feed.ts'
import { type Announcer, startAnnouncer } from '../../gateway/swarm-announcer.ts'
import { startSwarmQueue } from '../../gateway/swarm-queue.ts'
import { watchStores } from '../../gateway/swarm-watch.ts'
import { type FakeBee, type FakeBeeOptions, startFakeBee } from '../bee/fake-bee.ts'
import { addressOf, testKeys, testSwarmHash } from '../fixtures.ts'
import { type RegistryOptions, registryOver } from '../registry/client.ts'

/** A fake node with a batch, for one test. */
export async function startNode(options: FakeBeeOptions = {}): Promise<FakeBee> {
  const node = await startFakeBee(options)
  onTestFinished(() => node.stop())
  // Lasts for months, where a month costs something.
  const plurPerChunk = options.mode === 'dev' ? 1_000_000_000 : 100_000_000_000
  await fetch(`${node.beeUrl}/stamps/${plurPerChunk}/20`, { method: 'POST' })
  return node
}

/** A client of a fake node that soon loses patience. */
export const talkTo = ({ beeUrl }: FakeBee): Bee => createFetchBee({ beeUrl, idleTimeoutMs: 2_000 })

type Options = RegistryOptions & { bees: readonly Bee[]; stores?: ReturnType<typeof createMemoryStores> }

/** A gateway that puts its lists on Swarm, as an entry puts it together. */
export function openAnnouncing({ bees, stores = createMemoryStores(), ...options }: Options) {
  const announced: { announcer?: Announcer } = {}
  const registry = registryOver(
    watchStores(stores, (ensName) => announced.announcer?.note(ensName)),
    options,
  )
  const { deps } = registry
  const postage = createPostage(bees, null, deps.clock)
  const local = {
    content: stores.content,
    ledger: stores.swarmLedger,
    hash: testSwarmHash,
    openDigester: openNodeDigester,
  }
  const reader = createSwarmReader(bees, testSwarmHash)
  const { announcements } = stores
  const announcer = startAnnouncer({ ...deps, ...local, announcements, bees, reader, postage })
  const uploads = { bees, postage, sync: false }
  const queue = startSwarmQueue({ ...deps, ...local, uploads, onUploaded: announcer.wake })
  announced.announcer = announcer
  Object.assign(deps.swarm, { noteStored: queue.noteStored, ledger: stores.swarmLedger, postage, announcer })
  const stop = async () => {
    await Promise.all([queue.stop(), announcer.stop()])
  }
  onTestFinished(stop)
  /** Until nothing is left that could be done now. */
  const settle = async () => {
    await queue.settle()
    await announcer.settle()
  }
  return { registry, deps, stores, announcer, queue, settle, stop }
}

/** Of these nodes, unverified by the chain. */
export function sourceOf(...bees: readonly Bee[]): SwarmSource {
  return { bees, hash: testSwarmHash, reader: createSwarmReader(bees, testSwarmHash) }
}

export const topic = feedTopic(nodeOf('acme.eth'))

/** What a feed says, oldest first, the lists read through it. */
export async function readAnnounced(source: SwarmSource, owner: Hex = addressOf(testKeys.owner)) {
  const { updates } = await readFeed(source, owner, topic, 1000)
  const announced = []
  for (const update of [...updates].reverse()) {
    const payload = decodeFeedPayload(update.payload)
    const body = new TextDecoder().decode(await readWhole(source, payload.listReference, 2 ** 30))
    announced.push({ ...payload, position: update.position, body })
  }
  return announced
}
