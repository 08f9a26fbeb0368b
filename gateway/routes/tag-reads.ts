import type { Deps } from '../deps.ts'
import { warningValue } from '../oci/warning.ts'
import { isLive, isPending } from '../staging.ts'
import type { StoredManifest } from '../store/catalog.ts'
import type { StagedChange } from '../store/staged-tags.ts'
import { decodeTagEntry, encodeTagKey, isTombstone, type TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { mayPush, type OpenRepository } from './repository.ts'
import type { RouteContext } from './route.ts'
import { readStanding, type StandingList } from './standing-list.ts'

/** A tag's entry, the list it stands in, and the manifest where the repository shows it. */
export type FoundTag = {
  entry: TagEntry
  /** Undefined for one that is shown only because the caller may push. */
  standing: StandingList | undefined
  record: StoredManifest | undefined
  /** It waits for a signature, and nobody else sees it. */
  isStaged: boolean
}

/**
 * The entry that the signed list has for a tag, or to a caller who may push the one that is staged for it; undefined
 * without a list, without the tag, and for a tombstone.
 * @throws Refusal when the list does not stand under what the chain says now, except to a caller who may push (protocol 5)
 */
export async function findTag(
  context: RouteContext,
  repository: OpenRepository,
  tag: string,
): Promise<FoundTag | undefined> {
  const { deps } = context
  // Staged first, as readTagStates does: a list that is published in between has made it true.
  const staged = (await mayPush(context, repository)) ? await deps.staged.find(repository.line, tag) : undefined
  const found = await deps.lists.findSlot(repository.line, encodeTagKey(tag))
  const listed = found?.slot && decodeTagEntry(found.slot.value, found.head.list.version)
  if (staged && isPending(staged, listed)) return findStaged(deps, repository, staged)
  if (!found) return undefined
  const standing = await checkStanding(context, repository, found.head)
  return !listed || isTombstone(listed)
    ? undefined
    : { entry: listed, standing, record: found.manifest, isStaged: false }
}

async function findStaged(
  { catalog }: Deps,
  { key }: OpenRepository,
  { entry }: StagedChange,
): Promise<FoundTag | undefined> {
  if (!isLive(entry)) return undefined
  return { entry, standing: undefined, record: await catalog.findManifest(key, entry.digest), isStaged: true }
}

/** Says that others do not see what this answer shows or did (protocol 5, distribution-spec "Warnings"). */
export function warnOfStaged({ addHeader }: RouteContext): void {
  addHeader('warning', stagedWarning)
}

const stagedWarning = warningValue('staged: not published until signed')

/**
 * Checks that a list stands before its tags are shown. A caller who may push is not refused, but warned: that push is what repairs it
 * (protocol 5). @throws Refusal with the name of the first row of protocol 3.1 that fails
 */
export async function checkStanding(
  context: RouteContext,
  repository: OpenRepository,
  head: SignedList,
): Promise<StandingList | undefined> {
  try {
    return await readStanding(context.deps, repository.authority, head)
  } catch (error) {
    if (!(error instanceof Refusal && (await mayPush(context, repository)))) throw error
    context.addHeader('warning', warningValue(`others are refused: ${error.reason}: ${error.message}`))
    return undefined
  }
}
