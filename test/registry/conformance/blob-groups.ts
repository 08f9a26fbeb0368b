import { expect } from 'vitest'
import { type Digest, digestOf } from '../../../gateway/oci/digest.ts'
import { type Answer, blobOf, bytesOf, errorOf, send, streamOf } from '../client.ts'
import {
  at,
  type Conformance,
  expectContent,
  expectDeleted,
  expectMissing,
  type Group,
  otherRepository,
} from './world.ts'

type Bytes = Uint8Array<ArrayBuffer>

const uploads = at('blobs/uploads/')
/** What the suite takes for a chunk where the registry asks for no other length. */
const chunkBytes = 1024

/**
 * The groups `sha256 blobs` and `sha512 blobs` of the official suite, by their names there. What is not in the suite is in
 * ../upload-rules.ts and ../blob-rules.ts.
 */
export const blobGroups: Readonly<Record<string, Group>> = {
  'get-missing': async (world) =>
    expectMissing(world, at(`blobs/${await digestOf(world.algorithm, blobOf(9))}`), 'BLOB_UNKNOWN'),
  'post only': (world) => expectLife(world, blobOf(2048), postOnly),
  'post+put': (world) => expectLife(world, blobOf(2048), postPut),
  'chunked single': (world) => expectLife(world, blobOf(chunkBytes), chunked({})),
  stream: (world) => expectLife(world, blobOf(2048), stream),
  mount: (world) => mountFrom(world, `&from=${encodeURIComponent(otherRepository)}`),
  'mount anonymous': (world) => mountFrom(world, ''),
  'mount missing': mountMissing,
  'post cancel': cancel,
  'chunked multi': (world) => expectLife(world, blobOf(chunkBytes * 2 + 100), chunked({})),
  'chunked multi and put chunk': (world) =>
    expectLife(world, blobOf(chunkBytes * 2 + 100), chunked({ lastInPut: true })),
  'chunked out-of-order': (world) => expectLife(world, blobOf(chunkBytes * 3), chunked({ outOfOrder: true })),
  'chunked out-of-order and put chunk': (world) =>
    expectLife(world, blobOf(chunkBytes * 3), chunked({ outOfOrder: true, lastInPut: true })),
  'range requests': ranges,
  empty: (world) => expectLife(world, blobOf(0), postPut),
  emptyJSON: (world) => expectLife(world, bytesOf('{}'), postPut),
  'bad digest post only': (world) => expectRefused(world, postOnly),
  'bad digest post+put': (world) => expectRefused(world, postPut),
  'bad digest chunked': (world) => expectRefused(world, chunked({})),
  'bad digest chunked and put chunk': (world) => expectRefused(world, chunked({ lastInPut: true })),
  'bad digest stream': (world) => expectRefused(world, stream),
}

/** Pushes bytes under a digest and gives the answer that closes the push. */
type Push = (world: Conformance, bytes: Bytes, digest: Digest) => Promise<Answer>

/** Pushed, found at its Location, read, deleted, gone. */
async function expectLife(world: Conformance, bytes: Bytes, push: Push): Promise<void> {
  const digest = await digestOf(world.algorithm, bytes)
  await expectPushed(world, await push(world, bytes, digest), bytes, digest)
  await expectDeleted(world, at(`blobs/${digest}`))
}

async function expectPushed(world: Conformance, answer: Answer, bytes: Bytes, digest: Digest): Promise<void> {
  expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([201, digest])
  for (const path of [answer.headers.get('location') ?? '', at(`blobs/${digest}`)]) {
    const get = await expectContent(world, path, bytes)
    expect(get.headers.get('docker-content-digest')).toBe(digest)
  }
}

async function expectRefused(world: Conformance, push: Push): Promise<void> {
  const bytes = blobOf(chunkBytes * 3)
  const wrong = await digestOf(world.algorithm, blobOf(7, 7))
  errorOf(await push(world, bytes, wrong), 400, 'DIGEST_INVALID')
  await expectMissing(world, at(`blobs/${wrong}`), 'BLOB_UNKNOWN')
  await expectLife(world, bytes, push)
}

async function begin({ registry, algorithm }: Conformance): Promise<string> {
  const begun = await send(registry, 'POST', `${uploads}?digest-algorithm=${algorithm}`)
  expect(begun.status).toBe(202)
  return begun.headers.get('location') ?? ''
}

const postOnly: Push = ({ registry }, body, digest) => send(registry, 'POST', `${uploads}?digest=${digest}`, { body })

const postPut: Push = async (world, body, digest) =>
  send(world.registry, 'PUT', `${await begin(world)}?digest=${digest}`, { body })

const stream: Push = async (world, bytes, digest) => {
  const body = streamOf(bytes.slice(0, 700), bytes.slice(700))
  const patched = await send(world.registry, 'PATCH', await begin(world), { body })
  expect(patched.status).toBe(202)
  return send(world.registry, 'PUT', `${patched.headers.get('location')}?digest=${digest}`)
}

