import { connect, createServer, type Socket } from 'node:net'

/** The first byte of a TLS ClientHello. */
const tlsHandshake = 22
const refusal = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/**
 * Listens on 127.0.0.1 before a server on another port there, and hands bytes on in both directions. Clients that try TLS first, as docker
 * and skopeo do, are answered in plain HTTP at once: workerd says nothing to them, and they wait until they give up.
 */
export async function openPlainPort(port: number, behind: number): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    client.once('error', () => client.destroy())
    client.once('data', (first: Buffer) => {
      if (first[0] === tlsHandshake) client.end(refusal)
      else handOn(client, connect(behind, '127.0.0.1'), first)
    })
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(port, '127.0.0.1', listening)
  })
  return {
    async close() {
      const closed = new Promise((done) => server.close(done))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** What breaks off on one side breaks off on the other; what ends there is sent to its end here. */
function handOn(client: Socket, server: Socket, first: Buffer): void {
  server.once('error', () => client.destroy())
  client.once('close', () => server.destroy())
  server.write(first)
  client.pipe(server).pipe(client)
}
