import { createHash, randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { fetchResponse } from '../../gateway/cli/client/ccip.ts'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import {
  answerForOtherTag,
  forgeDigest,
  type Lie,
  type LyingGateway,
  replay,
  signAsStranger,
  startLyingGateway,
} from '../../gateway/cli/demo/liar.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { command } from '../cli/command.ts'
import { createTestSigner, testKeys } from '../fixtures.ts'
import { pull, type RunningProxy, startMooringProxy, statusWithHost } from './proxied.ts'
import { type Answer, pushTags, startProxy, startWorld, type World } from './world.ts'

let world: World
let liar: LyingGateway
let image: DemoImage
let old: Lie
const running: { stop(): Promise<unknown> }[] = []
let states = 0

beforeAll(async () => {
  world = await startWorld()
  liar = await startLyingGateway()
  image = await pushTags(world, 'latest')
  old = replay(await fetchResponse(world.gateway.url, domain(), encodeTagLookup('acme.eth', 'latest', 'text')))
  await pushTags(world, '1.0')
})
afterEach(async () => {
  for (const proxy of running.splice(0)) await proxy.stop()
})
afterAll(async () => {
  await liar.close()
  await world.close()
})

function domain() {
  return { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
}

/** A proxy that ends with the test; without `state` it has seen nothing before. */
async function proxyOver(gateways: readonly string[], state = `proxy-${states++}`): Promise<RunningProxy> {
  const proxy = await startMooringProxy(world, gateways, state, ['--timeout-ms', '2000'])
  running.push(proxy)
  return proxy
}

/** The honest gateway with some of its answers altered. */
async function altering(path: RegExp, alter: (answer: Answer) => Partial<Answer>): Promise<string> {
  const server = await startProxy(world.gateway.url, (answer, asked) =>
    path.test(asked) ? { ...answer, ...alter(answer) } : answer,
  )
  running.push({ stop: server.close })
  return server.url
}

const manifestPath = /\/manifests\//
const blobPath = /\/blobs\//

test('a tag, its platforms and all their blobs come through as they were pushed', async () => {
  const { url } = await proxyOver([])
  const { digest, bytes, mediaType } = image.imageIndex
  const tag = await pull(url, 'acme.eth/manifests/1.0')
  expect(tag).toMatchObject({ status: 200, error: undefined })
  expect(Buffer.from(tag.bytes ?? []).equals(bytes)).toBe(true)
  expect(tag.headers.get('content-type')).toBe(mediaType)
  expect(tag.headers.get('docker-content-digest')).toBe(digest)
  for (const manifest of image.manifests) {
    const got = await pull(url, `acme.eth/manifests/${manifest.digest}`)
    expect(Buffer.from(got.bytes ?? []).equals(manifest.bytes)).toBe(true)
    expect(got.headers.get('content-type')).toBe(manifest.mediaType)
  }
  for (const blob of image.blobs) {
    const got = await pull(url, `acme.eth/blobs/${blob.digest}`)
    expect(got.headers.get('content-length')).toBe(`${blob.bytes.length}`)
    expect(Buffer.from(got.bytes ?? []).equals(blob.bytes)).toBe(true)
  }
  expect(await pull(url, 'acme.eth/tags/list')).toMatchObject({ status: 200 })
})

test('HEAD has what GET has, and no body', async () => {
  const { url } = await proxyOver([])
  const [blob] = image.blobs
  for (const path of [`manifests/1.0`, `manifests/${image.manifests[0]?.digest}`, `blobs/${blob?.digest}`]) {
    const got = await pull(url, `acme.eth/${path}`)
    const head = await pull(url, `acme.eth/${path}`, { method: 'HEAD' })
    expect(head.status).toBe(200)
    for (const name of ['content-length', 'content-type', 'docker-content-digest']) {
      expect([path, name, head.headers.get(name)]).toEqual([path, name, got.headers.get(name)])
    }
  }
})

test('a tag that is proven absent is 404 MANIFEST_UNKNOWN, a name that is not served 403 with the reason', async () => {
  const { url } = await proxyOver([])
  expect((await pull(url, 'acme.eth/manifests/1.0')).status).toBe(200)
  const absent = await pull(url, 'acme.eth/manifests/nope')
  expect(absent).toMatchObject({ status: 404, error: { code: 'MANIFEST_UNKNOWN' } })
  expect(absent.error?.message).toContain('proves it absent')
  for (const path of ['manifests/1.0', `blobs/${image.blobs[0]?.digest}`, 'tags/list']) {
    const unknown = await pull(url, `nobody.eth/${path}`)
    expect(unknown).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason: 'UnreachableName' } } })
  }
})

