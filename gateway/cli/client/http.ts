import { concatBytes } from 'viem'

/** An answer that came whole, inside the limits. */
export type HttpAnswer = { status: number; headers: Headers; body: Uint8Array }

/** No usable answer: unreachable, too slow, or sent elsewhere. Says nothing about a name. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
}

/** The body went past its limit and was cut off. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  constructor(url: string, maxBytes: number) {
    super(`${shortUrl(url)} sends more than ${maxBytes} bytes`)
  }
}

/** A request with its time limit. */
export type HttpRequest = {
  url: string
  method?: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** From the first byte sent to the last one received. */
  timeoutMs: number
  /** How long the answer to what has no body may take to begin; 10,000 by default. */
  firstByteTimeoutMs?: number
}

const maxRedirects = 4
const defaultFirstByteTimeoutMs = 10_000

/** One request with its body read up to `maxBytes`. @throws HttpFailure, BodyTooLarge */
export async function fetchBounded(request: HttpRequest, maxBytes: number): Promise<HttpAnswer> {
  const { response, signal } = await openAnswer(request)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of readBody(request.url, response, signal)) {
    size += chunk.length
    if (size > maxBytes) throw new BodyTooLarge(request.url, maxBytes)
    chunks.push(chunk)
  }
  return { status: response.status, headers: response.headers, body: concatBytes(chunks) }
}

/** One request whose body the caller reads. Redirects are followed inside one origin only. @throws HttpFailure */
export async function openAnswer(request: HttpRequest): Promise<{ response: Response; signal: AbortSignal }> {
  const signal = AbortSignal.timeout(request.timeoutMs)
  let url = request.url
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const response = await fetchOnce({ ...request, url }, signal)
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return { response, signal }
    await response.body?.cancel()
    url = redirectTarget(url, location)
  }
  throw new HttpFailure(`${shortUrl(request.url)} redirects more than ${maxRedirects} times`)
}

/** The chunks of a body; a connection that breaks or takes too long is a HttpFailure. */
export async function* readBody(url: string, response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw new HttpFailure(`${shortUrl(url)} broke off: ${reasonOf(error, signal)}`)
  }
}

async function fetchOnce(request: HttpRequest, signal: AbortSignal): Promise<Response> {
  const { url, method = 'GET', headers = {}, body, firstByteTimeoutMs = defaultFirstByteTimeoutMs } = request
  const begun = new AbortController()
  const giveUp = () => begun.abort()
  // What is sent may be long; what is only asked for is answered soon.
  const patience = body === undefined ? setTimeout(giveUp, firstByteTimeoutMs) : undefined
  signal.addEventListener('abort', giveUp)
  try {
    const withBody = body === undefined ? {} : { body: body as BodyInit }
    return await fetch(url, { method, headers, signal: begun.signal, redirect: 'manual', ...withBody })
  } catch (error) {
    throw new HttpFailure(`${shortUrl(url)} does not answer: ${reasonOf(error, begun.signal)}`)
  } finally {
    clearTimeout(patience)
  }
}

function redirectTarget(from: string, location: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (target?.origin === new URL(from).origin) return target.href
  throw new HttpFailure(`${shortUrl(from)} redirects to another host`)
}

/** A lookup's URL is mostly callData, which tells a reader nothing. */
function shortUrl(url: string): string {
  return url.replace(/0x[0-9a-f]{64,}/, (callData) => `${callData.slice(0, 10)}...`)
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'timed out'
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(cause instanceof Error)) return String(cause)
  return cause.message || ((cause as NodeJS.ErrnoException).code ?? cause.name)
}
