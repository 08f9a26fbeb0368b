import type { Hex } from 'viem'
import type { Deps } from '../deps.ts'
import type { Digest } from '../oci/digest.ts'
import { type Manifest, readManifest } from '../oci/manifest.ts'
import type { SizedContent, SwarmRecord, SwarmState } from '../store/swarm-ledger.ts'
import { decodeTagEntry, encodeTagKey, type TagEntry } from '../tags/entry.ts'
import { jsonAnswer } from './answer.ts'
import { findList } from './list-answer.ts'
import { parsePage } from './page.ts'
import { mayPush, type OpenRepository, openForRead } from './repository.ts'
import type { Route } from './route.ts'

/** Something that a person must see to. `tag` is the first one that has it, null where it is the list itself. */
type Problem = {
  reason: 'ContentMissing' | 'UploadFailing' | 'PostageExpires' | 'AnnouncementFailing'
  tag: string | null
  detail: string
}

/** Where one content is: here, on Swarm, both or nowhere. */
type Place = SizedContent & { stored: boolean; row: SwarmRecord | undefined }

/** Each tag costs a look at all that it names. */
const maxTags = 100
/** Failures of one content that are no longer a node's hiccup. */
const needsPersonAfter = 3

/**
 * `GET /v2/<repository>/_mooring/status?n=&last=` (protocol 5): per published tag what is stored here, how far it is on its way to Swarm,
 * and until when that is paid for; of the list itself what is on Swarm, which reference `recover` finds it by, and which update of a feed
 * points to it. `ok` false: something needs a person. What nodes said is for who may push.
 */
export const getStatus: Route = async (context) => {
  const { deps } = context
  const { limit, last } = parsePage(context)
  const repository = await openForRead(context)
  const { list, hash } = await findList(deps, repository)
  const found = await deps.lists.listTags(repository.line, last, Math.min(limit, maxTags) + 1)
  const tags = found?.tags.slice(0, Math.min(limit, maxTags)) ?? []
  const saysErrors = await mayPush(context, repository)
  const known = new Map<Digest, Promise<readonly SizedContent[]>>()
  const rows = []
  const { swarm, problems } = await describeList(deps, repository, saysErrors)
  for (const tag of tags) {
    const described = await describeTag(deps, repository, tag, known)
    if (!described) continue
    rows.push(described.row)
    for (const problem of described.problems) {
      const detail = saysErrors || problem.reason !== 'UploadFailing' ? problem.detail : 'uploads fail'
      if (!problems.some((other) => other.reason === problem.reason && other.detail === detail)) {
        problems.push({ ...problem, detail })
      }
    }
    await deps.pause()
  }
  const { repository: path, ensName } = repository.name
  const end = tags.at(-1)
  const more = (found?.tags.length ?? 0) > tags.length && end !== undefined
  const link = more ? { link: `</v2/${path}/_mooring/status?n=${tags.length}&last=${end}>; rel="next"` } : {}
  const value = { name: ensName, ok: problems.length === 0, version: Number(list.version), listHash: hash, swarm }
  return jsonAnswer(200, { ...value, tags: rows, problems }, { 'cache-control': 'no-store', ...link })
}

/** What of the list is on Swarm; null for a gateway without nodes, `version` null before anything is. */
async function describeList({ swarm }: Deps, { authority }: OpenRepository, saysErrors: boolean) {
  const problems: Problem[] = []
  if (!swarm.announcer) return { swarm: null, problems }
  const { announcement: last, feedOwner, error, needsPerson } = await swarm.announcer.describe(authority)
  const said = error === null || saysErrors ? error : 'the list is not announced'
  if (needsPerson) problems.push({ reason: 'AnnouncementFailing', tag: null, detail: said ?? '' })
  const described = {
    version: last ? Number(last.version) : null,
    listHash: last?.listHash ?? null,
    listReference: last?.listReference ?? null,
    indexReference: last?.indexReference ?? null,
    payloadReference: last?.payloadReference ?? null,
    postageBatchId: last?.postageBatchId ?? null,
    verified: last?.isVerified ?? false,
    feed: feedOwner && { owner: feedOwner, position: last?.position ?? null },
    error: said,
  }
  return { swarm: described, problems }
}

