import { expect, test } from 'vitest'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { Refusal, type RefusalName, refusalNames } from '../../gateway/tags/refusal.ts'
import {
  bytesOf,
  errorOf,
  imageOf,
  imageType,
  indexType,
  json,
  listed,
  sha256,
  sourceOf,
  testProxy,
} from './injected.ts'

const config = bytesOf(300)
const image = imageOf(config)
const tags = { latest: listed(image) }
const good = () => sourceOf('good').has(image, config)

test('several pulls of one tag at once resolve it once and read its manifest once', async () => {
  const source = good()
  const { get, counts } = testProxy(tags, [source])
  const answers = await Promise.all(Array.from({ length: 20 }, () => get('acme.eth/manifests/latest')))
  for (const answer of answers) expect(Buffer.from(await answer.arrayBuffer()).equals(image)).toBe(true)
  expect(counts).toEqual({ openName: 1, resolve: 1, listTags: 0 })
  expect(source.asked).toEqual([sha256(image)])
})

test('protocol 5: a verified answer is given again for 5 seconds, what the chain said of a name for 10', async () => {
  const { get, counts, advance } = testProxy(tags, [good()])
  const pull = () => get('acme.eth/manifests/latest', { method: 'HEAD' })
  await pull()
  advance(4_999)
  await pull()
  expect(counts).toMatchObject({ openName: 1, resolve: 1 })
  advance(1)
  await pull()
  expect(counts).toMatchObject({ openName: 1, resolve: 2 })
  advance(5_000)
  await pull()
  expect(counts).toMatchObject({ openName: 2, resolve: 3 })
})

test('a failure is not remembered', async () => {
  let fails = true
  const resolve = async (tag: string) => {
    if (fails) throw new Refusal('Expired', 'the list expired')
    return tag === 'latest' ? tags.latest : undefined
  }
  const { get } = testProxy(tags, [good()], { resolve })
  expect((await get('acme.eth/manifests/latest')).status).toBe(403)
  fails = false
  expect((await get('acme.eth/manifests/latest')).status).toBe(200)
})

test('HEAD of a tag is what was signed, and reads no content', async () => {
  const source = good()
  const { get } = testProxy(tags, [source])
  const head = await get('acme.eth/manifests/latest', { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.headers.get('docker-content-digest')).toBe(sha256(image))
  expect(head.headers.get('content-length')).toBe(`${image.length}`)
  expect(source.asked).toEqual([])
})

test.each(refusalNames)(
  'protocol 3.1: %s is 403 DENIED with its name in message and detail',
  async (reason: RefusalName) => {
    const resolve = async () => {
      throw new Refusal(reason, 'what was seen')
    }
    const { get } = testProxy(tags, [good()], { resolve })
    const refused = await errorOf(await get('acme.eth/manifests/latest'))
    expect(refused).toEqual({ status: 403, code: 'DENIED', reason, message: `refused: ${reason}: what was seen` })
  },
)

test('a chain that cannot be asked is 503 with Retry-After; what is unknown to us 500 without its words', async () => {
  const failing = (error: Error) =>
    testProxy(tags, [], { resolve: () => Promise.reject(error) }).get('acme.eth/manifests/latest')
  const unavailable = await failing(new ChainUnavailable('http://key@rpc is down'))
  expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '5'])
  expect((await errorOf(unavailable)).message).not.toContain('key@')
  const broken = await errorOf(await failing(new Error('a secret path')))
  expect(broken).toMatchObject({ status: 500, code: 'UNKNOWN' })
  expect(broken.message).not.toContain('secret')
})

const shapes: readonly [what: string, manifest: unknown, type: string, isOneThing: boolean][] = [
  ['an image', JSON.parse(Buffer.from(image).toString()), imageType, true],
  ['an image listed as an index', JSON.parse(Buffer.from(image).toString()), indexType, false],
  ['layers and manifests in one', { schemaVersion: 2, layers: [], manifests: [] }, indexType, false],
  ['a member that Go reads and we do not', { schemaVersion: 2, manifests: [], Manifests: [] }, indexType, false],
]

test.each(shapes)('row 10: %s under its signed type', async (_what, manifest, type, isOneThing) => {
  const bytes = json(manifest)
  const { get } = testProxy({ tag: listed(bytes, type) }, [sourceOf('good').has(bytes)])
  const answer = await get('acme.eth/manifests/tag')
  if (isOneThing) expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type])
  else expect(await errorOf(answer)).toMatchObject({ status: 403, reason: 'AmbiguousManifest' })
})

test('a manifest that only its digest names has the type that it says itself, or that its members mean', async () => {
  const typed = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifests: [],
  })
  const bare = json({ schemaVersion: 2, manifests: [] })
  const { get } = testProxy({}, [sourceOf('good').has(typed, bare)])
  const typeOf = async (bytes: Uint8Array) =>
    (await get(`acme.eth/manifests/${sha256(bytes)}`)).headers.get('content-type')
  expect(await typeOf(typed)).toBe('application/vnd.docker.distribution.manifest.list.v2+json')
  expect(await typeOf(bare)).toBe(indexType)
})

