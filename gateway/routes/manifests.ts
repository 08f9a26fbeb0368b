import type { Deps } from '../deps.ts'
import { recordOf } from '../manifest-record.ts'
import { algorithmOf, type Digest, digestOf, isDigest, parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { type Manifest, readManifest } from '../oci/manifest.ts'
import { warningValue } from '../oci/warning.ts'
import type { ManifestRecord, References } from '../store/catalog.ts'
import type { SizedContent } from '../store/swarm-ledger.ts'
import { referenceOf } from '../swarm/reference.ts'
import { decodeTagEntry, encodeTagKey, parseTag, type TagEntry, ZERO_REFERENCE } from '../tags/entry.ts'
import { emptyAnswer } from './answer.ts'
import { readBody } from './body.ts'
import { answerContent, missing, type ShownContent } from './content.ts'
import { keepManifest } from './known-manifests.ts'
import { checkReferences } from './manifest-references.ts'
import { demandEveryTag } from './permission.ts'
import { type OpenRepository, openForPush, openForRead, type PushRepository } from './repository.ts'
import type { Route, RouteContext } from './route.ts'
import { noteUse, storeAndShow } from './storing.ts'
import { pointTags, removeTags } from './tag-changes.ts'
import { findTag, warnOfStaged } from './tag-reads.ts'

/** What the last component of a manifest's path says. */
type TagOrDigest = { tag: string; digest: null } | { tag: null; digest: Digest }

/** The most `?tag=` that one push may carry; distribution-spec wants at least 10. */
const MAX_TAG_PARAMETERS = 100

/**
 * end-3 `GET` and `HEAD /v2/<repository>/manifests/<tag or digest>`: the bytes as pushed, with their type as pushed. `Accept` does not
 * convert anything. A tag's answer may be kept, but only after asking again.
 */
export const getManifest: Route = async (context) => {
  const { tag, digest } = parseTagOrDigest(context)
  const repository = await openForRead(context)
  const { renewManifest } = context.deps.catalog
  if (digest) {
    const { usedAt, ...content } = await findByDigest(context.deps, repository, digest)
    const renew = (now: number) => renewManifest(repository.key, digest, now)
    if (usedAt !== undefined && !(await noteUse(context.deps, usedAt, renew))) throw manifestUnknown(repository, digest)
    const isWarned = await warnOfPostage(context, digest)
    const answer = await answerContent(context, content, { ranges: false, cacheControl: 'max-age=31536000, immutable' })
    if (isWarned || usedAt === undefined) return answer
    return keepManifest(context, { repository, content, listed: null }, answer)
  }
  const { content, standing } = await findByTag(context, repository, tag)
  const isWarned = await warnOfPostage(context, content.digest)
  const answer = await answerContent(context, content, { ranges: false, cacheControl: 'no-cache' })
  if (!standing || isWarned) return answer
  return keepManifest(context, { repository, content, listed: { standing, tag } }, answer)
}

/**
 * `Warning: 299` where the postage of a manifest on Swarm ends soon: who pulls may be the only one who notices (distribution-spec
 * "Warnings"). True when it was said.
 */
async function warnOfPostage({ deps, addHeader }: RouteContext, digest: Digest): Promise<boolean> {
  const { postage, ledger } = deps.swarm
  const postageBatchId = postage && (await ledger.find(digest))?.postageBatchId
  const remainingSeconds = postageBatchId ? postage.remainingSeconds(postageBatchId) : null
  if (remainingSeconds === null || remainingSeconds >= deps.limits.postageWarningSeconds) return false
  const days = Math.floor(remainingSeconds / 86_400)
  const when = remainingSeconds === 0 ? 'has expired' : days < 1 ? 'expires within a day' : `expires in ${days} days`
  addHeader('warning', warningValue(`the postage of ${digest} on Swarm ${when}`))
  return true
}

/**
 * end-7 `PUT /v2/<repository>/manifests/<tag or digest>`: content, catalog row and Swarm reference first, then the signed list or the staged change, then 201. By digest
 * it moves the tags that `?tag=` names (end-7b), or none.
 */
export const putManifest: Route = async (context) => {
  const { request, deps, url } = context
  const target = parseTagOrDigest(context)
  const tags = target.tag ? [target.tag] : parseTagParameters(url.searchParams.getAll('tag'))
  const repository = await openForPush(context)
  const bytes = await readBody(request, deps.limits.maxManifestBytes)
  const manifest = await readManifest(bytes, request.headers.get('content-type'), deps.limits)
  const record = recordOf(await checkedDigest(bytes, target.digest), bytes.byteLength, manifest)
  const known = await deps.catalog.findManifest(repository.key, record.digest)
  // Who pulls by digest is told the type at once, also where the tag is only staged.
  if (known && known.mediaType !== record.mediaType) await demandEveryTag(deps, repository, 'update', record.digest)
  const swarmReference = await referenceOf(deps.swarm.hash, [bytes], deps.pause)
  let isStaged = false
  await storeAndShow(deps, async (storing) => {
    const references = await checkReferences(deps, repository.key, manifest)
    await deps.content.put(record.digest, bytes)
    if (!(await deps.catalog.putManifest(repository.key, record, references, storing))) return false
    await deps.swarm.ledger.recordReference(record.digest, record.size, swarmReference)
    await deps.swarm.noteStored([...contentsNamed(manifest, references), record])
    if (tags.length > 0) isStaged = (await pointTags(deps, repository, tags, { ...record, swarmReference })).isStaged
    return true
  })
  if (isStaged) warnOfStaged(context)
  return manifestCreated(repository, record, target.tag ? [] : tags)
}

/**
 * end-9 `DELETE /v2/<repository>/manifests/<tag or digest>`: a tag leaves the list; a digest takes all its tags with it, in one
 * signature, and stops being shown. What is staged until publishers sign stays shown by digest until then: the list names it.
 */
export const deleteManifest: Route = async (context) => {
  const { deps } = context
  const { tag, digest } = parseTagOrDigest(context)
  const repository = await openForPush(context)
  if (digest) {
    await findByDigest(deps, repository, digest)
    await demandEveryTag(deps, repository, 'delete', digest)
    if (await removeDigest(deps, repository, digest)) warnOfStaged(context)
    return emptyAnswer(202)
  }
  if (!(await findTag(context, repository, tag))) throw manifestUnknown(repository, tag)
  if ((await removeTags(deps, repository, [tag])).isStaged) warnOfStaged(context)
  return emptyAnswer(202)
}

/** Resolves with whether the deletion waits for a signature: the list names the manifest until then. */
async function removeDigest(deps: Deps, repository: PushRepository, digest: Digest): Promise<boolean> {
  const { key, line, way } = repository
  // Once more for a tag that was pushed in between: neither a list nor a staged change names what is deleted.
  for (;;) {
    const { changes } = await deps.staged.read(line)
    const staged = changes.filter(({ entry }) => entry?.digest === digest).map((change) => change.tag)
    const listed = await deps.lists.tagsOfDigest(line, digest)
    if (listed.length + staged.length > 0) await removeTags(deps, repository, [...listed, ...staged], digest)
    if (way === 'stage' && listed.length > 0) return true
    if (await deps.catalog.removeManifest(key, digest, line)) return false
    if (!(await deps.catalog.findManifest(key, digest))) return false
  }
}

/** @throws OciError 400 DIGEST_INVALID or MANIFEST_INVALID: a colon is never part of a tag */
function parseTagOrDigest({ params }: RouteContext): TagOrDigest {
  const text = params.tagOrDigest ?? ''
  if (text.includes(':')) return { tag: null, digest: parseDigest(text) }
  return { tag: parseTag(text), digest: null }
}

function parseTagParameters(tags: readonly string[]): string[] {
  if (tags.length <= MAX_TAG_PARAMETERS) return tags.map(parseTag)
  throw new OciError('UNSUPPORTED', `${tags.length} tags in one push, more than ${MAX_TAG_PARAMETERS}`, { status: 414 })
}

/** A manifest that this repository shows. `usedAt` undefined: nobody pushed it here, its list alone names it. */
type FoundManifest = ShownContent & { usedAt?: number }

async function findByDigest(deps: Deps, repository: OpenRepository, digest: Digest): Promise<FoundManifest> {
  const record = await deps.catalog.findManifest(repository.key, digest)
  if (record) return record
  const [tag] = await deps.lists.tagsOfDigest(repository.line, digest)
  const found = tag === undefined ? undefined : await deps.lists.findSlot(repository.line, encodeTagKey(tag))
  if (!found?.slot) throw await absent(deps, repository, digest)
  return expectListed(deps, decodeTagEntry(found.slot.value, found.head.list.version))
}

/** What a recovered repository shows as a blob without bytes may be a manifest that was lost (protocol 5: 503, never 404). */
async function absent({ catalog, content }: Deps, repository: OpenRepository, digest: Digest): Promise<OciError> {
  const isShown = (await catalog.findBlob(repository.key, digest)) !== undefined
  const isLost = isShown && (await content.stat(digest)) === undefined
  return isLost ? missing(digest) : manifestUnknown(repository, digest)
}

/**
 * A manifest that a list names which was signed elsewhere (protocol 5): it comes from where its publisher says that it is on Swarm, and
 * proves itself by its digest. @throws OciError 503 where the list does not say it
 */
async function expectListed({ swarm }: Deps, entry: TagEntry): Promise<ShownContent> {
  const { digest, size, mediaType, swarmReference } = entry
  if (swarmReference === ZERO_REFERENCE) throw missing(digest)
  await swarm.ledger.claimReferences([{ digest, size, swarmReference }])
  return { digest, size, mediaType }
}

async function findByTag(context: RouteContext, repository: OpenRepository, tag: string) {
  const found = await findTag(context, repository, tag)
  if (!found) throw manifestUnknown(repository, tag)
  const { entry, standing, record, isStaged } = found
  if (isStaged) warnOfStaged(context)
  if (!record) return { content: await expectListed(context.deps, entry), standing }
  const { renewManifest } = context.deps.catalog
  await noteUse(context.deps, record.usedAt, (now) => renewManifest(repository.key, entry.digest, now))
  const content: ShownContent = { digest: entry.digest, size: record.size, mediaType: entry.mediaType }
  return { content, standing }
}

async function checkedDigest(bytes: Uint8Array, wanted: Digest | null): Promise<Digest> {
  const actual = await digestOf(wanted ? algorithmOf(wanted) : 'sha256', bytes)
  if (wanted === null || wanted === actual) return actual
  throw new OciError('DIGEST_INVALID', `the manifest has digest ${actual}, the path says ${wanted}`, {
    detail: { actual },
  })
}

/** What a manifest names and its repository shows. */
function contentsNamed({ blobs, children }: Manifest, references: References): SizedContent[] {
  const shown = new Set([...references.blobs, ...references.manifests])
  return [...blobs, ...children].filter(({ digest }) => shown.has(digest)).map(({ digest, size }) => ({ digest, size }))
}

function manifestCreated({ name }: OpenRepository, record: ManifestRecord, tags: readonly string[]): Response {
  const location = `/v2/${name.repository}/manifests/${record.digest}`
  const answer = emptyAnswer(201, { location, 'docker-content-digest': record.digest })
  if (record.subject) answer.headers.set('oci-subject', record.subject)
  for (const tag of tags) answer.headers.append('oci-tag', tag)
  return answer
}

function manifestUnknown({ name }: OpenRepository, tagOrDigest: string): OciError {
  const what = isDigest(tagOrDigest) ? 'manifest' : 'tag'
  return new OciError('MANIFEST_UNKNOWN', `${name.repository} has no ${what} ${tagOrDigest}`, {
    detail: { [isDigest(tagOrDigest) ? 'digest' : 'tag']: tagOrDigest },
  })
}
