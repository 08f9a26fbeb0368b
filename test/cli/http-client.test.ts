import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, isIP, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { BodyTooLarge, createHttpClient, HttpFailure, type Reach } from '../../gateway/cli/client/http.ts'
import { nextPageUrl } from '../../gateway/cli/client/next-page.ts'
import { checkUrl, createCheckedLookup, type Resolve } from '../../gateway/cli/client/reach.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()))
})

/** A server on loopback; `seen` has the paths that it was asked for, and the headers that came with the last. */
async function serve(listener: RequestListener) {
  const seen = { paths: [] as string[], headers: {} as Readonly<Record<string, unknown>>, connections: 0 }
  const server = createServer((request, response) => {
    seen.paths.push(request.url ?? '')
    seen.headers = request.headers
    listener(request, response)
  })
  server.on('connection', () => seen.connections++)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  ends.push(() => {
    server.closeAllConnections()
    return new Promise((closed) => server.close(closed))
  })
  return { port: (server.address() as AddressInfo).port, seen }
}

const hello: RequestListener = (_request, response) => void response.end('hello')

/** A DNS that gives one answer after the other, and keeps to the last. */
function dns(...answers: readonly string[][]) {
  const asked: string[] = []
  const resolve: Resolve = async (hostname) => {
    asked.push(hostname)
    const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? []
    return addresses.map((address) => ({ address, family: isIP(address) }))
  }
  return { resolve, asked }
}

/** What an answer says, or why there is none. */
async function ask(client: ReturnType<typeof createHttpClient>, url: string, reach: Reach): Promise<string> {
  try {
    const { body } = await client.fetchBounded({ url, reach, timeoutMs: 5_000 }, 1_000)
    return Buffer.from(body).toString()
  } catch (error) {
    if (error instanceof HttpFailure) return error.message
    throw error
  }
}

const gateway = 'https://gateway.example/v2/'
const refusedUrls: readonly [what: string, twin: string, url: string, reach?: Reach][] = [
  ['plain http', gateway, 'http://gateway.example/v2/'],
  ['plain http elsewhere than on this machine', 'http://127.0.0.1/', 'http://gateway.example/', 'public or loopback'],
  ['data:', gateway, 'data:application/json,{}'],
  ['file:', gateway, 'file:///etc/passwd'],
  ['file: given by flag', 'http://10.0.0.1/', 'file:///etc/passwd', 'given'],
  ['ftp:', gateway, 'ftp://gateway.example/'],
  ['a user and a password', gateway, 'https://user:secret@gateway.example/'],
  ['a user alone', gateway, 'https://user@gateway.example/', 'given'],
  ['localhost', gateway, 'https://localhost/'],
  ['localhost with a dot', gateway, 'https://LOCALHOST./'],
  ['a name below localhost', gateway, 'https://gateway.localhost/'],
  ['loopback', 'https://8.8.8.8/', 'https://127.0.0.1/'],
  ['loopback in short', 'https://8.8/', 'https://127.1/'],
  ['loopback as a whole number', 'https://134744072/', 'https://2130706433/'],
  ['loopback in hex', 'https://0x8080808/', 'https://0x7f000001/'],
  ['loopback in octal', 'https://010.8.8.8/', 'https://0177.0.0.1/'],
  ['loopback in other digits', 'https://⑧.8.8.8/', 'https://①②⑦.0.0.1/'],
  ['loopback of IPv6', 'https://[2600::1]/', 'https://[::1]/'],
  ['loopback mapped into IPv6', 'https://[::ffff:8.8.8.8]/', 'https://[::ffff:127.0.0.1]/'],
  ['this network', 'https://8.8.8.8/', 'https://0.0.0.0/'],
  ['metadata', 'https://8.8.8.8/', 'https://169.254.169.254/latest/meta-data/'],
  ['metadata beside a chain on this machine', 'https://127.0.0.1/', 'https://169.254.169.254/', 'public or loopback'],
  ['a private network beside a chain on this machine', 'https://[::1]/', 'https://10.0.0.1/', 'public or loopback'],
  ['no URL', gateway, 'gateway.example'],
]

test.each(refusedUrls)('a URL with %s is not asked', async (_what, twin, url, reach = 'public') => {
  expect(checkUrl(twin, reach).href).toBe(new URL(twin).href)
  expect(() => checkUrl(url, reach)).toThrow(HttpFailure)
  const { resolve, asked } = dns(['127.0.0.1'])
  expect(await ask(createHttpClient(resolve), url, reach)).toMatch(/is not asked|is no URL/)
  expect(asked).toEqual([])
})

test('no password of a URL is shown', () => {
  expect(() => checkUrl('https://user:secret@gateway.example/', 'public')).toThrow(/^(?!.*secret)/)
})

/** What a checked lookup hands to a connection. */
function lookUp(reach: Reach, ...addresses: string[]): Promise<unknown> {
  const lookup = createCheckedLookup(reach, dns(addresses).resolve)
  return new Promise((resolve) => {
    lookup('gateway.example', { all: true }, (error, found) => resolve(error?.message ?? found))
  })
}

