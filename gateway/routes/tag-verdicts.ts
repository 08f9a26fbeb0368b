import { OciError } from '../oci/error.ts'
import { isLive, isPending } from '../staging.ts'
import type { StagedChange } from '../store/staged-tags.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE, isTombstone, type TagEntry } from '../tags/entry.ts'
import type { Permission, TagAction } from './permission.ts'
import type { PushWay } from './repository.ts'

/** What a tag is to point to. `swarmReference` is that of the manifest's very bytes. */
export type TagTarget = Pick<TagEntry, 'digest' | 'size' | 'mediaType' | 'swarmReference'>

/** One tag as the current list has it, tombstones included, what is staged for it, and where a change of it would go. */
export type TagState = { tag: string; listed: TagEntry | undefined; staged: StagedChange | undefined; way: PushWay }

/**
 * What one request does to one tag: `entry` is published or staged (null: the slot is to go; undefined: nothing is), `withdraws` takes
 * what was staged away, `waits` says that the tag waits for a signature afterwards.
 */
export type Verdict = { entry?: TagEntry | null; withdraws?: boolean; waits?: boolean }

/** A push of `target` under a tag. @throws OciError DENIED: not for this caller, or an immutable tag */
export function decidePoint(state: TagState, target: TagTarget, permission: Permission): Verdict {
  const { tag, listed, way } = state
  const pending = pendingOf(state)
  if (isSame(listed, target)) {
    if (pending) demand(permission, isLive(pending.entry) ? 'update' : 'create', tag)
    return { withdraws: true }
  }
  const before = way === 'stage' && pending ? (pending.entry ?? undefined) : listed
  if (isSame(before, target)) return { waits: true }
  const isNew = !isLive(before)
  if (isNew || !isSameManifest(before, target)) demand(permission, isNew ? 'create' : 'update', tag)
  const isFirst = isNew || !isLive(listed)
  const entry = movedEntry(tag, before, target, isFirst && permission.isImmutable(tag) ? FLAG_IMMUTABLE : 0)
  return { entry, withdraws: way === 'publish', waits: way === 'stage' }
}

/** A DELETE of a tag, or with `digest` of a manifest that it may point to. @throws OciError DENIED: not for this caller */
export function decideRemoval(state: TagState, permission: Permission, digest?: TagTarget['digest']): Verdict {
  const { tag, listed, staged, way } = state
  const pending = pendingOf(state)
  const goes = (entry: TagEntry | null | undefined) =>
    isLive(entry) && (digest === undefined || entry.digest === digest)
  const isListed = way === 'publish' || !pending ? goes(listed) : goes(pending.entry) && isLive(listed)
  if (isListed && listed) {
    demand(permission, 'delete', tag)
    const entry = isImmutable(listed) ? { ...listed, flags: listed.flags | FLAG_TOMBSTONE } : null
    return {
      entry,
      withdraws: way === 'publish' && (digest === undefined || goes(pending?.entry)),
      waits: way === 'stage',
    }
  }
  if (pending && goes(pending.entry)) {
    demand(permission, 'delete', tag)
    return { withdraws: true }
  }
  return pending ? { waits: way === 'stage' } : { withdraws: goes(staged?.entry) }
}

/** What is staged and would change the list. */
function pendingOf({ staged, listed }: TagState): StagedChange | undefined {
  return staged && isPending(staged, listed) ? staged : undefined
}

/** @throws OciError DENIED */
function demand({ label, allows }: Permission, action: TagAction, tag: string): void {
  if (allows(action, tag)) return
  throw new OciError('DENIED', `${label} may not ${action} tag ${tag} here`, {
    detail: { action, tag, account: label },
  })
}

/** Of an immutable entry only the Swarm reference may change (row 9 of protocol 3.1). */
function movedEntry(tag: string, before: TagEntry | undefined, target: TagTarget, flags: number): TagEntry {
  const { digest, size, mediaType, swarmReference } = target
  if (before && isImmutable(before)) {
    if (isSameManifest(before, target) && !isTombstone(before)) return { ...before, swarmReference }
    const stands = isTombstone(before) ? 'was deleted and cannot be used again' : `stays ${before.digest}`
    throw new OciError('DENIED', `tag ${tag} is immutable: it ${stands}; push under another tag`, { detail: { tag } })
  }
  return { digest, size, mediaType, swarmReference, updatedVersion: 0, flags }
}

function isImmutable({ flags }: TagEntry): boolean {
  return (flags & FLAG_IMMUTABLE) !== 0
}

function isSame(entry: TagEntry | undefined, target: TagTarget): boolean {
  return isLive(entry) && isSameManifest(entry, target) && entry.swarmReference === target.swarmReference
}

function isSameManifest({ digest, mediaType }: TagEntry, target: TagTarget): boolean {
  return digest === target.digest && mediaType === target.mediaType
}
