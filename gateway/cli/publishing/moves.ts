import { isTombstone, type TagEntry } from '../../tags/entry.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { TagChange } from '../../tags/tree.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import type { WholeList } from '../client/read-list.ts'
import type { StagedChange } from './staged.ts'
import type { ContentReader } from './staged-content.ts'

/** What a publish does to one tag, as a person is shown it. */
export type Move = {
  tag: string
  before: TagEntry | null
  /** Null: the slot goes. Its `updatedVersion` is that of the list that is made. */
  after: TagEntry | null
  platforms: readonly string[]
  /** Who pushed it and when (unix seconds), as the gateway says; null where it came in another way. */
  staged: { by: string; at: number } | null
}

/** What a tag is to name. */
export type TagTarget = Pick<TagEntry, 'digest' | 'size' | 'mediaType' | 'swarmReference'>

/** The version that comes after a list, or is the first. */
export function versionAfter(base: WholeList | null): bigint {
  return (base?.signed.list.version ?? 0n) + 1n
}

/**
 * What staged changes do to a list, each tag's content read and checked: what is so already, or removes what is not there, is nothing.
 * @throws Refusal (content that is not what it should be, an immutable tag), GatewayUnavailable, each naming the tag
 */
export async function movesOf(
  base: WholeList | null,
  changes: readonly StagedChange[],
  read: ContentReader,
): Promise<Move[]> {
  const moves: Move[] = []
  for (const { tag, entry, stagedAt, stagedBy } of changes) {
    const move = await moveOf(base, { tag, entry }, read).catch(namingTag(tag))
    if (move !== null) moves.push({ ...move, staged: { by: stagedBy, at: stagedAt } })
  }
  return moves
}

async function moveOf(base: WholeList | null, { tag, entry }: TagChange, read: ContentReader): Promise<Move | null> {
  const before = base?.entries.get(tag) ?? null
  const nothing = { platforms: [], staged: null }
  if (entry === null) return before === null ? null : { tag, before, after: null, ...nothing }
  // Its bytes are published already: only its flags change, or nothing.
  const published = before !== null && isSameContent(before, entry) ? before : null
  if (published !== null && isTombstone(published) && published.flags === entry.flags) return null
  const content = published
    ? { swarmReference: published.swarmReference, platforms: [] }
    : await read({ digest: entry.digest, size: entry.size, mediaType: entry.mediaType })
  const after = nextEntry(before, { ...entry, ...content }, versionAfter(base), entry.flags)
  if (published?.flags === after.flags) return null
  return { tag, before, after, platforms: content.platforms, staged: null }
}

/** An entry's flags stay: of an immutable one nothing else may change, which planning refuses. @throws Refusal ImmutableChanged */
export function nextEntry(before: TagEntry | null, target: TagTarget, version: bigint, flags = 0): TagEntry {
  if (before !== null && isTombstone(before)) {
    throw new Refusal('ImmutableChanged', 'the tag was immutable and is deleted: it cannot be used again in this epoch')
  }
  const { digest, size, mediaType, swarmReference } = target
  return {
    digest,
    size,
    mediaType,
    swarmReference,
    updatedVersion: Number(version),
    flags: (before?.flags ?? 0) | flags,
  }
}

/** The changes of a draft as moves, its content read as that of staged ones is. @throws as `movesOf` */
export async function movesOfDraft(
  base: WholeList | null,
  changes: readonly TagChange[],
  read: ContentReader,
): Promise<Move[]> {
  const moves: Move[] = []
  for (const { tag, entry } of changes) {
    const before = base?.entries.get(tag) ?? null
    const isPublished = before !== null && entry !== null && isSameContent(before, entry)
    const isKnown = entry === null || (isPublished && before.swarmReference === entry.swarmReference)
    const content = isKnown ? null : await read(entry).catch(namingTag(tag))
    if (entry !== null && content !== null) checkReference(tag, entry, content.swarmReference)
    moves.push({ tag, before, after: entry, platforms: content?.platforms ?? [], staged: null })
  }
  return moves
}

function isSameContent(before: TagEntry, { digest, size, mediaType }: TagEntry): boolean {
  return before.digest === digest && before.size === size && before.mediaType === mediaType
}

function checkReference(tag: string, { swarmReference }: TagEntry, actual: string): void {
  if (swarmReference === actual || /^0x0*$/.test(swarmReference)) return
  throw new Refusal(
    'DigestMismatch',
    `tag ${tag}: the list says Swarm reference ${swarmReference}, its bytes have ${actual}`,
  )
}

function namingTag(tag: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof Refusal) throw new Refusal(error.reason, `tag ${tag}: ${error.message}`)
    if (error instanceof GatewayUnavailable) throw new GatewayUnavailable(`tag ${tag}: ${error.message}`)
    throw error
  }
}
