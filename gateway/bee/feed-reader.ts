import type { Hex } from 'viem'
import { type FeedUpdate, feedAddress, parseFeedChunk } from '../swarm/feed.ts'
import { type Bee, BeeError } from './bee.ts'
import type { SwarmSource } from './read-whole.ts'

/** A feed of one owner, as far as the nodes show it. */
export type Feed = {
  owner: Hex
  topic: Hex
  /** Newest first. Two of one position, where nodes have different ones: the owner signed both. */
  updates: readonly FeedUpdate[]
  /** What nodes said that could not be asked, or gave what is no update: perhaps there are newer ones. */
  doubts: readonly string[]
}

/** Where a feed may end at most: beyond it no publisher comes. */
const MAX_POSITION = 2 ** 40

/**
 * The newest update and those before it, of at most `most` positions, each checked against its owner: found in about 2 log n requests.
 * What no node shows is taken for not there: a feed says where to look, nothing more. Of the newest ones every node is asked, since one
 * may have what another has not.
 */
export async function readFeed(source: SwarmSource, owner: Hex, topic: Hex, most: number): Promise<Feed> {
  const doubts: string[] = []
  const end = await findFeedEnd(-1, async (position) => {
    return (await readUpdate(source, owner, topic, position, doubts)) !== undefined
  })
  const updates: FeedUpdate[] = []
  for (let position = end; position >= 0 && position > end - most; position -= 1) {
    updates.push(...(await readAllUpdates(source, owner, topic, position, doubts)))
  }
  return { owner, topic, updates, doubts: [...new Set(doubts)] }
}

/**
 * The last position that is there, by doubling steps from `known` on and then halving. `known` is there, or -1: the feed may have none,
 * and the answer is -1 then.
 */
export async function findFeedEnd(known: number, isThere: (position: number) => Promise<boolean>): Promise<number> {
  let there = known
  let step = 1
  while (there + step < MAX_POSITION && (await isThere(there + step))) {
    there += step
    step *= 2
  }
  let gone = there + step
  while (gone - there > 1) {
    const middle = Math.floor((there + gone) / 2)
    if (await isThere(middle)) there = middle
    else gone = middle
  }
  return there
}

/** One update as the first node gives it that has it; undefined where none does. `doubts` takes what nodes said beyond that. */
export async function readUpdate(
  { bees, hash }: SwarmSource,
  owner: Hex,
  topic: Hex,
  position: number,
  doubts: string[],
): Promise<FeedUpdate | undefined> {
  for (const bee of bees) {
    const update = await readUpdateAt(bee, hash, { owner, topic, position }).catch(noteIn(doubts))
    if (update !== undefined) return update
  }
  return undefined
}

/** What each node has at a position, without repetition. */
async function readAllUpdates(
  { bees, hash }: SwarmSource,
  owner: Hex,
  topic: Hex,
  position: number,
  doubts: string[],
): Promise<readonly FeedUpdate[]> {
  const read = (bee: Bee) => readUpdateAt(bee, hash, { owner, topic, position }).catch(noteIn(doubts))
  const updates = (await Promise.all(bees.map(read))).filter((update) => update !== undefined)
  return updates.filter((update, at) => updates.findIndex((other) => isSamePayload(other, update)) === at)
}

/**
 * One update as this node gives it; undefined where the node says that it is not there. @throws BeeError, and Error for what is no
 * update of this owner
 */
export async function readUpdateAt(
  bee: Bee,
  hash: SwarmSource['hash'],
  { owner, topic, position }: Pick<FeedUpdate, 'owner' | 'topic' | 'position'>,
  signal?: AbortSignal,
): Promise<FeedUpdate | undefined> {
  const { address } = feedAddress(owner, topic, position)
  const chunk = await bee.readChunk(address, signal).catch((error: unknown) => {
    if (error instanceof BeeError && error.fault === 'absent') return undefined
    throw error
  })
  return chunk && parseFeedChunk(chunk, owner, topic, position, hash)
}

/** Whether two updates say the same. */
export function isSamePayload(one: Pick<FeedUpdate, 'payload'>, other: Pick<FeedUpdate, 'payload'>): boolean {
  const { payload } = other
  return one.payload.byteLength === payload.byteLength && one.payload.every((byte, at) => byte === payload[at])
}

function noteIn(doubts: string[]): (error: Error) => undefined {
  return (error) => void doubts.push(error.message)
}
