import { describe, expect, test } from 'vitest'
import { expireUploads } from '../../gateway/collector.ts'
import type { Limits } from '../../gateway/limits.ts'
import { type Digest, type DigestAlgorithm, digestOf } from '../../gateway/oci/digest.ts'
import {
  beginUpload,
  blobOf,
  errorOf,
  errorsOf,
  type OpenRegistry,
  pushBlob,
  type Registry,
  send,
  streamOf,
} from './client.ts'

const uploads = '/v2/acme.eth/blobs/uploads/'

/** Uploads as the conformance suite drives them (end-4, 5, 6, 11, 13, 14), and what it leaves out. */
export function uploadRules(open: OpenRegistry): void {
  describe.each<DigestAlgorithm>(['sha256', 'sha512'])('%s', (algorithm) => {
    wholeUploadRules(open, algorithm)
    chunkRules(open, algorithm)
    badDigestRules(open, algorithm)
  })
  sessionRules(open)
  retryRules(open)
  raceRules(open)
}

/** The blob can be had, with its digest, by GET and HEAD. */
async function expectBlob(registry: Registry, location: string | null, bytes: Uint8Array): Promise<void> {
  const get = await send(registry, 'GET', location ?? '')
  const head = await send(registry, 'HEAD', location ?? '')
  expect([get.status, head.status]).toEqual([200, 200])
  expect(get.bytes).toEqual(bytes)
  expect([...head.headers]).toEqual([...get.headers])
  expect(location).toMatch(new RegExp(`/${get.headers.get('docker-content-digest')}$`))
}

async function expectDigest(registry: Registry, location: string | null, digest: Digest): Promise<void> {
  const { bytes } = await send(registry, 'GET', location ?? '')
  expect(await digestOf(digest.startsWith('sha512') ? 'sha512' : 'sha256', bytes)).toBe(digest)
}

function wholeUploadRules(open: OpenRegistry, algorithm: DigestAlgorithm): void {
  test('end-4b one POST with the body: 201 with the Location of the blob', async () => {
    const registry = await open()
    const digest = await digestOf(algorithm, blobOf(1000))
    for (const encoded of [digest, encodeURIComponent(digest)]) {
      const answer = await send(registry, 'POST', `${uploads}?digest=${encoded}`, { body: blobOf(1000) })
      expect([answer.status, answer.headers.get('content-length')]).toEqual([201, '0'])
      expect(answer.headers.get('docker-content-digest')).toBe(digest)
      await expectBlob(registry, answer.headers.get('location'), blobOf(1000))
    }
  })

  test.each([
    ['the body', blobOf(1000)],
    ['a stream', undefined],
  ])('end-6 POST, then PUT with %s: 201', async (_what, body) => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    const digest = await digestOf(algorithm, blobOf(1000))
    const sent = body ?? streamOf(blobOf(1000).subarray(0, 400), blobOf(1000).subarray(400))
    const answer = await send(registry, 'PUT', `${location}?digest=${digest}`, { body: sent })
    expect(answer.status).toBe(201)
    await expectBlob(registry, answer.headers.get('location'), blobOf(1000))
    expect((await send(registry, 'GET', location)).status).toBe(404)
  })

  test.each([0, 1, 2])('a blob of %i bytes, by every way', async (size) => {
    const registry = await open()
    const bytes = blobOf(size, 9)
    const digest = await digestOf(algorithm, bytes)
    await pushBlob(registry, 'acme.eth/a', bytes, algorithm)
    const put = await beginUpload(registry, 'acme.eth/b')
    expect((await send(registry, 'PUT', `${put}?digest=${digest}`, { body: bytes })).status).toBe(201)
    const patched = await beginUpload(registry, 'acme.eth/c')
    const patch = await send(registry, 'PATCH', patched, { body: bytes })
    expect([patch.status, patch.headers.get('range')]).toEqual([202, size > 1 ? `0-${size - 1}` : '0-0'])
    expect((await send(registry, 'PUT', `${patched}?digest=${digest}`)).status).toBe(201)
    for (const part of ['a', 'b', 'c']) await expectBlob(registry, `/v2/acme.eth/${part}/blobs/${digest}`, bytes)
  })
}