test('protocol 1: ?ns= names the first component, and is said back', async () => {
  const { url } = await proxyOver([])
  const { digest } = image.imageIndex
  const mirror = await pull(url, 'acme.eth/manifests/1.0?ns=acme.eth')
  expect(mirror.headers.get('docker-content-digest')).toBe(digest)
  expect(mirror.headers.get('oci-namespace')).toBe('acme.eth')
  expect((await pull(url, 'web/manifests/x?ns=acme.eth')).status).toBe(503)
  expect(await pull(url, 'library/alpine/manifests/3?ns=docker.io')).toMatchObject({ status: 403 })
})

test('tags come from the whole verified list, page by page', async () => {
  const { url } = await proxyOver([])
  const first = await pull(url, 'acme.eth/tags/list?n=1')
  expect(JSON.parse(Buffer.from(first.bytes ?? []).toString())).toEqual({ name: 'acme.eth', tags: ['1.0'] })
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
  const second = await pull(url, next?.replace('/v2/', '') ?? '')
  expect(JSON.parse(Buffer.from(second.bytes ?? []).toString())).toEqual({ name: 'acme.eth', tags: ['latest'] })
  expect(second.headers.get('link')).toBeNull()
})

test('it only reads: every other method is 405 with Allow, and other hosts than loopback are refused', async () => {
  const { url } = await proxyOver([])
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const answer = await pull(url, 'acme.eth/manifests/1.0', { method })
    expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD'])
  }
  expect(await statusWithHost(url, 'localhost:5055')).toBe(200)
  expect(await statusWithHost(url, 'rebound.example')).toBe(403)
  expect(await statusWithHost(url, 'localhost:5055', 'TRACE')).toBe(405)
  for (const host of ['user@localhost', 'localhost/v2', 'localhost#', 'localhost?']) {
    expect([host, await statusWithHost(url, host)]).toEqual([host, 400])
  }
})

test('row 9: a name whose memory cannot be read is refused with what to do, and never answered as if it had been seen for the first time', async () => {
  const { url } = await proxyOver([], 'broken')
  expect((await pull(url, 'acme.eth/manifests/1.0')).status).toBe(200)
  const memory = join(world.folder, 'broken')
  const [folder = ''] = await readdir(memory)
  await writeFile(join(memory, folder, '2.json'), '')
  const proxy = await proxyOver([], 'broken')
  const refused = await pull(proxy.url, 'acme.eth/manifests/1.0')
  expect(refused).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason: 'MemoryUnusable' } } })
  expect(refused.error?.message).toContain(join(memory, folder))
  expect((await pull(proxy.url, 'acme.eth/tags/list')).status).toBe(403)
})

type Teller = () => Lie

const lookupLies: readonly [lie: string, tell: Teller, reason: string][] = [
  ['a forged digest', () => forgeDigest(world.gateway.url, domain()), 'BadProof'],
  ['the proof of another tag', () => answerForOtherTag(world.gateway.url, domain(), 'latest'), 'BadProof'],
  ['absence for a present tag', () => answerForOtherTag(world.gateway.url, domain(), 'zzz'), 'BadProof'],
  [
    'a list of a stranger',
    () => signAsStranger(world.gateway.url, domain(), createTestSigner(testKeys.third)),
    'NotPublisher',
  ],
  ['bytes that are no answer', () => async () => '0x1234', 'BadResponse'],
]

test.each(lookupLies)(
  'rows 0 to 8: %s is 403 with its name, and an honest gateway beside it is believed',
  async (_lie, tell, reason) => {
    liar.tell(tell())
    const alone = await proxyOver([liar.url])
    const refused = await pull(alone.url, 'acme.eth/manifests/1.0')
    expect(refused).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason } } })
    expect(refused.error?.message).toContain(reason)
    const beside = await proxyOver([liar.url, world.gateway.url])
    expect((await pull(beside.url, 'acme.eth/manifests/1.0')).status).toBe(200)
  },
)

test('row 9: an older list is Rollback for a proxy that saw a newer one, before and after a restart', async () => {
  liar.tell(old)
  const honest = await proxyOver([world.gateway.url], 'rollback')
  expect((await pull(honest.url, 'acme.eth/manifests/latest')).status).toBe(200)
  await honest.stop()
  const lied = await proxyOver([liar.url], 'rollback')
  const refused = await pull(lied.url, 'acme.eth/manifests/latest')
  expect(refused).toMatchObject({ status: 403, error: { detail: { reason: 'Rollback' } } })
})

