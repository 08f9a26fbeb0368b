import { unavailable } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { parseRange, type Span } from '../oci/range.ts'
import { contentAnswer, notModified } from './answer.ts'
import type { RouteContext } from './route.ts'

/** Content that a repository shows: what it is and how long, as the catalog or the signed list says. */
export type ShownContent = { digest: Digest; size: number; mediaType: string }

/**
 * Answers GET and HEAD for content (end-2, end-3): 200, 304 where the client has it already, 206 or 416 where `ranges` are served.
 * @throws OciError 503 with Retry-After when the store does not have what it should
 */
export async function answerContent(
  context: RouteContext,
  content: ShownContent,
  options: { ranges: boolean; cacheControl: string },
): Promise<Response> {
  const headers = contentHeaders(content, options)
  const { request } = context
  if (notModified(request, entityTag(content))) return new Response(null, { status: 304, headers })
  headers['content-type'] = content.mediaType
  // A type is served as it was pushed, also `text/html`: no browser runs what stands in it with what this origin may do.
  if (!content.mediaType.startsWith('application/')) headers['content-security-policy'] = 'sandbox'
  const span = options.ranges ? wantedSpan(request, content) : 'whole'
  if (request.method === 'HEAD') return answerHead(context, content, headers)
  if (span === 'whole') return answerBody(context, 200, await openContent(context, content), content.size, headers)
  headers['content-range'] = `bytes ${span.first}-${span.last}/${content.size}`
  return answerBody(context, 206, await openContent(context, content, span), span.last - span.first + 1, headers)
}

function contentHeaders(content: ShownContent, options: { ranges: boolean; cacheControl: string }) {
  const headers: Record<string, string> = {
    'docker-content-digest': content.digest,
    etag: entityTag(content),
    'cache-control': options.cacheControl,
  }
  if (options.ranges) headers['accept-ranges'] = 'bytes'
  return headers
}

function entityTag({ digest }: ShownContent): string {
  return `"${digest}"`
}

/** Ranges are for GET alone, and only as long as the client's `If-Range` still is what is here (RFC 9110 sections 13.1.5, 14.2). */
function wantedSpan(request: Request, content: ShownContent): Span | 'whole' {
  const ifRange = request.headers.get('if-range')
  if (request.method !== 'GET' || (ifRange !== null && ifRange !== entityTag(content))) return 'whole'
  const header = request.headers.get('range')
  const span = parseRange(header, content.size)
  if (span !== 'unsatisfiable') return span
  throw new OciError(
    'SIZE_INVALID',
    `Range ${JSON.stringify(header)} is outside the ${content.size} bytes of this content`,
    {
      status: 416,
      headers: { 'content-range': `bytes */${content.size}` },
    },
  )
}

function answerBody(
  { deps }: RouteContext,
  status: number,
  body: ReadableStream<Uint8Array>,
  bytes: number,
  headers: Record<string, string>,
): Response {
  return contentAnswer(status, deps.bodyOfLength(body, bytes), bytes, headers)
}

async function answerHead(context: RouteContext, content: ShownContent, headers: Record<string, string>) {
  if ((await context.deps.content.stat(content.digest)) === undefined) throw missing(content.digest)
  return contentAnswer(200, null, content.size, headers)
}

async function openContent({ deps }: RouteContext, { digest }: ShownContent, span?: Span) {
  const body = await deps.content.read(digest, span)
  if (!body) throw missing(digest)
  return body
}

/** What the signed list or the catalog names and the store does not have: 503, never 404 (protocol 5). */
export function missing(digest: Digest): OciError {
  return unavailable(`${digest} belongs here, but the store cannot deliver it right now`)
}
