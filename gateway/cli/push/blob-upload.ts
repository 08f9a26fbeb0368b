import { setTimeout as wait } from 'node:timers/promises'
import type { Digest } from '../../oci/digest.ts'
import { authorizationFor } from '../client/credentials.ts'
import { fetchBounded, type HttpAnswer, HttpFailure, type HttpRequest, type Reach } from '../client/http.ts'
import { RegistryRefused, refusalIn } from './registry-answer.ts'
import { sendSlice } from './send-slice.ts'
import type { FileSlice } from './tar-entries.ts'
import type { UploadMemory } from './upload-memory.ts'

/** How blobs go to one repository. */
export type Uploads = {
  /** `<gateway>/v2/<repository>`. */
  repositoryUrl: string
  /** Who chose that URL, and so where requests to it may lead. */
  reach: Reach
  /** The most that one request brings; made smaller where the gateway takes less. */
  partBytes: number
  memory: UploadMemory
  /** How far an upload is, after every part. */
  onProgress(digest: Digest, doneBytes: number, size: number): void
  note(line: string): void
}

/** An upload that goes on: where, and how far it is. */
type Session = { location: string; offset: number }

const timeoutMs = 120_000
/** Joining and hashing what was sent may take as long as sending it. */
const closeTimeoutMs = 30 * 60_000
const maxAnswerBytes = 256 * 1024
const LEAST_PART_BYTES = 256 * 1024
/** Above it a connection that breaks may mean a body that is too long. */
const MUTE_PART_BYTES = 8 * 1024 * 1024
/** Failures one after another without a byte gained. */
const MAX_FAILURES = 5
const MAX_WAIT_MS = 60_000

/**
 * Brings one blob into the repository unless it is there, in parts, going on where an earlier push was cut off; resolves when the
 * repository shows it with its size. True when something was sent. @throws RegistryRefused, HttpFailure
 */
export async function uploadBlob(uploads: Uploads, digest: Digest, slice: FileSlice): Promise<boolean> {
  if (await hasBlob(uploads, digest, slice.size)) return false
  let session = await findSession(uploads, await uploads.memory.recall(uploads.repositoryUrl, digest))
  let gainedAt = session?.offset ?? 0
  for (let failures = 1; ; failures++) {
    try {
      session ??= await beginSession(uploads, digest)
      await sendParts(uploads, digest, slice, session)
      await closeUpload(uploads, digest, session)
      if (await hasBlob(uploads, digest, slice.size)) return true
      throw new HttpFailure(`${uploads.repositoryUrl} took ${digest} and does not show it`)
    } catch (error) {
      session = await findSession(uploads, session?.location)
      const isGaining = (session?.offset ?? 0) > gainedAt
      gainedAt = session?.offset ?? 0
      if (isGaining) failures = 1
      if (!isPassing(error) || failures >= MAX_FAILURES) throw error
      await waitAfter(uploads, error, failures)
    }
  }
}

/** Whether the repository shows a blob. @throws RegistryRefused for another size under the same digest; HttpFailure */
export async function hasBlob(
  { repositoryUrl, reach }: Pick<Uploads, 'repositoryUrl' | 'reach'>,
  digest: Digest,
  size: number,
): Promise<boolean> {
  const url = `${repositoryUrl}/blobs/${digest}`
  const answer = await fetchBounded({ url, reach, method: 'HEAD', timeoutMs }, maxAnswerBytes)
  if (answer.status === 404) return false
  if (answer.status !== 200) throw refusalIn(answer, url)
  const shown = Number(answer.headers.get('content-length') ?? size)
  if (shown === size) return true
  throw new RegistryRefused(200, 'SIZE_INVALID', `${url} has ${shown} bytes, the image ${size}`)
}

/** Where an upload stands that was begun before; undefined when it ended, or cannot be asked for. */
async function findSession({ reach }: Uploads, location: string | undefined): Promise<Session | undefined> {
  if (location === undefined) return undefined
  const answer = await fetchBounded({ url: location, reach, timeoutMs }, maxAnswerBytes).catch(() => undefined)
  return answer?.status === 204 ? { location, offset: offsetIn(answer.headers.get('range')) } : undefined
}

/** `0-0` is an empty upload and one of a single byte: taken for empty, the answer to the next part says which (416). */
function offsetIn(range: string | null): number {
  const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(range ?? '')?.[1] ?? 0)
  return last === 0 ? 0 : last + 1
}

