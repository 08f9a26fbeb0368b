import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts'
import { isIndexType } from '../oci/manifest.ts'
import { warningValue } from '../oci/warning.ts'
import type { ManifestRecord } from '../store/catalog.ts'
import { decodeTagEntry, encodeTagKey, isTombstone, type TagEntry } from '../tags/entry.ts'
import { Refusal } from '../tags/refusal.ts'
import { missing } from './content.ts'
import { readStoredManifest } from './index-depth.ts'
import type { OpenRepository } from './repository.ts'
import type { RouteContext } from './route.ts'
import { checkStanding } from './tag-reads.ts'

/** The tag under which clients without the referrers API keep the index of a digest's referrers: 64 hex digits at most. */
export function referrersTagOf(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`
}

/**
 * What clients recorded under a digest's referrers tag (distribution-spec "Enabling the Referrers API"): the manifests of that index that
 * are in this repository and do not name the digest as their subject themselves, since those are known anyway. Read with every request,
 * so they come and go with the tag. Ascending by digest; none where the tag is no index, and none with a `Warning` where the list does
 * not stand.
 */
export async function readTagSchema(
  context: RouteContext,
  repository: OpenRepository,
  subject: Digest,
): Promise<ManifestRecord[]> {
  const { deps } = context
  const entry = await findStandingEntry(context, repository, referrersTagOf(subject))
  if (!entry || !isIndexType(entry.mediaType)) return []
  const stored = await readStoredManifest(deps, repository.key, entry.digest)
  if (!stored) throw missing(entry.digest)
  const records: ManifestRecord[] = []
  for (const digest of new Set(stored.manifest.children.map((child) => child.digest))) {
    const record = await deps.catalog.findManifest(repository.key, digest)
    if (record && record.subject !== subject) records.push(record)
  }
  return records.sort((one, other) => (one.digest < other.digest ? -1 : 1))
}

async function findStandingEntry(
  context: RouteContext,
  repository: OpenRepository,
  tag: string,
): Promise<TagEntry | undefined> {
  const found = await context.deps.lists.findSlot(repository.line, encodeTagKey(tag))
  if (!found?.slot) return undefined
  try {
    await checkStanding(context, repository, found.head)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    context.addHeader('warning', warningValue(`what tag ${tag} lists is left out: ${error.reason}: ${error.message}`))
    return undefined
  }
  const entry = decodeTagEntry(found.slot.value, found.head.list.version)
  return isTombstone(entry) ? undefined : entry
}
