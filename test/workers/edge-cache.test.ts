import { env } from 'cloudflare:workers'
import { beforeEach, expect, test } from 'vitest'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { cacheAtEdge } from '../../worker/edge-cache.ts'
import { blobOf } from '../registry/client.ts'
import { emptyBindings } from './stores.ts'

beforeEach(emptyBindings)

const urlOf = (digest: Digest) => `https://content.invalid/${digest}`

/** A cache of its own, and how often R2 was read behind it. */
async function openCached(name: string, cache?: Pick<Cache, 'match' | 'put'>) {
  const r2 = createR2Content(env.BLOBS)
  let reads = 0
  const read: typeof r2.read = (digest, range) => {
    reads += 1
    return r2.read(digest, range)
  }
  const counted = { ...r2, read }
  const edge = await caches.open(name)
  return { content: cacheAtEdge(counted, cache ?? edge), edge, countReads: () => reads }
}

async function putBytes(content: { put(digest: Digest, bytes: Uint8Array): Promise<void> }, size: number) {
  const bytes = blobOf(size)
  const digest = await digestOf('sha256', bytes)
  await content.put(digest, bytes)
  return { bytes, digest }
}

type Reading = { read(digest: Digest): Promise<ReadableStream<Uint8Array> | undefined> }
const readAll = async (content: Reading, digest: Digest) =>
  new Uint8Array(await new Response((await content.read(digest)) ?? null).arrayBuffer())

test('what is small is read from R2 once, a range of it and what is long each time', async () => {
  const { content, countReads } = await openCached('once')
  const small = await putBytes(content, 64 * 1024)
  for (const reads of [1, 1, 1])
    expect([await readAll(content, small.digest), countReads()]).toEqual([small.bytes, reads])
  await (await content.read(small.digest, { first: 1, last: 2 }))?.cancel()
  expect(countReads()).toBe(2)
  const long = await putBytes(content, 64 * 1024 + 1)
  for (const reads of [3, 4]) expect([await readAll(content, long.digest), countReads()]).toEqual([long.bytes, reads])
})

test('what is absent is absent, and is found once it is there', async () => {
  const { content } = await openCached('absent')
  const bytes = new Uint8Array([1, 2, 3])
  const digest = await digestOf('sha256', bytes)
  expect(await content.read(digest)).toBeUndefined()
  await content.put(digest, bytes)
  expect(await readAll(content, digest)).toEqual(bytes)
})

test('a cache that holds other bytes is not believed: R2 is read', async () => {
  const { content, edge, countReads } = await openCached('wrong')
  const { bytes, digest } = await putBytes(content, 100)
  await edge.put(urlOf(digest), new Response('other bytes', { headers: { 'cache-control': 'max-age=60' } }))
  expect([await readAll(content, digest), countReads()]).toEqual([bytes, 1])
})

test('a cache that fails costs a read of R2 and nothing else', async () => {
  const broken = { match: () => Promise.reject(new Error('broken')), put: () => Promise.reject(new Error('broken')) }
  const { content, countReads } = await openCached('broken', broken)
  const { bytes, digest } = await putBytes(content, 100)
  for (const reads of [1, 2]) expect([await readAll(content, digest), countReads()]).toEqual([bytes, reads])
})
