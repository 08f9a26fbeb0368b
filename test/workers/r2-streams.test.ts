import { reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, test } from 'vitest'
import { PartTooLarge } from '../../gateway/store/content-store.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { bodyOf, collect, digestOf, readAll, someBytes } from '../store/fixtures.ts'
import { allKeys, createWatchedBucket, longAfter } from './r2-bucket.ts'

const mebibyte = 1024 * 1024
const partBytes = 5 * mebibyte

beforeEach(() => reset())

/** A body as requests have it: bytes that the runtime hands over into our memory. */
function requestBody(bytes: Uint8Array, breaksAt = Number.POSITIVE_INFINITY): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  const send = async () => {
    for (let at = 0; at < bytes.byteLength; at += 64 * 1024) {
      if (at >= breaksAt) return writer.abort(new Error('the client went away'))
      await writer.write(bytes.slice(at, at + 64 * 1024))
    }
    await writer.close()
  }
  send().catch(() => undefined)
  return readable
}

test.each([
  ['less than a piece', partBytes - 1],
  ['exactly one piece', partBytes],
  ['one byte more', partBytes + 1],
  ['exactly two pieces', 2 * partBytes],
  ['more than two pieces', 2 * partBytes + 777],
])('a body of %s (%i bytes) becomes one object with its hash, from either kind of stream', async (_, length) => {
  const bytes = someBytes(length)
  const content = createR2Content(env.BLOBS)
  for (const body of [requestBody(bytes), bodyOf(bytes, 100_000)]) {
    const part = await content.writePart('one', body, length)
    expect(part).toMatchObject({ size: length, sha256: digestOf(bytes) })
  }
  expect((await allKeys()).map((key) => key.split('/')[2])).toEqual(['parts', 'parts'])
  const [part] = await content.listParts()
  expect(part?.size).toBe(length)
})

test('a body of 90 MB holds two pieces at most, and reading it back holds nothing', async () => {
  const content = createR2Content(env.BLOBS)
  const piece = someBytes(mebibyte)
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  const hash = new crypto.DigestStream('SHA-256')
  const hashed = hash.getWriter()
  const send = async () => {
    for (let at = 0; at < 90; at++) {
      piece[0] = at
      await hashed.write(piece)
      await writer.write(piece.slice())
    }
    await writer.close()
    await hashed.close()
  }
  const [part] = await Promise.all([content.writePart('one', readable, 90 * mebibyte), send()])
  const wanted = `sha256:${Buffer.from(await hash.digest).toString('hex')}`
  expect(part).toMatchObject({ size: 90 * mebibyte, sha256: wanted })
  expect(content.buffers.mostHeldBytes).toBeLessThanOrEqual(2 * partBytes)
  expect(content.buffers.heldBytes).toBe(0)
  await content.assemble('one', [part], part.sha256)
  const again = new crypto.DigestStream('SHA-256')
  await (await content.read(part.sha256))?.pipeTo(again)
  expect(`sha256:${Buffer.from(await again.digest).toString('hex')}`).toBe(wanted)
  expect(content.buffers.mostHeldBytes).toBeLessThanOrEqual(2 * partBytes)
})

test('more bodies than there is memory for wait for each other; small ones do not', async () => {
  const content = createR2Content(env.BLOBS, { maxBufferedBytes: 2 * partBytes })
  const bytes = someBytes(partBytes + 5)
  const small = someBytes(100)
  let isSmallDone = false
  const all = Promise.all(['a', 'b', 'c'].map((id) => content.writePart(id, requestBody(bytes), bytes.byteLength)))
  const first = content.writePart('d', bodyOf(small), 100).then((part) => {
    isSmallDone = true
    return part
  })
  expect((await first).sha256).toBe(digestOf(small))
  expect(isSmallDone).toBe(true)
  for (const part of await all) expect(part.sha256).toBe(digestOf(bytes))
  expect(content.buffers.mostHeldBytes).toBeLessThan(2 * partBytes + mebibyte)
  expect(content.buffers.heldBytes).toBe(0)
})