async function beginSession(uploads: Uploads, digest: Digest): Promise<Session> {
  const url = `${uploads.repositoryUrl}/blobs/uploads/`
  const { reach } = uploads
  const answer = await expectStatus(202, { url, reach, method: 'POST', body: new Uint8Array(), timeoutMs })
  const least = Number(answer.headers.get('oci-chunk-min-length') ?? 0)
  if (least > uploads.partBytes) {
    throw new RegistryRefused(202, 'SIZE_INVALID', `the gateway takes no parts below ${least} bytes: give --part-size`)
  }
  const location = locationIn(answer, url)
  await uploads.memory.remember(uploads.repositoryUrl, digest, location)
  return { location, offset: 0 }
}

/** @throws HttpFailure for one on another host: content would go to whom nobody named */
function locationIn({ headers }: HttpAnswer, url: string): string {
  const text = headers.get('location') ?? ''
  const location = URL.canParse(text, url) ? new URL(text, url) : undefined
  if (text !== '' && location?.origin === new URL(url).origin) return location.href
  throw new HttpFailure(`${url} answers Location ${JSON.stringify(text.slice(0, 200))}, wanted a path of its own`)
}

async function sendParts(uploads: Uploads, digest: Digest, slice: FileSlice, session: Session): Promise<void> {
  while (session.offset < slice.size) {
    const { offset, location } = session
    const size = Math.min(uploads.partBytes, slice.size - offset)
    const part = { path: slice.path, offset: slice.offset + offset, size }
    const range = { 'content-range': `${offset}-${offset + size - 1}` }
    const headers = { ...range, ...(await authorizationFor(location)) }
    const answer = await sendSlice({ url: location, reach: uploads.reach, method: 'PATCH', headers, slice: part })
    if (answer.status === 413) shrinkParts(uploads, refusalIn(answer, location))
    else if (answer.status !== 202) throw refusalIn(answer, location)
    else {
      session.location = locationIn(answer, location)
      session.offset = offset + size
      await uploads.memory.remember(uploads.repositoryUrl, digest, session.location)
      uploads.onProgress(digest, session.offset, slice.size)
    }
  }
}

/** As far as the gateway says what it takes, else by half. @throws RegistryRefused when next to nothing is left */
function shrinkParts(uploads: Uploads, refused: RegistryRefused): void {
  const said = Number((refused.detail as { maxBodyBytes?: unknown } | null)?.maxBodyBytes ?? 0)
  const half = Math.floor(uploads.partBytes / 2)
  const next = said > 0 && said < uploads.partBytes ? said : half
  if (next < LEAST_PART_BYTES && said !== next) throw refused
  uploads.note(`the gateway takes no body of ${uploads.partBytes} bytes: going on with parts of ${next}`)
  uploads.partBytes = next
}

async function closeUpload(
  { repositoryUrl, reach, memory }: Uploads,
  digest: Digest,
  { location }: Session,
): Promise<void> {
  const url = new URL(location)
  url.searchParams.set('digest', digest)
  const closing = { url: url.href, method: 'PUT', body: new Uint8Array(), timeoutMs: closeTimeoutMs } as const
  const answer = await fetchBounded({ ...closing, reach }, maxAnswerBytes)
  // Whatever it says, the upload is over, or asked for again by its location.
  if (answer.status < 500) await memory.forget(repositoryUrl, digest)
  if (answer.status !== 201) throw refusalIn(answer, url.href)
}

/** Whether trying again may help: the network, a gateway that is busy or broken, an upload that moved on or ended meanwhile. */
function isPassing(error: unknown): boolean {
  if (error instanceof HttpFailure) return true
  if (!(error instanceof RegistryRefused)) return false
  const { status, code } = error
  return (
    (status >= 500 && status !== 501 && status !== 507) ||
    [408, 416, 429].includes(status) ||
    code === 'BLOB_UPLOAD_UNKNOWN'
  )
}

/** A host that refuses a body by its length may close without a word: after the second time parts are made smaller. */
async function waitAfter(uploads: Uploads, error: unknown, failures: number): Promise<void> {
  const isMute = error instanceof HttpFailure && failures > 1
  if (isMute)
    uploads.partBytes = Math.max(Math.min(uploads.partBytes, MUTE_PART_BYTES), Math.floor(uploads.partBytes / 2))
  const askedMs = error instanceof RegistryRefused ? error.waitSeconds * 1000 : 0
  const waitMs = Math.min(MAX_WAIT_MS, Math.max(askedMs, 250 * 2 ** failures))
  uploads.note(`${(error as Error).message}; trying again in ${waitMs / 1000} s`)
  await wait(waitMs)
}

/** One request which must have this answer. @throws RegistryRefused, HttpFailure */
export async function expectStatus(status: number, request: HttpRequest): Promise<HttpAnswer> {
  const answer = await fetchBounded(request, maxAnswerBytes)
  if (answer.status === status) return answer
  throw refusalIn(answer, request.url)
}
