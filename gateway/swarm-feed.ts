import type { Hex } from 'viem'
import { isSamePayload, readUpdateAt } from './bee/feed-reader.ts'
import { writeNextUpdate } from './bee/feed-writer.ts'
import { MAX_LIST_BYTES, readWhole, type SwarmSource } from './bee/read-whole.ts'
import type { Signer } from './signer.ts'
import type { Announcement } from './store/swarm-announcements.ts'
import type { ListLine } from './store/tag-list-store.ts'
import { decodeFeedPayload, type FeedPayload, type FeedUpdate, feedTopic } from './swarm/feed.ts'
import { type Destination, payloadOf } from './swarm-announce.ts'
import { parseListAnswer } from './tags/json.ts'

/** The feed has a newer list of this name than this gateway, or another one of the same version. */
export class FeedAhead extends Error {
  override readonly name = 'FeedAhead'
}

/**
 * Lets the next update of the signer's feed point to what was put on Swarm; resolves with the announcement as it is then. The feed never
 * goes back (protocol 6). @throws FeedAhead, BeeError
 */
export async function pointFeed(
  source: SwarmSource,
  to: Destination,
  { line, node, signer }: { line: ListLine; node: Hex; signer: Signer },
  announcement: Announcement,
): Promise<Announcement> {
  const writing = await writeNextUpdate(
    { ...to, ...source },
    {
      signer,
      topic: feedTopic(node),
      payload: payloadOf(announcement),
      // Where it was once written and is not found, it is written again: a feed has no gap.
      known: announcement.position === null ? (announcement.feedEnd ?? -1) : announcement.position - 1,
      isAhead: (update) => isAhead(source, line, announcement, update),
    },
  )
  if ('ahead' in writing) {
    const { position, payload } = writing.ahead
    const { version, listHash } = decodeFeedPayload(payload)
    const seen = `update ${position} of the feed of ${signer.address} names version ${version} (${listHash})`
    throw new FeedAhead(`${seen}, and this gateway has version ${announcement.version}: recover it first`)
  }
  return { ...announcement, position: writing.position }
}

/**
 * Whether an update names a list of the same owner and epoch that is newer, or another one of the same version. The number alone does not
 * say so: a name that changed hands begins with version 1 again. @throws what keeps that list from being read: then nobody knows
 */
async function isAhead(
  source: SwarmSource,
  { owner, epoch }: ListLine,
  ours: Announcement,
  update: FeedUpdate,
): Promise<boolean> {
  const theirs = decodeQuietly(update.payload)
  if (!theirs || theirs.epoch !== epoch || theirs.version < ours.version || theirs.listHash === ours.listHash)
    return false
  const body = await readWhole(source, theirs.listReference, MAX_LIST_BYTES)
  const { list } = finish(parseListAnswer(body)).signed
  return list.owner === owner && list.epoch === epoch
}

function decodeQuietly(payload: Uint8Array): FeedPayload | undefined {
  try {
    return decodeFeedPayload(payload)
  } catch {
    return undefined
  }
}

function finish<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Whether a node gives the update of an announcement back. @throws BeeError, and Error for what is no update, where none does */
export async function hasUpdate(
  { bees, hash }: SwarmSource,
  feed: { owner: Hex; node: Hex },
  announcement: Announcement & { position: number },
): Promise<'there' | 'absent' | 'another'> {
  const { position } = announcement
  const payload = payloadOf(announcement)
  let failure: unknown
  let said: 'absent' | 'another' | undefined
  for (const bee of bees) {
    try {
      const update = await readUpdateAt(bee, hash, { owner: feed.owner, topic: feedTopic(feed.node), position })
      if (update && isSamePayload(update, { payload })) return 'there'
      said = update || said === 'another' ? 'another' : 'absent'
    } catch (error) {
      failure = error
    }
  }
  if (said) return said
  throw failure
}
