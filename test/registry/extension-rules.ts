import { expect, test } from 'vitest'
import { registryEndpoints } from '../../gateway/app.ts'
import {
  errorOf,
  makeImage,
  type OpenRegistry,
  pushBlob,
  pushImage,
  putManifest,
  type Registry,
  send,
} from './client.ts'

/** What clients expect beside the numbered endpoints: the catalog, extension discovery, kept answers, warnings, browsers. */
export function extensionRules(open: OpenRegistry): void {
  catalogRules(open)
  discoveryRules(open)
  keptAnswerRules(open)
  warningRules(open)
  browserRules(open)
}

function catalogRules(open: OpenRegistry): void {
  const repositories = ['acme.eth', 'acme.eth/a', 'acme.eth/a/b', 'other.eth', 'other.eth/web']

  async function withCatalog(): Promise<Registry> {
    const registry = await open({ features: { catalog: true } })
    for (const repository of repositories.toReversed()) await pushBlob(registry, repository, new Uint8Array(3))
    return registry
  }

  test('_catalog is off unless it was asked for: 404', async () => {
    const registry = await withCatalog()
    expect((await send(registry, 'GET', '/v2/_catalog')).status).toBe(200)
    const closed = await open()
    expect(errorOf(await send(closed, 'GET', '/v2/_catalog'), 404, 'UNSUPPORTED')).toContain('is off')
  })

  test('_catalog: the repositories whose content is here, in byte order, and no name that was only asked for', async () => {
    const registry = await withCatalog()
    await send(registry, 'GET', '/v2/stranger.eth/tags/list')
    await send(registry, 'POST', '/v2/acme.eth/begun/blobs/uploads/')
    const answer = await send(registry, 'GET', '/v2/_catalog')
    expect([answer.text, answer.headers.get('link')]).toEqual([JSON.stringify({ repositories }), null])
    expect((await send(await open({ features: { catalog: true } }), 'GET', '/v2/_catalog')).text).toBe(
      '{"repositories":[]}',
    )
  })

  test.each([1, 2, 3, 5])('_catalog in pages of %i: Link leads through all of them, once each', async (n) => {
    const registry = await withCatalog()
    const seen: string[] = []
    let path: string | undefined = `/v2/_catalog?n=${n}`
    for (let page = 0; path && page < 10; page += 1) {
      const answer = await send(registry, 'GET', path)
      const found = JSON.parse(answer.text).repositories as string[]
      expect(found.length).toBeLessThanOrEqual(n)
      seen.push(...found)
      const link: string | null = answer.headers.get('link')
      expect(link ?? '').toMatch(/^$|^<\/v2\/_catalog\?n=\d+&last=[\w.%-]+>; rel="next"$/)
      path = link?.slice(1, link.indexOf('>'))
    }
    expect(seen).toEqual(repositories)
  })

  test('_catalog: n=0 is an empty page, last need not exist, another n is 400', async () => {
    const registry = await withCatalog()
    const read = async (query: string) => JSON.parse((await send(registry, 'GET', `/v2/_catalog${query}`)).text)
    expect(await read('?n=0')).toEqual({ repositories: [] })
    expect(await read('?last=acme.eth/aa')).toEqual({ repositories: ['other.eth', 'other.eth/web'] })
    expect(await read('?last=zzz')).toEqual({ repositories: [] })
    errorOf(await send(registry, 'GET', '/v2/_catalog?n=-1'), 400, 'UNSUPPORTED')
  })
}

type Extensions = { extensions: { name: string; url: string; description: string; endpoints: string[] }[] }

