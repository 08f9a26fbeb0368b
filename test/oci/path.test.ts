import { describe, expect, test } from 'vitest'
import { compilePattern, hasDotSegments, matchPath, rawPathOf } from '../../gateway/oci/path.ts'

const blob = compilePattern('/v2/{repository}/blobs/{digest}')
const upload = compilePattern('/v2/{repository}/blobs/uploads/{uploadId}')
const begin = compilePattern('/v2/{repository}/blobs/uploads/')
const tags = compilePattern('/v2/{repository}/tags/list')
const lookup = compilePattern('/ccip/{chainId}/{resolver}/{sender}/{data}.json')

describe('paths are matched from the right (protocol 1)', () => {
  test.each([
    [blob, '/v2/acme.eth/blobs/sha256:ab', { repository: 'acme.eth', digest: 'sha256:ab' }],
    [blob, '/v2/acme.eth/blobs/uploads/blobs/sha256:ab', { repository: 'acme.eth/blobs/uploads', digest: 'sha256:ab' }],
    [begin, '/v2/acme.eth/blobs/uploads/blobs/uploads/', { repository: 'acme.eth/blobs/uploads' }],
    [upload, '/v2/acme.eth/web/blobs/uploads/1f', { repository: 'acme.eth/web', uploadId: '1f' }],
    [tags, '/v2/acme.eth/tags/list/tags/list', { repository: 'acme.eth/tags/list' }],
    [tags, '/v2/a.eth/manifests/tags/list', { repository: 'a.eth/manifests' }],
    [lookup, '/ccip/1/0xaa/0xbb/0xcc.json', { chainId: '1', resolver: '0xaa', sender: '0xbb', data: '0xcc' }],
  ])('%o', (pattern, path, params) => {
    expect(matchPath(pattern, path)).toEqual(params)
  })

  test.each([
    [blob, '/v2/blobs/sha256:ab', 'a repository has at least one component'],
    [blob, '/v2/acme.eth/blobs/', 'a placeholder is not empty'],
    [blob, '/v2/acme.eth/blob/x', 'the fixed text differs'],
    [tags, '/v2/acme.eth/tags/list/', 'a trailing slash is another path'],
    [tags, '/V2/acme.eth/tags/list', 'the fixed text has its case'],
    [lookup, '/ccip/1/0xaa/0xbb/0xcc', 'the suffix is missing'],
    [lookup, '/ccip/1/0xaa/0xbb/.json', 'nothing is left before the suffix'],
    [lookup, '/ccip/1/0xaa/x/0xbb/0xcc.json', 'only a repository has several segments'],
  ])('%o refuses %s: %s', (pattern, path) => {
    expect(matchPath(pattern, path)).toBeUndefined()
  })
})

describe('percent escapes', () => {
  test('a placeholder is decoded once: docker sends the colon of a digest encoded', () => {
    expect(matchPath(blob, '/v2/acme.eth/blobs/sha256%3Aab')?.digest).toBe('sha256:ab')
    expect(matchPath(blob, '/v2/acme.eth/blobs/sha256%253Aab')?.digest).toBe('sha256%3Aab')
  })

  test('a repository stays raw, so that an encoded slash never becomes one', () => {
    expect(matchPath(blob, '/v2/acme.eth%2Fweb/blobs/x')?.repository).toBe('acme.eth%2Fweb')
    expect(matchPath(blob, '/v2/acme.eth/%2e%2e/b.eth/blobs/x')?.repository).toBe('acme.eth/%2e%2e/b.eth')
  })

  test('what does not decode stays as it is, for the grammars to refuse', () => {
    expect(matchPath(blob, '/v2/acme.eth/blobs/%zz')?.digest).toBe('%zz')
    expect(matchPath(blob, '/v2/acme.eth/blobs/%ff')?.digest).toBe('%ff')
  })
})

test('the path is taken from the URL as sent, without query and fragment', () => {
  expect(rawPathOf('http://h:1/v2/a.eth%2Fb/tags/list?n=1')).toBe('/v2/a.eth%2Fb/tags/list')
  expect(rawPathOf('http://h/v2/?a=/b')).toBe('/v2/')
  expect(rawPathOf('http://h/v2/#x')).toBe('/v2/')
  expect(rawPathOf('http://h')).toBe('/')
})

test('dot segments are seen before a URL parser resolves them', () => {
  for (const target of ['/v2/acme.eth/tags/list', '/v2/a..b/x', '/v2/.hidden/x', '/v2/x?y=/../z', '/v2/a%2eb/x']) {
    expect([target, hasDotSegments(target)]).toEqual([target, false])
  }
  for (const target of ['/v2/a.eth/../b.eth/tags/list', '/v2/./x', '/v2/a/%2e%2E/b', '/v2/a/.%2e?x', '/v2/..']) {
    expect([target, hasDotSegments(target)]).toEqual([target, true])
  }
})

test('a pattern has at most one repository and begins with a slash', () => {
  expect(() => compilePattern('/v2/{repository}/tags/list')).not.toThrow()
  expect(() => compilePattern('/v2/{repository}/x/{repository}')).toThrow('bad path pattern')
  expect(() => compilePattern('v2/')).toThrow('bad path pattern')
})
