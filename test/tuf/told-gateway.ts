import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hex } from 'viem'
import { answerTo, type Image, listJson, type Publication, stagedJson } from './publication.ts'

/** A gateway that serves one publication after another, honestly until `lie` says otherwise. */
export type ToldGateway = {
  url: string
  /** What it serves; null: it knows nothing. */
  publication: Publication | null
  /** Comes before the honest answer; true when it gave (or will give) one itself. */
  lie: ((response: ServerResponse, path: string) => boolean) | null
  /** The tag whose proof it gives in place of the one asked for. */
  proves: string | undefined
  /** What it says was pushed to it and waits: tags of images whose content it has. */
  staged: Readonly<Record<string, Image>>
  /** Paths asked for. */
  asked: string[]
  /** Lists that somebody put: all are taken. */
  puts: unknown[]
  /** Bytes that a body without end could be rid of. */
  sent: number
  close(): Promise<void>
}

/** Starts it on loopback. */
export async function startToldGateway(publication: Publication | null = null): Promise<ToldGateway> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/'
    gateway.asked.push(path)
    if (request.method === 'PUT') return void takeList(gateway, request, response)
    if (gateway.lie?.(response, path)) return
    answer(gateway, path).then(
      ([status, type, body]) => {
        const headers = { 'content-type': type, 'content-length': `${Buffer.byteLength(body)}` }
        response.writeHead(status, headers).end(body)
      },
      () => response.writeHead(500).end(),
    )
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const gateway: ToldGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ publication, lie: null, proves: undefined, staged: {}, asked: [], puts: [], sent: 0 },
    close: () => new Promise((closed) => server.close(() => closed()).closeAllConnections()),
  }
  return gateway
}

async function takeList(gateway: ToldGateway, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  gateway.puts.push(JSON.parse(Buffer.concat(chunks).toString()))
  response.writeHead(201).end()
}

type Told = readonly [status: number, type: string, body: string | Uint8Array]

async function answer({ publication, proves, staged }: ToldGateway, path: string): Promise<Told> {
  const nothing: Told = [
    404,
    'application/json',
    '{"message":"not here","errors":[{"code":"NAME_UNKNOWN","message":"not here"}]}',
  ]
  if (publication === null) return nothing
  const callData = /\/(0x[0-9a-f]*)\.json$/.exec(path)?.[1] as Hex | undefined
  if (callData !== undefined) {
    return [200, 'application/json', JSON.stringify({ data: await answerTo(publication, callData, proves) })]
  }
  if (path.endsWith('/_mooring/list')) return [200, 'application/json', JSON.stringify(listJson(publication))]
  if (path.endsWith('/_mooring/staged'))
    return [200, 'application/json', JSON.stringify(stagedJson(publication, staged))]
  const content = publication.contents.get(decodeURIComponent(path.split('/').at(-1) ?? ''))
  return content === undefined ? nothing : [200, content.mediaType, content.bytes]
}

const piece = Buffer.alloc(64 * 1024, 0x20)

/** A body that does not end until the other side hangs up; what got away is counted. */
export function endless(gateway: ToldGateway, response: ServerResponse, type: string, start = ''): true {
  response.writeHead(200, { 'content-type': type })
  response.write(start)
  const go = () => {
    while (!response.destroyed && response.write(piece)) gateway.sent += piece.length
    gateway.sent += piece.length
  }
  response.on('drain', go)
  response.on('error', () => undefined)
  go()
  return true
}

/** One byte, and another each time the timer fires, for ever. */
export function drip(response: ServerResponse, type: string, length: number, everyMs: number): true {
  response.writeHead(200, { 'content-type': type, 'content-length': `${length}` })
  const timer = setInterval(() => response.write('x'), everyMs)
  response.on('close', () => clearInterval(timer))
  response.write('x')
  return true
}
