import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server that nobody has a reason to ask: lies lead there. `asked` has a line per request. */
export type Trap = { port: number; asked: string[]; close(): Promise<void> }

/** Starts it on loopback. */
export async function startTrap(): Promise<Trap> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.host}${request.url} ${request.headers.authorization ?? ''}`)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"token":"trapped","data":"0x"}')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { port, asked, close }
}
