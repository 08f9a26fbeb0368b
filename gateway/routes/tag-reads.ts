import { warningValue } from '../oci/warning.ts'
import type { StoredManifest } from '../store/catalog.ts'
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
}

/**
 * The entry that the signed list has for a tag; undefined without a list, without the tag, and for a tombstone.
 * @throws Refusal when the list does not stand under what the chain says now, except to a caller who may push (protocol 5)
 */
export async function findTag(
  context: RouteContext,
  repository: OpenRepository,
  tag: string,
): Promise<FoundTag | undefined> {
  const found = await context.deps.lists.findSlot(repository.line, encodeTagKey(tag))
  if (!found) return undefined
  const standing = await checkStanding(context, repository, found.head)
  if (!found.slot) return undefined
  const entry = decodeTagEntry(found.slot.value, found.head.list.version)
  return isTombstone(entry) ? undefined : { entry, standing, record: found.manifest }
}

/**
 * Checks that a list stands before its tags are shown. A caller who may push is not refused, but warned: that push is what repairs it
 * (protocol 5). @throws Refusal with the name of the first row of protocol 3.1 that fails
 */
export async function checkStanding(
  { deps, addHeader }: RouteContext,
  repository: OpenRepository,
  head: SignedList,
): Promise<StandingList | undefined> {
  try {
    return await readStanding(deps, repository.authority, head)
  } catch (error) {
    if (!(error instanceof Refusal && (await mayPush(deps, repository)))) throw error
    addHeader('warning', warningValue(`others are refused: ${error.reason}: ${error.message}`))
    return undefined
  }
}
