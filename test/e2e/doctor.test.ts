import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { startGateway } from '../../gateway/serve.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { serveFolder } from './static-host.ts'
import { pushTags, read, startWorld, type World } from './world.ts'

type Row = { name: string; ok: boolean; detail: string; skipped: boolean; fix: string | null }

let world: World
beforeAll(async () => {
  world = await startWorld()
  await pushTags(world, 'latest', '1.0')
})
afterAll(() => world.close())

async function examine(url: string, ...args: string[]) {
  const { code, json } = await read(world, 'doctor', url, ...args)
  const checks = json.checks as Row[]
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name)
  const rowOf = (name: string) => checks.find((row) => row.name === name)
  return { code, json, checks, failed, rowOf }
}

async function setGateways(...urls: string[]): Promise<void> {
  const args: [Hex, string[]] = [encodeDnsName('acme.eth'), urls]
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setGateways', args })
  await world.chain.send({ from: addressOf(testKeys.owner), to: world.chain.addresses.resolver, data })
}

const withoutName = [
  'reachable',
  'tls',
  'registry',
  'errors-registry',
  'errors-lookup',
  'cors-preflight',
  'limits-path',
  'limits-body',
]
const withName = ['chain', 'named', 'lookup-get', 'lookup-post', 'list', 'freshness', 'pull']

describe('doctor', () => {
  test('a sound gateway: every check holds, exit 0', async () => {
    const { code, json, checks } = await examine(world.gateway.url, 'acme.eth')
    expect(checks.filter(({ ok, skipped, fix }) => !ok || skipped || fix !== null)).toEqual([])
    expect(checks.map(({ name }) => name)).toEqual([...withoutName, ...withName, 'clock'])
    expect([code, json.ok, json.kind, json.name, json.url]).toEqual([0, true, 'full', 'acme.eth', world.gateway.url])
  })

  test('without a name what needs none, and no chain is asked', async () => {
    const { code, out } = await command(['doctor', `${world.gateway.url}/`, '--rpc', 'http://127.0.0.1:1', '--json'])
    const { checks, name } = JSON.parse(out) as { checks: Row[]; name: null }
    expect([code, name, checks.map((row) => row.name)]).toEqual([0, null, [...withoutName, 'clock']])
  })

  test('for people: a line for each check, what to do below those that fail, and a count', async () => {
    const { out, code } = await command(['doctor', world.gateway.url, 'web.acme.eth', ...world.chainFlags])
    expect(code).toBe(1)
    expect(out).toMatch(/^ {2}ok {4}reachable/m)
    expect(out).toMatch(/^ {2}FAIL {2}lookup-get +it answers 503.*\n {8}fix: push a tag/m)
    expect(out).toMatch(/^ {2}skip {2}pull +skipped: no list/m)
    expect(out).toMatch(/fine, 2 skipped, 3 to fix$/)
  })

  test('nobody listens, and something else listens', async () => {
    const nobody = await examine('http://127.0.0.1:1', 'acme.eth')
    expect([nobody.code, nobody.failed, nobody.checks.length]).toEqual([1, ['reachable'], 1])
    const host = await serveFolder(world.folder)
    onTestFinished(host.close)
    const other = await examine(host.url, 'acme.eth')
    expect([other.code, other.failed, other.json.kind]).toEqual([1, ['registry'], null])
  })

  test('a name that nobody owns, or that has another resolver, is the finding of the chain', async () => {
    const { code, failed, rowOf } = await examine(world.gateway.url, 'nobody.eth')
    expect([code, failed]).toEqual([1, ['chain']])
    expect(rowOf('chain')?.fix).toContain('mooring setup nobody.eth')
  })

  test('usage: no URL, no URL of a gateway, two names', async () => {
    for (const args of [
      [],
      ['acme.eth'],
      ['ftp://x'],
      ['http://x?y=1'],
      ['http://x', 'acme.eth', 'bob.eth'],
      ['http://x', 'acme'],
    ]) {
      expect([args, (await command(['doctor', ...args])).code]).toEqual([args, 2])
    }
  })
})

