import { randomUUID } from 'node:crypto'
import type { Hex } from 'viem'
import type { SwarmReader } from './bee/swarm-reader.ts'
import type { Deps } from './deps.ts'
import { recordOf } from './manifest-record.ts'
import { algorithmOf, type Digest, digestOf } from './oci/digest.ts'
import { type Descriptor, type Manifest, readManifest } from './oci/manifest.ts'
import type { References, RepositoryKey } from './store/catalog.ts'
import type { Announcement, AnnouncementStore } from './store/swarm-announcements.ts'
import type { SizedContent, SwarmLedger } from './store/swarm-ledger.ts'
import type { ListLine, TagTransition } from './store/tag-list-store.ts'
import { decodeTagEntry, decodeTagKey, isTombstone, ZERO_REFERENCE } from './tags/entry.ts'
import type { SignedList } from './tags/list.ts'
import { buildWellFormedTree, type Slot } from './tags/tree.ts'

/** Where a repository is rebuilt: stores of this process alone. */
export type RecoveryDeps = Pick<Deps, 'content' | 'catalog' | 'lists' | 'limits' | 'clock'> & {
  swarmLedger: SwarmLedger
  announcements: AnnouncementStore
  reader: SwarmReader
  /** Blobs stay on Swarm until somebody asks for them. */
  onDemand: boolean
  note(line: string): void
}

/** A list that was verified, and where content is: what a content index says, believed by nobody. */
export type FoundRepository = {
  line: ListLine
  signed: SignedList
  slots: readonly Slot[]
  /** Versions before it, oldest first, without a gap; perhaps not from the first on. */
  older: readonly { signed: SignedList; slots: readonly Slot[] }[]
  places: readonly ContentPlace[]
  /** The update of a feed that led to it, so that the feed goes on from there; null for a list that none led to. */
  announcement: Announcement | null
}

/** Content on Swarm. `mediaType` is a manifest's. */
export type ContentPlace = { digest: Digest; swarmReference: Hex; size: number; mediaType?: string }

/** What is in the stores now. `missing`: named, and not to be had; blobs of those are shown and answered 503. */
export type Recovery = { tags: number; manifests: number; blobs: number; missing: readonly Digest[] }

const slotsPerRead = 512

/** As a list, an index of platforms or the content index names it. */
type NamedManifest = Pick<Descriptor, 'digest' | 'size' | 'mediaType'>

type Work = RecoveryDeps & {
  key: RepositoryKey
  places: ReadonlyMap<Digest, ContentPlace>
  manifests: Map<Digest, boolean>
  blobs: Set<Digest>
  missing: Set<Digest>
  /** Manifests that something names and nobody has. */
  lost: SizedContent[]
}

/**
 * Puts a repository into stores: manifests of the list's tags and what they name, the other manifests of the index (referrers,
 * untagged ones), their blobs, then the list. Everything is checked by digest before it is shown. Interrupted, it can be run again.
 * @throws Error when the stores have an older list of this name, or break
 */
export async function restoreRepository(deps: RecoveryDeps, found: FoundRepository): Promise<Recovery> {
  const { line, signed, slots } = found
  const key = { ensName: line.ensName, owner: line.owner }
  const entries = slots.slice(1).map(({ key, value }) => {
    return { tag: decodeTagKey(key), entry: decodeTagEntry(value, signed.list.version) }
  })
  const named = entries.map(({ entry }) => entry).filter((entry) => !isTombstone(entry))
  // What is signed comes after what is only said, and so takes its place.
  const signedPlaces = named.filter(({ swarmReference }) => swarmReference !== ZERO_REFERENCE)
  const places = new Map([...found.places, ...signedPlaces].map((place) => [place.digest, place]))
  const work: Work = { ...deps, key, places, manifests: new Map(), blobs: new Set(), missing: new Set(), lost: [] }
  for (const entry of named) await restoreManifest(work, entry, 1)
  for (const { mediaType, ...place } of found.places) {
    if (mediaType) await restoreManifest(work, { ...place, mediaType }, 1)
  }
  // What a lost manifest names nobody can say: perhaps some of the rest, which who has that manifest pulls all the same.
  if (work.lost.length > 0) {
    for (const place of found.places) if (!place.mediaType) await restoreBlob(work, place)
  }
  for (const manifest of work.lost) await showLost(work, manifest)
  await restoreLists(deps, found)
  const isKept = (await deps.lists.findHead(line))?.hash !== signed.hash
  if (found.announcement && !isKept) await deps.announcements.record(found.announcement)
  const manifests = [...work.manifests.values()].filter(Boolean).length
  return { tags: named.length, manifests, blobs: work.blobs.size, missing: [...work.missing] }
}

