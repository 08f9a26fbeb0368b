import { expect, test } from 'vitest'
import { heldBackBytes } from '../../gateway/proxy/checked-content.ts'
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

const dockerType = 'application/vnd.docker.distribution.manifest.v2+json'
const config = bytesOf(300)
const large = bytesOf(heldBackBytes + 700_000)
const image = imageOf(config, large)
/** True by its digest, and wrong about the size of somebody else's layer. */
const claim = json({
  schemaVersion: 2,
  mediaType: imageType,
  config: { mediaType: 'application/octet-stream', digest: sha256(config), size: config.length },
  layers: [{ mediaType: 'application/other', digest: sha256(large), size: 5 }],
})
/** The same about the type of somebody else's image. */
const other = json({
  schemaVersion: 2,
  mediaType: indexType,
  manifests: [{ mediaType: dockerType, digest: sha256(image), size: image.length }],
})
const tags = { latest: listed(image) }
const blobPath = (bytes: Uint8Array) => `acme.eth/blobs/${sha256(bytes)}`

function flipLast(bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  return flipped
}

/** What came of a body until it ended or broke. */
async function drain(response: Response): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const pieces: Uint8Array[] = []
  try {
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) pieces.push(piece)
    return { bytes: Buffer.concat(pieces), isWhole: true }
  } catch {
    return { bytes: Buffer.concat(pieces), isWhole: false }
  }
}

/** Without a comparison byte by byte, which takes its time for megabytes. */
async function isWhole(response: Response, wanted: Uint8Array): Promise<boolean> {
  const got = await drain(response)
  return got.isWhole && got.bytes.equals(wanted)
}

test('protocol 6: the end of a large blob goes out only when all of it was hashed', async () => {
  const honest = testProxy(tags, [sourceOf('good').has(image, large)])
  const got = await honest.get(blobPath(large))
  expect(got.headers.get('content-length')).toBe(`${large.length}`)
  expect(await isWhole(got, large)).toBe(true)
  const lied = testProxy(tags, [sourceOf('bad', { alter: flipLast }).has(large)])
  const { bytes, ...broken } = await drain(await lied.get(blobPath(large)))
  expect(broken.isWhole).toBe(false)
  expect(bytes.length).toBeLessThanOrEqual(large.length - heldBackBytes + 64 * 1024)
})

test('A2: a body is cut at the first byte too many', async () => {
  const endless = sourceOf('endless', {
    announces: () => large.length,
    alter: (bytes) => Buffer.concat([bytes, bytes, bytes]),
  })
  const { get, log } = testProxy(tags, [endless.has(large)])
  expect((await drain(await get(blobPath(large)))).isWhole).toBe(false)
  expect(endless.closed).toBe(1)
  expect(log.map(({ fields }) => fields?.reason)).toContain('SizeMismatch')
})

test('what a verified manifest says of a size is held against what a source announces', async () => {
  const { get } = testProxy(tags, [
    sourceOf('other', { announces: (size) => (size === large.length ? 5 : size) }).has(image, large),
  ])
  expect((await get('acme.eth/manifests/latest')).status).toBe(200)
  expect(await errorOf(await get(blobPath(large)))).toMatchObject({ status: 403, reason: 'SizeMismatch' })
  expect((await get(blobPath(large), { method: 'HEAD' })).status).toBe(403)
})

test('a source that breaks off is followed by the next one, where it stopped', async () => {
  const first = sourceOf('first', { breaksAfter: heldBackBytes + 256 * 1024 }).has(large)
  const second = sourceOf('second').has(large)
  const got = await testProxy(tags, [first, second]).get(blobPath(large))
  expect(await isWhole(got, large)).toBe(true)
  expect(second.asked).toEqual([`${sha256(large)} ${heldBackBytes + 256 * 1024}`])
  expect(first.blamed).toBe(1)
})

test('a source that breaks off before anybody saw a byte leaves nothing of itself behind', async () => {
  const lying = sourceOf('lying', {
    alter: (bytes) => Buffer.concat([new Uint8Array(70_000), bytes.subarray(70_000)]),
    breaksAfter: 128 * 1024,
  })
  const second = sourceOf('second').has(large)
  const got = await testProxy(tags, [lying.has(large), second]).get(blobPath(large))
  expect(await isWhole(got, large)).toBe(true)
  expect(second.asked).toEqual([sha256(large)])
})

test('who lied about a blob is not asked for it again for a minute: the second try says why', async () => {
  const lying = sourceOf('bad', { alter: flipLast }).has(large)
  const { get, advance } = testProxy(tags, [lying])
  expect((await drain(await get(blobPath(large)))).isWhole).toBe(false)
  expect(await errorOf(await get(blobPath(large)))).toMatchObject({ status: 403, reason: 'DigestMismatch' })
  expect(lying.asked).toHaveLength(1)
  advance(60_000)
  expect((await get(blobPath(large))).status).toBe(200)
})

test('of a body that two sources made and that is wrong, the one that broke off is left out the next time', async () => {
  const poison = (bytes: Uint8Array) => Buffer.concat([new Uint8Array(10), bytes.subarray(10)])
  const first = sourceOf('first', { alter: poison, breaksAfter: heldBackBytes + 256 * 1024 }).has(large)
  const second = sourceOf('second').has(large)
  const { get } = testProxy(tags, [first, second])
  expect((await drain(await get(blobPath(large)))).isWhole).toBe(false)
  expect(await isWhole(await get(blobPath(large)), large)).toBe(true)
  expect(second.asked.at(-1)).toBe(sha256(large))
})