test('a host is refused when any of its addresses must not be reached', async () => {
  const found = [
    { address: '8.8.8.8', family: 4 },
    { address: '2600::1', family: 6 },
  ]
  expect(await lookUp('public', '8.8.8.8', '2600::1')).toEqual(found)
  expect(await lookUp('public', '8.8.8.8', '10.0.0.1')).toMatch(
    /gateway\.example, which is at 10\.0\.0\.1, is not asked/,
  )
  expect(await lookUp('public', 'fd00::1', '2600::1')).toMatch(/fd00::1/)
  expect(await lookUp('public', '127.0.0.1')).toMatch(/127\.0\.0\.1/)
  expect(await lookUp('public or loopback', '127.0.0.1')).toEqual([{ address: '127.0.0.1', family: 4 }])
  expect(await lookUp('public or loopback', '127.0.0.1', '192.168.1.1')).toMatch(/192\.168\.1\.1/)
  expect(await lookUp('given', '192.168.1.1')).toEqual([{ address: '192.168.1.1', family: 4 }])
  expect(await lookUp('given')).toBe('gateway.example has no address')
})

test('DNS rebinding: a host is looked up once for a connection, which goes to the address that was checked', async () => {
  const { port, seen } = await serve(
    (_request, response) => void response.setHeader('connection', 'close').end('hello'),
  )
  const { resolve, asked } = dns(['127.0.0.1'], ['10.0.0.1'])
  const client = createHttpClient(resolve)
  const url = `http://gateway.localhost:${port}/`
  expect(await ask(client, url, 'public or loopback')).toBe('hello')
  expect([asked, seen.paths]).toEqual([['gateway.localhost'], ['/']])
  expect(await ask(client, url, 'public or loopback')).toMatch(/at 10\.0\.0\.1, is not asked/)
  expect([asked.length, seen.paths.length]).toEqual([2, 1])
})

test('a connection of the user’s own is never used for a URL of somebody else’s', async () => {
  const { port, seen } = await serve(hello)
  const { resolve } = dns(['127.0.0.1'], ['10.0.0.1'])
  const client = createHttpClient(resolve)
  const url = `http://gateway.localhost:${port}/`
  expect([await ask(client, url, 'given'), await ask(client, url, 'given')]).toEqual(['hello', 'hello'])
  expect(seen.connections).toBe(1)
  expect(await ask(client, url, 'public or loopback')).toMatch(/10\.0\.0\.1/)
  expect(seen.paths).toHaveLength(2)
})

