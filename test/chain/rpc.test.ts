import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { createRpc } from '../../gateway/chain/rpc.ts'

/** An endpoint that knows its chain id; `sends` is how much of that it gives. */
async function startEndpoint(sends: (body: string) => string): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const [{ id }] = JSON.parse(Buffer.concat(chunks).toString()) as [{ id: number }]
    const body = JSON.stringify([{ jsonrpc: '2.0', id, result: '0x7a69' }])
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.write(sends(body))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const timeoutMs = 300

test('row 10: an endpoint that stops in the middle of its answer is not waited for', async () => {
  const honest = await startEndpoint((body) => body)
  expect(await createRpc(honest, timeoutMs).chainId()).toBe(31337)
  const stopping = await startEndpoint((body) => body.slice(0, 5))
  const asked = createRpc(stopping, timeoutMs).chainId()
  await expect(asked).rejects.toThrow(ChainUnavailable)
  await expect(asked).rejects.toThrow('takes too long to answer')
})
