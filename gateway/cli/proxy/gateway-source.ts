import {
  type ContentKind,
  type ContentSource,
  type OpenedContent,
  SourceFailure,
  type WantedContent,
} from '../../proxy/reader.ts'
import {
  BodyTooLarge,
  HttpFailure,
  type HttpRequest,
  type OpenedAnswer,
  openAnswer,
  type Reach,
} from '../client/http.ts'
import { type Patience, transferTimeoutMs, withPatience } from '../client/patience.ts'

/** A repository at a gateway, without trailing slash. */
export type GatewayRepository = { url: string; reach: Reach; repository: string }

/** The content that a gateway has of a repository; none of it is believed. */
export function createGatewaySource(
  { url, reach, repository }: GatewayRepository,
  patience: Patience,
  blame: () => void,
): ContentSource {
  const placeOf = (kind: ContentKind, { digest }: WantedContent) => {
    return { url: `${url}/v2/${repository}/${kind}/${digest}`, reach }
  }
  return {
    from: url,
    blame,
    open: (kind, wanted, offset) => openBody(placeOf(kind, wanted), wanted, offset, patience),
    measure: (kind, wanted) => readLength(placeOf(kind, wanted), wanted, patience),
  }
}

type Place = Pick<HttpRequest, 'url' | 'reach'>

/** Bytes as they are: what an encoding makes of them has another length. */
function headersFor({ mediaType }: WantedContent) {
  return { accept: mediaType ?? '*/*', 'accept-encoding': 'identity' }
}

async function openBody(
  place: Place,
  wanted: WantedContent,
  offset: number,
  patience: Patience,
): Promise<OpenedContent> {
  const headers = { ...headersFor(wanted), ...(offset > 0 && { range: `bytes=${offset}-` }) }
  const { url } = place
  const answer = await ask({
    ...place,
    headers,
    timeoutMs: transferTimeoutMs,
    firstByteTimeoutMs: patience.firstByteMs,
  })
  const { status, close } = answer
  const size = offset > 0 && status === 206 ? sizeBehind(answer, offset) : lengthIn(answer)
  if (status !== 200 && size === undefined) {
    close()
    throw refusedBy(url, answer)
  }
  const bytes = withPatience(url, answer.body, patience)
  const skip = status === 206 ? 0 : offset
  return { size: size ?? null, body: asSourceFailures(skip > 0 ? skipped(bytes, skip) : bytes), close }
}

/** The size of the whole that a 206 from `offset` to the end speaks of; undefined for another part. */
function sizeBehind({ headers }: OpenedAnswer, offset: number): number | undefined {
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(headers.get('content-range') ?? '')
  const [first, last, size] = (found ?? []).slice(1).map(Number)
  return size !== undefined && first === offset && last === size - 1 ? size : undefined
}

/** Of a 200; undefined where it does not say, or says it of an encoded body. */
function lengthIn({ status, headers }: OpenedAnswer): number | undefined {
  const text = headers.get('content-length') ?? ''
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  return status === 200 && isPlain && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

async function readLength(place: Place, wanted: WantedContent, { firstByteMs }: Patience): Promise<number> {
  const { url } = place
  const answer = await ask({ ...place, method: 'HEAD', headers: headersFor(wanted), timeoutMs: firstByteMs })
  answer.close()
  if (answer.status !== 200) throw refusedBy(url, answer)
  const length = lengthIn(answer)
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

function refusedBy(url: string, { status }: OpenedAnswer): SourceFailure {
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