/**
 * A manifest without bytes has no row of its own, which says what it refers to: as a blob that is not here the repository knows that it
 * is lost and not unknown.
 */
async function showLost(work: Work, { digest, size }: SizedContent): Promise<void> {
  if (work.manifests.get(digest)) return
  await work.catalog.linkBlob(work.key, digest, size, await storingOf(work))
}

/** True when the repository shows it. What it names comes first. */
async function restoreManifest(work: Work, named: NamedManifest, depth: number): Promise<boolean> {
  const { digest, mediaType } = named
  const known = work.manifests.get(digest)
  if (known !== undefined) return known
  work.manifests.set(digest, false)
  const bytes = await fetchManifest(work, digest)
  if (!bytes) work.lost.push({ digest, size: named.size })
  const manifest = bytes && (await readManifest(bytes, mediaType || null, work.limits).catch(() => undefined))
  if (!bytes || !manifest || depth > work.limits.maxIndexDepth + 1) return miss(work, digest, 'it is no manifest')
  const references = await restoreNamed(work, manifest, depth)
  const record = recordOf(digest, bytes.byteLength, manifest)
  const storing = await storingOf(work)
  await work.content.put(digest, bytes)
  if (!(await work.catalog.putManifest(work.key, record, references, storing))) {
    throw new Error(`${digest} was not stored: the data folder is used by something else`)
  }
  work.manifests.set(digest, true)
  return true
}

async function restoreNamed(work: Work, { children, blobs }: Manifest, depth: number): Promise<References> {
  const manifests: Digest[] = []
  for (const child of children) {
    if (await restoreManifest(work, child, depth + 1)) manifests.push(child.digest)
  }
  const shown: Digest[] = []
  for (const blob of blobs) if (!blob.external && (await restoreBlob(work, blob))) shown.push(blob.digest)
  return { blobs: shown, manifests }
}

function miss({ missing, note }: Work, digest: Digest, why: string): false {
  if (!missing.has(digest)) note(`${digest}: ${why}`)
  missing.add(digest)
  return false
}