function discoveryRules(open: OpenRegistry): void {
  test('_oci/ext/discover: at both levels, each extension with name, url, description and endpoints', async () => {
    const registry = await open()
    const read = async (path: string) => JSON.parse((await send(registry, 'GET', path)).text) as Extensions
    const all = await read('/v2/_oci/ext/discover')
    const own = await read('/v2/acme.eth/web/_oci/ext/discover')
    expect(all.extensions.map(({ name }) => name)).toEqual(['_oci'])
    expect(own.extensions.map(({ name }) => name)).toEqual(['_oci', '_mooring'])
    for (const { name, url, description, endpoints } of own.extensions) {
      expect(URL.canParse(url) && description.length > 0).toBe(true)
      for (const endpoint of endpoints) expect(endpoint.startsWith(`${name}/`)).toBe(true)
    }
  })

  test('_oci/ext/discover lists exactly the extension endpoints that a repository has', async () => {
    const registry = await open()
    const { extensions } = JSON.parse(
      (await send(registry, 'GET', '/v2/acme.eth/_oci/ext/discover')).text,
    ) as Extensions
    const served = registryEndpoints.flatMap((endpoint) => {
      const found = /^\w+ \/v2\/\{repository\}\/(_[^{]*[^{/])/.exec(endpoint)?.[1]
      return found ? [found] : []
    })
    expect(extensions.flatMap(({ endpoints }) => endpoints).sort()).toEqual([...new Set(served)].sort())
  })

  test('_oci/ext/discover of a name that is not served here: 404 NAME_UNKNOWN; of no name: 400', async () => {
    const registry = await open()
    expect((await send(registry, 'GET', '/v2/acme.eth/_oci/ext/discover')).status).toBe(200)
    errorOf(await send(registry, 'GET', '/v2/free.eth/_oci/ext/discover'), 404, 'NAME_UNKNOWN')
    errorOf(await send(registry, 'GET', '/v2/acme/_oci/ext/discover'), 400, 'NAME_INVALID')
  })
}

function keptAnswerRules(open: OpenRegistry): void {
  test.each([
    'tags/list',
    'tags/list?n=1',
    'referrers/SUBJECT',
    '_mooring/list',
    '_mooring/history',
    '_mooring/proof/v1',
    'manifests/v1',
  ])('RFC 9110 13.1.2 GET %s: 304 with If-None-Match until something changes, then 200', async (path) => {
    const registry = await open()
    const { digest, size, mediaType } = await pushImage(registry, 'acme.eth', 'v1')
    const url = `/v2/acme.eth/${path.replace('SUBJECT', digest)}`
    const first = await send(registry, 'GET', url)
    const etag = first.headers.get('etag') ?? ''
    expect([first.status, etag]).toEqual([200, expect.stringMatching(/^"[!#-~]+"$/)])
    for (const method of ['GET', 'HEAD']) {
      for (const sent of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const kept = await send(registry, method, url, { headers: { 'if-none-match': sent } })
        expect([method, kept.status, kept.headers.get('etag')]).toEqual([method, 304, etag])
      }
    }
    const subject = { digest, size, mediaType }
    const referrer = await makeImage(registry, 'acme.eth', 2, { subject })
    await putManifest(registry, 'acme.eth', 'v1', referrer)
    const changed = await send(registry, 'GET', url, { headers: { 'if-none-match': etag } })
    expect([changed.status, changed.headers.get('etag') === etag]).toEqual([200, false])
  })

  test('RFC 9110 9.3.2 HEAD of every endpoint that can be read: the headers of GET, and no body', async () => {
    const registry = await open({ features: { catalog: true } })
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const begun = await send(registry, 'POST', '/v2/acme.eth/blobs/uploads/')
    const values: Record<string, string> = {
      repository: 'acme.eth',
      digest,
      tagOrDigest: 'v1',
      tag: 'v1',
      uploadId: begun.headers.get('docker-upload-uuid') ?? '',
    }
    const reads = registryEndpoints
      .filter((endpoint) => endpoint.startsWith('GET '))
      .map((endpoint) => endpoint.slice(4))
    expect(reads.length).toBeGreaterThan(12)
    for (const pattern of reads) {
      const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? `no value for ${name}`)
      const [get, head] = [await send(registry, 'GET', path), await send(registry, 'HEAD', path)]
      expect([path, head.status, [...head.headers], head.text]).toEqual([path, get.status, [...get.headers], ''])
      const isEmptyHere = /\/(?:blobs\/\{digest\}|_mooring\/permissions)$/.test(pattern)
      expect([path, get.status < 400]).toEqual([path, !isEmptyHere])
    }
  })

  test('end-8 Link is on a 304 as well, so that who keeps pages can go on', async () => {
    const registry = await open()
    for (const tag of ['a', 'b']) await pushImage(registry, 'acme.eth', tag)
    const first = await send(registry, 'GET', '/v2/acme.eth/tags/list?n=1')
    expect(first.headers.get('link')).toBe('</v2/acme.eth/tags/list?n=1&last=a>; rel="next"')
    const sent = { headers: { 'if-none-match': first.headers.get('etag') ?? '' } }
    const kept = await send(registry, 'GET', '/v2/acme.eth/tags/list?n=1', sent)
    expect([kept.status, kept.headers.get('link')]).toEqual([304, first.headers.get('link')])
  })
}

function warningRules(open: OpenRegistry): void {
  const longerThanALife = 100 * 24 * 60 * 60

  test.each(['manifests/v1', 'tags/list'])(
    'distribution-spec "Warnings": %s of an expired list is shown to who may push, with a warning',
    async (path) => {
      const registry = await open()
      await pushImage(registry, 'acme.eth', 'v1')
      const read = () => send(registry, 'GET', `/v2/acme.eth/${path}`)
      expect((await read()).headers.get('warning')).toBeNull()
      registry.deps.clock.advance(longerThanALife)
      const { status, headers } = await read()
      const warning = headers.get('warning') ?? ''
      expect([status, warning]).toEqual([200, expect.stringMatching(/^299 - "others are refused: Expired: [^"]+"$/)])
      expect(warning.length).toBeLessThan(4096)
    },
  )

  test('distribution-spec "Registry Proxying": ?ns= that scopes the request comes back as OCI-Namespace', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth/web', 'v1')
    const mirrored = await send(registry, 'GET', '/v2/web/manifests/v1?ns=acme.eth')
    expect([mirrored.status, mirrored.headers.get('oci-namespace')]).toEqual([200, 'acme.eth'])
    const plain = await send(registry, 'GET', '/v2/acme.eth/web/manifests/v1')
    expect(plain.headers.get('oci-namespace')).toBeNull()
    const other = await send(registry, 'GET', '/v2/library/nginx/manifests/1?ns=docker.io%0d%0ax:y')
    expect([other.status, other.headers.get('oci-namespace'), other.headers.get('x')]).toEqual([404, null, null])
  })
}

function browserRules(open: OpenRegistry): void {
  test('a web page may not push: 403 DENIED for every write with an Origin; registry clients send none', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth')
    const put = (headers: Record<string, string>) =>
      send(registry, 'PUT', '/v2/acme.eth/manifests/v1', {
        headers: { 'content-type': image.mediaType, ...headers },
        body: image.text,
      })
    for (const origin of ['https://evil.example', 'http://gateway.test', 'null']) {
      expect(errorOf(await put({ origin }), 403, 'DENIED')).toContain('web page')
      const begun = await send(registry, 'POST', '/v2/acme.eth/blobs/uploads/', { headers: { origin } })
      errorOf(begun, 403, 'DENIED')
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    expect((await put({})).status).toBe(201)
  })

  test('cross-origin reads, where they are on: GET, HEAD and the preflight allow any origin, nothing else does', async () => {
    const registry = await open({ features: { crossOriginReads: true } })
    await pushImage(registry, 'acme.eth', 'v1')
    const path = '/v2/acme.eth/manifests/v1'
    const allowed = async (method: string, target = path) =>
      (await send(registry, method, target)).headers.get('access-control-allow-origin')
    expect([await allowed('GET'), await allowed('GET'), await allowed('HEAD')]).toEqual(['*', '*', '*'])
    expect(await allowed('GET', '/v2/acme.eth/manifests/v2')).toBe('*')
    const preflight = await send(registry, 'OPTIONS', path, { headers: { origin: 'https://page.example' } })
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, HEAD'])
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect(await allowed(method, '/v2/free.eth/manifests/v1')).toBeNull()
  })

  test('without that, no answer allows an origin, and OPTIONS is 405', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    for (const [method, status] of [
      ['GET', 200],
      ['OPTIONS', 405],
    ] as const) {
      const answer = await send(registry, method, '/v2/acme.eth/manifests/v1')
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([status, null])
    }
  })
}
