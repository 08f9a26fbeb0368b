import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../gateway/oci/digest.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { createTestChain, createTestSigner, testDomain, testNames } from '../fixtures.ts'
import { blobOf, bytesOf, configType, imageType, indexType, layerType } from './client.ts'
import { type RawAnswer, rawRequest, sendRaw } from './raw-socket.ts'

// Bad input as it comes over a socket, against the gateway as it is started: sockets, node's parser, SQLite and files. Each rule first
// shows the twin that is accepted.

let gateway: Gateway
let port: number
let folder: string
/** Headers that do not end. The gateway is patient with them for seconds, in which the other rules run. */
let endless: Promise<RawAnswer>
const now = () => BigInt(Math.floor(Date.now() / 1000))

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-hostile-'))
  const config = {
    ...{ port: 0, host: '127.0.0.1', dataDir: join(folder, 'data'), rpcUrls: ['http://127.0.0.1:9'] },
    ...{ chainId: testDomain.chainId, ensRegistry: testDomain.resolver, resolver: testDomain.resolver },
    ...{ publisherKeyFile: null, insecureNoAuth: false },
  }
  const chain = createTestChain(testNames, now)
  gateway = await startGateway(config, { chain, signer: createTestSigner(), log: () => {} })
  port = Number(new URL(gateway.url).port)
  endless = sendRaw(port, 'GET /v2/ HTTP/1.1\r\nHost: h\r\nX-Slow: ')
})

afterAll(async () => {
  await gateway.close()
  await rm(folder, { recursive: true })
})

/** Whatever was sent, the gateway goes on. */
afterEach(async () => {
  expect((await ask('GET', '/v2/')).status).toBe(200)
})

function ask(method: string, target: string, headers: Record<string, string> = {}, body: string | Uint8Array = '') {
  return sendRaw(port, rawRequest(method, target, headers, body))
}

async function expectAnswer(answer: Promise<RawAnswer> | RawAnswer, status: number, code: string | null = null) {
  const { headers, body, ...got } = await answer
  expect([got.status, got.code, body.slice(0, 300)]).toEqual([status, code, expect.anything()])
  return { headers, body }
}

