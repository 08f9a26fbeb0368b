import { describe, expect, test } from 'vitest'
import { type DigestAlgorithm, digestOf } from '../../gateway/oci/digest.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { blobOf, errorOf, type OpenRegistry, pushBlob, type Registry, send } from './client.ts'

/** Blobs once they are there: reading, ranges, mounting, deleting (end-2, 10, 11). */
export function blobRules(open: OpenRegistry): void {
  readRules(open)
  rangeRules(open)
  describe.each<DigestAlgorithm>(['sha256', 'sha512'])('mount by %s', (algorithm) => mountRules(open, algorithm))
  deleteRules(open)
}

const zeroDigest = `sha256:${'0'.repeat(64)}`

function readRules(open: OpenRegistry): void {
  test('end-2 GET and HEAD: length, digest, entity tag; never an encoding', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(70_000))
    const headers = { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5' }
    const get = await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`, { headers })
    expect(get.bytes).toEqual(blobOf(70_000))
    expect(Object.fromEntries(get.headers)).toMatchObject({
      'content-length': '70000',
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
    })
    const head = await send(registry, 'HEAD', `/v2/acme.eth/blobs/${digest}`, { headers })
    expect([head.status, [...head.headers]]).toEqual([200, [...get.headers]])
  })

  test('If-None-Match with the digest is 304, with another 200', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(10))
    for (const method of ['GET', 'HEAD']) {
      const same = { headers: { 'if-none-match': `"${digest}"` } }
      const answer = await send(registry, method, `/v2/acme.eth/blobs/${digest}`, same)
      expect([answer.status, answer.headers.get('etag')]).toEqual([304, `"${digest}"`])
      const other = { headers: { 'if-none-match': `"${zeroDigest}"` } }
      expect((await send(registry, method, `/v2/acme.eth/blobs/${digest}`, other)).status).toBe(200)
    }
  })

  test('an unknown blob is 404 BLOB_UNKNOWN, a bad digest 400 DIGEST_INVALID', async () => {
    const registry = await open()
    await pushBlob(registry, 'acme.eth', blobOf(10))
    errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/${zeroDigest}`), 404, 'BLOB_UNKNOWN')
    errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/sha512:${'0'.repeat(128)}`), 404, 'BLOB_UNKNOWN')
    for (const digest of ['sha256:abc', `sha256:${'A'.repeat(64)}`, 'md5:abc', 'x', '%00', `${zeroDigest}%0d%0aX:y`]) {
      errorOf(await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`), 400, 'DIGEST_INVALID')
    }
  })

  test('a blob is shown by the repositories it was pushed to and by no other', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(10))
    expect((await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)).status).toBe(200)
    for (const other of ['other.eth', 'acme.eth/web']) {
      errorOf(await send(registry, 'GET', `/v2/${other}/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    }
  })

  test('content that the catalog names and the store lacks is 503 with Retry-After, never 404', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(10))
    expect((await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)).status).toBe(200)
    await registry.deps.content.remove(digest)
    for (const method of ['GET', 'HEAD']) {
      const answer = await send(registry, method, `/v2/acme.eth/blobs/${digest}`)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    }
  })
}

function rangeRules(open: OpenRegistry): void {
  const bytes = blobOf(5000)
  const read = async (headers: Record<string, string>, method = 'GET') => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', bytes)
    return send(registry, method, `/v2/acme.eth/blobs/${digest}`, { headers })
  }

  test.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 4999],
    ['bytes=-500', 4500, 4999],
    ['bytes=2000-5000', 2000, 4999],
    ['bytes=0-0', 0, 0],
    ['bytes=-9000', 0, 4999],
  ])('end-2 Range %s: 206', async (range, first, last) => {
    const answer = await read({ range })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${first}-${last}/5000`])
    expect(answer.bytes).toEqual(bytes.slice(first, last + 1))
  })

  test.each(['bytes=500-0', 'bytes=5000-10000', 'bytes=5000-', 'bytes=-0'])('end-2 Range %s: 416', async (range) => {
    const answer = await read({ range })
    expect(errorOf(answer, 416, 'SIZE_INVALID')).toContain('5000 bytes')
    expect(answer.headers.get('content-range')).toBe('bytes */5000')
  })

  test.each(['bytes=0-1,3-4', 'items=0-1', 'bytes=x', ''])('end-2 Range %j: 200 and all of it', async (range) => {
    const answer = await read({ range })
    expect([answer.status, answer.bytes.byteLength]).toEqual([200, 5000])
  })

  test('If-Range with the entity tag keeps the range, another one drops it; HEAD has none', async () => {
    const digest = await digestOf('sha256', bytes)
    expect((await read({ range: 'bytes=0-9', 'if-range': `"${digest}"` })).status).toBe(206)
    expect((await read({ range: 'bytes=0-9', 'if-range': `"${zeroDigest}"` })).status).toBe(200)
    const head = await read({ range: 'bytes=0-9' }, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5000'])
  })
}

