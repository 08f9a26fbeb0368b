import { Agent, createServer, type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { expect, onTestFinished, test } from 'vitest'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { blobOf, bytesOf, imageType, makeImage, pushBlob, pushImage, type Registry, registryOver } from './client.ts'

// What only shows on a socket: framing, connections that are used again, bodies that nobody reads.

type Wire = { registry: Registry; port: number; agent: Agent }

async function openWire(limits = {}): Promise<Wire> {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  const registry = registryOver(stores, { limits })
  const listener = getRequestListener((request) => registry.fetch(request), { overrideGlobalObjects: false })
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { registry, port, agent }
}

type WireAnswer = { status: number; headers: IncomingMessage['headers']; bytes: Buffer; socket: Socket }

function ask(
  { port, agent }: Wire,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, agent, method, path, headers, host: '127.0.0.1' }, (answer) => {
      const chunks: Buffer[] = []
      const { socket } = answer
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(chunks), socket }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

test('every answer has a Content-Length and none is chunked', async () => {
  const wire = await openWire()
  const { digest } = await pushImage(wire.registry, 'acme.eth', 'v1')
  const blob = await pushBlob(wire.registry, 'acme.eth', blobOf(200_000))
  const empty = await pushBlob(wire.registry, 'acme.eth', blobOf(0))
  for (const method of ['GET', 'HEAD']) {
    for (const [path, length] of [
      ['/v2/', 2],
      ['/v2/acme.eth/manifests/v1', undefined],
      [`/v2/acme.eth/manifests/${digest}`, undefined],
      [`/v2/acme.eth/blobs/${blob}`, 200_000],
      [`/v2/acme.eth/blobs/${empty}`, 0],
      ['/v2/acme.eth/tags/list', undefined],
      ['/v2/acme.eth/manifests/none', undefined],
    ] as const) {
      const { headers, bytes } = await ask(wire, method, path, { 'accept-encoding': 'gzip, zstd' })
      expect([path, headers['transfer-encoding'], headers['content-encoding']]).toEqual([path, undefined, undefined])
      expect(headers['content-length']).toMatch(/^\d+$/)
      if (method === 'GET') expect(bytes.byteLength).toBe(Number(headers['content-length']))
      if (length !== undefined) expect(headers['content-length']).toBe(`${length}`)
    }
  }
})

test('a whole push: 202 and 201 say Content-Length: 0, 204 says nothing', async () => {
  const wire = await openWire()
  const begun = await ask(wire, 'POST', '/v2/acme.eth/blobs/uploads/', { 'content-length': '0' })
  const location = begun.headers.location ?? ''
  const patch = await ask(wire, 'PATCH', location, { 'transfer-encoding': 'chunked' }, blobOf(100_000))
  const status = await ask(wire, 'GET', location)
  const digest = await pushBlob(wire.registry, 'other.eth', blobOf(100_000))
  const put = await ask(wire, 'PUT', `${location}?digest=${encodeURIComponent(digest)}`, { 'content-length': '0' })
  expect([begun, patch, put].map(({ status, headers }) => [status, headers['content-length']])).toEqual([
    [202, '0'],
    [202, '0'],
    [201, '0'],
  ])
  expect([status.status, status.headers.range, status.headers['transfer-encoding']]).toEqual([
    204,
    '0-99999',
    undefined,
  ])
  expect((await ask(wire, 'GET', put.headers.location ?? '')).bytes).toEqual(Buffer.from(blobOf(100_000)))
})

test('a refused body of megabytes gets its answer, and the gateway goes on', async () => {
  const wire = await openWire({ maxPartBytes: 1000 })
  const body = blobOf(5_000_000)
  const begun = await ask(wire, 'POST', '/v2/acme.eth/blobs/uploads/')
  const location = begun.headers.location ?? ''
  const length = { 'content-length': `${body.byteLength}` }
  const path = '/v2/acme.eth/manifests/v1'
  const refused: [method: string, path: string, headers: Record<string, string>, status: number][] = [
    ['PUT', path, { ...length, 'content-type': imageType }, 413],
    ['PUT', path, { 'transfer-encoding': 'chunked', 'content-type': imageType }, 413],
    ['PATCH', location, length, 413],
    ['PATCH', location, { ...length, 'content-range': '5-5000004' }, 416],
    ['PUT', '/v2/stranger.eth/manifests/v1', length, 403],
  ]
  for (const [method, target, headers, status] of refused) {
    const answer = await ask(wire, method, target, headers, body)
    expect([method, answer.status, JSON.parse(answer.bytes.toString()).errors.length]).toEqual([method, status, 1])
    expect((await ask(wire, 'GET', '/v2/')).status).toBe(200)
  }
})

test('a client that sends its whole body before it reads gets the answer to a refused layer of 100 MB', async () => {
  const wire = await openWire()
  const piece = blobOf(1_000_000)
  const socket = connect(wire.port, '127.0.0.1')
  const digest = `sha256:${'0'.repeat(64)}`
  const head = `POST /v2/stranger.eth/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n`
  const write = (bytes: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve())))
  await write(head)
  for (let sent = 0; sent < 100; sent++) await write(piece)
  const answer = await new Promise<Buffer>((resolve, reject) => socket.once('data', resolve).once('error', reject))
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 [\s\S]*"code":"DENIED"/)
  socket.destroy()
})

test('docker sends Expect: 100-continue with large bodies', async () => {
  const wire = await openWire()
  const image = await makeImage(wire.registry, 'acme.eth')
  const headers = { expect: '100-continue', 'content-type': imageType, 'content-length': `${image.size}` }
  expect((await ask(wire, 'PUT', '/v2/acme.eth/manifests/v1', headers, bytesOf(image.text))).status).toBe(201)
})

test('a client that goes away in the middle of a body leaves the upload where it was', async () => {
  const wire = await openWire()
  const begun = await ask(wire, 'POST', '/v2/acme.eth/blobs/uploads/')
  const location = begun.headers.location ?? ''
  await ask(wire, 'PATCH', location, {}, blobOf(10))
  const socket = connect(wire.port, '127.0.0.1')
  socket.write(`PATCH ${location} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(500)}`)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.destroy()
  const goOn = { 'content-range': '10-19', 'content-length': '10' }
  expect((await ask(wire, 'GET', location)).headers.range).toBe('0-9')
  expect((await ask(wire, 'PATCH', location, goOn, blobOf(10))).headers.range).toBe('0-19')
})

test('a client that stops reading frees what the answer holds', async () => {
  const wire = await openWire()
  const digest = await pushBlob(wire.registry, 'acme.eth', blobOf(10))
  const cancelled = new Promise<void>((resolve) => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (to) => to.enqueue(blobOf(65_536)),
      cancel: () => resolve(),
    })
    wire.registry.deps.content = { ...wire.registry.deps.content, read: async () => endless }
  })
  wire.registry.deps.catalog = {
    ...wire.registry.deps.catalog,
    findBlob: async () => ({ size: 1_000_000_000, usedAt: 1_800_000_000 }),
  }
  const socket = connect(wire.port, '127.0.0.1')
  socket.write(`GET /v2/acme.eth/blobs/${digest} HTTP/1.1\r\nHost: h\r\n\r\n`)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  await cancelled
})