type Chunk = { body: Bytes; headers: Record<string, string> }

function chunksOf(bytes: Bytes): Chunk[] {
  const chunks: Chunk[] = []
  for (let first = 0; first < bytes.byteLength; first += chunkBytes) {
    const body = bytes.slice(first, first + chunkBytes)
    const range = `${first}-${first + body.byteLength - 1}`
    chunks.push({ body, headers: { 'content-range': range, 'content-length': String(body.byteLength) } })
  }
  return chunks
}

function chunked({ lastInPut = false, outOfOrder = false }): Push {
  return async (world, bytes, digest) => {
    const chunks = chunksOf(bytes)
    const last = lastInPut ? chunks.pop() : undefined
    let location = await begin(world)
    let size = 0
    for (const [position, chunk] of chunks.entries()) {
      const next = chunks[position + 1] ?? last
      if (outOfOrder) await expectOutOfOrder(world, location, size, position === 0 ? [next] : [next, chunks[0]])
      const patched = await send(world.registry, 'PATCH', location, chunk)
      size += chunk.body.byteLength
      expect([patched.status, patched.headers.get('range')]).toEqual([202, `0-${size - 1}`])
      location = patched.headers.get('location') ?? ''
    }
    const closing = `${location}?digest=${digest}`
    if (outOfOrder && last) await expectOutOfOrder(world, closing, size, [chunks[0]])
    return send(world.registry, 'PUT', closing, last)
  }
}

/** A chunk ahead and the first one again are 416 each, and the upload tells where it stands. */
async function expectOutOfOrder(
  { registry }: Conformance,
  location: string,
  size: number,
  wrong: readonly (Chunk | undefined)[],
): Promise<void> {
  const method = location.includes('digest=') ? 'PUT' : 'PATCH'
  for (const chunk of wrong) {
    if (!chunk) continue
    const refused = await send(registry, method, location, chunk)
    errorOf(refused, 416, 'BLOB_UPLOAD_INVALID')
    const status = await send(registry, 'GET', location)
    const range = `0-${Math.max(0, size - 1)}`
    for (const { headers } of [refused, status]) {
      expect([headers.get('range'), headers.get('location')]).toEqual([range, location.replace(/\?.*/, '')])
    }
    expect(status.status).toBe(204)
  }
}

async function mountFrom(world: Conformance, from: string): Promise<void> {
  const { registry, algorithm } = world
  const bytes = blobOf(1500)
  const digest = await digestOf(algorithm, bytes)
  const elsewhere = `/v2/${otherRepository}/blobs`
  const pushed = await send(registry, 'POST', `${elsewhere}/uploads/?digest=${digest}`, { body: bytes })
  expect(pushed.status).toBe(201)
  const mount = `${uploads}?mount=${encodeURIComponent(digest)}${from}`
  await expectPushed(world, await send(registry, 'POST', mount), bytes, digest)
  await expectDeleted(world, at(`blobs/${digest}`))
  await expectContent(world, `${elsewhere}/${digest}`, bytes)
  await expectDeleted(world, `${elsewhere}/${digest}`)
}

async function mountMissing(world: Conformance): Promise<void> {
  await expectLife(world, blobOf(1500), async ({ registry }, body, digest) => {
    const begun = await send(registry, 'POST', `${uploads}?mount=${digest}&from=${encodeURIComponent(otherRepository)}`)
    expect(begun.status).toBe(202)
    return send(registry, 'PUT', `${begun.headers.get('location')}?digest=${digest}`, { body })
  })
}

async function cancel(world: Conformance): Promise<void> {
  const location = await begin(world)
  expect((await send(world.registry, 'DELETE', location)).status).toBe(204)
  errorOf(await send(world.registry, 'GET', location), 404, 'BLOB_UPLOAD_UNKNOWN')
}

async function ranges(world: Conformance): Promise<void> {
  const bytes = blobOf(5000)
  const digest = await digestOf(world.algorithm, bytes)
  expect((await postPut(world, bytes, digest)).status).toBe(201)
  const read = (range: string) =>
    send(world.registry, 'GET', at(`blobs/${digest}`), { headers: { range: `bytes=${range}` } })
  for (const [range, first, last] of [
    ['500-1499', 500, 1499],
    ['500-', 500, 4999],
    ['-500', 4500, 4999],
    ['2000-5000', 2000, 4999],
  ] as const) {
    const answer = await read(range)
    expect([range, answer.status, answer.headers.get('content-range')]).toEqual([
      range,
      206,
      `bytes ${first}-${last}/5000`,
    ])
    expect(answer.bytes).toEqual(bytes.slice(first, last + 1))
  }
  for (const range of ['500-0', '5000-10000']) expect([range, (await read(range)).status]).toEqual([range, 416])
  await expectDeleted(world, at(`blobs/${digest}`))
}