test('https goes to the checked address as well, and to no other', async () => {
  const first: number[] = []
  const server = createTcpServer((socket: Socket) => {
    socket.once('data', (bytes) => {
      first.push(bytes[0] ?? 0)
      socket.destroy()
    })
    socket.on('error', () => undefined)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  ends.push(() => new Promise((closed) => server.close(closed)))
  const url = `https://gateway.example:${(server.address() as AddressInfo).port}/`
  const handshake = 0x16
  expect(await ask(createHttpClient(dns(['127.0.0.1']).resolve), url, 'public or loopback')).toMatch(/does not answer/)
  expect(first).toEqual([handshake])
  expect(await ask(createHttpClient(dns(['127.0.0.1']).resolve), url, 'public')).toMatch(
    /at 127\.0\.0\.1, is not asked/,
  )
  expect(first).toEqual([handshake])
})

test.each([
  ['metadata', () => 'http://169.254.169.254/latest/meta-data/'],
  ['another port', () => 'http://127.0.0.1:1/'],
  ['another name of the same machine', (port: number) => `http://localhost:${port}/`],
  ['another scheme', (port: number) => `https://127.0.0.1:${port}/`],
  ['a host in its path', () => '//169.254.169.254/'],
  ['a user and a password', (port: number) => `http://user:pw@127.0.0.1:${port}/there`],
  ['no URL', () => 'http://['],
])('a redirect to %s is not followed', async (_where, target) => {
  const { port, seen } = await serve((request, response) => {
    const location = request.url === '/away' ? target(port) : '/there'
    if (request.url === '/there') response.end('hello')
    else response.writeHead(302, { location }).end('moved')
  })
  const client = createHttpClient()
  expect(await ask(client, `http://127.0.0.1:${port}/`, 'given')).toBe('hello')
  expect(await ask(client, `http://127.0.0.1:${port}/away`, 'given')).toMatch(/redirects to another host|is not asked/)
  expect(seen.paths).toEqual(['/', '/there', '/away'])
})

test('redirects end', async () => {
  const { port, seen } = await serve((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left === 0) response.end('hello')
    else response.writeHead(307, { location: `/${left - 1}` }).end()
  })
  expect(await ask(createHttpClient(), `http://127.0.0.1:${port}/4`, 'given')).toBe('hello')
  expect(await ask(createHttpClient(), `http://127.0.0.1:${port}/5`, 'given')).toMatch(/redirects more than 4 times/)
  expect(seen.paths).toHaveLength(10)
})

test('no cookie is kept, no credential sent, and what comes is taken as it is', async () => {
  const { port, seen } = await serve((request, response) => {
    if (request.url === '/coded') response.setHeader('content-encoding', 'gzip').end(gzipSync('hello'))
    else response.setHeader('set-cookie', 'a=b').end('hello')
  })
  const client = createHttpClient()
  const url = `http://127.0.0.1:${port}`
  expect([await ask(client, url, 'given'), await ask(client, url, 'given')]).toEqual(['hello', 'hello'])
  expect(seen.headers).toMatchObject({ 'accept-encoding': 'identity' })
  expect(Object.keys(seen.headers).filter((name) => /cookie|authorization|referer|origin/.test(name))).toEqual([])
  expect(await ask(client, `${url}/coded`, 'given')).not.toBe('hello')
})

test('a body is cut off at its limit, a connection at its time', async () => {
  const { port } = await serve((request, response) => {
    if (request.url === '/mute') return
    response.write('hello')
    if (request.url === '/endless') {
      const drip = setInterval(() => response.write(Buffer.alloc(4_096)), 1)
      response.on('close', () => clearInterval(drip))
    } else if (request.url === '/broken') setTimeout(() => response.destroy(), 10)
    else response.end()
  })
  const client = createHttpClient()
  const url = `http://127.0.0.1:${port}`
  expect(await ask(client, url, 'given')).toBe('hello')
  const endless = client.fetchBounded({ url: `${url}/endless`, reach: 'given', timeoutMs: 5_000 }, 1_000)
  await expect(endless).rejects.toThrow(BodyTooLarge)
  expect(await ask(client, `${url}/broken`, 'given')).toMatch(/broke off/)
  const mute = { url: `${url}/mute`, reach: 'given', timeoutMs: 5_000, firstByteTimeoutMs: 50 } as const
  await expect(client.fetchBounded(mute, 1_000)).rejects.toThrow(/does not answer: timed out/)
  const late = { url: `${url}/endless`, reach: 'given', timeoutMs: 50 } as const
  await expect(client.fetchBounded(late, 1e9)).rejects.toThrow(/broke off: timed out/)
})

test('a connection that the server closed meanwhile is opened again for what may be asked twice', async () => {
  let answers = 0
  const { port, seen } = await serve((request, response) => {
    if (++answers === 2) request.socket.destroy()
    else response.end('hello')
  })
  const client = createHttpClient()
  const url = `http://127.0.0.1:${port}/`
  expect([await ask(client, url, 'given'), await ask(client, url, 'given')]).toEqual(['hello', 'hello'])
  expect(seen.connections).toBe(2)
  answers = 1
  const put = { url, reach: 'given', method: 'PUT', body: 'x', timeoutMs: 5_000 } as const
  await expect(client.fetchBounded(put, 1_000)).rejects.toThrow(HttpFailure)
  expect(seen.paths).toHaveLength(4)
})

test('no more than 32 connections go to one host that somebody else chose', async () => {
  const waiting: (() => void)[] = []
  const { port, seen } = await serve((_request, response) => void waiting.push(() => response.end('hello')))
  const client = createHttpClient()
  const url = `http://127.0.0.1:${port}/`
  const answers = Array.from({ length: 40 }, () => ask(client, url, 'public or loopback'))
  await expect.poll(() => waiting.length).toBe(32)
  expect(seen.connections).toBe(32)
  const release = setInterval(() => {
    for (const answer of waiting.splice(0)) answer()
  }, 5)
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['hello']))
  clearInterval(release)
  expect(seen.connections).toBe(32)
})

test('RFC 8288: a next page is the same path of the same origin', () => {
  const url = 'https://gateway.example/v2/a.eth/referrers/sha256:1'
  expect(nextPageUrl(`<${url}?n=1&last=2>; rel="next"`, url)).toBe(`${url}?n=1&last=2`)
  expect(nextPageUrl('<?last=2>; rel=next', url)).toBe(`${url}?last=2`)
  expect(nextPageUrl('<https://169.254.169.254/v2/a.eth/referrers/sha256:1?n=1>; rel="next"', url)).toBe(null)
  expect(nextPageUrl('</elsewhere?n=1>; rel="next"', url)).toBe(null)
  expect(nextPageUrl(null, url)).toBe(null)
})

test('what an https URL of a plain http server fails with is one line', async () => {
  const { port } = await serve(hello)
  const asked = createHttpClient().fetchBounded(
    { url: `https://127.0.0.1:${port}/`, timeoutMs: 5_000, reach: 'public or loopback' },
    1_000,
  )
  const said = await asked.catch((error: unknown) => error)
  expect(said).toBeInstanceOf(HttpFailure)
  expect(String(said)).toMatch(/does not answer: [^\n]*[^\s]$/)
  expect(String(said)).not.toContain('\n')
})