async function describeTag(
  deps: Deps,
  { line }: OpenRepository,
  tag: string,
  known: Map<Digest, Promise<readonly SizedContent[]>>,
) {
  const found = await deps.lists.findSlot(line, encodeTagKey(tag))
  if (!found?.slot) return undefined
  const entry = decodeTagEntry(found.slot.value, found.head.list.version)
  const contents = uniqueByDigest(await contentsBelow(deps, entry, known, 1))
  const places = await findPlaces(deps, contents)
  const batches = batchesOf(deps, places)
  const missing = places.filter(({ stored, row }) => !stored && !isOnSwarm(row))
  const failing = places.filter(({ row }) => (row?.failures ?? 0) >= needsPersonAfter)
  const { digest, size, swarmReference } = entry
  const row = {
    ...{ tag, digest, size, swarmReference },
    stored: places.every(({ stored }) => stored),
    manifest: stateOf(places[0]?.row),
    swarm: countStates(places),
    missing: missing.length,
    failing: failing.length,
    postage: batches,
  }
  return { row, problems: problemsOf(deps, tag, { missing, failing, batches }) }
}

/** The manifest, its children, and every blob that they name; what cannot be read here counts for itself alone. */
async function contentsBelow(
  deps: Deps,
  manifest: Pick<TagEntry, 'digest' | 'size' | 'mediaType'>,
  known: Map<Digest, Promise<readonly SizedContent[]>>,
  depth: number,
): Promise<readonly SizedContent[]> {
  const { digest, size } = manifest
  const below = async () => {
    const read = await readHere(deps, manifest)
    const children = depth > deps.limits.maxIndexDepth ? [] : (read?.children ?? [])
    const blobs = (read?.blobs ?? []).filter(({ external }) => !external)
    const found: SizedContent[] = [{ digest, size }, ...blobs.map((blob) => ({ digest: blob.digest, size: blob.size }))]
    for (const child of children) found.push(...(await contentsBelow(deps, child, known, depth + 1)))
    return found
  }
  const contents = known.get(digest) ?? below()
  known.set(digest, contents)
  return contents
}

async function readHere(
  { swarm, limits }: Deps,
  { digest, mediaType }: Pick<TagEntry, 'digest' | 'mediaType'>,
): Promise<Manifest | undefined> {
  const body = await swarm.local.read(digest)
  if (!body) return undefined
  return readManifest(new Uint8Array(await new Response(body).arrayBuffer()), mediaType, limits).catch(() => undefined)
}

function uniqueByDigest(contents: readonly SizedContent[]): SizedContent[] {
  return [...new Map(contents.map((content) => [content.digest, content])).values()]
}

async function findPlaces({ swarm }: Deps, contents: readonly SizedContent[]): Promise<Place[]> {
  const rows = await swarm.ledger.findMany(contents.map(({ digest }) => digest))
  const place = async (content: SizedContent): Promise<Place> => {
    const stored = (await swarm.local.stat(content.digest)) !== undefined
    return { ...content, stored, row: rows.get(content.digest) }
  }
  return Promise.all(contents.map(place))
}

function isOnSwarm(row: SwarmRecord | undefined): boolean {
  return row !== undefined && (row.state === 'uploaded' || row.state === 'verified' || !row.isProven)
}

function stateOf(row: SwarmRecord | undefined): SwarmState {
  return row?.state ?? 'local'
}

function countStates(places: readonly Place[]): Record<SwarmState, number> {
  const counts = { local: 0, queued: 0, uploaded: 0, verified: 0 }
  for (const { row } of places) counts[stateOf(row)]++
  return counts
}

type Batch = { postageBatchId: Hex; remainingSeconds: number | null }

function batchesOf({ swarm }: Deps, places: readonly Place[]): Batch[] {
  const ids = new Set(places.flatMap(({ row }) => row?.postageBatchId ?? []))
  return [...ids].map((postageBatchId) => {
    return { postageBatchId, remainingSeconds: swarm.postage?.remainingSeconds(postageBatchId) ?? null }
  })
}

function problemsOf(
  { limits }: Deps,
  tag: string,
  { missing, failing, batches }: { missing: readonly Place[]; failing: readonly Place[]; batches: readonly Batch[] },
): Problem[] {
  const lost = missing.map(({ digest }): Problem => {
    return { reason: 'ContentMissing', tag, detail: `${digest} is neither here nor known to be on Swarm` }
  })
  const failed = failing.map(({ row }): Problem => {
    const detail = `${row?.failures} tries failed: ${row?.lastError}`
    return { reason: 'UploadFailing', tag, detail }
  })
  const ending = batches
    .filter(({ remainingSeconds }) => (remainingSeconds ?? Number.POSITIVE_INFINITY) < limits.postageAlarmSeconds)
    .map(({ postageBatchId, remainingSeconds }): Problem => {
      const left = remainingSeconds === 0 ? 'has expired' : `ends in ${remainingSeconds} s`
      return { reason: 'PostageExpires', tag, detail: `postage batch ${postageBatchId} ${left}` }
    })
  return [...lost, ...failed, ...ending]
}
