import type { Hex } from 'viem'
import { type FeedUpdate, feedAddress, parseFeedChunk } from '../swarm/feed.ts'
import { BeeError } from './bee.ts'
import type { SwarmSource } from './read-whole.ts'

/** A feed of one owner, as far as the nodes show it. */
export type Feed = {
  owner: Hex
  topic: Hex
  /** Newest first. */
  updates: readonly FeedUpdate[]
  /** What nodes said that could not be asked, or gave what is no update: perhaps there are newer ones. */
  doubts: readonly string[]
}

/** Where a feed may end at most: beyond it no publisher comes. */
const MAX_POSITION = 2 ** 40

/**
 * The newest update and those before it, at most `most`, each checked against its owner: found by doubling from the beginning and then
 * halving, so in about 2 log n requests. What a node does not show is taken for not there: a feed says where to look, nothing more.
 */
export async function readFeed(source: SwarmSource, owner: Hex, topic: Hex, most: number): Promise<Feed> {
  const doubts: string[] = []
  const known = new Map<number, FeedUpdate | undefined>()
  const ask = async (position: number): Promise<FeedUpdate | undefined> => {
    if (!known.has(position)) known.set(position, await readUpdate(source, owner, topic, position, doubts))
    return known.get(position)
  }
  let next = 1
  if ((await ask(0)) !== undefined) while (next < MAX_POSITION && (await ask(2 * next - 1)) !== undefined) next *= 2
  let [there, gone] = (await ask(0)) === undefined ? [-1, 0] : [next - 1, 2 * next - 1]
  while (gone - there > 1) {
    const middle = Math.floor((there + gone) / 2)
    if ((await ask(middle)) === undefined) gone = middle
    else there = middle
  }
  const updates: FeedUpdate[] = []
  for (let position = there; position >= 0 && updates.length < most; position -= 1) {
    const update = await ask(position)
    if (update !== undefined) updates.push(update)
  }
  return { owner, topic, updates, doubts }
}

/** One update as the first node gives it that has it; undefined where none does. `doubts` takes what nodes said beyond that. */
export async function readUpdate(
  { bees, hash }: SwarmSource,
  owner: Hex,
  topic: Hex,
  position: number,
  doubts: string[],
): Promise<FeedUpdate | undefined> {
  const { address } = feedAddress(owner, topic, position)
  for (const bee of bees) {
    try {
      return await parseFeedChunk(await bee.readChunk(address), owner, topic, position, hash)
    } catch (error) {
      if (!(error instanceof BeeError && error.fault === 'absent')) doubts.push((error as Error).message)
    }
  }
  return undefined
}
