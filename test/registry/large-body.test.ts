import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { sendLargeBody } from '../../gateway/large-body.ts'

const chunkBytes = 300_000
let server: Server | undefined
afterEach(() => server?.close())

/** A server that answers everything with this body, promised to have `length` bytes; `sent` is what the sender said. */
async function serveBody(body: ReadableStream<Uint8Array>, length: number): Promise<{ url: string; sent: unknown[] }> {
  const sent: unknown[] = []
  server = createServer(async (_, outgoing) => {
    const headers = { 'content-length': String(length), 'x-kind': 'large' }
    sent.push(await sendLargeBody(new Response(body as BodyInit, { status: 206, headers }), outgoing))
    if (sent[0] === false) outgoing.end('other way')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent }
}

/** A byte stream of so many chunks, each filled with its number, then what `end` does. */
function byteStream(chunks: number, end: (controller: ReadableByteStreamController) => void, onCancel?: () => void) {
  let count = 0
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      if (count === chunks) return end(controller)
      count += 1
      controller.enqueue(new Uint8Array(chunkBytes).fill(count))
    },
    cancel: () => onCancel?.(),
  })
}

const close = (controller: ReadableByteStreamController) => {
  controller.close()
  controller.byobRequest?.respond(0)
}

test('a byte stream goes out whole, with status and headers', async () => {
  const { url, sent } = await serveBody(byteStream(5, close), 5 * chunkBytes)
  const response = await fetch(url)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const expected = Uint8Array.from({ length: 5 * chunkBytes }, (_, at) => Math.floor(at / chunkBytes) + 1)
  expect([response.status, response.headers.get('x-kind')]).toEqual([206, 'large'])
  expect(Buffer.compare(bytes, expected)).toBe(0)
  expect(sent).toEqual([true])
})

test('a body of another kind is left alone', async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() })
  const { url, sent } = await serveBody(body, 0)
  expect(await (await fetch(url)).text()).toBe('other way')
  expect(sent).toEqual([false])
})

test('a body that breaks off breaks the connection, it does not end it', async () => {
  const broken = byteStream(2, () => {
    throw new Error('the disk is gone')
  })
  const { url } = await serveBody(broken, 3 * chunkBytes)
  const response = await fetch(url)
  await expect(response.arrayBuffer()).rejects.toThrow()
})

test('a client that leaves cancels what is read for it', async () => {
  const cancelled = new Promise<void>((resolve) => {
    const endless = byteStream(1_000_000, close, resolve)
    serveBody(endless, 1_000_000 * chunkBytes).then(({ url }) => {
      const leaving = request(url, (response) => response.once('data', () => leaving.destroy()))
      leaving.on('error', () => undefined).end()
    })
  })
  await cancelled
})
