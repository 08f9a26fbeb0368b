import type { Hex } from 'viem'
import { type FeedSigner, type FeedUpdate, signFeedUpdate } from '../swarm/feed.ts'
import type { SwarmHash } from '../swarm/hash.ts'
import { type Bee, BeeError } from './bee.ts'
import { findFeedEnd, isSamePayload, readUpdateAt } from './feed-reader.ts'

/** An update to write: the next one of `signer`'s feed. */
export type NextUpdate = {
  signer: FeedSigner
  topic: Hex
  payload: Uint8Array
  /** Position of an update that is on Swarm; -1: none is known. */
  known: number
  /** Whether an update that is there already says something newer, so that this one must not follow it. */
  isAhead(update: FeedUpdate): Promise<boolean>
}

/** How writing one ended. */
export type FeedWriting =
  /** It is at this position, as far as the node gives it back already: another one may have come first. */
  | { position: number }
  /** The feed is further than this update: nothing was written. */
  | { ahead: FeedUpdate }

/** Where to write. Reading goes over all `bees`, writing to one of them. */
export type FeedNodes = { bees: readonly Bee[]; bee: Bee; hash: SwarmHash; postageBatchId: Hex; signal?: AbortSignal }

/** Others with the same key may write at the same time; they do not do so for ever. */
const maxRaces = 16

/**
 * Appends an update to a feed, which never goes back: whatever is at its end already, of this gateway before a crash or of another one
 * with the same key, is looked at first; the same payload there is not written again. A node keeps the first chunk at an address and
 * answers the second the same, so what was written is read back, and what lost goes behind what won. @throws BeeError; where no node can
 * say what is there, too: then nothing was written
 */
export async function writeNextUpdate(nodes: FeedNodes, update: NextUpdate): Promise<FeedWriting> {
  const { signer, topic, known } = update
  let last: FeedUpdate | undefined
  const end = await findFeedEnd(known, async (position) => {
    const there = await askAll(nodes, { owner: signer.address, topic, position })
    if (there && position > (last?.position ?? -1)) last = there
    return there !== undefined
  })
  for (let position = end; position < end + maxRaces; position += 1) {
    if (last && isSamePayload(last, update)) return { position }
    if (last && (await update.isAhead(last))) return { ahead: last }
    const seen = await writeAt(nodes, update, position + 1)
    if (seen === undefined) return { position: position + 1 }
    last = seen
  }
  throw new BeeError('unavailable', `feed of ${signer.address}: others write to it all the time`)
}

/** Writes one position; what the node has there afterwards, or undefined when it does not show it yet. */
async function writeAt(
  { bee, hash, postageBatchId, signal }: FeedNodes,
  { signer, topic, payload }: NextUpdate,
  position: number,
): Promise<FeedUpdate | undefined> {
  const soc = await signFeedUpdate(signer, { topic, position, payload }, hash)
  await bee.writeSingleOwnerChunk(soc, { postageBatchId, ...(signal && { signal }) })
  signal?.throwIfAborted()
  return readUpdateAt(bee, hash, { owner: signer.address, topic, position }, signal).catch((error: unknown) => {
    if (error instanceof BeeError) return undefined
    throw error
  })
}

/**
 * What is at a position; undefined when at least one node says that nothing is. A timeout or an error is no such statement: to take it
 * for one would be to write over what is there. @throws BeeError of a node that could not say
 */
async function askAll(
  { bees, hash, signal }: FeedNodes,
  at: Pick<FeedUpdate, 'owner' | 'topic' | 'position'>,
): Promise<FeedUpdate | undefined> {
  let failure: unknown
  let isAbsent = false
  for (const bee of bees) {
    try {
      const update = await readUpdateAt(bee, hash, at, signal)
      if (update !== undefined) return update
      isAbsent = true
    } catch (error) {
      signal?.throwIfAborted()
      failure = error
    }
  }
  if (isAbsent) return undefined
  throw failure
}
