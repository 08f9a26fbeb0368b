import type { Deps } from '../deps.ts'
import { isTag } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { decodeTagEntry, encodeTagKey, type TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { verifyList } from '../tags/verify.ts'
import { mayPush, type OpenRepository } from './repository.ts'
import { standsUntil, withValidSignatures } from './standing-list.ts'
import { isTombstone } from './tag-changes.ts'

/** @throws OciError 400 MANIFEST_INVALID for a tag outside the grammar */
export function parseTag(text: string): string {
  if (isTag(text)) return text
  const seen = JSON.stringify(text.slice(0, 160))
  throw new OciError('MANIFEST_INVALID', `tag ${seen} is not [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`)
}

/**
 * The entry that the signed list has for a tag; undefined without a list, without the tag, and for a tombstone.
 * @throws Refusal when the list does not stand under what the chain says now, except to a caller who may push (protocol 5)
 */
export async function findTag(deps: Deps, repository: OpenRepository, tag: string): Promise<TagEntry | undefined> {
  const found = await deps.lists.findSlot(repository.line, encodeTagKey(tag))
  if (!found) return undefined
  await checkStanding(deps, repository, found.head)
  if (!found.slot) return undefined
  const entry = decodeTagEntry(found.slot.value, found.head.list.version)
  return isTombstone(entry) ? undefined : entry
}

/**
 * Until when (unix seconds) each list stands, by its hash and the chain's answer it was checked against. The chain reader hands out one
 * answer for up to 15 s, so a list costs one signature check per answer and not one per request; only time moves on in between.
 */
const standing = new WeakMap<NameAuthority, Map<string, bigint>>()

/**
 * Checks rows 2 to 7 of protocol 3.1 for a list before its tags are shown: it was checked when it came in, but a name's owner, epoch,
 * publishers and floor change after that, and time passes. A caller who may push is not refused: that push is what repairs it.
 * @throws Refusal with the name of the first row that fails
 */
export async function checkStanding(deps: Deps, repository: OpenRepository, head: SignedList): Promise<void> {
  const { authority } = repository
  const checked = standing.get(authority) ?? new Map<string, bigint>()
  const now = deps.clock()
  if (now < (checked.get(head.hash) ?? 0n)) return
  if (await mayPush(deps, repository)) return
  const sent = await withValidSignatures(authority, head)
  // With no signature left, the list as it came says better why: NotPublisher, Revoked, and not just ThresholdNotMet.
  await verifyList(sent.signatures.length > 0 ? sent : head, authority, now)
  standing.set(authority, checked.set(head.hash, standsUntil(sent, authority)))
}
