import { expect, test } from 'vitest'
import { errorOf, type OpenRegistry, pushBlob, pushImage, readTags, send } from './client.ts'

/** What holds for every endpoint: paths, names, methods, and the chain behind them. */
export function endpointRules(open: OpenRegistry): void {
  test('end-1 GET /v2/: 200, with and without the last slash', async () => {
    const registry = await open()
    for (const path of ['/v2/', '/v2', '/v2/?x=1']) expect((await send(registry, 'GET', path)).status).toBe(200)
    expect((await send(registry, 'HEAD', '/v2/')).headers.get('content-length')).toBe('2')
  })

  test('a path that is no endpoint: 404 with a registry error body', async () => {
    const registry = await open()
    expect((await send(registry, 'GET', '/v2/')).status).toBe(200)
    for (const path of ['/', '/v1/', '/v2/acme.eth', '/v2/acme.eth/blob/x', '/v2/tags/list', '/v2/acme.eth/blobs/']) {
      expect(errorOf(await send(registry, 'GET', path), 404, 'UNSUPPORTED')).toContain('is no endpoint here')
    }
  })

  test('a method that an endpoint does not have: 405 with Allow', async () => {
    const registry = await open()
    expect((await send(registry, 'GET', '/v2/')).status).toBe(200)
    const answer = await send(registry, 'POST', '/v2/acme.eth/manifests/v1', { body: '{}' })
    expect(errorOf(answer, 405, 'UNSUPPORTED')).toContain('POST is not supported here')
    expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT, DELETE')
    expect((await send(registry, 'GET', '/v2/acme.eth/blobs/uploads/')).headers.get('allow')).toBe('POST')
  })

  test('an error under HEAD has the headers of GET and no body', async () => {
    const registry = await open()
    for (const [path, status] of [
      ['/v2/acme.eth/manifests/missing', 404],
      ['/v2/acme.eth', 404],
      ['/v2/acme.eth/blobs/uploads/', 405],
      ['/v2/acme.eth/manifests/a:b', 400],
    ] as const) {
      const [get, head] = [await send(registry, 'GET', path), await send(registry, 'HEAD', path)]
      expect([path, get.status, head.status]).toEqual([path, status, status])
      expect([...head.headers]).toEqual([...get.headers])
    }
  })

  nameRules(open)
  chainRules(open)
}

function nameRules(open: OpenRegistry): void {
  test.each([
    'acme.eth',
    'acme.eth/web',
    'acme.eth/a/b/c',
    'acme.eth/blobs/uploads',
    'acme.eth/manifests/tags',
    'acme.eth/tags/list',
  ])('protocol 1: %s is a repository of its own', async (repository) => {
    const registry = await open()
    const { digest } = await pushImage(registry, repository, 'v1')
    const answer = await send(registry, 'GET', `/v2/${repository}/manifests/v1`)
    expect(answer.headers.get('docker-content-digest')).toBe(digest)
    expect(await readTags(registry, repository)).toEqual(['v1'])
    const other = repository === 'acme.eth' ? 'other.eth' : 'acme.eth'
    expect((await send(registry, 'GET', `/v2/${other}/manifests/${digest}`)).status).toBe(404)
  })

  test.each([
    ['Acme.eth', 'upper case'],
    ['acme', 'a first component without a dot'],
    ['acme.eth/a.b', 'a dot in a further component'],
    ['acme.eth/my_app', 'a label that ENSIP-15 refuses'],
    ['acme.eth/ab--cd', 'hyphens at the third and fourth place'],
    ['xn--ls8h.eth', 'punycode, which no normalised ASCII label can be'],
    ['acme.eth/xn--ls8h', 'punycode in a further component'],
    ['acme..eth', 'an empty label'],
    ['acme.eth//web', 'an empty component'],
    ['acme.eth%2Fweb', 'an encoded slash'],
    ['acme.eth%2fweb', 'an encoded slash in lower case'],
    ['acme%2Eeth', 'an encoded dot'],
    ['acme.eth%00', 'an encoded NUL'],
    ['acme.eth/..%2Fother.eth', 'an encoded way up'],
    ['acme.eth/%5c', 'a backslash'],
    [`acme.eth/${'a'.repeat(64)}`, 'a label over 63 bytes'],
    [`acme.eth/${'a/'.repeat(9)}b`, 'more than 10 labels'],
  ])('protocol 1: %s is 400 NAME_INVALID (%s), for reads and for writes', async (repository) => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth/web', new Uint8Array(3))
    expect((await send(registry, 'GET', `/v2/acme.eth/web/blobs/${digest}`)).status).toBe(200)
    for (const [method, path] of [
      ['GET', 'manifests/v1'],
      ['PUT', 'manifests/v1'],
      ['GET', 'tags/list'],
      ['POST', 'blobs/uploads/'],
      ['GET', `blobs/${digest}`],
    ] as const) {
      errorOf(await send(registry, method, `/v2/${repository}/${path}`), 400, 'NAME_INVALID')
    }
  })

  test('protocol 1: ?ns= names the first component where the path does not begin with it', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth/web', 'v1')
    for (const path of ['/v2/web/manifests/v1?ns=acme.eth', '/v2/acme.eth/web/manifests/v1?ns=acme.eth']) {
      expect((await send(registry, 'GET', path)).headers.get('docker-content-digest')).toBe(digest)
    }
    errorOf(await send(registry, 'GET', '/v2/web/manifests/v1'), 400, 'NAME_INVALID')
    const begun = await send(registry, 'POST', '/v2/web/blobs/uploads/?ns=acme.eth')
    expect(begun.headers.get('location')).toMatch(/^\/v2\/acme\.eth\/web\/blobs\/uploads\/[0-9a-f]{32}$/)
  })

  test('a mirror host for other registries: ?ns= that is no ENS name is 404, so that the client goes on', async () => {
    const registry = await open()
    for (const namespace of ['localhost:5000', 'docker.io', 'ghcr.io']) {
      errorOf(await send(registry, 'GET', `/v2/library/nginx/manifests/1?ns=${namespace}`), 404, 'NAME_UNKNOWN')
    }
  })
}