function chunkRules(open: OpenRegistry, algorithm: DigestAlgorithm): void {
  const bytes = blobOf(3000)
  const chunk = (first: number, last: number) => ({
    body: bytes.slice(first, last + 1),
    headers: { 'content-range': `${first}-${last}`, 'content-length': String(last - first + 1) },
  })

  test('end-5 chunks in order, each 202 with Range and Location; the last may come with PUT', async () => {
    const registry = await open()
    const digest = await digestOf(algorithm, bytes)
    for (const last of [undefined, chunk(2000, 2999)]) {
      const location = await beginUpload(registry, 'acme.eth')
      const chunks = last ? [chunk(0, 999), chunk(1000, 1999)] : [chunk(0, 999), chunk(1000, 1999), chunk(2000, 2999)]
      for (const [index, sent] of chunks.entries()) {
        const answer = await send(registry, 'PATCH', location, sent)
        expect([answer.status, answer.headers.get('range')]).toEqual([202, `0-${index * 1000 + 999}`])
        expect(answer.headers.get('location')).toBe(location)
        expect(answer.headers.get('docker-upload-uuid')).toBe(location.split('/').at(-1))
      }
      const closed = await send(registry, 'PUT', `${location}?digest=${digest}`, last)
      expect(closed.status).toBe(201)
      await expectBlob(registry, closed.headers.get('location'), bytes)
    }
  })

  test('end-5 a stream without Content-Range appends', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    await send(registry, 'PATCH', location, { body: streamOf(bytes.slice(0, 10), bytes.slice(10, 1500)) })
    const answer = await send(registry, 'PATCH', location, { body: streamOf(bytes.slice(1500)) })
    expect([answer.status, answer.headers.get('range')]).toEqual([202, '0-2999'])
    const closed = await send(registry, 'PUT', `${location}?digest=${await digestOf(algorithm, bytes)}`)
    await expectBlob(registry, closed.headers.get('location'), bytes)
  })

  test('end-5, end-6 chunks out of order: 416 with Location and Range, and the upload stands where it stood', async () => {
    const registry = await open()
    const digest = await digestOf(algorithm, bytes)
    const location = await beginUpload(registry, 'acme.eth')
    for (const [first, last] of [
      [0, 999],
      [1000, 1999],
      [2000, 2999],
    ] as const) {
      const wrong = first === 0 ? [chunk(1000, 1999)] : [chunk(2100, 2999), chunk(0, 999)]
      for (const sent of wrong) {
        await expectRefusedChunk(registry, 'PATCH', location, sent, first)
        await expectRefusedChunk(registry, 'PUT', `${location}?digest=${digest}`, sent, first)
      }
      expect((await send(registry, 'PATCH', location, chunk(first, last))).status).toBe(202)
    }
    const closed = await send(registry, 'PUT', `${location}?digest=${digest}`)
    await expectBlob(registry, closed.headers.get('location'), bytes)
  })

  test('end-5 a Content-Range that is not the length of the body: 416, and nothing of it stays', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    const headers = { 'content-range': '0-999' }
    await expectRefusedChunk(registry, 'PATCH', location, { headers, body: streamOf(bytes.slice(0, 900)) }, 0)
    await expectRefusedChunk(registry, 'PATCH', location, { headers, body: streamOf(bytes.slice(0, 1001)) }, 0)
    await expectRefusedChunk(registry, 'PATCH', location, { ...chunk(0, 999), headers: { 'content-range': 'x' } }, 0)
    await expectRefusedChunk(registry, 'PATCH', location, { headers }, 0)
    expect((await send(registry, 'PATCH', location, { headers, body: streamOf(bytes.slice(0, 1000)) })).status).toBe(
      202,
    )
  })
}