/** Bytes that have the digest; undefined when nobody has them. */
async function fetchManifest(work: Work, digest: Digest): Promise<Uint8Array | undefined> {
  const stored = await work.content.read(digest)
  if (stored) return readAll(stored)
  const place = work.places.get(digest)
  if (!place || place.size > work.limits.maxManifestBytes) {
    miss(work, digest, place ? `it has ${place.size} bytes` : 'neither the list nor the content index says where it is')
    return undefined
  }
  try {
    const bytes = await readAll(await work.reader.read(place))
    if ((await digestOf(algorithmOf(digest), bytes)) === digest) {
      await work.swarmLedger.recordReference(digest, place.size, place.swarmReference)
      return bytes
    }
    miss(work, digest, `${place.swarmReference} is other content: the publisher's index is wrong`)
  } catch (error) {
    miss(work, digest, (error as Error).message)
  }
  return undefined
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** True when the repository shows it, perhaps without bytes yet. */
async function restoreBlob(work: Work, { digest, size }: SizedContent): Promise<boolean> {
  if (work.blobs.has(digest)) return true
  const place = work.places.get(digest)
  const storing = await storingOf(work)
  const isHere = (await work.content.stat(digest)) !== undefined || (await fetchBlob(work, digest, place))
  if (place && !isHere) await work.swarmLedger.claimReferences([{ ...place, digest, size }])
  if (!(await work.catalog.linkBlob(work.key, digest, size, storing))) return miss(work, digest, 'it was taken away')
  work.blobs.add(digest)
  return true
}

async function fetchBlob(work: Work, digest: Digest, place: ContentPlace | undefined): Promise<boolean> {
  if (!place) return miss(work, digest, 'the content index does not say where it is')
  if (work.onDemand) return false
  const uploadId = randomUUID()
  try {
    const part = await work.content.writePart(uploadId, await work.reader.read(place), place.size)
    await work.content.assemble(uploadId, [part], digest)
    await work.swarmLedger.recordReference(digest, place.size, place.swarmReference)
    return true
  } catch (error) {
    return miss(work, digest, (error as Error).message)
  } finally {
    await work.content.dropUpload(uploadId)
  }
}

async function storingOf({ catalog, clock }: Work) {
  return { now: Number(clock()), removals: await catalog.countRemovals() }
}

/** A list that is there and newer stays: recovering never goes back. One that is there and older goes on from where it is. */
async function restoreLists({ lists, note }: RecoveryDeps, found: FoundRepository): Promise<void> {
  const { line, signed, older } = found
  const head = await lists.findHead(line)
  if (head?.hash === signed.hash) return
  if (head && head.list.version >= signed.list.version) {
    return note(`the folder has version ${head.list.version} already: kept`)
  }
  const isAfterHead = ({ signed: { list } }: { signed: SignedList }) => !head || list.version > head.list.version
  for (const next of [...older, found].filter(isAfterHead)) await restoreList(lists, line, next)
}

async function restoreList(
  lists: Deps['lists'],
  line: ListLine,
  { signed, slots }: Pick<FoundRepository, 'signed' | 'slots'>,
): Promise<void> {
  const { version } = signed.list
  const steps = buildWellFormedTree(slots, version)
  let step = steps.next()
  while (!step.done) step = steps.next()
  const additions = slots.slice(1).map(({ key, value }): TagTransition => {
    return { tag: decodeTagKey(key), before: null, after: decodeTagEntry(value, version) }
  })
  const whole = { slots, levels: step.value.levels }
  const head = await lists.findHead(line)
  const isDone = head
    ? await lists.replace(line, signed, { ...whole, changes: await changesSince(lists, line, head, additions) })
    : await lists.begin(line, signed, { ...whole, changes: additions })
  if (isDone) return
  const seen = head ? `version ${head.list.version}` : 'another version'
  throw new Error(`the folder has ${seen} of this list, which ${version} does not follow: recover into an empty folder`)
}

/** What the next list changes against the one that is there: removals, updates, additions. `next` has all entries as additions. */
async function changesSince(
  lists: Deps['lists'],
  line: ListLine,
  { hash, list: { count, version } }: SignedList,
  next: readonly TagTransition[],
): Promise<TagTransition[]> {
  const before = new Map<string, TagTransition['before']>()
  for (let from = 1; BigInt(from) < count; from += slotsPerRead) {
    const slots = (await lists.readSlots(line, hash, from, slotsPerRead)) ?? []
    for (const { key, value } of slots) before.set(decodeTagKey(key), decodeTagEntry(value, version))
  }
  const after = new Set(next.map(({ tag }) => tag))
  const removed = [...before]
    .filter(([tag]) => !after.has(tag))
    .map(([tag, entry]) => ({ tag, before: entry, after: null }))
  const kept = next.map((change) => ({ ...change, before: before.get(change.tag) ?? null }))
  const updated = kept.filter(({ before, after }) => before && before.updatedVersion !== after?.updatedVersion)
  return [...removed, ...updated, ...kept.filter(({ before }) => before === null)]
}
