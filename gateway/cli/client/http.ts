import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { concatBytes } from 'viem'
import { sendAuthorized } from './credentials.ts'
import { HttpFailure, shortUrl } from './http-failure.ts'
import { bodyPatience, withPatience } from './patience.ts'
import { checkUrl, createCheckedLookup, type Reach, type Resolve, resolveBySystem } from './reach.ts'

export { HttpFailure } from './http-failure.ts'
export type { Reach } from './reach.ts'

/** An answer that came whole, inside the limits. */
export type HttpAnswer = { status: number; headers: Headers; body: Uint8Array }

/** An answer whose body is still to come. `close` is for one that nobody is going to read. */
export type OpenedAnswer = { status: number; headers: Headers; body: AsyncGenerator<Uint8Array>; close(): void }

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
  /** Who chose the URL, and so where it may lead. */
  reach: Reach
  method?: 'GET' | 'HEAD' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
  /** From the first byte sent to the last one received. */
  timeoutMs: number
  /** How long the answer to what has no body may take to begin; 10,000 by default. */
  firstByteTimeoutMs?: number
}

/** The one HTTP client. It keeps no cookies, sends no credentials but those of its command (credentials.ts), and decodes nothing. */
export type HttpClient = {
  /** One request with its body read up to `maxBytes`, given up where it comes more slowly than anybody's does. @throws HttpFailure, BodyTooLarge */
  fetchBounded(request: HttpRequest, maxBytes: number): Promise<HttpAnswer>
  /** One request whose body the caller reads or closes. Redirects are followed inside one origin only. @throws HttpFailure */
  openAnswer(request: HttpRequest): Promise<OpenedAnswer>
}

const maxRedirects = 4
const defaultFirstByteTimeoutMs = 10_000
/** Servers that say nothing close after 5 seconds: a connection is not used again when that is near. */
const idleTimeoutMs = 4_000
/** To one host that somebody else chose; more requests wait for their turn. */
const maxForeignConnections = 32

/** `resolve` finds the addresses of hosts; tests bring their own. */
export function createHttpClient(resolve: Resolve = resolveBySystem): HttpClient {
  const reaches = ['given', 'public', 'public or loopback'] as const
  // Connections are never shared among reaches: one that was opened for a URL of the user's own is none for somebody else's.
  const lines = Object.fromEntries(reaches.map((reach) => [reach, openLine(reach, resolve)])) as Record<Reach, Line>
  const openAnswer = (request: HttpRequest) => {
    return sendAuthorized(request.url, (known) => openOnce({ ...request, headers: { ...known, ...request.headers } }))
  }
  const openOnce = async (request: HttpRequest) => {
    const signal = AbortSignal.timeout(request.timeoutMs)
    let url = request.url
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const answer = await askOnce(lines[request.reach], { ...request, url }, signal)
      const location = answer.headers.get('location')
      if (answer.status < 300 || answer.status > 399 || location === null) return answer
      answer.close()
      url = redirectTarget(url, location)
    }
    throw new HttpFailure(`${shortUrl(request.url)} redirects more than ${maxRedirects} times`)
  }
  return {
    openAnswer,
    fetchBounded: async (request, maxBytes) => readWhole(await openAnswer(request), request, maxBytes),
  }
}

/** The client of everybody who needs no other resolver. */
export const { fetchBounded, openAnswer } = createHttpClient()

async function readWhole(answer: OpenedAnswer, { url }: HttpRequest, maxBytes: number): Promise<HttpAnswer> {
  const { status, headers, body } = answer
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of withPatience(shortUrl(url), body, bodyPatience)) {
    size += piece.length
    if (size > maxBytes) throw new BodyTooLarge(url, maxBytes)
    pieces.push(piece)
  }
  return { status, headers, body: concatBytes(pieces) }
}

/** What connections of one reach are made with. */
type Line = ReturnType<typeof openLine>

function openLine(reach: Reach, resolve: Resolve) {
  const maxSockets = reach === 'given' ? Number.POSITIVE_INFINITY : maxForeignConnections
  const options = { keepAlive: true, timeout: idleTimeoutMs, maxSockets }
  const agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) }
  return { agents, lookup: createCheckedLookup(reach, resolve) }
}

async function askOnce(line: Line, request: HttpRequest, signal: AbortSignal): Promise<OpenedAnswer> {
  const { url, method } = request
  try {
    const incoming = await send(line, request, signal).catch((error: unknown) => {
      if (!isStale(error)) throw error
      return send(line, request, signal)
    })
    const close = () => void (method === 'HEAD' ? incoming.resume() : incoming.destroy())
    return {
      status: incoming.statusCode ?? 0,
      headers: headersOf(incoming),
      body: readBody(url, incoming, signal),
      close,
    }
  } catch (error) {
    if (error instanceof HttpFailure) throw error
    throw new HttpFailure(`${shortUrl(url)} does not answer: ${reasonOf(error, signal)}`)
  }
}

/** A connection that the server had closed when it was to be used again, for a request that may be sent twice. */
class StaleConnection extends Error {}

function isStale(error: unknown): boolean {
  return error instanceof StaleConnection
}

function send({ agents, lookup }: Line, request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { method = 'GET', body, firstByteTimeoutMs = defaultFirstByteTimeoutMs } = request
  const url = checkUrl(request.url, request.reach)
  const headers = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'mooring', ...request.headers }
  const isSecure = url.protocol === 'https:'
  return new Promise((resolve, reject) => {
    const agent = agents[isSecure ? 'https:' : 'http:']
    const outgoing = (isSecure ? requestHttps : requestHttp)(url, { method, headers, agent, lookup, signal })
    const giveUp = () => void outgoing.destroy(new Error('timed out'))
    // What is sent may be long; what is only asked for is answered soon.
    const patience = body === undefined ? setTimeout(giveUp, firstByteTimeoutMs) : undefined
    outgoing.on('response', (incoming) => {
      clearTimeout(patience)
      resolve(incoming)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(patience)
      const mayRepeat = outgoing.reusedSocket && error.code === 'ECONNRESET' && (method === 'GET' || method === 'HEAD')
      reject(mayRepeat ? new StaleConnection(error.message, { cause: error }) : error)
    })
    outgoing.end(body)
  })
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  return headers
}

/** The pieces of a body; a connection that breaks or takes too long is a HttpFailure. */
async function* readBody(url: string, incoming: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of incoming as AsyncIterable<Uint8Array>) yield piece
  } catch (error) {
    throw new HttpFailure(`${shortUrl(url)} broke off: ${reasonOf(error, signal)}`)
  }
}

function redirectTarget(from: string, location: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined
  if (target?.origin === new URL(from).origin) return target.href
  throw new HttpFailure(`${shortUrl(from)} redirects to another host`)
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'timed out'
  const cause = error instanceof AggregateError ? error.errors[0] : error
  if (!(cause instanceof Error)) return String(cause)
  // What OpenSSL says ends with a line break, and an error is one line.
  return cause.message.trim().replace(/\s*\n\s*/g, ' ') || ((cause as NodeJS.ErrnoException).code ?? cause.name)
}
