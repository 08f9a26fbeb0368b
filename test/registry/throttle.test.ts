import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../gateway/app.ts'
import type { Config } from '../../gateway/config.ts'
import { startGateway } from '../../gateway/serve.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { createThrottle, throttleKey } from '../../gateway/throttle.ts'
import { createTestChain, createTestClock, createTestDeps, testDomain } from '../fixtures.ts'

/** Requests let through before the first one that has to wait, and how long that one waits. */
function drain(admit: () => number): { admitted: number; waitSeconds: number } {
  for (let admitted = 0; ; admitted += 1) {
    const waitSeconds = admit()
    if (waitSeconds > 0) return { admitted, waitSeconds }
  }
}

describe('requests per minute (RFC 6585 section 4)', () => {
  test.each([
    [60, 1],
    [90, 1],
    [6, 10],
    [1, 60],
    [7, 9],
  ])('%i: a minute’s requests at once, then one after %i s and not before', (perMinute, waitSeconds) => {
    const clock = createTestClock()
    const throttle = createThrottle(perMinute, clock)
    const admit = () => throttle.admit('192.0.2.1')
    expect(drain(admit)).toEqual({ admitted: perMinute, waitSeconds })
    clock.advance(waitSeconds - 1)
    if (waitSeconds > 1) expect(admit()).toBe(1)
    clock.advance(1)
    expect(admit()).toBe(0)
  })

  test('what is not used is not saved beyond a minute', () => {
    const clock = createTestClock()
    const throttle = createThrottle(30, clock)
    expect(drain(() => throttle.admit('a')).admitted).toBe(30)
    clock.advance(30)
    expect(drain(() => throttle.admit('a')).admitted).toBe(15)
    clock.advance(3600)
    expect(drain(() => throttle.admit('a')).admitted).toBe(30)
  })

  test('refused requests cost nothing, each client has its own, and a clock that steps back gives nothing', () => {
    const clock = createTestClock()
    const throttle = createThrottle(6, clock)
    drain(() => throttle.admit('a'))
    for (let asked = 0; asked < 100; asked += 1) expect(throttle.admit('a')).toBe(10)
    expect(throttle.admit('b')).toBe(0)
    clock.advance(-3600)
    expect(throttle.admit('a')).toBe(10)
    clock.advance(10)
    expect(throttle.admit('a')).toBe(0)
  })

  test('it remembers a bounded number of clients, those that asked last', () => {
    const throttle = createThrottle(1, createTestClock())
    throttle.admit('first')
    for (let client = 0; client < 19_999; client += 1) throttle.admit(`${client}`)
    expect(throttle.admit('first')).toBe(60)
    for (let client = 0; client < 20_000; client += 1) throttle.admit(`other ${client}`)
    expect(throttle.admit('first')).toBe(0)
  })

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
    ['', ''],
  ])('%s counts as %s', (address, key) => {
    expect(throttleKey(address)).toBe(key)
  })
})

describe('who asks', () => {
  async function openServed(more: Partial<Config>) {
    const folder = await mkdtemp(join(tmpdir(), 'mooring-throttle-'))
    const config: Config = {
      ...{ port: 0, host: '127.0.0.1', dataDir: folder, rpcUrls: ['http://127.0.0.1:9'], publisherKeyFile: null },
      ...{ chainId: testDomain.chainId, ensRegistry: testDomain.resolver, resolver: testDomain.resolver },
      ...{ insecureNoAuth: false, requestsPerMinute: 2, ...more },
    }
    const gateway = await startGateway(config, { chain: createTestChain(), log: () => {} })
    onTestFinished(async () => {
      await gateway.close()
      await rm(folder, { recursive: true })
    })
    return async (forwarded: string) =>
      (await fetch(`${gateway.url}/v2/`, { headers: { 'x-forwarded-for': forwarded } })).status
  }

  test('is the other end of the connection, whatever headers say', async () => {
    const ask = await openServed({})
    expect([await ask('192.0.2.1'), await ask('192.0.2.2'), await ask('192.0.2.3')]).toEqual([200, 200, 429])
  })

  test('is the last address in the configured header: the one that the nearest proxy added', async () => {
    const ask = await openServed({ clientAddressHeader: 'x-forwarded-for' })
    const asked = ['192.0.2.1', '1.1.1.1, 192.0.2.1', '2.2.2.2, 192.0.2.1']
    const statuses: number[] = []
    for (const forwarded of asked) statuses.push(await ask(forwarded))
    expect(statuses).toEqual([200, 200, 429])
    expect(await ask('192.0.2.1, 192.0.2.9')).toBe(200)
  })
})

describe('a gateway with a limit', () => {
  function openLimited() {
    const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
    const deps = createTestDeps(stores)
    deps.throttle = createThrottle(3, deps.clock)
    const app = createApp(deps)
    const ask = (path: string, client: string, method = 'GET') =>
      app.fetch(new Request(`http://gateway.test${path}`, { method }), { target: path, client })
    return { deps, ask }
  }

  test('429 TOOMANYREQUESTS with Retry-After, for that client alone, until it has waited', async () => {
    const { deps, ask } = openLimited()
    for (let sent = 0; sent < 3; sent += 1) expect((await ask('/v2/', '192.0.2.1')).status).toBe(200)
    const refused = await ask('/v2/', '192.0.2.1')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '20'])
    const body = (await refused.json()) as { errors: { code: string; message: string }[] }
    expect(body.errors).toEqual([
      { code: 'TOOMANYREQUESTS', message: 'too many requests: the next one is answered in 20 s' },
    ])
    expect((await ask('/v2/', '192.0.2.2')).status).toBe(200)
    deps.clock.advance(20)
    expect((await ask('/v2/', '192.0.2.1')).status).toBe(200)
  })

  test('the same for writes, HEAD and lookups, whose error body is {"message"}', async () => {
    const { ask } = openLimited()
    for (let sent = 0; sent < 3; sent += 1) await ask('/v2/', 'a')
    const put = await ask('/v2/acme.eth/manifests/v1', 'a', 'PUT')
    const head = await ask('/v2/', 'a', 'HEAD')
    expect([put.status, head.status, await head.text()]).toEqual([429, 429, ''])
    const lookup = await ask('/ccip/1/0x/0x/0x.json', 'a')
    expect([
      lookup.status,
      lookup.headers.get('retry-after'),
      lookup.headers.get('access-control-allow-origin'),
    ]).toEqual([...[429, '20', '*']])
    expect(Object.keys((await lookup.json()) as object)).toEqual(['message'])
  })
})