async function expectRefusedChunk(
  registry: Registry,
  method: string,
  location: string,
  sent: { headers?: Record<string, string>; body?: Uint8Array | ReadableStream<Uint8Array> },
  offset: number,
): Promise<void> {
  const range = `0-${Math.max(0, offset - 1)}`
  const plain = location.replace(/\?.*/, '')
  const answer = await send(registry, method, location, sent)
  expect(errorOf(answer, 416, 'BLOB_UPLOAD_INVALID')).toContain(`the upload goes on at byte ${offset}`)
  expect([answer.headers.get('range'), answer.headers.get('location')]).toEqual([range, plain])
  const status = await send(registry, 'GET', location)
  expect([status.status, status.headers.get('range'), status.headers.get('location')]).toEqual([204, range, plain])
}

function badDigestRules(open: OpenRegistry, algorithm: DigestAlgorithm): void {
  test('wrong content: 400 DIGEST_INVALID, the upload is gone and no blob is shown', async () => {
    const registry = await open()
    const digest = await digestOf(algorithm, blobOf(50))
    const single = await send(registry, 'POST', `${uploads}?digest=${digest}`, { body: blobOf(50, 2) })
    expect(errorOf(single, 400, 'DIGEST_INVALID')).toContain(digest)
    for (const split of [0, 20, 50]) {
      const location = await beginUpload(registry, 'acme.eth')
      await send(registry, 'PATCH', location, { body: blobOf(50, 2).slice(0, split) })
      const put = { body: blobOf(50, 2).slice(split) }
      errorOf(await send(registry, 'PUT', `${location}?digest=${digest}`, put), 400, 'DIGEST_INVALID')
      errorOf(await send(registry, 'GET', location), 404, 'BLOB_UPLOAD_UNKNOWN')
    }
    errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    expect(await registry.deps.content.stat(digest)).toBeUndefined()
  })
}

