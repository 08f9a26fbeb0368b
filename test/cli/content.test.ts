import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { checkedBytes } from '../../gateway/cli/client/content.ts'
import { HttpFailure } from '../../gateway/cli/client/http.ts'
import { sha256 } from '../proxy/injected.ts'

const bytes = Buffer.from('a layer of an image')
const expected = { digest: sha256(bytes), size: bytes.length, mediaType: '' }
const patience = { windowMs: 200, leastBytes: 10 }

/** A gateway that sends the first bytes of its only blob, and then nothing more. */
async function startGateway(sent: number): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, sent))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/acme.eth/blobs/${expected.digest}`
}

async function read(url: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of checkedBytes(url, expected, 'given', patience)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('A11: content that stops coming is given up, so that the next gateway is asked', async () => {
  expect(await read(await startGateway(bytes.length))).toBe(bytes.toString())
  const slow = read(await startGateway(5))
  await expect(slow).rejects.toThrow(HttpFailure)
  await expect(slow).rejects.toThrow('too slow')
})
