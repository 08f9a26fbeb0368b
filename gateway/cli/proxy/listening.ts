import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError, keyOf } from '../../config.ts'
import type { ProxyApp } from '../../proxy/app.ts'

/** A proxy that listens. */
export type ListeningProxy = {
  /** Where it is reached, without trailing slash. */
  url: string
  /** Takes no new connection, and ends those under way after a moment. */
  close(): Promise<void>
}

const headersTimeoutMs = 10_000
/** So much of a body may wait for its client's connection: a piece of the size that sockets give is not waited for. */
const unsentBytes = 256 * 1024
const closeTimeoutMs = 5_000

/** Listens on loopback, where alone runtimes take plain http. @throws ConfigError for a port that cannot be had */
export async function listenOnLoopback(app: ProxyApp, port: number): Promise<ListeningProxy> {
  const options = { headersTimeout: headersTimeoutMs, keepAliveTimeout: 65_000, highWaterMark: unsentBytes }
  const server = createServer(options, (incoming, outgoing) => {
    respond(app, incoming, outgoing).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigError(keyOf('port'), `${port}`, `a port that can be opened (${error.code ?? error.message})`))
    })
    server.listen(port, '127.0.0.1', () => resolve())
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        const patience = setTimeout(() => server.closeAllConnections(), closeTimeoutMs)
        server.close(() => {
          clearTimeout(patience)
          closed()
        })
        server.closeIdleConnections()
      }),
  }
}

/** A body that errors breaks the connection: what `Content-Length` promised does not come, and nobody takes it for whole. */
async function respond(app: ProxyApp, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const request = requestOf(incoming)
  const response = request === undefined ? unreadable() : await app.fetch(request, incoming.url)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  const reader = response.body?.getReader()
  const giveUp = () => void reader?.cancel().catch(() => undefined)
  outgoing.once('close', giveUp)
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || outgoing.destroyed) break
    if (!outgoing.write(value)) await drained(outgoing)
  }
  outgoing.off('close', giveUp)
  outgoing.end()
}

/** Without the body, which no read has. Undefined where target and Host make no URL. */
function requestOf({ method = 'GET', url = '/', headers }: IncomingMessage): Request | undefined {
  const { host = 'localhost' } = headers
  const target = `http://${host}${url}`
  // RFC 9110 section 7.2: a host and a port, and nothing else that a URL parser would take apart.
  if (!url.startsWith('/') || !/^[\w.:[\]-]+$/.test(host) || !URL.canParse(target)) return undefined
  const wanted = ['accept', 'if-none-match', 'if-range', 'range'].flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as [string, string]] : []
  })
  return new Request(target, { method: isReadable(method) ? method : 'POST', headers: wanted })
}

/** What `Request` takes; the app refuses all but reads, whatever they are called. */
function isReadable(method: string): boolean {
  return /^[A-Z]+$/.test(method) && method !== 'CONNECT' && method !== 'TRACE' && method !== 'TRACK'
}

function unreadable(): Response {
  const errors = [{ code: 'NAME_INVALID', message: 'request target and Host header make no URL' }]
  return Response.json({ errors }, { status: 400 })
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.once('drain', go)
    outgoing.once('close', go)
  })
}