function sessionRules(open: OpenRegistry): void {
  test('a digest outside the grammar, or none: 400 DIGEST_INVALID, and the upload goes on', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    const hex = 'A'.repeat(64)
    for (const digest of ['', '?digest=', '?digest=sha256:abc', `?digest=sha256:${hex}`, '?digest=md5:abc']) {
      errorOf(await send(registry, 'PUT', `${location}${digest}`, { body: 'x' }), 400, 'DIGEST_INVALID')
    }
    errorOf(await send(registry, 'POST', `${uploads}?digest=sha256:x`, { body: 'x' }), 400, 'DIGEST_INVALID')
    expect((await send(registry, 'GET', location)).status).toBe(204)
  })

  test('end-4c digest-algorithm: sha256 and sha512 are 202, another is 400', async () => {
    const registry = await open()
    for (const algorithm of ['sha256', 'sha512']) {
      expect((await send(registry, 'POST', `${uploads}?digest-algorithm=${algorithm}`)).status).toBe(202)
    }
    errorOf(await send(registry, 'POST', `${uploads}?digest-algorithm=md5`), 400, 'DIGEST_INVALID')
  })

  test('end-4a OCI-Chunk-Min-Length where there is one: a shorter chunk can only have been the last', async () => {
    const plain = await open()
    expect((await send(plain, 'POST', uploads)).headers.get('oci-chunk-min-length')).toBeNull()
    const registry = await open({ limits: { minChunkBytes: 100 } })
    const begun = await send(registry, 'POST', uploads)
    expect([begun.status, begun.headers.get('oci-chunk-min-length')]).toEqual([202, '100'])
    const location = begun.headers.get('location') ?? ''
    const bytes = blobOf(250)
    const digest = await digestOf('sha256', bytes)
    for (const [first, last] of [
      [0, 99],
      [100, 199],
      [200, 248],
    ]) {
      const sent = { headers: { 'content-range': `${first}-${last}` }, body: bytes.slice(first, (last ?? 0) + 1) }
      expect((await send(registry, 'PATCH', location, sent)).status).toBe(202)
    }
    for (const [method, path] of [
      ['PATCH', location],
      ['PUT', `${location}?digest=${digest}`],
    ] as const) {
      const answer = await send(registry, method, path, { body: bytes.slice(249) })
      expect(errorOf(answer, 400, 'BLOB_UPLOAD_INVALID')).toContain(
        'the last of 49 bytes, and 0 besides the last may have less than 100',
      )
    }
    const whole = await digestOf('sha256', bytes.slice(0, 249))
    expect((await send(registry, 'PUT', `${location}?digest=${whole}`)).status).toBe(201)
  })

  test('so many short chunks are taken all the same, and so many chunks at all: one more is 400 and says how long they should be', async () => {
    const push = async (limits: Partial<Limits>, chunks: number, bytes: number) => {
      const registry = await open({ limits })
      const location = await beginUpload(registry, 'acme.eth')
      const body = blobOf(bytes)
      for (let at = 0; at < chunks; at++) expect((await send(registry, 'PATCH', location, { body })).status).toBe(202)
      return { next: await send(registry, 'PATCH', location, { body }), location, registry }
    }
    const limits = { minChunkBytes: 100, maxShortChunks: 2, maxChunks: 5 }
    expect((await push(limits, 2, 10)).next.status).toBe(202)
    expect(errorOf((await push(limits, 3, 10)).next, 400, 'BLOB_UPLOAD_INVALID')).toBe(
      'chunk refused: 3 before it are short, the last of 10 bytes, and 2 besides the last may have less than 100',
    )
    expect((await push(limits, 4, 100)).next.status).toBe(202)
    const { next, location, registry } = await push(limits, 5, 130)
    expect(errorOf(next, 400, 'BLOB_UPLOAD_INVALID')).toBe(
      'chunk refused: an upload has 5 at most: begin it again with chunks of 131 bytes or more',
    )
    const whole = new Uint8Array([...blobOf(130), ...blobOf(130), ...blobOf(130), ...blobOf(130), ...blobOf(130)])
    const closed = await send(registry, 'PUT', `${location}?digest=${await digestOf('sha256', whole)}`)
    expect(closed.status).toBe(201)
  })

  test('end-13 a fresh upload is at 0-0: Docker fails on 0--1', async () => {
    const registry = await open()
    const begun = await send(registry, 'POST', uploads)
    const status = await send(registry, 'GET', begun.headers.get('location') ?? '')
    expect([begun.headers.get('range'), status.headers.get('range')]).toEqual(['0-0', '0-0'])
    expect(begun.headers.get('docker-upload-uuid')).toMatch(/^[0-9a-f]{32}$/)
  })

  test('end-14 DELETE gives an upload up: 204, then 404 for everything', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    await send(registry, 'PATCH', location, { body: blobOf(5) })
    expect((await send(registry, 'DELETE', location)).status).toBe(204)
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const body = method === 'PATCH' ? { body: blobOf(5) } : {}
      errorOf(await send(registry, method, location, body), 404, 'BLOB_UPLOAD_UNKNOWN')
    }
  })

  test('an upload belongs to its repository: 404 in any other', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    expect((await send(registry, 'GET', location)).status).toBe(204)
    for (const other of ['other.eth', 'acme.eth/web']) {
      const elsewhere = location.replace('acme.eth', other)
      errorOf(await send(registry, 'GET', elsewhere), 404, 'BLOB_UPLOAD_UNKNOWN')
      errorOf(await send(registry, 'PATCH', elsewhere, { body: 'x' }), 404, 'BLOB_UPLOAD_UNKNOWN')
    }
    for (const id of ['1f', '%2e%2e%2f', '%00', 'A'.repeat(32), '0'.repeat(33), 'x'.repeat(300)]) {
      errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/uploads/${id}`), 400, 'BLOB_UPLOAD_INVALID')
    }
  })

  test('an upload that nobody touches ends, and its parts go with the next collection', async () => {
    const registry = await open({ limits: { uploadTtlSeconds: 100 } })
    const location = await beginUpload(registry, 'acme.eth')
    registry.deps.clock.advance(60)
    await send(registry, 'PATCH', location, { body: blobOf(5) })
    registry.deps.clock.advance(60)
    expect((await send(registry, 'GET', location)).status).toBe(204)
    registry.deps.clock.advance(60)
    errorOf(await send(registry, 'GET', location), 404, 'BLOB_UPLOAD_UNKNOWN')
    expect(await registry.deps.catalog.listParts()).toHaveLength(1)
    await expireUploads(registry.deps)
    expect(await registry.deps.catalog.listParts()).toHaveLength(0)
  })

  test('a body over the limit: 413 SIZE_INVALID, with Content-Length and without, and the upload goes on', async () => {
    const registry = await open({ limits: { maxPartBytes: 100 } })
    const location = await beginUpload(registry, 'acme.eth')
    const length = { headers: { 'content-length': '101' }, body: blobOf(101) }
    errorOf(await send(registry, 'PATCH', location, length), 413, 'SIZE_INVALID')
    errorOf(await send(registry, 'PATCH', location, { body: streamOf(blobOf(60), blobOf(41)) }), 413, 'SIZE_INVALID')
    expect((await send(registry, 'PATCH', location, { body: streamOf(blobOf(60), blobOf(40)) })).status).toBe(202)
  })

  test('where one request has a longest body, a longer one is 413 at once, and its message names the command that sends parts', async () => {
    const registry = await open({ limits: { maxBodyBytes: 100 } })
    const location = await beginUpload(registry, 'acme.eth')
    expect((await send(registry, 'PATCH', location, { body: blobOf(100) })).status).toBe(202)
    const whole = { headers: { 'content-length': '101' }, body: blobOf(101) }
    const chunked = { body: streamOf(blobOf(60), blobOf(41)) }
    for (const [method, path, sent] of [
      ['PATCH', location, whole],
      ['PATCH', location, chunked],
      ['PUT', '/v2/acme.eth/manifests/v1', whole],
      ['POST', '/v2/', whole],
    ] as const) {
      const [item] = errorsOf(await send(registry, method, path, sent), 413, 'SIZE_INVALID')
      expect(item?.message).toContain(
        'over the 100 bytes of one request here: mooring push IMAGE NAME:TAG --gateway URL',
      )
      expect(item?.detail).toEqual({ maxBodyBytes: 100 })
    }
    expect((await send(registry, 'GET', location)).headers.get('range')).toBe('0-99')
  })

  test('a body that breaks leaves the upload where it was', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    await send(registry, 'PATCH', location, { body: blobOf(10) })
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('connection reset')),
    })
    expect((await send(registry, 'PATCH', location, { body: broken })).status).toBe(500)
    expect((await send(registry, 'GET', location)).headers.get('range')).toBe('0-9')
  })
}

/** Breaks one call of a store: it does its work and then fails (`after`), or fails at once. */
async function brokenOnce<Store, Method extends keyof Store>(
  store: Store,
  method: Method,
  isAfter: boolean,
  work: () => Promise<void>,
): Promise<void> {
  const whole = store[method] as (...values: unknown[]) => Promise<unknown>
  const broken = async (...values: unknown[]) => {
    if (isAfter) await whole(...values)
    throw new Error('the store is broken')
  }
  store[method] = broken as Store[Method]
  await work()
  store[method] = whole as Store[Method]
}

function retryRules(open: OpenRegistry): void {
  const bytes = blobOf(3000, 4)

  test.each([
    ['the parts were joined', 'assemble', true],
    ['the parts were not joined', 'assemble', false],
    ['the blob was linked', 'linkBlob', true],
    ['the blob was not linked', 'linkBlob', false],
  ] as const)(
    'end-6 a closing PUT that failed when %s may be sent again as it was: 201',
    async (_when, method, after) => {
      const registry = await open()
      const { content, catalog } = registry.deps
      const digest = await digestOf('sha256', bytes)
      for (const [repository, patches, headers] of [
        ['acme.eth/a', [], {}],
        ['acme.eth/b', [1000], {}],
        ['acme.eth/c', [1000, 1000], { 'content-range': '2000-2999' }],
        ['acme.eth/d', [1000, 1000, 1000], {}],
      ] as const) {
        const location = await beginUpload(registry, repository)
        let size = 0
        for (const length of patches) {
          await send(registry, 'PATCH', location, { body: bytes.slice(size, size + length) })
          size += length
        }
        const close = () => send(registry, 'PUT', `${location}?digest=${digest}`, { headers, body: bytes.slice(size) })
        const fail = async () => {
          errorOf(await close(), 500, 'UNKNOWN')
          expect((await send(registry, 'GET', location)).headers.get('range')).toBe(`0-${Math.max(0, size - 1)}`)
        }
        if (method === 'assemble') await brokenOnce(content, method, after, fail)
        else await brokenOnce(catalog, method, after, fail)
        const closed = await close()
        expect([repository, closed.status, closed.text]).toEqual([repository, 201, ''])
        await expectBlob(registry, closed.headers.get('location'), bytes)
        expect(await catalog.listParts()).toEqual([])
      }
    },
  )
}

function raceRules(open: OpenRegistry): void {
  test('closing PUTs of one upload at once, with a DELETE or a PATCH: nothing breaks, and what got 201 is there', async () => {
    const registry = await open()
    const mostAtOnce = countOverlaps(registry.deps.content, 'assemble', 'dropUpload')
    for (const rival of ['PUT', 'DELETE', 'PATCH']) {
      for (let round = 0; round < 2; round++) {
        const bytes = blobOf(600_000, round)
        const digest = await digestOf('sha512', bytes)
        const location = await beginUpload(registry, `acme.eth/${rival.toLowerCase()}${round}`)
        for (const first of [0, 200_000, 400_000]) {
          await send(registry, 'PATCH', location, { body: bytes.slice(first, first + 200_000) })
        }
        const close = () => send(registry, 'PUT', `${location}?digest=${digest}`)
        const disturb = () => (rival === 'PUT' ? close() : send(registry, rival, location, { body: 'late' }))
        const [closed, other] = await Promise.all([close(), disturb()])
        expect([rival, closed.status, other.status]).toEqual([
          rival,
          expect.toBeOneOf([201, 404, 416]),
          expect.toBeOneOf([201, 202, 204, 404]),
        ])
        if (closed.status === 201) await expectDigest(registry, closed.headers.get('location'), digest)
        else if (other.status === 202) expect((await send(registry, 'DELETE', location)).status).toBe(204)
        expect(await registry.deps.catalog.listParts()).toEqual([])
      }
    }
    expect(mostAtOnce()).toBe(1)
  })

  test('two PATCHes at one offset: one 202, one 416, bytes of one only', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    const headers = { 'content-range': '0-999' }
    const answers = await Promise.all(
      [1, 2].map((seed) => send(registry, 'PATCH', location, { headers, body: blobOf(1000, seed) })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 416])
    const winner = answers.findIndex(({ status }) => status === 202) + 1
    const digest = await digestOf('sha256', blobOf(1000, winner))
    expect((await send(registry, 'GET', location)).headers.get('range')).toBe('0-999')
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`)).status).toBe(201)
  })

  test('two streams at once: one 202, the other 416 with where the upload is now', async () => {
    const registry = await open()
    const location = await beginUpload(registry, 'acme.eth')
    const bothReading = meetingOf(2)
    const body = (size: number) =>
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await bothReading()
          controller.enqueue(blobOf(size))
          controller.close()
        },
      })
    const answers = await Promise.all([700, 800].map((size) => send(registry, 'PATCH', location, { body: body(size) })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 416])
    const [won, lost] = answers[0]?.status === 202 ? answers : answers.toReversed()
    expect(lost?.headers.get('range')).toBe(won?.headers.get('range'))
  })
}

/** Resolves for everybody once `count` have asked. */
function meetingOf(count: number): () => Promise<void> {
  let open = () => {}
  const met = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    count -= 1
    if (count === 0) open()
    return met
  }
}

/** Counts how many calls of these methods run at the same time; each takes a few turns of the event loop longer. */
function countOverlaps<Store>(store: Store, ...methods: (keyof Store)[]): () => number {
  let running = 0
  let most = 0
  for (const method of methods) {
    const whole = store[method] as (...values: unknown[]) => Promise<unknown>
    const counted = async (...values: unknown[]) => {
      most = Math.max(most, ++running)
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve))
      return whole(...values).finally(() => running--)
    }
    store[method] = counted as Store[keyof Store]
  }
  return () => most
}
