import type { Deps } from '../deps.ts'
import { OciError } from '../oci/error.ts'
import { type DecideChanges, publishTags, renewList } from '../publisher.ts'
import { FLAG_IMMUTABLE, FLAG_TOMBSTONE, isTombstone, type TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import type { TagChange } from '../tags/tree.ts'
import type { OpenRepository } from './repository.ts'

/** What a tag is to point to. `swarmReference` is that of the manifest's very bytes. */
export type TagTarget = Pick<TagEntry, 'digest' | 'size' | 'mediaType' | 'swarmReference'>

/**
 * Makes tags point to a manifest that is stored already: all of them or none, one signature. Tags that point there publish nothing,
 * unless their entry has no Swarm reference or a wrong one, or the list has expired: this push is what repairs it.
 * @throws OciError DENIED for an immutable tag, ManifestGone when the collector was faster
 */
export async function pointTags(deps: Deps, repository: OpenRepository, tags: readonly string[], target: TagTarget) {
  const decide: DecideChanges = async ({ entryOf }) => {
    const changes: TagChange[] = []
    for (const tag of new Set(tags)) {
      const before = await entryOf(tag)
      if (!isSame(before, target)) changes.push({ tag, entry: movedEntry(tag, before, target) })
    }
    return changes
  }
  const head = await applyTagChanges(deps, repository, decide, target.digest)
  if (head && head.list.expiresAt <= deps.clock()) await renewList(deps, repository)
}

/**
 * Removes tags: a mutable one loses its slot, an immutable one gets its tombstone (protocol 2.1). Those that are gone already count
 * for nothing.
 */
export function removeTags(deps: Deps, repository: OpenRepository, tags: readonly string[]) {
  return applyTagChanges(deps, repository, async ({ entryOf }) => {
    const changes: TagChange[] = []
    for (const tag of new Set(tags)) {
      const before = await entryOf(tag)
      if (!before || isTombstone(before)) continue
      changes.push({ tag, entry: isImmutable(before) ? { ...before, flags: before.flags | FLAG_TOMBSTONE } : null })
    }
    return changes
  })
}

/**
 * The one door for every change of tags that the registry API decides: a publishing gateway signs and commits it.
 * @throws OciError DENIED at a gateway without a publisher's key
 */
async function applyTagChanges(
  deps: Deps,
  repository: OpenRepository,
  decide: DecideChanges,
  manifest?: TagTarget['digest'],
): Promise<SignedList | undefined> {
  if (deps.signer) return publishTags(deps, repository, decide, manifest)
  const { name, authority } = repository
  throw new OciError(
    'DENIED',
    `tags of ${name.ensName} cannot be changed here: this gateway holds no publisher key. With the key of ${authority.policy.publishers.join(' or ')}: mooring push IMAGE ${name.ensName}:TAG --gateway URL --key-file FILE, or PUT a list that it signed to /v2/${name.repository}/_mooring/list; or push to a gateway that holds it`,
    { detail: { owner: authority.owner, publishers: authority.policy.publishers } },
  )
}

/** Of an immutable entry only the Swarm reference may change (row 9 of protocol 3.1). */
function movedEntry(tag: string, before: TagEntry | undefined, target: TagTarget): TagEntry {
  const { digest, size, mediaType, swarmReference } = target
  if (before && isImmutable(before)) {
    if (isSame(before, { ...target, swarmReference: before.swarmReference })) return { ...before, swarmReference }
    const stands = isTombstone(before) ? 'was deleted and cannot be used again' : `stays ${before.digest}`
    throw new OciError('DENIED', `tag ${tag} is immutable: it ${stands}; push under another tag`, { detail: { tag } })
  }
  return { digest, size, mediaType, swarmReference, updatedVersion: 0, flags: 0 }
}

function isImmutable({ flags }: TagEntry): boolean {
  return (flags & FLAG_IMMUTABLE) !== 0
}

function isSame(entry: TagEntry | undefined, { digest, mediaType, swarmReference }: TagTarget): boolean {
  if (entry === undefined || isTombstone(entry)) return false
  return entry.digest === digest && entry.mediaType === mediaType && entry.swarmReference === swarmReference
}