type Passing = { status: number; headers: Record<string, string>; body: Buffer }
type Alter = (answer: Passing, path: string, method: string) => void

const flipLast = ({ body }: Passing) => body.writeUInt8((body.at(-2) ?? 0) ^ 1, body.length - 2)
const errorPage = (answer: Passing, status: number) => {
  Object.assign(answer, { status, body: Buffer.from('<h1>Sorry</h1>') })
  answer.headers['content-type'] = 'text/html'
}

describe('doctor finds what is wrong', () => {
  const faults: [what: string, alter: Alter, found: string[]][] = [
    ['nothing', () => {}, []],
    [
      'no CORS on lookups',
      (answer) => delete answer.headers['access-control-allow-origin'],
      ['errors-lookup', 'cors-preflight', 'lookup-get', 'lookup-post'],
    ],
    [
      'a proxy that answers OPTIONS itself',
      (answer, _, method) => method === 'OPTIONS' && errorPage(answer, 405),
      ['cors-preflight'],
    ],
    [
      'a proxy that refuses long paths',
      (answer, path) => path.length > 1800 && errorPage(answer, 414),
      ['limits-path'],
    ],
    [
      'a proxy with error pages of its own',
      (answer) => answer.status === 400 && errorPage(answer, 400),
      ['errors-registry'],
    ],
    [
      'lookups as text',
      (answer, path) => path.startsWith('/ccip/') && Object.assign(answer.headers, { 'content-type': 'text/plain' }),
      ['lookup-get', 'lookup-post'],
    ],
    [
      'a clock that is slow',
      (answer) => Object.assign(answer.headers, { date: new Date(Date.now() - 400_000).toUTCString() }),
      ['clock'],
    ],
    [
      'altered lookups',
      (answer, path) => path.startsWith('/ccip/31337') && answer.status === 200 && answer.body.write('f', 200),
      ['lookup-get', 'lookup-post'],
    ],
    [
      'an altered list',
      (answer, path) => path.endsWith('_mooring/list') && answer.body.write('9', answer.body.indexOf('"size":') + 7),
      ['list'],
    ],
    ['an altered blob', (answer, path) => path.includes('/blobs/sha256') && flipLast(answer), ['pull']],
    ['an altered manifest', (answer, path) => path.includes('/manifests/sha256') && flipLast(answer), ['pull']],
    [
      'a tag that leads elsewhere',
      (answer, path) =>
        path.endsWith('/manifests/latest') &&
        Object.assign(answer.headers, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }),
      ['pull'],
    ],
    ['content that is gone', (answer, path) => path.includes('/blobs/sha256') && errorPage(answer, 503), ['pull']],
  ]
  test.each(faults)('%s', async (_what, alter, found) => {
    const { url } = await startInFront(alter)
    const { code, failed, checks } = await examine(url, 'acme.eth')
    // The chain names the gateway behind it.
    expect([code, failed.filter((name) => name !== 'named')]).toEqual([1, found])
    for (const { ok, fix } of checks) expect(ok ? fix === null : (fix?.length ?? 0) > 10).toBe(true)
  })

  test('a gateway that the chain does not name: the command that names it', async () => {
    const { url } = await startInFront(() => {})
    const { failed, rowOf } = await examine(url, 'acme.eth')
    expect(failed).toEqual(['named'])
    expect(rowOf('named')?.fix).toBe(`mooring setup acme.eth --gateway-url ${world.gateway.url} --gateway-url ${url}`)
  })

  test('a host that refuses long bodies: said, with the command that keeps below it', async () => {
    const { url } = await startInFront(() => {}, 50_000_000)
    const { failed, rowOf } = await examine(url, 'acme.eth')
    expect([failed, rowOf('limits-body')?.detail]).toEqual([
      ['named'],
      expect.stringContaining('mooring push IMAGE NAME:TAG'),
    ])
    const free = await startInFront(() => {}, 90_000_000)
    expect((await examine(free.url)).rowOf('limits-body')?.detail).toContain('nobody refuses')
  })

  test('a list that ends soon', async () => {
    const past = () => BigInt(Math.floor(Date.now() / 1000) - 80 * 86_400)
    const config = { ...world.config, port: 0, dataDir: join(world.folder, 'past') }
    const gateway = await startGateway(config, { log: () => {}, clock: past })
    onTestFinished(gateway.close)
    await pushImage(`${gateway.url}/v2/acme.eth/web`, buildDemoImage('Long ago.'), ['old'])
    const { failed, rowOf } = await examine(gateway.url, 'web.acme.eth')
    expect(failed).toEqual(['named', 'freshness'])
    expect(rowOf('freshness')?.detail).toContain('9 of 90 days left')
  })
})

