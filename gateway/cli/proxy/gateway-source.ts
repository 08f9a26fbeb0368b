import {
  type ContentKind,
  type ContentSource,
  type OpenedContent,
  SourceFailure,
  type WantedContent,
} from '../../proxy/reader.ts'
import { BodyTooLarge, HttpFailure, type HttpRequest, openAnswer, readBody } from '../client/http.ts'
import { type Patience, withPatience } from './patience.ts'

/** A transfer of many gigabytes is one request; what it waits for is bounded by its patience. */
const transferTimeoutMs = 24 * 60 * 60 * 1000

/** The content that a gateway has of a repository; none of it is believed. */
export function createGatewaySource(
  gateway: string,
  repository: string,
  patience: Patience,
  blame: () => void,
): ContentSource {
  const urlOf = (kind: ContentKind, { digest }: WantedContent) => `${gateway}/v2/${repository}/${kind}/${digest}`
  return {
    from: gateway,
    blame,
    open: (kind, wanted, offset) => openBody(urlOf(kind, wanted), wanted, offset, patience),
    measure: (kind, wanted) => readLength(urlOf(kind, wanted), wanted, patience),
  }
}

/** Bytes as they are: what an encoding makes of them has another length. */
function headersFor({ mediaType }: WantedContent) {
  return { accept: mediaType ?? '*/*', 'accept-encoding': 'identity' }
}

async function openBody(
  url: string,
  wanted: WantedContent,
  offset: number,
  patience: Patience,
): Promise<OpenedContent> {
  const headers = { ...headersFor(wanted), ...(offset > 0 && { range: `bytes=${offset}-` }) }
  const { response, signal } = await ask({
    url,
    headers,
    timeoutMs: transferTimeoutMs,
    firstByteTimeoutMs: patience.firstByteMs,
  })
  const close = () => void response.body?.cancel().catch(() => undefined)
  const size = offset > 0 && response.status === 206 ? sizeBehind(response, offset) : lengthIn(response)
  if (response.status !== 200 && size === undefined) {
    close()
    throw refusedBy(url, response)
  }
  const bytes = withPatience(url, readBody(url, response, signal), patience)
  const skip = response.status === 206 ? 0 : offset
  return { size: size ?? null, body: asSourceFailures(skip > 0 ? skipped(bytes, skip) : bytes), close }
}

/** The size of the whole that a 206 from `offset` to the end speaks of; undefined for another part. */
function sizeBehind({ headers }: Response, offset: number): number | undefined {
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(headers.get('content-range') ?? '')
  const [first, last, size] = (found ?? []).slice(1).map(Number)
  return size !== undefined && first === offset && last === size - 1 ? size : undefined
}

/** Of a 200; undefined where it does not say, or says it of an encoded body. */
function lengthIn({ status, headers }: Response): number | undefined {
  const text = headers.get('content-length') ?? ''
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  return status === 200 && isPlain && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

async function readLength(url: string, wanted: WantedContent, { firstByteMs }: Patience): Promise<number> {
  const { response } = await ask({ url, method: 'HEAD', headers: headersFor(wanted), timeoutMs: firstByteMs })
  await response.body?.cancel()
  if (response.status !== 200) throw refusedBy(url, response)
  const length = lengthIn(response)
  if (length === undefined) throw new SourceFailure(`${url} does not say how long it is`)
  return length
}

async function ask(request: HttpRequest) {
  try {
    return await openAnswer(request)
  } catch (error) {
    throw silenceOf(error)
  }
}

function refusedBy(url: string, { status }: Response): SourceFailure {
  return new SourceFailure(`${url} answers ${status}`, status === 404)
}

async function* skipped(bytes: AsyncIterable<Uint8Array>, skip: number): AsyncGenerator<Uint8Array> {
  let left = skip
  for await (const chunk of bytes) {
    const piece = chunk.subarray(Math.min(left, chunk.length))
    left -= chunk.length - piece.length
    if (piece.length > 0) yield piece
  }
}

async function* asSourceFailures(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw silenceOf(error)
  }
}

/** What the HTTP client throws, as a source says it. */
export function silenceOf(error: unknown): unknown {
  if (error instanceof HttpFailure || error instanceof BodyTooLarge) return new SourceFailure(error.message)
  return error
}
