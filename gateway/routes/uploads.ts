import { type Digest, parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { expectChunk, outOfOrder, type UploadProgress, uploadHeaders } from '../oci/upload.ts'
import type { UploadSession } from '../store/catalog.ts'
import { DigestMismatch, type StoredPart } from '../store/content-store.ts'
import { emptyAnswer } from './answer.ts'
import { type OpenRepository, openForPush, openNamed } from './repository.ts'
import type { Route, RouteContext } from './route.ts'

/** An upload of this request, found and still alive. */
type OpenUpload = { repository: OpenRepository; session: UploadSession }

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
  await sweepUploads(context)
  const session = await beginUpload(context, repository)
  const upload = { repository, session }
  if (!digest) return emptyAnswer(202, uploadHeaders(progressOf(upload)))
  return finishUpload(context, await takeBody(context, upload), digest)
}

/** end-13 `GET <location>`: how far the upload is. */
export const getUpload: Route = async (context) => {
  const upload = await openUpload(context)
  return emptyAnswer(204, uploadHeaders(progressOf(upload)))
}

/** end-5 `PATCH <location>`: the next chunk with `Content-Range`, or a stream without one. */
export const patchUpload: Route = async (context) => {
  const upload = await takeBody(context, await openUpload(context))
  return emptyAnswer(202, uploadHeaders(progressOf(upload)))
}

/** end-6 `PUT <location>?digest=<digest>`: closes the upload; its body, if any, is the last chunk. */
export const putUpload: Route = async (context) => {
  const digest = parseDigest(context.url.searchParams.get('digest') ?? '')
  const upload = await openUpload(context)
  return finishUpload(context, await takeBody(context, upload), digest)
}

/** end-14 `DELETE <location>`: the upload is given up. */
export const deleteUpload: Route = async (context) => {
  const { repository, session } = await openUpload(context)
  await dropUpload(context, repository, session.uploadId)
  return emptyAnswer(204)
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

/** Links a blob that `from`, or without it any repository, shows; false where none does: the client uploads instead. */
async function mountBlob(context: RouteContext, to: OpenRepository, digest: Digest): Promise<boolean> {
  const { catalog, content } = context.deps
  const from = context.url.searchParams.get('from')
  const source = from === null ? undefined : await openNamed(context, from)
  const found =
    from === null ? await catalog.findBlobAnywhere(digest) : source && (await catalog.findBlob(source.key, digest))
  if (!found || (await content.stat(digest)) === undefined) return false
  await catalog.linkBlob(to.key, digest, found.size)
  return true
}

async function beginUpload({ deps }: RouteContext, { key }: OpenRepository): Promise<UploadSession> {
  const session = { uploadId: deps.randomId(), size: 0, parts: [], expiresAt: expiryOf(deps) }
  await deps.catalog.createUpload(key, session.uploadId, session.expiresAt)
  return session
}

/** Uploads that nobody touched for a day go when another begins: no timer is needed, and a gateway at rest has nothing to sweep. */
async function sweepUploads({ deps }: RouteContext): Promise<void> {
  for (const uploadId of await deps.catalog.expireUploads(Number(deps.clock()))) {
    await deps.content.dropUpload(uploadId)
  }
}

async function openUpload(context: RouteContext): Promise<OpenUpload> {
  const repository = await openForPush(context)
  return { repository, session: await findSession(context, repository, context.params.uploadId ?? '') }
}

async function findSession({ deps }: RouteContext, { key }: OpenRepository, uploadId: string): Promise<UploadSession> {
  const session = await deps.catalog.findUpload(key, uploadId)
  if (session && BigInt(session.expiresAt) > deps.clock()) return session
  throw new OciError('BLOB_UPLOAD_UNKNOWN', 'no such upload in this repository: it ended, expired or never began')
}

/**
 * Takes the request's body as the upload's next part. Whatever was wrong with it, the upload stands where it stood. Of two bodies for
 * one place the catalog lets exactly one in; the other is dropped and told where the upload is now.
 */
async function takeBody(context: RouteContext, upload: OpenUpload): Promise<OpenUpload> {
  const { request, deps } = context
  const { session, repository } = upload
  const length = request.headers.get('content-length')
  const expected = expectChunk(progressOf(upload), request.headers.get('content-range'), length)
  if (!request.body || length === '0') {
    if (expected === undefined) return upload
    throw outOfOrder(progressOf(upload), `Content-Range has ${expected} bytes and there is no body`)
  }
  checkLength(length, deps.limits.maxPartBytes)
  const part = await deps.content.writePart(session.uploadId, request.body, deps.limits.maxPartBytes)
  if (expected !== undefined && part.size !== expected) {
    await deps.content.dropPart(session.uploadId, part.partId)
    throw outOfOrder(progressOf(upload), `Content-Range has ${expected} bytes and the body ${part.size}`)
  }
  if (part.size > 0 && (await appendPart(context, upload, part))) return withPart(upload, part)
  await deps.content.dropPart(session.uploadId, part.partId)
  if (part.size === 0) return upload
  const now = { repository, session: await findSession(context, repository, session.uploadId) }
  throw outOfOrder(progressOf(now), 'another chunk came first')
}

function checkLength(length: string | null, most: number): void {
  if (length === null || Number(length) <= most) return
  throw new OciError('SIZE_INVALID', `a body of ${length} bytes is over ${most}: send it in chunks`)
}

function appendPart({ deps }: RouteContext, { repository, session }: OpenUpload, part: StoredPart): Promise<boolean> {
  return deps.catalog.appendPart(repository.key, session.uploadId, session.size, part, expiryOf(deps))
}

function withPart({ repository, session }: OpenUpload, part: StoredPart): OpenUpload {
  return { repository, session: { ...session, size: session.size + part.size, parts: [...session.parts, part] } }
}

/** Verified and durable first, shown afterwards. Wrong content ends the upload (its client begins anew). */
async function finishUpload(context: RouteContext, upload: OpenUpload, digest: Digest): Promise<Response> {
  const { catalog, content } = context.deps
  const { repository, session } = upload
  const { size } = await content.assemble(session.uploadId, session.parts, digest).catch(async (error: unknown) => {
    if (error instanceof DigestMismatch) await dropUpload(context, repository, session.uploadId)
    throw error
  })
  await catalog.linkBlob(repository.key, digest, size)
  await catalog.removeUpload(repository.key, session.uploadId)
  return blobCreated(repository, digest)
}

async function dropUpload({ deps }: RouteContext, { key }: OpenRepository, uploadId: string): Promise<void> {
  await deps.catalog.removeUpload(key, uploadId)
  await deps.content.dropUpload(uploadId)
}

function blobCreated({ name }: OpenRepository, digest: Digest): Response {
  const location = `/v2/${name.repository}/blobs/${digest}`
  return emptyAnswer(201, { location, 'docker-content-digest': digest })
}

function progressOf({ repository, session }: OpenUpload): UploadProgress {
  const { uploadId, size } = session
  return { location: `/v2/${repository.name.repository}/blobs/uploads/${uploadId}`, uploadId, size }
}

function expiryOf({ clock, limits }: RouteContext['deps']): number {
  return Number(clock()) + limits.uploadTtlSeconds
}
