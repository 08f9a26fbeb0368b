import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Mooring, startProxy } from './mooring.ts'

/**
 * What the one gateway that the proxy knows does: answers as it should, alters the last byte of what it says of tags or of manifests, or
 * closes every connection.
 */
export type Behaviour = 'honest' | 'forged lookup' | 'wrong manifest' | 'silent'

/** `mooring proxy` before a gateway whose behaviour can be changed, and a decoy in the place of the host `acme.eth`. */
export type VerifyingProxy = {
  port: number
  behave(behaviour: Behaviour): void
  /** A registry at the address that `acme.eth` has for clients; it has every image, and says how often it was dialled since it was asked. */
  decoy: { dialled(): number }
  stop(): Promise<void>
}

/** Where clients find the host `acme.eth`: 127.0.0.0/8 is loopback, and nothing else listens there. */
export const decoyAddress = '127.0.55.53'

/** The hosts file of clients. */
export const hostsFileText = `127.0.0.1 localhost\n${decoyAddress} acme.eth\n`

/** Starts all of it; `state` is the proxy's memory. */
export async function startVerifyingProxy(mooring: Mooring, state: string): Promise<VerifyingProxy> {
  let behaviour: Behaviour = 'honest'
  const front = createServer((request, response) => answerAs(behaviour, mooring.gateway, request, response))
  const gateway = `http://127.0.0.1:${await listen(front, '127.0.0.1', 0)}`
  const decoy = await startDecoy(mooring.gateway)
  const proxy = await startProxy(['--gateway', gateway, '--state', state, ...mooring.chainFlags])
  return {
    port: proxy.port,
    behave: (wanted) => {
      behaviour = wanted
    },
    decoy,
    async stop() {
      await proxy.stop()
      await decoy.stop()
      await close(front)
    },
  }
}

async function answerAs(behaviour: Behaviour, gateway: string, request: IncomingMessage, response: ServerResponse) {
  const path = request.url ?? '/'
  if (behaviour === 'silent') return response.destroy()
  const { status, headers, body } = await ask(gateway, path, request)
  const isRegistry = path.startsWith('/v2/')
  if (behaviour === 'wrong manifest' && isRegistry && path.includes('/manifests/')) flipLastBit(body)
  response.writeHead(status, headers).end(behaviour === 'forged lookup' && !isRegistry ? forgeLookup(body) : body)
}

function flipLastBit(body: Buffer): void {
  const last = body.length - 1
  if (last >= 0) body[last] = (body[last] ?? 0) ^ 1
}

/** Another last digit of the last digest in it: hex stays hex, and the proof is wrong. */
function forgeLookup(body: Buffer): Buffer {
  const text = body.toString()
  const at = text.search(/[1-9a-f]0*"\s*}\s*$/)
  return at < 0 ? body : Buffer.from(`${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`)
}

/** The answer of the gateway; of the same length whatever is made of it. */
async function ask(gateway: string, path: string, { method = 'GET', headers }: IncomingMessage) {
  const answer = await fetch(gateway + path, { method, headers: { accept: headers.accept ?? '*/*' } })
  const kept = ['content-type', 'content-length', 'docker-content-digest'].flatMap((name) => {
    const value = answer.headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  return { status: answer.status, headers: Object.fromEntries(kept), body: Buffer.from(await answer.arrayBuffer()) }
}

/** Plain HTTP on both ports: TLS is answered with 400, after which clients that were told so go on without it. */
async function startDecoy(gateway: string) {
  let dialled = 0
  const servers = [80, 443].map((port) => {
    const server = createServer(async (request, response) => {
      const path = (request.url ?? '/').replace(/^\/v2\/(?=.)/, '/v2/acme.eth/')
      const { status, headers, body } = await ask(gateway, path, request)
      response.writeHead(status, headers).end(body)
    })
    server.on('connection', () => {
      dialled += 1
    })
    return { server, port }
  })
  for (const { server, port } of servers) await listen(server, decoyAddress, port)
  return {
    dialled() {
      const before = dialled
      dialled = 0
      return before
    },
    stop: async () => {
      for (const { server } of servers) await close(server)
    },
  }
}

function listen(server: Server, address: string, port: number): Promise<number> {
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, address, () => listening((server.address() as AddressInfo).port))
  })
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => server.close(() => closed()).closeAllConnections())
}