function chainRules(open: OpenRegistry): void {
  test('a name without an owner: reads 404 NAME_UNKNOWN, pushes 403 DENIED', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    expect(errorOf(await send(registry, 'GET', '/v2/free.eth/manifests/v1'), 404, 'NAME_UNKNOWN')).toBe(
      'free.eth has no owner on chain 31337: register it, or check the spelling',
    )
    errorOf(await send(registry, 'GET', '/v2/free.eth/tags/list'), 404, 'NAME_UNKNOWN')
    const push = await send(registry, 'POST', '/v2/free.eth/blobs/uploads/')
    expect(errorOf(push, 403, 'DENIED')).toContain('free.eth has no owner')
  })

  test('a name whose resolver is another contract: reads 404 and pushes 403, saying which it should be', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const { owner } = await registry.deps.chain.readAuthority('acme.eth')
    registry.deps.chain.setName('acme.eth', { owner, reachable: false })
    const message = errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'NAME_UNKNOWN')
    expect(message).toContain(`the resolver of acme.eth is not ${registry.deps.chain.domain.resolver}`)
    errorOf(await send(registry, 'PUT', '/v2/acme.eth/manifests/v1', { body: '{}' }), 403, 'DENIED')
  })

  test('a chain that cannot be asked is 503 with Retry-After, and says nothing of the name', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', new Uint8Array(3))
    const path = `/v2/acme.eth/blobs/${digest}`
    expect((await send(registry, 'GET', path)).status).toBe(200)
    registry.deps.chain.setDown(true)
    const answer = await send(registry, 'GET', path)
    expect(errorOf(answer, 503, 'UNKNOWN')).not.toContain('test chain')
    expect(answer.headers.get('retry-after')).toBe('5')
    registry.deps.chain.setDown(false)
    expect((await send(registry, 'GET', path)).status).toBe(200)
  })

  test('a store that fails is 500 UNKNOWN: the log has the reason, the client has not', async () => {
    const registry = await open()
    const digest = await pushBlob(registry, 'acme.eth', new Uint8Array(3))
    expect((await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)).status).toBe(200)
    registry.deps.catalog = {
      ...registry.deps.catalog,
      findBlob: () => Promise.reject(new Error('disk /secret broke')),
    }
    const answer = await send(registry, 'GET', `/v2/acme.eth/blobs/${digest}`)
    expect(errorOf(answer, 500, 'UNKNOWN')).toBe('internal error; the gateway has logged what happened')
    expect(JSON.stringify(registry.deps.logged)).toContain('disk /secret broke')
  })
}