const contentLies: readonly [lie: string, path: RegExp, alter: (answer: Answer) => Partial<Answer>, reason: string][] =
  [
    ['a manifest with a bit changed', manifestPath, ({ body }) => ({ body: flipLastBit(body) }), 'DigestMismatch'],
    ['another manifest', manifestPath, () => ({ body: image.manifests[0]?.bytes ?? new Uint8Array() }), 'SizeMismatch'],
    ['a manifest that is too short', manifestPath, ({ body }) => ({ body: body.slice(1) }), 'SizeMismatch'],
    [
      'a manifest that is too long',
      manifestPath,
      ({ body }) => ({ body: Buffer.concat([body, body]) }),
      'SizeMismatch',
    ],
  ]

test.each(contentLies)(
  'row 10: %s is 403 with its name, and the next gateway is asked',
  async (_lie, path, alter, reason) => {
    const lying = await altering(path, alter)
    const alone = await proxyOver([lying])
    const refused = await pull(alone.url, 'acme.eth/manifests/1.0')
    expect(refused).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason } } })
    const beside = await proxyOver([lying, world.gateway.url])
    expect((await pull(beside.url, 'acme.eth/manifests/1.0')).status).toBe(200)
    expect(beside.notes.join()).toContain(reason)
  },
)

test('A10: the type that was signed is answered, whatever a gateway says', async () => {
  const lying = await altering(manifestPath, ({ headers }) => ({
    headers: { ...headers, 'content-type': 'text/html' },
  }))
  const { url } = await proxyOver([lying])
  const got = await pull(url, 'acme.eth/manifests/1.0')
  expect(got.headers.get('content-type')).toBe(image.imageIndex.mediaType)
  const child = await pull(url, `acme.eth/manifests/${image.manifests[0]?.digest}`)
  expect(child.headers.get('content-type')).toBe(image.manifests[0]?.mediaType)
})

const blobLies: readonly [lie: string, alter: (answer: Answer) => Partial<Answer>, reason: string][] = [
  ['with a bit changed', ({ body }) => ({ body: flipLastBit(body) }), 'DigestMismatch'],
  ['too short', ({ body }) => ({ body: body.slice(1) }), 'SizeMismatch'],
  ['too long', ({ body }) => ({ body: Buffer.concat([body, body]) }), 'SizeMismatch'],
]

test.each(blobLies)(
  'row 10: a small blob %s is 403 with its name, and the next gateway is asked',
  async (_lie, alter, reason) => {
    const lying = await altering(blobPath, alter)
    const blob = image.blobs[0]
    const alone = await proxyOver([lying])
    for (const { digest } of [image.imageIndex, ...image.manifests])
      await pull(alone.url, `acme.eth/manifests/${digest}`)
    const refused = await pull(alone.url, `acme.eth/blobs/${blob?.digest}`)
    expect(refused).toMatchObject({ status: 403, error: { code: 'DENIED', detail: { reason } } })
    const beside = await proxyOver([lying, world.gateway.url])
    const got = await pull(beside.url, `acme.eth/blobs/${blob?.digest}`)
    expect(got.status).toBe(200)
    expect(Buffer.from(got.bytes ?? []).equals(blob?.bytes ?? new Uint8Array())).toBe(true)
  },
)

test('row 10: a large blob that is wrong never ends well, and is asked elsewhere the next time', async () => {
  const bytes = randomBytes(3 * 1024 * 1024)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const
  await pushImage(
    `${world.gateway.url}/v2/acme.eth`,
    { ...buildDemoImage('big'), blobs: [{ digest, bytes }], manifests: [] },
    [],
  )
  const length = { 'content-length': `${bytes.length}` }
  const lying = await altering(blobPath, ({ body }) => ({ headers: length, body: flipLastBit(body) }))
  const proxy = await proxyOver([lying, world.gateway.url])
  const broken = await pull(proxy.url, `acme.eth/blobs/${digest}`)
  expect(broken).toMatchObject({ status: 200, bytes: null })
  const again = await pull(proxy.url, `acme.eth/blobs/${digest}`)
  expect(Buffer.from(again.bytes ?? []).equals(bytes)).toBe(true)
  const rest = await pull(proxy.url, `acme.eth/blobs/${digest}`, { headers: { range: 'bytes=3000000-' } })
  expect(rest.status).toBe(206)
  expect(rest.headers.get('content-range')).toBe(`bytes 3000000-${bytes.length - 1}/${bytes.length}`)
  expect(Buffer.from(rest.bytes ?? []).equals(bytes.subarray(3_000_000))).toBe(true)
})

test.each([
  ['500', () => ({ status: 500 })],
  ['a redirect to another host', () => ({ status: 302, headers: { location: 'http://127.0.0.2/' } })],
] as [string, () => Partial<Answer>][])(
  '%s everywhere is 503 with Retry-After, and the next gateway is asked',
  async (_what, alter) => {
    const silent = await altering(/./, alter)
    const alone = await proxyOver([silent])
    for (const path of ['manifests/1.0', 'tags/list', `blobs/${image.blobs[0]?.digest}`]) {
      const answer = await pull(alone.url, `acme.eth/${path}`)
      expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '5'])
    }
    const beside = await proxyOver([silent, world.gateway.url])
    expect((await pull(beside.url, 'acme.eth/manifests/1.0')).status).toBe(200)
  },
)

