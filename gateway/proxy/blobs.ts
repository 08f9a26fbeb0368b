import { parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { parseRange } from '../oci/range.ts'
import { contentAnswer, emptyAnswer, notModified } from '../routes/answer.ts'
import type { ProxyRoute } from './app.ts'
import { type ContentQuestion, measureContent, openChecked } from './checked-content.ts'
import { openAsked } from './request.ts'

/**
 * end-2 `GET` and `HEAD /v2/<repository>/blobs/<digest>`, hashed on the way. A range that goes to the end is what clients ask for after
 * a connection broke: all of it is read and hashed, and the part is sent (206). Any other range gets the whole (RFC 9110 section 14.2
 * lets a server ignore it), since each would cost as much as the whole.
 */
export const getBlob: ProxyRoute = async (context) => {
  const digest = parseDigest(context.params.digest ?? '')
  const asked = await openAsked(context)
  const { state, request } = context
  const wanted = state.known.wanted(asked.name.ensName, digest)
  const lies = state.lies.about(asked.name.ensName, digest)
  const question: ContentQuestion = { kind: 'blobs', wanted, sources: asked.served.sources(), lies, log: state.log }
  const headers = {
    ...asked.headers,
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': 'max-age=31536000, immutable',
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
  }
  if (notModified(request, headers.etag)) return emptyAnswer(304, headers)
  if (request.method === 'HEAD') return contentAnswer(200, null, await measureContent(question), headers)
  const first = firstWanted(request, headers.etag)
  if (first === 0) {
    const { size, body } = await openChecked(question)
    return contentAnswer(200, body, size, headers)
  }
  if (wanted.size !== null && first >= wanted.size) throw unsatisfiable(request, wanted.size)
  // Where nothing verified says a size, it is that of the source whose bytes these are: another one's word would shut it out.
  const { size, body } = await openChecked(question, first)
  if (first >= size) {
    await body.cancel()
    throw unsatisfiable(request, size)
  }
  return contentAnswer(206, body, size - first, { ...headers, 'content-range': `bytes ${first}-${size - 1}/${size}` })
}

/** The first byte of a range that goes to the end; 0 for everything else, which gets the whole. */
function firstWanted({ headers }: Request, entityTag: string): number {
  const ifRange = headers.get('if-range')
  if (ifRange !== null && ifRange !== entityTag) return 0
  const span = parseRange(headers.get('range'), Number.MAX_SAFE_INTEGER)
  return typeof span === 'object' &&
    span.last === Number.MAX_SAFE_INTEGER - 1 &&
    /=[ \t]*\d/.test(headers.get('range') ?? '')
    ? span.first
    : 0
}

function unsatisfiable({ headers }: Request, size: number): OciError {
  const message = `Range ${JSON.stringify(headers.get('range'))} is outside the ${size} bytes of this blob`
  return new OciError('SIZE_INVALID', message, { status: 416, headers: { 'content-range': `bytes */${size}` } })
}
