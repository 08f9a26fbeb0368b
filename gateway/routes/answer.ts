import { matchesEntityTag } from '../oci/range.ts'

/** An answer without a body: `Content-Length: 0` said aloud, since servers fall back to chunked otherwise. */
export function emptyAnswer(status: number, headers: Record<string, string> = {}): Response {
  const noLength = status === 204 || status === 304
  return new Response(null, { status, headers: noLength ? headers : { ...headers, 'content-length': '0' } })
}

/** A JSON answer with its length. `contentType` is sent exactly as given. */
export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
  contentType = 'application/json',
): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return new Response(bytes, {
    status,
    headers: { 'content-type': contentType, ...headers, 'content-length': String(bytes.byteLength) },
  })
}

/** Bytes of known length; `body` null for HEAD, with the same headers. Never encoded: lengths and digests are of these bytes. */
export function contentAnswer(
  status: number,
  body: ReadableStream<Uint8Array> | null,
  length: number,
  headers: Record<string, string>,
): Response {
  return new Response(body as BodyInit | null, { status, headers: { ...headers, 'content-length': String(length) } })
}

/** An answer without its body, as HEAD wants it: same status, same headers. */
export function withoutBody(response: Response): Response {
  response.body?.cancel().catch(() => undefined)
  return new Response(null, { status: response.status, headers: response.headers })
}

/**
 * A JSON answer to a read, with a strong entity tag of its own bytes (RFC 9110 section 8.8.3): 304 where the client has them already.
 * To be kept, but only used after asking again.
 */
export async function taggedJsonAnswer(
  request: Request,
  value: unknown,
  more: Record<string, string>,
  contentType = 'application/json',
): Promise<Response> {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  const etag = `"${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}"`
  const headers = { etag, 'cache-control': 'no-cache', ...more }
  if (notModified(request, etag)) return emptyAnswer(304, headers)
  const body = { 'content-type': contentType, 'content-length': String(bytes.byteLength) }
  return new Response(bytes, { headers: { ...headers, ...body } })
}

/** Whether the client has the answer with this entity tag already: 304. */
export function notModified(request: Request, entityTag: string): boolean {
  return matchesEntityTag(request.headers.get('if-none-match'), entityTag)
}