test('a gateway that has a list and not what it names: 503, and 404 only for what nothing verified names', async () => {
  const empty = await altering(/\/(manifests|blobs)\//, () => ({ status: 404 }))
  const { url } = await proxyOver([empty])
  expect((await pull(url, 'acme.eth/manifests/1.0')).status).toBe(503)
  expect(await pull(url, `acme.eth/blobs/sha256:${'0'.repeat(64)}`)).toMatchObject({
    status: 404,
    error: { code: 'BLOB_UNKNOWN' },
  })
})

test('interfaces: a port that is taken is exit 2 and a line that names it', async () => {
  const { port } = new URL((await proxyOver([])).url)
  const flags = [...world.chainFlags.slice(0, -1), join(world.folder, 'taken')]
  const { code, err } = await command(['proxy', '--port', port, ...flags])
  expect([code, err]).toEqual([2, expect.stringContaining(`--port (MOORING_PORT): saw "${port}", wanted a port`)])
})

test('a chain that cannot be asked at the start is an error, not a proxy that refuses everything', async () => {
  const rpc = await startProxy(world.chain.rpc, (answer) => answer)
  await rpc.close()
  const failing = startMooringProxy(
    { ...world, chainFlags: ['--rpc', rpc.url, ...world.chainFlags.slice(2)] },
    [],
    'gone',
  )
  await expect(failing).rejects.toThrow(/ChainUnavailable/)
})

test('a chain that cannot be asked any more is 503, not a statement about the tag', async () => {
  const rpc = await startRpcProxy(world.chain.rpc, (_question, result) => result)
  const chainFlags = ['--rpc', rpc.url, ...world.chainFlags.slice(2)]
  const proxy = await startMooringProxy({ ...world, chainFlags }, [], 'chain-gone')
  running.push(proxy)
  expect((await pull(proxy.url, 'acme.eth/manifests/1.0')).status).toBe(200)
  await rpc.close()
  for (const path of ['acme.eth/manifests/latest', 'bob.eth/manifests/1.0']) {
    const answer = await pull(proxy.url, path)
    expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '5'])
  }
})

test('two proxies on one state folder keep the highest version', async () => {
  const [one, other] = [await proxyOver([world.gateway.url], 'shared'), await proxyOver([world.gateway.url], 'shared')]
  const answers = await Promise.all(
    [one, other, one, other].map(({ url }, at) => pull(url, `acme.eth/manifests/${at < 2 ? 'latest' : '1.0'}`)),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  liar.tell(old)
  const lied = await proxyOver([liar.url], 'shared')
  expect(await pull(lied.url, 'acme.eth/manifests/latest')).toMatchObject({ status: 403 })
})

/** A gateway that takes every connection and says nothing. */
async function startHanging(): Promise<string> {
  const server = createServer(() => undefined)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  running.push({ stop: () => new Promise((closed) => server.close(closed).closeAllConnections()) })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('A11: a gateway that hangs is given up for the next one, and asked last from then on', async () => {
  const hanging = await startHanging()
  const alone = await proxyOver([hanging])
  expect(await pull(alone.url, 'acme.eth/manifests/1.0')).toMatchObject({ status: 503 })
  const beside = await proxyOver([hanging, world.gateway.url])
  expect((await pull(beside.url, 'acme.eth/manifests/1.0')).status).toBe(200)
  expect((await pull(beside.url, `acme.eth/blobs/${image.blobs[0]?.digest}`)).status).toBe(200)
  // The lookup found out who hangs; nobody waited for it again.
  expect(beside.notes.filter((note) => note.includes('source rejected'))).toEqual([])
})

test('referrers are passed on with a warning that they are unverified', async () => {
  const { url } = await proxyOver([])
  const answer = await pull(url, `acme.eth/referrers/${image.imageIndex.digest}`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('warning')).toMatch(/^299 - "unverified: /)
  const lying = await altering(/\/referrers\//, () => ({
    body: Buffer.from('{"schemaVersion":2,"layers":[],"manifests":[]}'),
  }))
  const refused = await pull((await proxyOver([lying])).url, `acme.eth/referrers/${image.imageIndex.digest}`)
  expect(refused).toMatchObject({ status: 403, error: { detail: { reason: 'AmbiguousManifest' } } })
})

function flipLastBit(body: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(body)
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1
  return flipped
}
