import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../gateway/oci/digest.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import type { Bucket, BucketObject } from '../../gateway/store/r2-bucket.ts'
import { bodyOfLength } from '../../worker/fixed-length.ts'
import { blobOf, pushBlob, registryOver, send } from '../registry/client.ts'

// R2 that begins to send and then goes silent, or breaks off: it has a time limit, and who reads has none.

beforeEach(() => reset())

/** What becomes of the body of each object that is read, from its `afterBytes` on. */
type Trouble = { kind: 'stalls' | 'breaks' | 'ends'; afterBytes: number }

function troubled(body: ReadableStream<Uint8Array>, { kind, afterBytes }: Trouble): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let left = afterBytes
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        if (left === 0 && kind === 'stalls') return new Promise(() => undefined)
        if (left === 0 && kind === 'breaks') throw new Error('Network connection lost.')
        if (left === 0) return sink.close()
        const { done, value } = await reader.read()
        if (done) return sink.close()
        sink.enqueue(value.subarray(0, left))
        left -= Math.min(left, value.byteLength)
      },
    },
    { highWaterMark: 0 },
  )
}

/** A registry over R2 whose troubles begin with `start`. */
function open(timeoutMs: number) {
  let trouble: Trouble | undefined
  const around = (object: BucketObject): BucketObject => {
    if (!trouble) return object
    const body = troubled(object.body, trouble)
    const whole = () => new Response(body)
    const { size, customMetadata } = object
    const read = { text: () => whole().text(), arrayBuffer: () => whole().arrayBuffer() }
    return { size, ...(customMetadata && { customMetadata }), body, ...read }
  }
  const bucket = env.BLOBS
  const guarded: Bucket = {
    head: (key) => bucket.head(key),
    async get(key, options) {
      const object = await bucket.get(key, options)
      return object && around(object)
    },
    put: (key, value, options) => bucket.put(key, value, options),
    delete: (keys) => bucket.delete(keys),
    list: (options) => bucket.list(options),
    createMultipartUpload: (key) => bucket.createMultipartUpload(key),
    resumeMultipartUpload: (key, uploadId) => bucket.resumeMultipartUpload(key, uploadId),
  }
  const content = createR2Content(guarded, { timeoutMs, copiedBytes: 500_000 })
  const registry = registryOver({ ...createMemoryStores(), content })
  registry.deps.bodyOfLength = bodyOfLength
  const start = (next: Trouble | undefined) => {
    trouble = next
  }
  return { registry, start }
}

async function pull(registry: ReturnType<typeof open>['registry'], digest: string, headers: HeadersInit = {}) {
  return registry.fetch(new Request(`http://gateway.test/v2/acme.eth/blobs/${digest}`, { headers }))
}

/** Bytes until the transfer breaks; what ends by itself is a failure of the test. */
async function bytesUntilBroken(response: Response): Promise<number> {
  expect(response.status).toBe(200)
  let bytes = 0
  const reading = (async () => {
    for await (const piece of response.body as ReadableStream<Uint8Array>) bytes += piece.byteLength
  })()
  await expect(reading).rejects.toThrow()
  return bytes
}

describe.each([
  ['one object', 400_000],
  ['the parts of an upload', 1_300_000],
])('%s', (_, size) => {
  test.each(['stalls', 'breaks', 'ends'] as const)(
    'a body that %s: 503 before its first byte, a broken transfer after',
    async (kind) => {
      const { registry, start } = open(100)
      const bytes = blobOf(size)
      const digest = await pushBlob(registry, 'acme.eth', bytes)
      start({ kind, afterBytes: 0 })
      const refused = await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
      start({ kind, afterBytes: 100_000 })
      const response = await pull(registry, digest)
      expect(response.headers.get('content-length')).toBe(String(size))
      expect(await bytesUntilBroken(response)).toBeLessThan(size)
      start(undefined)
      const again = await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)
      expect([again.status, await digestOf('sha256', again.bytes)]).toEqual([200, digest])
    },
  )
})

test('a client that stops reading for longer than R2 may be silent gets it all', async () => {
  const { registry } = open(100)
  const bytes = blobOf(3_000_000)
  const digest = await pushBlob(registry, 'acme.eth', bytes)
  const response = await pull(registry, digest, { range: 'bytes=10-2999989' })
  expect(response.status).toBe(206)
  const pieces: Uint8Array[] = []
  let pausesAt = 500_000
  let taken = 0
  for await (const piece of response.body as ReadableStream<Uint8Array>) {
    pieces.push(piece)
    taken += piece.byteLength
    if (taken < pausesAt) continue
    await scheduler.wait(150)
    pausesAt += 1_000_000
  }
  const whole = new Uint8Array(await new Blob(pieces).arrayBuffer())
  expect(await digestOf('sha256', whole)).toBe(await digestOf('sha256', bytes.slice(10, 2_999_990)))
})

test('content that is verified or copied from a body that stalls is 503, and the next try works', async () => {
  const { registry, start } = open(100)
  for (const size of [200_000, 700_000]) {
    const begun = await send(registry, 'POST', '/v2/acme.eth/blobs/uploads/')
    const location = begun.headers.get('location') ?? ''
    const bytes = blobOf(size)
    for (const half of [bytes.slice(0, size / 2), bytes.slice(size / 2)]) {
      expect((await send(registry, 'PATCH', location, { body: half })).status).toBe(202)
    }
    const digest = await digestOf('sha256', bytes)
    start({ kind: 'stalls', afterBytes: 50_000 })
    const refused = await send(registry, 'PUT', `${location}?digest=${digest}`)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    start(undefined)
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`)).status).toBe(201)
  }
})
