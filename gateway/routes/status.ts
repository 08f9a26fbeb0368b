import type { Hex } from 'viem'
import type { Deps } from '../deps.ts'
import type { Digest } from '../oci/digest.ts'
import { type Manifest, readManifest } from '../oci/manifest.ts'
import { isLive, readPending, withStaged } from '../staging.ts'
import type { StagedChange } from '../store/staged-tags.ts'
import type { SizedContent, SwarmRecord, SwarmState } from '../store/swarm-ledger.ts'
import type { TagEntry } from '../tags/entry.ts'
import { jsonAnswer } from './answer.ts'
import { findList } from './list-answer.ts'
import { parsePage } from './page.ts'
import type { TagAction } from './permission.ts'
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
 * `GET /v2/<repository>/_mooring/status?n=&last=` (protocol 5): per tag whether the list has it, what is staged for it, what is stored here, how far it is on its way to Swarm,
 * and until when that is paid for; of the list itself what is on Swarm, which reference `recover` finds it by, and which update of a feed
 * points to it. `ok` false: something needs a person. What nodes said and what is staged is for who may push.
 */
export const getStatus: Route = async (context) => {
  const { deps } = context
  const { limit, last } = parsePage(context)
  const repository = await openForRead(context)
  const saysErrors = await mayPush(context, repository)
  const changes = saysErrors ? (await readPending(deps, repository.line)).changes : []
  const head = changes.length > 0 ? await deps.lists.findHead(repository.line) : await findList(deps, repository)
  const found = await readTags(deps, repository, { last, limit: Math.min(limit, maxTags) + 1, changes })
  const tags = found.slice(0, Math.min(limit, maxTags))
  const known = new Map<Digest, Promise<readonly SizedContent[]>>()
  const rows = []
  const { swarm, problems } = await describeList(deps, repository, saysErrors)
  for (const tag of tags) {
    const described = await describeTag(
      deps,
      repository,
      { tag, staged: changes.find((change) => change.tag === tag) },
      known,
    )
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
  const more = found.length > tags.length && end !== undefined
  const link = more ? { link: `</v2/${path}/_mooring/status?n=${tags.length}&last=${end}>; rel="next"` } : {}
  const version = head ? Number(head.list.version) : null
  const value = { name: ensName, ok: problems.length === 0, version, listHash: head?.hash ?? null, swarm }
  return jsonAnswer(200, { ...value, tags: rows, problems }, { 'cache-control': 'no-store', ...link })
}

/** One page of tags in byte order: those of the list, and those that something is staged for. */
async function readTags(
  { lists }: Deps,
  { line }: OpenRepository,
  { last, limit, changes }: { last: string; limit: number; changes: readonly StagedChange[] },
): Promise<readonly string[]> {
  const later = changes.filter(({ tag }) => tag > last)
  return withStaged((await lists.listTags(line, last, limit))?.tags ?? [], later).slice(0, limit)
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

/** Of a tag that is to move or to come, what is staged; of one that is to go, what the list has. */
async function describeTag(
  deps: Deps,
  { line }: OpenRepository,
  { tag, staged }: { tag: string; staged: StagedChange | undefined },
  known: Map<Digest, Promise<readonly SizedContent[]>>,
) {
  const listed = (await deps.lists.findEntries(line, [tag]))?.entries.get(tag)
  const published = isLive(listed)
  const entry = isLive(staged?.entry) ? staged.entry : listed
  if (!entry) return undefined
  const contents = uniqueByDigest(await contentsBelow(deps, entry, known, 1))
  const places = await findPlaces(deps, contents)
  const batches = batchesOf(deps, places)
  const missing = places.filter(({ stored, row }) => !stored && !isOnSwarm(row))
  const failing = places.filter(({ row }) => (row?.failures ?? 0) >= needsPersonAfter)
  const { digest, size, swarmReference } = entry
  const row = {
    ...{ tag, digest, size, swarmReference, published, staged: staged ? whatIsStaged(staged, published) : null },
    stored: places.every(({ stored }) => stored),
    manifest: stateOf(places[0]?.row),
    swarm: countStates(places),
    missing: missing.length,
    failing: failing.length,
    postage: batches,
  }
  return { row, problems: problemsOf(deps, tag, { missing, failing, batches }) }
}

function whatIsStaged({ entry }: StagedChange, isPublished: boolean): TagAction {
  if (!isLive(entry)) return 'delete'
  return isPublished ? 'update' : 'create'
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