test('a small blob that is wrong is asked elsewhere, and refused when all are wrong', async () => {
  const bad = () => sourceOf('bad', { alter: flipLast }).has(config)
  const both = testProxy(tags, [bad(), sourceOf('good').has(config)])
  expect(await isWhole(await both.get(blobPath(config)), config)).toBe(true)
  const alone = testProxy(tags, [bad(), sourceOf('gone', { silent: true })])
  expect(await errorOf(await alone.get(blobPath(config)))).toMatchObject({
    status: 403,
    code: 'DENIED',
    reason: 'DigestMismatch',
  })
})

test('a blob of which nobody says how long it is could go on for ever: the next source is asked', async () => {
  const vague = sourceOf('vague', { announces: () => null }).has(config)
  expect((await testProxy(tags, [vague]).get(blobPath(config))).status).toBe(503)
  expect(vague.closed).toBe(1)
  expect((await testProxy(tags, [vague, sourceOf('good').has(config)]).get(blobPath(config))).status).toBe(200)
})

test('an empty blob is content like any other', async () => {
  const empty = new Uint8Array()
  const got = await testProxy({}, [sourceOf('good').has(empty)]).get(blobPath(empty))
  expect([got.status, got.headers.get('content-length')]).toEqual([200, '0'])
  expect(await isWhole(got, empty)).toBe(true)
})

test('a range to the end is the end of bytes that were all hashed; any other range gets the whole', async () => {
  const { get } = testProxy(tags, [sourceOf('good').has(large)])
  const rest = await get(blobPath(large), { headers: { range: 'bytes=1000-' } })
  expect([rest.status, rest.headers.get('content-range')]).toEqual([
    206,
    `bytes 1000-${large.length - 1}/${large.length}`,
  ])
  expect((await drain(rest)).bytes.equals(large.subarray(1000))).toBe(true)
  for (const range of ['bytes=0-', 'bytes=5-9', 'bytes=-5', 'bytes=1-2,3-4', 'lines=1-']) {
    expect([range, (await get(blobPath(large), { headers: { range } })).status]).toEqual([range, 200])
  }
  const beyond = await get(blobPath(large), { headers: { range: `bytes=${large.length}-` } })
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${large.length}`])
  const lied = testProxy(tags, [sourceOf('bad', { alter: flipLast }).has(large)])
  const wrong = await lied.get(blobPath(large), { headers: { range: 'bytes=1000-' } })
  expect((await drain(wrong)).isWhole).toBe(false)
})

test('a size that one source makes up does not shut out the others from a range', async () => {
  const range = { headers: { range: 'bytes=100-' } }
  const good = () => sourceOf('good').has(config)
  const honest = await testProxy(tags, [good()]).get(blobPath(config), range)
  expect([honest.status, (await drain(honest)).bytes.length]).toEqual([206, config.length - 100])
  const { get } = testProxy(tags, [sourceOf('bad', { announces: () => 200 }).has(config), good()])
  const got = await get(blobPath(config), range)
  expect([got.status, got.headers.get('content-range')]).toEqual([
    206,
    `bytes 100-${config.length - 1}/${config.length}`,
  ])
  expect((await drain(got)).bytes.equals(config.subarray(100))).toBe(true)
})

test('a manifest that somebody made cannot change what another one, or the list, says of content', async () => {
  const { get } = testProxy(tags, [sourceOf('any').has(image, config, large, claim, other)])
  expect((await get('acme.eth/manifests/latest')).status).toBe(200)
  expect(await isWhole(await get(blobPath(large)), large)).toBe(true)
  expect((await get(`acme.eth/manifests/${sha256(claim)}`)).status).toBe(200)
  expect((await get(`acme.eth/manifests/${sha256(other)}`)).status).toBe(200)
  expect(await isWhole(await get(blobPath(large)), large)).toBe(true)
  const again = await get(`acme.eth/manifests/${sha256(image)}`)
  expect([again.status, again.headers.get('content-type')]).toEqual([200, imageType])
})

test('content of which two manifests say different things is still content that is named: 503 and not 404', async () => {
  const { get } = testProxy(tags, [sourceOf('manifests only').has(image, claim)])
  expect((await get('acme.eth/manifests/latest')).status).toBe(200)
  expect((await get(`acme.eth/manifests/${sha256(claim)}`)).status).toBe(200)
  expect((await get(blobPath(large))).status).toBe(503)
})

test('404 is for what every source says it has not and nothing verified names; anything else is 503', async () => {
  const empty = () => sourceOf('empty')
  const silent = sourceOf('silent', { silent: true })
  expect(await errorOf(await testProxy(tags, [empty(), empty()]).get(blobPath(config)))).toMatchObject({
    status: 404,
    code: 'BLOB_UNKNOWN',
  })
  expect((await testProxy(tags, [empty(), silent]).get(blobPath(config))).status).toBe(503)
  expect((await testProxy(tags, []).get(blobPath(config))).status).toBe(503)
  const named = testProxy(tags, [sourceOf('manifests only').has(image)])
  expect((await named.get('acme.eth/manifests/latest')).status).toBe(200)
  const answer = await named.get(blobPath(config))
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
})

test('a client that goes away ends what is read for it', async () => {
  const source = sourceOf('good').has(large)
  const response = await testProxy(tags, [source]).get(blobPath(large))
  const reader = response.body?.getReader()
  await reader?.read()
  expect(source.closed).toBe(0)
  await reader?.cancel()
  expect(source.closed).toBe(1)
})