async function push(repository: string, bytes: Uint8Array): Promise<string> {
  const digest = await digestOf('sha256', bytes)
  await expectAnswer(ask('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {}, bytes), 201)
  return digest
}

function putManifest(tagOrDigest: string, text: string, mediaType = imageType): Promise<RawAnswer> {
  return ask('PUT', `/v2/acme.eth/manifests/${tagOrDigest}`, { 'Content-Type': mediaType }, text)
}

/** A small image whose blobs are there; `more` are further members. */
async function imageText(more: object = {}): Promise<string> {
  const config = { mediaType: configType, digest: await push('acme.eth', bytesOf('{}')), size: 2 }
  return JSON.stringify({ schemaVersion: 2, mediaType: imageType, config, layers: [], ...more })
}

async function begin(repository = 'acme.eth'): Promise<string> {
  const { headers } = await expectAnswer(
    ask('POST', `/v2/${repository}/blobs/uploads/`, { 'Content-Length': '0' }),
    202,
  )
  return headers.get('location') ?? ''
}

describe('names', () => {
  test.each([
    ...[
      'MyApp.eth',
      'my_app.eth',
      'a..b.eth',
      'acme.eth.',
      '.acme.eth',
      'acme',
      'ab--cd.eth',
      'xn--.eth',
      'acme.eth/a.b',
    ],
    ...['%EF%BD%81cme.eth', '%D0%B0%D1%80%D1%80.eth', 'ac%E2%80%8Dme.eth', 'acme.eth/web/', '-a.eth'],
    ...[
      `${'a'.repeat(64)}.eth`,
      `a${'.a'.repeat(9)}.eth`,
      `${'a'.repeat(62)}.${'b'.repeat(62)}.${'c.'.repeat(3)}${'d'.repeat(62)}.${'e'.repeat(63)}.eth`,
    ],
  ])('%s: 400 NAME_INVALID for reads and writes, never repaired', async (repository) => {
    await expectAnswer(ask('GET', `/v2/acme.eth/referrers/sha256:${'0'.repeat(64)}`), 200)
    await expectAnswer(ask('GET', `/v2/${repository}/tags/list`), 400, 'NAME_INVALID')
    await expectAnswer(ask('POST', `/v2/${repository}/blobs/uploads/`, { 'Content-Length': '0' }), 400, 'NAME_INVALID')
  })

  test.each(['rnooring.eth', 'acrne.eth', 'g00gle.eth', 'paypa1.eth'])(
    '%s looks like another name and is legal: 404',
    async (repository) => {
      await expectAnswer(ask('GET', `/v2/${repository}/tags/list`), 404, 'NAME_UNKNOWN')
    },
  )

  test.each([
    ['/v2/acme.eth/../other.eth/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth/%2e%2e/other.eth/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth/.%2E/tags/list', 'NAME_INVALID'],
    ['/v2/./acme.eth/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth%2fweb/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth%252fweb/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth%00/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth/%5c/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth//web/tags/list', 'NAME_INVALID'],
    ['/v2/acme.eth/manifests/..%2f..%2fetc%2fpasswd', 'MANIFEST_INVALID'],
    ['/v2/acme.eth/manifests/%2e%2e', 'NAME_INVALID'],
    ['/v2/acme.eth/manifests/v1%00', 'MANIFEST_INVALID'],
    ['/v2/acme.eth/manifests/v1%0d%0aX-Injected:%201', 'DIGEST_INVALID'],
    ['/v2/acme.eth/manifests/%252e%252e', 'MANIFEST_INVALID'],
    ['/v2/acme.eth/manifests/v1%5c', 'MANIFEST_INVALID'],
    ['/v2/acme.eth/blobs/..%2fsha256', 'DIGEST_INVALID'],
    ['/v2/acme.eth/blobs/sha256%2f..', 'DIGEST_INVALID'],
    ['/v2/acme.eth/blobs/uploads/..%2f..', 'BLOB_UPLOAD_INVALID'],
    ['/v2/acme.eth/blobs/uploads/%00', 'BLOB_UPLOAD_INVALID'],
    ['/v2/acme.eth/blobs/uploads/%252e', 'BLOB_UPLOAD_INVALID'],
    ['/v2/acme.eth/_mooring/proof/..%2fx', 'MANIFEST_INVALID'],
  ])('GET %s: 400 %s, and nothing else is read', async (target, code) => {
    const { headers } = await expectAnswer(ask('GET', target), 400, code)
    expect(headers.get('x-injected')).toBeUndefined()
  })

  test.each([
    ['GET', '/v2/acme.eth\\tags\\list', {}],
    ['GET', '/v2/acme.eth\\..\\other.eth/tags/list', {}],
    ['PUT', '/v2/acme.eth\\manifests/v1', { 'Content-Length': '2' }],
    ['GET', '/v2/', { Host: 'a/b' }],
    ['GET', '/v2/', { Host: 'a b' }],
    ['GET', '/v2/', { Host: 'user@gateway' }],
  ])('%s %s %o: no URL can be made of it, 400 with an error body', async (method, target, headers) => {
    const answer = await expectAnswer(ask(method, target, headers, method === 'PUT' ? '{}' : ''), 400, 'NAME_INVALID')
    expect(answer.headers.get('content-length')).toBe(String(answer.body.length))
  })

  test.each([
    ...[
      'sha256:',
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'a'.repeat(63)}`,
      `sha256:${'a'.repeat(65)}`,
      `SHA256:${'a'.repeat(64)}`,
    ],
    ...[
      `sha384:${'a'.repeat(96)}`,
      `md5:${'a'.repeat(32)}`,
      `sha256:${'a'.repeat(62)}%0d%0a`,
      `sha256:${'g'.repeat(64)}`,
      'sha256:..%2f..',
    ],
    ...[`sha512:${'a'.repeat(64)}`, `sha256:${'a'.repeat(64)}%20`],
  ])('digest %s: 400 DIGEST_INVALID wherever one stands', async (digest) => {
    const right = await push('acme.eth', blobOf(3))
    await expectAnswer(ask('GET', `/v2/acme.eth/blobs/${right}`), 200)
    for (const path of [`blobs/${digest}`, `referrers/${digest}`]) {
      await expectAnswer(ask('GET', `/v2/acme.eth/${path}`), 400, 'DIGEST_INVALID')
    }
    const empty = { 'Content-Length': '0' }
    await expectAnswer(ask('POST', `/v2/acme.eth/blobs/uploads/?digest=${digest}`, empty), 400, 'DIGEST_INVALID')
    await expectAnswer(ask('POST', `/v2/acme.eth/blobs/uploads/?mount=${digest}`, empty), 400, 'DIGEST_INVALID')
  })
})

describe('manifests', () => {
  test('a manifest of 4 MiB and one byte: 413 SIZE_INVALID at that byte, by Content-Length and chunked', async () => {
    const limit = 4 * 1024 * 1024
    const bare = await imageText({ annotations: { pad: '' } })
    const text = (size: number) => bare.replace('"pad":""', `"pad":"${'x'.repeat(size - bare.length)}"`)
    const chunked = (body: string) => {
      const framed = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const headers = { 'Transfer-Encoding': 'chunked', 'Content-Type': imageType }
      return ask('PUT', '/v2/acme.eth/manifests/large', headers, framed)
    }
    await expectAnswer(putManifest('large', text(limit)), 201)
    await expectAnswer(chunked(text(limit)), 201)
    await expectAnswer(putManifest('large', text(limit + 1)), 413, 'SIZE_INVALID')
    await expectAnswer(chunked(text(limit + 1)), 413, 'SIZE_INVALID')
  })

  test('JSON that two readers could read differently: 400 MANIFEST_INVALID', async () => {
    const good = await imageText()
    await expectAnswer(putManifest('json', good), 201)
    const rest = good.slice(1)
    const layers = Array.from({ length: 10_001 }, () => ({
      mediaType: layerType,
      digest: `sha256:${'a'.repeat(64)}`,
      size: 1,
    }))
    const bad: Record<string, string> = {
      'duplicate members': `{"schemaVersion":2,${rest}`,
      'an escaped duplicate': `{"\\u0073chemaVersion":2,${rest}`,
      'LAYERS beside layers': `{"LAYERS":[],${rest}`,
      'MediaType beside mediaType': `{"MediaType":"${indexType}",${rest}`,
      'layer\u017f beside layers': `{"layer\u017f":[],${rest}`,
      'LAYERS alone, which Go reads and nobody else': good.replace('"layers"', '"LAYERS"'),
      'Digest alone in a descriptor': good.replace('"size"', '"Size"'),
      'depth 33': `{"x":${'['.repeat(33)}${']'.repeat(33)},${rest}`,
      '10,001 descriptors': await imageText({ layers }),
      'a size that is no integer': good.replace('"size":2', '"size":2.5'),
      'a size of 2^53': good.replace('"size":2', '"size":9007199254740992'),
      'a negative size': good.replace('"size":2', '"size":-1'),
      'a size in text': good.replace('"size":2', '"size":"2"'),
      'a byte order mark': `\ufeff${good}`,
      NaN: good.replace('"size":2', '"size":NaN'),
      'trailing bytes': `${good} {}`,
      'a trailing comma': good.replace('"layers":[]', '"layers":[],'),
      'layers and manifests': `{"manifests":[],${rest}`,
      'another mediaType than the Content-Type': good.replace(imageType, indexType),
      'no JSON at all': 'PK\u0003\u0004',
    }
    for (const [rule, text] of Object.entries(bad)) {
      const { status, code } = await putManifest('json', text)
      expect([rule, status, code]).toEqual([rule, 400, 'MANIFEST_INVALID'])
    }
    await expectAnswer(ask('GET', '/v2/acme.eth/manifests/json'), 200)
  })

  test('an index of 1,001 manifests, and five indexes inside each other: 400 MANIFEST_INVALID', async () => {
    const image = await imageText()
    await expectAnswer(putManifest('child', image), 201)
    let child = { mediaType: imageType, digest: await digestOf('sha256', bytesOf(image)), size: image.length }
    const indexText = (manifests: object[]) => JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests })
    const many = (count: number) => indexText(Array.from({ length: count }, () => child))
    await expectAnswer(putManifest('many', many(1000), indexType), 201)
    await expectAnswer(putManifest('many', many(1001), indexType), 400, 'MANIFEST_INVALID')
    for (let depth = 1; depth <= 5; depth += 1) {
      const text = indexText([child])
      const answer = await putManifest(`nested-${depth}`, text, indexType)
      expect([depth, answer.status, answer.code]).toEqual(depth < 5 ? [depth, 201, null] : [5, 400, 'MANIFEST_INVALID'])
      child = { mediaType: indexType, digest: await digestOf('sha256', bytesOf(text)), size: text.length }
    }
  })

  test('urls of a descriptor are stored and never asked', async () => {
    let connections = 0
    const listener = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening))
    const { port: elsewhere } = listener.address() as { port: number }
    const urls = [`http://127.0.0.1:${elsewhere}/layer`]
    const digest = `sha256:${'d'.repeat(64)}`
    const text = await imageText({ layers: [{ mediaType: layerType, digest, size: 9, urls }] })
    await expectAnswer(putManifest('urls', text), 201)
    const { body } = await expectAnswer(ask('GET', '/v2/acme.eth/manifests/urls'), 200)
    expect(JSON.parse(body).layers[0].urls).toEqual(urls)
    await expectAnswer(ask('GET', `/v2/acme.eth/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    await new Promise((closed) => listener.close(closed))
    expect(connections).toBe(0)
  })

  test('data that is not its digest’s: 400 MANIFEST_INVALID', async () => {
    const good = await imageText()
    const withData = (data: string) => good.replace('"size":2', `"size":2,"data":"${data}"`)
    await expectAnswer(putManifest('data', withData(btoa('{}'))), 201)
    await expectAnswer(putManifest('data', withData(btoa('[]'))), 400, 'MANIFEST_INVALID')
  })

  test('a subject that is not here is taken, and the referrer listed under it', async () => {
    const digest = `sha256:${'5'.repeat(64)}`
    await expectAnswer(
      putManifest('referrer', await imageText({ subject: { mediaType: imageType, digest, size: 5 } })),
      201,
    )
    const { body } = await expectAnswer(ask('GET', `/v2/acme.eth/referrers/${digest}`), 200)
    expect(JSON.parse(body).manifests).toHaveLength(1)
  })

  test('a layer that unpacks to 50 MB is 50 kB to us, in and out', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    expect(bomb.byteLength).toBeLessThan(100_000)
    const digest = await push('acme.eth', bomb)
    const { headers } = await expectAnswer(
      ask('GET', `/v2/acme.eth/blobs/${digest}`, { 'Accept-Encoding': 'gzip' }),
      200,
    )
    expect([headers.get('content-length'), headers.get('content-encoding')]).toEqual([`${bomb.byteLength}`, undefined])
  })
})

describe('lists', () => {
  test.each([
    ['n=0', 200, null],
    ['n=1000000000', 200, null],
    ['n=-1', 400, 'UNSUPPORTED'],
    ['n=1e9', 400, 'UNSUPPORTED'],
    ['n=%31%00', 400, 'UNSUPPORTED'],
    ['last=a%0d%0aX-Injected:%201', 400, 'UNSUPPORTED'],
    ['last=..%2f', 400, 'UNSUPPORTED'],
  ])('tags/list?%s: %i', async (query, status, code) => {
    await expectAnswer(putManifest('listed', await imageText()), 201)
    const { headers } = await expectAnswer(ask('GET', `/v2/acme.eth/tags/list?${query}`), status, code)
    expect([headers.get('x-injected'), headers.get('link')?.includes('\r')]).toEqual([undefined, undefined])
  })

  test('a Link that carries what the client sent is percent-encoded', async () => {
    const subject = { mediaType: imageType, digest: `sha256:${'6'.repeat(64)}`, size: 5 }
    const artifactType = 'application/x+y'
    for (const number of [1, 2]) {
      const text = await imageText({ subject, artifactType, annotations: { number: `${number}` } })
      await expectAnswer(putManifest(`r${number}`, text), 201)
    }
    const target = `/v2/acme.eth/referrers/${subject.digest}?n=1&artifactType=${encodeURIComponent(artifactType)}`
    const { headers } = await expectAnswer(ask('GET', target), 200)
    expect(headers.get('link')).toMatch(/^<\/v2\/acme\.eth\/referrers\/[\w:]+\?[\w=&%.-]+>; rel="next"$/)
  })

  test('_catalog: 404 by default', async () => {
    await expectAnswer(ask('GET', '/v2/_catalog'), 404, 'UNSUPPORTED')
  })
})

describe('blobs', () => {
  test('a mount from what is not served or not there is 202, the same as not found', async () => {
    const digest = await push('other.eth', blobOf(20))
    const mount = (from: string, of = digest) =>
      ask('POST', `/v2/acme.eth/web/blobs/uploads/?mount=${of}&from=${from}`, { 'Content-Length': '0' })
    const absent = await mount('other.eth', `sha256:${'0'.repeat(64)}`)
    for (const from of ['free.eth', 'stranger.eth', '..%2fother.eth', 'OTHER.eth']) {
      const { status, body, headers } = await mount(from)
      expect([from, status, body, [...headers.keys()]]).toEqual([from, 202, absent.body, [...absent.headers.keys()]])
    }
    await expectAnswer(mount('other.eth'), 201)
  })

  test('a blob of one repository asked for through another: 404 BLOB_UNKNOWN', async () => {
    const digest = await push('other.eth', blobOf(21))
    await expectAnswer(ask('GET', `/v2/other.eth/blobs/${digest}`), 200)
    await expectAnswer(ask('GET', `/v2/acme.eth/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    await expectAnswer(ask('GET', `/v2/acme.eth/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN')
  })

  test('uploads: out of order 416, after the end 404, another repository’s 404', async () => {
    const location = await begin()
    const patch = (target: string, range: string, body: string) =>
      ask('PATCH', target, { 'Content-Range': range }, body)
    await expectAnswer(patch(location, '0-2', 'abc'), 202)
    for (const range of ['0-2', '4-6', '3-6', '2-4', '3-', '-3', 'bytes', '3-5,6-8', '99999999999999999999-3']) {
      await expectAnswer(patch(location, range, 'def'), 416, 'BLOB_UPLOAD_INVALID')
    }
    await expectAnswer(patch(location.replace('acme.eth', 'other.eth'), '3-5', 'def'), 404, 'BLOB_UPLOAD_UNKNOWN')
    const digest = await digestOf('sha256', bytesOf('abc'))
    await expectAnswer(ask('PUT', `${location}?digest=${digest}`, { 'Content-Length': '0' }), 201)
    await expectAnswer(patch(location, '3-5', 'def'), 404, 'BLOB_UPLOAD_UNKNOWN')
  })

  test('two PATCHes at one offset at once: exactly one 202, the other 416', async () => {
    for (let round = 0; round < 5; round += 1) {
      const location = await begin()
      const answers = await Promise.all(
        ['a', 'b'].map((byte) => ask('PATCH', location, { 'Content-Range': '0-65535' }, byte.repeat(65_536))),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([202, 416])
      await expectAnswer(ask('DELETE', location), 204)
    }
  })

  test.each([
    ['bytes=0-0,2-3', 200],
    ['bytes=-0', 416],
    ['bytes=9-', 416],
    ['bytes=-99999999999999999999', 206],
    ['bytes=0-99999999999999999999', 206],
    ['bytes=18446744073709551616-', 416],
    ['bytes=a-b', 200],
  ])('Range %s of 9 bytes: %i', async (range, status) => {
    const digest = await push('acme.eth', blobOf(9))
    const answer = await ask('GET', `/v2/acme.eth/blobs/${digest}`, { Range: range })
    expect([range, answer.status]).toEqual([range, status])
  })
})

describe('HTTP', () => {
  test('Location never repeats Host or X-Forwarded-*', async () => {
    for (const headers of [
      { Host: 'evil.example' },
      { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' },
      { Forwarded: 'host=evil.example;proto=https' },
    ]) {
      const answer = await ask('POST', '/v2/acme.eth/blobs/uploads/', { 'Content-Length': '0', ...headers })
      expect([answer.status, answer.headers.get('location')]).toEqual([
        202,
        expect.stringMatching(/^\/v2\/acme\.eth\/blobs\/uploads\/[0-9a-f]{32}$/),
      ])
      expect(JSON.stringify([...answer.headers])).not.toContain('evil')
    }
  })

  test('OPTIONS and origins: nothing is allowed unless it was asked for, and a page may not push', async () => {
    const origin = { Origin: 'https://evil.example' }
    const preflight = await ask('OPTIONS', '/v2/acme.eth/manifests/v1', {
      ...origin,
      'Access-Control-Request-Method': 'PUT',
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, undefined])
    const push = { 'Content-Length': '0', ...origin }
    await expectAnswer(ask('POST', '/v2/acme.eth/blobs/uploads/', push), 403, 'DENIED')
    await expectAnswer(ask('POST', '/v2/acme.eth/blobs/uploads/', { 'Content-Length': '0' }), 202)
  })

  test.each<[rule: string, request: string, status: number]>([
    [
      'both Content-Length and chunked',
      'POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['two Content-Lengths', 'POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400],
    ['a negative Content-Length', 'POST /v2/ HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n', 400],
    [
      'a bad chunk size',
      'POST /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    ['no Host', 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['a NUL in a header', 'GET /v2/ HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n', 400],
    ['a space in the target', 'GET /v2/ acme.eth HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['a folded header', 'GET /v2/ HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\nX y: 1\r\n\r\n', 400],
    ['headers of 100 kB', `GET /v2/ HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a target of 100 kB', `GET /v2/${'a'.repeat(100_000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
    ['a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 400],
    ['an unknown method', 'FROB /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 400],
    ['a method that no endpoint has', 'PROPFIND /v2/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 405],
    ['a path that is no endpoint', 'GET /etc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 404],
    ['the asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n', 400],
    [
      'a target that is not ASCII',
      'GET /v2/\xc3\xa4.eth/tags/list HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
      400,
    ],
  ])('%s', async (_rule, request, status) => {
    const answer = await sendRaw(port, Buffer.from(request, 'latin1'))
    expect(answer.status).toBe(status)
  })

  test('a second request smuggled behind a body is not answered as one of the first', async () => {
    const inner = 'GET /v2/acme.eth/tags/list HTTP/1.1\r\nHost: h\r\n\r\n'
    const answer = await ask('POST', '/v2/acme.eth/manifests/v1', {}, inner)
    expect([answer.status, answer.code, answer.body.match(/HTTP\/1\.1/g)]).toEqual([405, 'UNSUPPORTED', null])
  })

  test('a request without Host: 200 in HTTP/1.0, as health checks send it, 400 in HTTP/1.1', async () => {
    expect((await sendRaw(port, 'GET /v2/ HTTP/1.0\r\n\r\n')).status).toBe(200)
    expect((await sendRaw(port, 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n')).status).toBe(400)
  })

  test('headers that do not end: the connection does, with 408', async () => {
    expect((await endless).status).toBe(408)
  })
})