describe('doctor at a static gateway', () => {
  test('what it cannot have is skipped with the reason, the rest holds; stale, incomplete and hiding ones are found', async () => {
    const folder = join(world.folder, 'static')
    const host = await serveFolder(folder)
    onTestFinished(host.close)
    await setGateways(host.url, world.gateway.url)
    expect((await read(world, 'export', 'acme.eth', '--ccip', folder, '--gateway', world.gateway.url)).code).toBe(0)
    const sound = await examine(host.url, 'acme.eth')
    expect([sound.code, sound.failed, sound.json.kind]).toEqual([0, [], 'static'])
    const skipped = sound.checks.filter((row) => row.skipped).map(({ name }) => name)
    expect(skipped).toEqual(['errors-registry', 'cors-preflight', 'limits-body', 'lookup-post', 'list', 'pull'])
    expect(sound.rowOf('registry')?.detail).toContain('static gateway')

    await pushTags(world, '2.0')
    const stale = await examine(host.url, 'acme.eth')
    expect([stale.failed, stale.rowOf('freshness')?.detail]).toEqual([
      ['freshness'],
      expect.stringContaining(`${world.gateway.url} has 3`),
    ])

    const table = readFileSync(join(folder, '_redirects'), 'utf8')
    writeFileSync(join(folder, '_redirects'), table.split('\n').slice(4).join('\n'))
    expect((await examine(host.url, 'acme.eth')).failed).toEqual(['lookup-get'])
    writeFileSync(join(folder, '_redirects'), table)
    writeFileSync(join(folder, '_headers'), '')
    expect((await examine(host.url, 'acme.eth')).failed).toContain('lookup-get')
    await setGateways(world.gateway.url)
  })
})

/** In front of the world's gateway: every answer may be altered, and a body that is too long is refused by its length. */
async function startInFront(alter: Alter, maxBodyBytes = Number.POSITIVE_INFINITY): Promise<{ url: string }> {
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', headers, url = '/' } = incoming
    if (Number(headers['content-length'] ?? 0) > maxBodyBytes) return outgoing.writeHead(413).end()
    // At once, as some servers do: waiting for the body would cost each test a second.
    if (method === 'POST' && url === '/v2/') return outgoing.writeHead(405).end()
    const asking = request(world.gateway.url + url, { method, headers }, async (behind) => {
      const chunks: Buffer[] = []
      for await (const chunk of behind) chunks.push(chunk as Buffer)
      const answer = { status: behind.statusCode ?? 500, headers: textOf(behind.headers), body: Buffer.concat(chunks) }
      alter(answer, url, method)
      // Of what has no body the length speaks of the one that it would have.
      if (method !== 'HEAD' && answer.status !== 204) answer.headers['content-length'] = String(answer.body.length)
      outgoing.writeHead(answer.status, answer.headers).end(answer.body)
    })
    asking.on('error', () => outgoing.destroy())
    outgoing.on('close', () => asking.destroy())
    return incoming.pipe(asking)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(() => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections()))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function textOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