test.each([1_000, 70_000, partBytes + 70_000, 2 * partBytes + 70_000])(
  'a body that breaks after %i bytes leaves nothing behind, and nothing held',
  async (breaksAt) => {
    const openUploads = new Set<string>()
    const content = createR2Content(createWatchedBucket({}, openUploads))
    const bytes = someBytes(3 * partBytes)
    await expect(content.writePart('one', requestBody(bytes, breaksAt), bytes.byteLength)).rejects.toThrow()
    expect(await allKeys()).toEqual([])
    expect(openUploads.size).toBe(0)
    expect(content.buffers.heldBytes).toBe(0)
    expect(await content.writePart('one', requestBody(bytes), bytes.byteLength)).toMatchObject({ size: 3 * partBytes })
  },
)

test('a long body at its limit is taken; one byte more is PartTooLarge and leaves nothing', async () => {
  const openUploads = new Set<string>()
  const content = createR2Content(createWatchedBucket({}, openUploads))
  const bytes = someBytes(partBytes + 100)
  await content.writePart('one', requestBody(bytes), bytes.byteLength)
  await expect(content.writePart('two', requestBody(bytes), bytes.byteLength - 1)).rejects.toThrow(PartTooLarge)
  expect((await allKeys()).map((key) => key.split('/').slice(0, 2).join('/'))).toEqual(['uploads/one'])
  expect(openUploads.size).toBe(0)
})

test.each(['createMultipartUpload', 'put', 'uploadPart', 'complete'])(
  'a multipart upload that its isolate left at %s is collected, and what else was pushed stays',
  async (dead) => {
    const openUploads = new Set<string>()
    let isDead = false
    const before = (call: string) => {
      if (call.startsWith(`${dead} `)) isDead = true
      if (isDead) throw new Error('the isolate is gone')
    }
    const dying = createR2Content(createWatchedBucket({ before }, openUploads))
    const bytes = someBytes(partBytes + 100)
    await expect(dying.writePart('one', requestBody(bytes), bytes.byteLength)).rejects.toThrow()
    // One without a single piece costs nothing, and R2 ends it after some days; of all others the sweep knows.
    if (dead === 'put') openUploads.clear()
    const content = createR2Content(createWatchedBucket({}, openUploads))
    const kept = await content.writePart('two', requestBody(bytes), bytes.byteLength)
    await content.assemble('two', [kept], kept.sha256)
    await content.dropUpload('two')
    await content.sweep([], longAfter)
    for (const key of await allKeys()) expect(key).not.toContain('uploads/one')
    expect(digestOf((await readAll(content, kept.sha256))!)).toBe(digestOf(bytes))
    expect(openUploads.size).toBe(0)
  },
)

test.each([
  [0, 0],
  [0, 2_999],
  [999, 1_000],
  [1_000, 1_999],
  [500, 2_500],
  [2_999, 2_999],
])('range %i-%i of content of three parts', async (first, last) => {
  const bytes = someBytes(3_000)
  const content = createR2Content(env.BLOBS, { copiedBytes: 0 })
  const parts = []
  for (const from of [0, 1_000, 2_000]) {
    parts.push(await content.writePart('one', bodyOf(bytes.slice(from, from + 1_000)), 1_000))
  }
  for (const digest of [digestOf(bytes), digestOf(bytes, 'sha512')]) {
    await content.assemble('one', parts, digest)
    expect(await collect(await content.read(digest, { first, last }))).toEqual(bytes.slice(first, last + 1))
    expect(digestOf((await readAll(content, digest))!)).toBe(digestOf(bytes))
  }
  await content.dropUpload('one')
  await content.remove(digestOf(bytes))
  await content.sweep([], longAfter)
  expect(digestOf((await readAll(content, digestOf(bytes, 'sha512')))!)).toBe(digestOf(bytes))
})

test('content whose second part is gone breaks the stream and does not end it', async () => {
  const bytes = someBytes(3_000)
  const content = createR2Content(env.BLOBS, { copiedBytes: 0 })
  const parts = []
  for (const from of [0, 1_000, 2_000]) {
    parts.push(await content.writePart('one', bodyOf(bytes.slice(from, from + 1_000)), 1_000))
  }
  await content.assemble('one', parts, digestOf(bytes))
  expect(await collect(await content.read(digestOf(bytes)))).toHaveLength(3_000)
  await env.BLOBS.delete(`uploads/one/parts/${parts[1]?.partId}`)
  const broken = await content.read(digestOf(bytes))
  await expect(collect(broken)).rejects.toThrow(/taken away/)
  await env.BLOBS.delete(`uploads/one/parts/${parts[0]?.partId}`)
  await expect(content.read(digestOf(bytes))).rejects.toThrow(/taken away/)
})
