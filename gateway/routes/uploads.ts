import { sha256, stringToBytes } from 'viem'
import { type Caller, callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
import { repositoryOf } from '../ens/name.ts'
import { keptFor } from '../kept.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { expectChunk, outOfOrder, type UploadProgress, uploadHeaders } from '../oci/upload.ts'
import type { UploadSession } from '../store/catalog.ts'
import { DigestMismatch, PartTooLarge, type StoredPart } from '../store/content-store.ts'
import { createTurns } from '../turns.ts'
import { emptyAnswer } from './answer.ts'
import { bodyTooLarge } from './body.ts'
import { type OpenRepository, openForPush, openNamed } from './repository.ts'
import type { Route, RouteContext } from './route.ts'
import { storeAndShow } from './storing.ts'

/** An upload of this request, found and still alive. `id` is what its client calls it; `session.uploadId` what the stores do. */
type OpenUpload = { repository: OpenRepository; id: string; session: UploadSession }

/** One queue for each app's catalog, by upload. */
const turnsOf = keptFor((_: Deps['catalog']) => createTurns())

/**
 * end-4a `POST /v2/<repository>/blobs/uploads/` begins an upload; with `digest` and a body the blob is whole (end-4b), with `mount`
 * it may be here already (end-11), and `digest-algorithm` says which hash will come (end-4c: both are always possible).
 */
export const postUpload: Route = async (context) => {
  const { searchParams } = context.url
  checkAlgorithm(searchParams.get('digest-algorithm'))
  const digest = optionalDigest(searchParams.get('digest'))
  const mount = optionalDigest(searchParams.get('mount'))
  const repository = await openForPush(context)
  if (mount && (await mountBlob(context, repository, mount))) return blobCreated(repository, mount)
  const upload = await beginUpload(context, repository)
  if (!digest) return emptyAnswer(202, { ...uploadHeaders(progressOf(upload)), ...minimumOf(context) })
  return finishUpload(context, upload, await receivePart(context, upload), digest)
}

/** end-13 `GET <location>`: how far the upload is. */
export const getUpload: Route = async (context) => {
  const upload = await openUpload(context)
  return emptyAnswer(204, uploadHeaders(progressOf(upload)))
}

/** end-5 `PATCH <location>`: the next chunk with `Content-Range`, or a stream without one. */
export const patchUpload: Route = async (context) => {
  const upload = await openUpload(context)
  const part = await receivePart(context, upload)
  return emptyAnswer(202, uploadHeaders(progressOf(part ? await appendPart(context, upload, part) : upload)))
}

/** end-6 `PUT <location>?digest=<digest>`: closes the upload; its body, if any, is the last chunk. */
export const putUpload: Route = async (context) => {
  const digest = parseDigest(context.url.searchParams.get('digest') ?? '')
  const upload = await openUpload(context)
  return finishUpload(context, upload, await receivePart(context, upload), digest)
}

/** end-14 `DELETE <location>`: the upload is given up. */
export const deleteUpload: Route = async (context) => {
  const upload = await openUpload(context)
  if (await inTurn(context, upload, () => dropUpload(context, upload))) return emptyAnswer(204)
  throw uploadUnknown()
}

/** `OCI-Chunk-Min-Length` where chunks have a least length (end-4a). */
function minimumOf({ deps }: RouteContext): Record<string, string> {
  const { minChunkBytes } = deps.limits
  return minChunkBytes > 0 ? { 'oci-chunk-min-length': String(minChunkBytes) } : {}
}

/** Whether an upload may go on beyond the chunks that it has. @throws OciError 400 BLOB_UPLOAD_INVALID, which says how long they should be */
function refuseTooManyChunks({ deps }: RouteContext, { session }: OpenUpload): void {
  const { minChunkBytes, maxShortChunks, maxChunks } = deps.limits
  const { parts, size } = session
  const short = parts.filter((part) => part.size < minChunkBytes).length
  if (short > maxShortChunks) {
    const allowed = `${maxShortChunks} besides the last may have less than ${minChunkBytes}`
    throw tooManyChunks(`${short} before it are short, the last of ${parts.at(-1)?.size} bytes, and ${allowed}`)
  }
  if (parts.length < maxChunks) return
  const least = Math.max(minChunkBytes, Math.ceil(size / parts.length) + 1)
  throw tooManyChunks(`an upload has ${maxChunks} at most: begin it again with chunks of ${least} bytes or more`)
}

function tooManyChunks(reason: string): OciError {
  return new OciError('BLOB_UPLOAD_INVALID', `chunk refused: ${reason}`)
}

function checkAlgorithm(algorithm: string | null): void {
  if (algorithm === null || algorithm === 'sha256' || algorithm === 'sha512') return
  throw new OciError(
    'DIGEST_INVALID',
    `digest-algorithm ${JSON.stringify(algorithm.slice(0, 80))} is not sha256 or sha512`,
  )
}

function optionalDigest(text: string | null): Digest | undefined {
  return text === null ? undefined : parseDigest(text)
}

/**
 * Links a blob that `from`, or without it any repository, shows to whoever reads; false where none does, also where only that of a
 * former owner has it: the client uploads instead.
 */
async function mountBlob(context: RouteContext, to: OpenRepository, digest: Digest): Promise<boolean> {
  const { catalog, clock } = context.deps
  const from = context.url.searchParams.get('from') ?? (await findAnywhere(context, digest))
  const source = from === undefined ? undefined : await openNamed(context, from)
  return source !== undefined && (await catalog.mountBlob(source.key, to.key, digest, Number(clock()))) !== undefined
}

async function findAnywhere({ deps }: RouteContext, digest: Digest): Promise<string | undefined> {
  const found = await deps.catalog.findBlobAnywhere(digest)
  return found && repositoryOf(found.repository.ensName)
}

async function beginUpload({ deps, caller }: RouteContext, repository: OpenRepository): Promise<OpenUpload> {
  const id = deps.randomId()
  const session = { uploadId: storedId(id, caller), size: 0, parts: [], expiresAt: expiryOf(deps) }
  await deps.catalog.createUpload(repository.key, session.uploadId, session.expiresAt)
  return { repository, id, session }
}

async function openUpload(context: RouteContext): Promise<OpenUpload> {
  const repository = await openForPush(context)
  const id = parseUploadId(context.params.uploadId ?? '')
  return { repository, id, session: await findSession(context, repository, storedId(id, context.caller)) }
}

/** Where callers log in, an upload belongs to who began it: the same id of another caller names no upload. */
function storedId(id: string, caller: Caller): string {
  if (caller.kind === 'operator') return id
  return sha256(stringToBytes(`upload ${id} ${callerLabel(caller)}`)).slice(2, 34)
}

/** 128 bits in hex, as this gateway gives them out (deps.ts). @throws OciError 400 BLOB_UPLOAD_INVALID */
function parseUploadId(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text
  throw new OciError('BLOB_UPLOAD_INVALID', `${JSON.stringify(text.slice(0, 80))} is no upload of this gateway`)
}

async function findSession({ deps }: RouteContext, { key }: OpenRepository, uploadId: string): Promise<UploadSession> {
  const session = await deps.catalog.findUpload(key, uploadId)
  if (session && BigInt(session.expiresAt) > deps.clock()) return session
  throw uploadUnknown()
}

function uploadUnknown(): OciError {
  return new OciError('BLOB_UPLOAD_UNKNOWN', 'no such upload in this repository: it ended, expired or never began')
}

/**
 * Receives the request's body, durably, as a part that the upload does not have yet; undefined for none and for an empty one. Whatever
 * was wrong with it, the upload stands where it stood.
 */
async function receivePart(context: RouteContext, upload: OpenUpload): Promise<StoredPart | undefined> {
  const { request, deps } = context
  const { uploadId } = upload.session
  const length = request.headers.get('content-length')
  const expected = expectChunk(progressOf(upload), request.headers.get('content-range'), length)
  if (!request.body || length === '0') {
    if (expected === undefined) return undefined
    throw outOfOrder(progressOf(upload), `Content-Range has ${expected} bytes and there is no body`)
  }
  const most = Math.min(deps.limits.maxPartBytes, deps.limits.maxBodyBytes ?? Number.POSITIVE_INFINITY)
  if (length !== null && Number(length) > most) throw bodyTooLarge(length, most)
  refuseTooManyChunks(context, upload)
  const part = await deps.content.writePart(uploadId, request.body, most).catch((error: unknown) => {
    throw error instanceof PartTooLarge ? bodyTooLarge(null, most) : error
  })
  if (part.size > 0 && (expected === undefined || part.size === expected)) return part
  await deps.content.dropPart(uploadId, part.partId)
  if (expected === undefined) return undefined
  throw outOfOrder(progressOf(upload), `Content-Range has ${expected} bytes and the body ${part.size}`)
}

/** Of two bodies for one place the catalog lets exactly one in; the other is dropped and told where the upload is now. */
async function appendPart(context: RouteContext, upload: OpenUpload, part: StoredPart): Promise<OpenUpload> {
  const { catalog } = context.deps
  const { repository, session } = upload
  const { uploadId, size } = session
  const append = () => catalog.appendPart(repository.key, uploadId, size, part, expiryOf(context.deps))
  if (await inTurn(context, upload, append)) return withPart(upload, part)
  return overtaken(context, upload, part)
}

function withPart({ session, ...upload }: OpenUpload, part: StoredPart): OpenUpload {
  return { ...upload, session: { ...session, size: session.size + part.size, parts: [...session.parts, part] } }
}

/** The upload moved on or ended while this request's body came in. @throws OciError 416 or 404 */
async function overtaken(
  context: RouteContext,
  { repository, id, session }: OpenUpload,
  part: StoredPart | undefined,
): Promise<never> {
  if (part) await context.deps.content.dropPart(session.uploadId, part.partId)
  const now = { repository, id, session: await findSession(context, repository, session.uploadId) }
  throw outOfOrder(progressOf(now), 'another chunk came first')
}

/** What changes one upload in this process happens one after another: nobody drops the parts that another is joining. */
function inTurn<Result>({ deps }: RouteContext, { session }: OpenUpload, work: () => Promise<Result>): Promise<Result> {
  return turnsOf(deps.catalog)(session.uploadId, work)
}

/**
 * Closes the upload with what it has and `last`: the blob is verified and durable first, then shown, and only then the upload and its
 * parts go. `last` never enters the upload, so a client that got no answer may send the same request again.
 */
function finishUpload(
  context: RouteContext,
  upload: OpenUpload,
  last: StoredPart | undefined,
  digest: Digest,
): Promise<Response> {
  const { catalog } = context.deps
  const { repository, session } = upload
  return inTurn(context, upload, async () => {
    const now = await catalog.findUpload(repository.key, session.uploadId)
    if (now?.size !== session.size) return closedByAnother(context, upload, last, digest)
    await storeAndShow(context.deps, async (storing) => {
      const { size } = await assemble(context, last ? withPart(upload, last) : upload, digest)
      return catalog.linkBlob(repository.key, digest, size, storing)
    })
    await context.deps.swarm.noteStored([{ digest, size: session.size + (last?.size ?? 0) }])
    await dropUpload(context, upload)
    return blobCreated(repository, digest)
  })
}

/** A second try came while the first was still at work: where that one made the blob, both succeeded. */
async function closedByAnother(
  context: RouteContext,
  upload: OpenUpload,
  last: StoredPart | undefined,
  digest: Digest,
) {
  const { repository, session } = upload
  const { catalog, content } = context.deps
  const isGone = (await catalog.findUpload(repository.key, session.uploadId)) === undefined
  if (!isGone || !(await catalog.findBlob(repository.key, digest))) return overtaken(context, upload, last)
  if (last) await content.dropPart(session.uploadId, last.partId)
  return blobCreated(repository, digest)
}

/** Wrong content ends the upload: its client begins anew. After any other failure the upload stands where it stood. */
async function assemble(context: RouteContext, upload: OpenUpload, digest: Digest): Promise<{ size: number }> {
  const { uploadId, parts } = upload.session
  try {
    return await context.deps.content.assemble(uploadId, parts, digest)
  } catch (error) {
    if (error instanceof DigestMismatch) await dropUpload(context, upload)
    throw error
  }
}

/** True when it was there. Parts that cannot go now are found when the store is swept: what the client asked for was done. */
async function dropUpload({ deps }: RouteContext, { repository, session }: OpenUpload): Promise<boolean> {
  const removed = await deps.catalog.removeUpload(repository.key, session.uploadId)
  await deps.content.dropUpload(session.uploadId).catch((error: unknown) => {
    deps.log('parts left behind', { upload: session.uploadId, error: String(error) })
  })
  return removed
}

function blobCreated({ name }: OpenRepository, digest: Digest): Response {
  const location = `/v2/${name.repository}/blobs/${digest}`
  return emptyAnswer(201, { location, 'docker-content-digest': digest })
}

function progressOf({ repository, id, session }: OpenUpload): UploadProgress {
  const location = `/v2/${repository.name.repository}/blobs/uploads/${id}`
  return { location, uploadId: id, size: session.size }
}

function expiryOf({ clock, limits }: RouteContext['deps']): number {
  return Number(clock()) + limits.uploadTtlSeconds
}