function mountRules(open: OpenRegistry, algorithm: DigestAlgorithm): void {
  const begin = '/v2/acme.eth/web/blobs/uploads/'

  test('end-11 mount from another repository: 201, encoded or raw, and the blob is whole there', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'other.eth/a', blobOf(20), algorithm)
    const encoded = `?mount=${encodeURIComponent(digest)}&from=other.eth%2Fa`
    for (const query of [
      encoded,
      `?mount=${digest}&from=other.eth/a`,
      `?from=other.eth/a&mount=${digest}&origin=h:1`,
    ]) {
      expect((await send(registry, 'HEAD', `/v2/acme.eth/web/blobs/${digest}`)).status).toBe(404)
      const answer = await send(registry, 'POST', `${begin}${query}`)
      expect(answer.status).toBe(201)
      expect(answer.headers.get('location')).toBe(`/v2/acme.eth/web/blobs/${digest}`)
      const head = await send(registry, 'HEAD', `/v2/acme.eth/web/blobs/${digest}`)
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '20'])
      await send(registry, 'DELETE', `/v2/acme.eth/web/blobs/${digest}`)
    }
  })

  test('end-11 mount without from: 201 where any repository has it', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'other.eth', blobOf(20), algorithm)
    expect((await send(registry, 'POST', `${begin}?mount=${digest}`)).status).toBe(201)
    expect((await send(registry, 'GET', `/v2/acme.eth/web/blobs/${digest}`)).bytes).toEqual(blobOf(20))
  })

  test('end-11 mount without from: 202 where only the repository of a former owner has it', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'other.eth', blobOf(20), algorithm)
    registry.deps.chain.setName('other.eth', { owner: addressOf(testKeys.third) })
    await expectUploadInstead(registry, `${begin}?mount=${digest}`)
    expect((await send(registry, 'HEAD', `/v2/acme.eth/web/blobs/${digest}`)).status).toBe(404)
    registry.deps.chain.setName('other.eth', { owner: addressOf(testKeys.owner) })
    expect((await send(registry, 'POST', `${begin}?mount=${digest}`)).status).toBe(201)
  })

  test('end-11 what cannot be mounted is 202, an upload that works', async () => {
    const registry = await open()
    const digest = await digestOf(algorithm, blobOf(20))
    await pushBlob(registry, 'other.eth', blobOf(21), algorithm)
    for (const from of ['', '&from=other.eth', '&from=free.eth/x', '&from=not%20a%20name', '&from=..%2Fother.eth']) {
      await expectUploadInstead(registry, `${begin}?mount=${digest}${from}`)
    }
    const location = await expectUploadInstead(registry, `${begin}?mount=${digest}&from=other.eth`)
    expect((await send(registry, 'PUT', `${location}?digest=${digest}`, { body: blobOf(20) })).status).toBe(201)
  })

  test('end-11 a blob that from does not have is not mounted, although another repository has it', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'other.eth/a', blobOf(20), algorithm)
    await expectUploadInstead(registry, `${begin}?mount=${digest}&from=other.eth/b`)
    expect((await send(registry, 'HEAD', `/v2/acme.eth/web/blobs/${digest}`)).status).toBe(404)
  })
}

async function expectUploadInstead(registry: Registry, path: string): Promise<string> {
  const answer = await send(registry, 'POST', path)
  expect(answer.status).toBe(202)
  const location = answer.headers.get('location') ?? ''
  expect((await send(registry, 'GET', location)).status).toBe(204)
  return location
}

function deleteRules(open: OpenRegistry): void {
  test('end-10 DELETE: 202, at once 404, and the same blob can be pushed again', async () => {
    const registry = await open()
    for (let round = 0; round < 3; round += 1) {
      const digest = await pushBlob(registry, 'acme.eth', blobOf(2))
      expect((await send(registry, 'HEAD', `/v2/acme.eth/blobs/${digest}`)).status).toBe(200)
      expect((await send(registry, 'DELETE', `/v2/acme.eth/blobs/${digest}`)).status).toBe(202)
      expect((await send(registry, 'HEAD', `/v2/acme.eth/blobs/${digest}`)).status).toBe(404)
      errorOf(await send(registry, 'DELETE', `/v2/acme.eth/blobs/${digest}`), 404, 'BLOB_UNKNOWN')
    }
  })

  test('end-10 a blob that another repository shows stays there', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', blobOf(2))
    await pushBlob(registry, 'other.eth', blobOf(2))
    expect((await send(registry, 'DELETE', `/v2/acme.eth/blobs/${digest}`)).status).toBe(202)
    expect((await send(registry, 'GET', `/v2/other.eth/blobs/${digest}`)).bytes).toEqual(blobOf(2))
  })
}