test('a manifest that an index names is held to the size and type that the index gives', async () => {
  const child = (size: number, mediaType: string) => ({ mediaType, digest: sha256(image), size })
  const indexOf = (entry: object) => json({ schemaVersion: 2, mediaType: indexType, manifests: [entry] })
  const pullChild = async (entry: object) => {
    const imageIndex = indexOf(entry)
    const { get } = testProxy({ tag: listed(imageIndex, indexType) }, [good().has(imageIndex)])
    expect((await get('acme.eth/manifests/tag')).status).toBe(200)
    return get(`acme.eth/manifests/${sha256(image)}`)
  }
  expect((await pullChild(child(image.length, imageType))).status).toBe(200)
  expect(await errorOf(await pullChild(child(image.length + 1, imageType)))).toMatchObject({ reason: 'SizeMismatch' })
  expect(await errorOf(await pullChild(child(image.length, indexType)))).toMatchObject({ reason: 'AmbiguousManifest' })
})

test('If-None-Match with the digest is 304', async () => {
  const { get } = testProxy(tags, [good()])
  for (const path of ['manifests/latest', `manifests/${sha256(image)}`, `blobs/${sha256(config)}`]) {
    const etag = (await get(`acme.eth/${path}`)).headers.get('etag') ?? ''
    const again = await get(`acme.eth/${path}`, { headers: { 'if-none-match': etag } })
    expect([path, again.status]).toEqual([path, 304])
  }
})

test.each([
  ['acme.eth/manifests/sha256:zz', 'DIGEST_INVALID', 400],
  ['acme.eth/manifests/-x', 'MANIFEST_INVALID', 400],
  ['acme.eth/blobs/latest', 'DIGEST_INVALID', 400],
  ['Acme.eth/manifests/latest', 'NAME_INVALID', 400],
  ['library/alpine/manifests/latest', 'NAME_INVALID', 400],
  ['acme.eth/web/manifests/latest?ns=nonsense', 'NAME_UNKNOWN', 404],
  ['acme.eth/tags/list?n=-1', 'UNSUPPORTED', 400],
  ['acme.eth/_mooring/list', 'UNSUPPORTED', 404],
  ['_catalog', 'UNSUPPORTED', 404],
])('bad input: %s is %s %i', async (path, code, status) => {
  const { get, counts } = testProxy(tags, [good()])
  expect(await errorOf(await get(path))).toMatchObject({ code, status })
  expect(counts.openName).toBe(0)
})

test('dot segments are seen before any URL parser resolves them', async () => {
  const { app } = testProxy(tags, [good()])
  const request = new Request('http://localhost/v2/acme.eth/manifests/latest')
  expect((await app.fetch(request)).status).toBe(200)
  expect((await app.fetch(request, '/v2/b.eth/../acme.eth/manifests/latest')).status).toBe(400)
})

test('tags in pages, each with a link to the next that keeps ?ns=', async () => {
  const { get, counts } = testProxy({ a: tags.latest, b: tags.latest, c: tags.latest }, [])
  const page = await get('acme.eth/tags/list?n=2&ns=acme.eth')
  expect(await page.json()).toEqual({ name: 'acme.eth', tags: ['a', 'b'] })
  expect(page.headers.get('link')).toBe('</v2/acme.eth/tags/list?n=2&ns=acme.eth&last=b>; rel="next"')
  const last = await get('acme.eth/tags/list?n=2&last=b')
  expect(await last.json()).toEqual({ name: 'acme.eth', tags: ['c'] })
  expect(last.headers.get('link')).toBeNull()
  expect(counts.listTags).toBe(1)
})

test('referrers are marked as the word of a gateway, and what is no index is refused', async () => {
  const subject = sha256(image)
  const body = json({ schemaVersion: 2, mediaType: indexType, manifests: [] })
  const claimed = { body, from: 'http://gateway', nextQuery: 'n=1&last=x', isFiltered: true }
  const answer = await testProxy(tags, [], { readReferrers: async () => claimed }).get(
    `acme.eth/referrers/${subject}?ns=acme.eth`,
  )
  expect([answer.status, answer.headers.get('oci-filters-applied')]).toEqual([200, 'artifactType'])
  expect(answer.headers.get('warning')).toContain('the word of http://gateway alone')
  expect(answer.headers.get('link')).toBe(`</v2/acme.eth/referrers/${subject}?n=1&last=x&ns=acme.eth>; rel="next"`)
  const nonsense = { ...claimed, body: Buffer.from('<html>') }
  const refused = await testProxy(tags, [], { readReferrers: async () => nonsense }).get(
    `acme.eth/referrers/${subject}`,
  )
  expect(await errorOf(refused)).toMatchObject({ status: 403, reason: 'AmbiguousManifest' })
})
