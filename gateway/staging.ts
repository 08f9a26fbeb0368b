import type { Deps } from './deps.ts'
import { unavailable } from './errors.ts'
import type { Digest } from './oci/digest.ts'
import { inTurn } from './publisher.ts'
import type { StagedChange, StagedTags, StagedWrite } from './store/staged-tags.ts'
import type { ListLine } from './store/tag-list-store.ts'
import { checkImmutable, isTombstone, type TagEntry } from './tags/entry.ts'
import type { SignedList } from './tags/list.ts'
import { Refusal } from './tags/refusal.ts'

/** What some tags are in the current list and what is staged for them, all of one moment that a write compares with. */
export type TagStates = {
  /** The current list, undefined where there is none. */
  head: SignedList | undefined
  listed: ReadonlyMap<string, TagEntry>
  /** Whatever is staged, also what has no effect on that list any more. */
  staged: ReadonlyMap<string, StagedChange>
  generation: number
  /** How many changes are staged in all. */
  count: number
}

/** Decides what to stage and what to withdraw; called again after a lost race. Authorisation belongs here. */
export type DecideStaged = (states: TagStates) => StagedWrite

/** Whose tags they are. */
type Repository = { name: { ensName: string }; line: ListLine }

/** Races that one push may lose before it gives up. */
const maxTries = 20

/**
 * Stages what is decided over these tags: all of it or nothing, durable when it resolves, with what it was decided on. Pushes to one
 * repository in this process run one after another; against other processes it is compare-and-swap. With `manifest` only while the
 * repository shows it. @throws OciError 503 (too many lost races), ManifestGone, and whatever `decide` throws
 */
export function stageTags(
  deps: Deps,
  repository: Repository,
  tags: readonly string[],
  decide: DecideStaged,
  manifest?: Digest,
): Promise<TagStates> {
  return inTurn(deps, repository, async () => {
    const { line, name } = repository
    for (let tries = 0; tries < maxTries; tries++) {
      const states = await readTagStates(deps, line, tags)
      const { put = [], drop = [] } = decide(states)
      if (put.length + drop.length === 0) return states
      const basis = { generation: states.generation, listHash: states.head?.hash ?? null }
      if (await deps.staged.write(line, { ...basis, ...(manifest && { manifest }) }, { put, drop })) return states
    }
    throw unavailable(`others push to ${name.ensName} all the time: ${maxTries} tries were lost`)
  })
}

/**
 * Without `tags` all that have something staged. What is staged is read first: a list that is published in between has made it true, and
 * nothing is seen twice or not at all.
 */
export async function readTagStates(
  { staged, lists }: Pick<Deps, 'staged' | 'lists'>,
  line: ListLine,
  tags?: readonly string[],
): Promise<TagStates> {
  const { generation, count, changes }: StagedTags = await staged.read(line, tags)
  const found = await lists.findEntries(line, tags ?? changes.map(({ tag }) => tag))
  return {
    head: found?.head,
    listed: found?.entries ?? new Map(),
    staged: new Map(changes.map((change) => [change.tag, change])),
    generation,
    count,
  }
}

/**
 * Whether a staged change would change a list that has `listed` for its tag. It would not where the list has it already, and where the
 * list no longer allows it (protocol 2.1: an immutable entry neither moves nor goes).
 */
export function isPending({ tag, entry }: StagedChange, listed: TagEntry | undefined): boolean {
  if (listed === undefined) return isLive(entry)
  if (entry !== null && isSameEntry(entry, listed)) return false
  try {
    checkImmutable(tag, listed, entry ?? undefined)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

/** What is staged and would change the current list, by tag in byte order, and that list. */
export async function readPending(
  deps: Pick<Deps, 'staged' | 'lists'>,
  line: ListLine,
): Promise<{ head: SignedList | undefined; changes: readonly StagedChange[] }> {
  const { head, staged, listed } = await readTagStates(deps, line)
  return { head, changes: [...staged.values()].filter((change) => isPending(change, listed.get(change.tag))) }
}

/** Tags of a list, in byte order, with those that something is staged for in between. */
export function withStaged(listed: readonly string[], changes: readonly StagedChange[]): readonly string[] {
  if (changes.length === 0) return listed
  return [...new Set([...listed, ...changes.map(({ tag }) => tag)])].sort()
}

/** Whether an entry is one that pulls see: there, and no tombstone. */
export function isLive(entry: TagEntry | null | undefined): entry is TagEntry {
  return entry !== null && entry !== undefined && !isTombstone(entry)
}

function isSameEntry(one: TagEntry, other: TagEntry): boolean {
  const isSameManifest = one.digest === other.digest && one.size === other.size && one.mediaType === other.mediaType
  return isSameManifest && one.swarmReference === other.swarmReference && one.flags === other.flags
}

/** Takes away what a list that was just published has made true, or no longer allows. What fails is logged, since readers leave that out anyway. */
export async function settleStaged(deps: Pick<Deps, 'staged' | 'lists' | 'log'>, line: ListLine): Promise<void> {
  const isSettled = (change: StagedChange, { listed }: TagStates) => !isPending(change, listed.get(change.tag))
  await dropStaged(deps, line, isSettled).catch((error: unknown) => {
    deps.log('settling staged tags failed', { name: line.ensName, error: String(error) })
  })
}

/** Takes away what is staged for these tags. @throws OciError 503 when the race is lost again and again */
export async function withdrawStaged(
  deps: Pick<Deps, 'staged' | 'lists'>,
  line: ListLine,
  tags: readonly string[],
): Promise<void> {
  const withdrawn = new Set(tags)
  if (withdrawn.size > 0) await dropStaged(deps, line, ({ tag }) => withdrawn.has(tag))
}

/** Takes away what waited for a signature for `stagedTtlSeconds`, in every repository, and logs it. */
export async function expireStaged(deps: Pick<Deps, 'staged' | 'lists' | 'clock' | 'limits' | 'log'>): Promise<void> {
  const before = Number(deps.clock()) - deps.limits.stagedTtlSeconds
  for (const line of await deps.staged.listLines()) {
    const tags = await dropStaged(deps, line, ({ stagedAt }) => stagedAt <= before)
    if (tags.length > 0) deps.log('staged tags expired', { name: line.ensName, tags })
  }
}

/** Resolves with the tags whose changes went. */
async function dropStaged(
  deps: Pick<Deps, 'staged' | 'lists'>,
  line: ListLine,
  isOver: (change: StagedChange, states: TagStates) => boolean,
): Promise<readonly string[]> {
  if ((await deps.staged.read(line, [])).count === 0) return []
  for (let tries = 0; tries < maxTries; tries++) {
    const states = await readTagStates(deps, line)
    const drop = [...states.staged.values()].filter((change) => isOver(change, states)).map(({ tag }) => tag)
    if (drop.length === 0) return []
    if (await deps.staged.write(line, { generation: states.generation }, { drop })) return drop
  }
  throw unavailable(`what is staged for ${line.ensName} changes all the time: ${maxTries} tries were lost`)
}
