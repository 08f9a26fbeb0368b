import { chmod, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConfigError } from '../../gateway/config.ts'
import { startGateway } from '../../gateway/serve.ts'
import { command } from '../cli/command.ts'
import { pushTags, startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

/** Sends bytes to the gateway's port and gives what comes back until the connection ends. */
function exchange(bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(world.gateway.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
    })
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

test('a TLS ClientHello on the plain port gets an HTTP 400, as docker, skopeo and podman expect', async () => {
  const clientHello = Buffer.from('16030100050100000103030000', 'hex')
  expect(await exchange(clientHello)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
})

test('what is no HTTP, and a connection that breaks off in the middle, leave the gateway standing', async () => {
  expect(await exchange(Buffer.from('GET / HTTP/9.9\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /)
  const { hostname, port } = new URL(world.gateway.url)
  const broken = connect(Number(port), hostname)
  broken.write('POST /v2/acme.eth/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc')
  await new Promise((sent) => broken.once('connect', sent))
  broken.destroy()
  expect((await fetch(`${world.gateway.url}/v2/`)).status).toBe(200)
})

test('a request target with dot segments names nothing: 400, and never another repository', async () => {
  await pushTags(world, 'v1')
  const get = (target: string) =>
    exchange(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`))
  for (const target of [
    '/v2/acme.eth/tags/list',
    'http://h/v2/acme.eth/tags/list',
    '/v2/acme.eth/tags/list?n=9&x=a/..',
  ]) {
    expect([target, await get(target)]).toEqual([target, expect.stringMatching(/^HTTP\/1\.1 200 [\s\S]*"v1"/)])
  }
  for (const target of [
    ...['/v2/bob.eth/../acme.eth/tags/list', '/v2/bob.eth/%2e%2e/acme.eth/tags/list', '/v2/./acme.eth/tags/list'],
    ...['/v2/bob.eth/%2E./acme.eth/tags/list', '/x/../v2/acme.eth/tags/list', '/ccip/../v2/acme.eth/tags/list'],
    ...['http://h/v2/bob.eth/../acme.eth/tags/list', '/v2/bob.eth/..\\acme.eth/tags/list', '/v2\\acme.eth\\tags\\list'],
    ...['/v2/acme.eth\0/tags/list', '/v2/bob.eth/%252e%252e/acme.eth/tags/list', '/v2//acme.eth/tags/list'],
    ...['/v2/bob.eth%2f..%2f..%2facme.eth/tags/list', 'ftp://h/v2/acme.eth/tags/list', '/v2/%61cme.eth/tags/list'],
  ]) {
    expect([target, await get(target)]).toEqual([target, expect.stringMatching(/^HTTP\/1\.1 400 (?![\s\S]*"v1")/)])
  }
  expect(await get('/v2/bob.eth/../acme.eth/tags/list')).toContain('"code":"NAME_INVALID"')
  expect(await get('/ccip/31337/..')).toMatch(/access-control-allow-origin: \*\r\n[\s\S]*\{"message":/)
  expect(await get('//acme.eth/v2/acme.eth/tags/list')).toMatch(/^HTTP\/1\.1 404 /)
})

test('protocol 4: callData of 16 KiB in a path is read, and what is longer is 400 for a browser too', async () => {
  const { resolver } = world.chain.addresses
  const ask = (bytes: number) =>
    fetch(`${world.gateway.url}/ccip/31337/${resolver}/${resolver}/0x${'00'.repeat(bytes)}.json`)
  for (const bytes of [16 * 1024, 16 * 1024 + 1]) {
    const answer = await ask(bytes)
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([400, '*'])
    const { message } = (await answer.json()) as { message: string }
    expect(message).toContain(bytes > 16 * 1024 ? 'longer than 16384 bytes' : 'not a call of resolve')
  }
})

test('interfaces serve: a gateway with a key publishes, one without relays', async () => {
  expect(world.gateway.mode).toBe('publishing')
  const relay = await startGateway({
    ...world.config,
    ...{ port: 0, dataDir: join(world.folder, 'relay'), publisherKeyFile: null },
  })
  expect(relay.mode).toBe('relay')
  expect((await fetch(`${relay.url}/v2/`)).status).toBe(200)
  await relay.close()
})

test('interfaces serve: prints one JSON value when it listens, and ends with 0 when it is asked to stop', async () => {
  const { config } = world
  const { code, out } = await command([
    ...['serve', '--json', '--port', '0', '--data', join(world.folder, 'served'), '--rpc', config.rpcUrls[0] as string],
    ...['--chain-id', `${config.chainId}`, '--ens-registry', config.ensRegistry, '--resolver', config.resolver],
    ...['--publisher-key-file', config.publisherKeyFile as string],
  ])
  expect(code).toBe(0)
  const gateway = expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(JSON.parse(out)).toEqual({ ready: true, gateway, mode: 'publishing' })
})

type Wrong = Partial<World['config']>

const wrong: readonly [rule: string, change: () => Promise<Wrong> | Wrong, key: string][] = [
  ['a chain id that is not the endpoint’s', () => ({ chainId: 1 }), 'MOORING_CHAIN_ID'],
  ['a resolver without code', () => ({ resolver: `0x${'99'.repeat(20)}` }), 'MOORING_RESOLVER'],
  ['a contract that is no resolver', () => ({ resolver: world.chain.addresses.registrar }), 'MOORING_RESOLVER'],
  ['another ENS registry', () => ({ ensRegistry: world.chain.addresses.registrar }), 'MOORING_ENS_REGISTRY'],
  ['a port that is taken', () => ({ port: Number(new URL(world.gateway.url).port) }), 'MOORING_PORT'],
  ['an address of another machine', () => ({ host: '192.0.2.1' }), 'MOORING_HOST'],
  [
    'a key file that others may read',
    () => keyFile('open', `0x${'11'.repeat(32)}`, 0o644),
    'MOORING_PUBLISHER_KEY_FILE',
  ],
  ['a key file without a key', () => keyFile('empty', 'no key', 0o600), 'MOORING_PUBLISHER_KEY_FILE'],
  ['a data folder that another gateway holds', () => ({ dataDir: world.config.dataDir }), 'MOORING_DATA'],
]

async function keyFile(name: string, text: string, mode: number): Promise<Wrong> {
  const publisherKeyFile = join(world.folder, name)
  await writeFile(publisherKeyFile, text)
  await chmod(publisherKeyFile, mode)
  return { publisherKeyFile }
}

test.each(wrong)('serve: %s is a configuration error that names the key', async (_rule, change, key) => {
  const good = { ...world.config, port: 0, dataDir: join(world.folder, 'fresh') }
  await (await startGateway(good)).close()
  const error = await startGateway({ ...good, ...(await change()) }).catch((refused: unknown) => refused)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as Error).message).toContain(key)
  expect((error as Error).message).not.toContain('11'.repeat(32))
})

test('close: a request under way is finished, and what it acknowledged is there afterwards', async () => {
  const config = { ...world.config, port: 0, dataDir: join(world.folder, 'closing') }
  const gateway = await startGateway(config)
  const begun = await fetch(`${gateway.url}/v2/acme.eth/blobs/uploads/`, { method: 'POST' })
  const location = new URL(begun.headers.get('location') ?? '', gateway.url)
  const patching = request(location, { method: 'PATCH', headers: { expect: '100-continue', 'content-length': '11' } })
  const answered = new Promise<number | undefined>((resolve, reject) => {
    patching.once('response', (response) => resolve(response.resume().statusCode))
    patching.once('error', reject)
  })
  await new Promise<void>((underWay) => patching.once('continue', underWay).flushHeaders())
  patching.write('first')
  const closed = gateway.close()
  patching.end('second')
  expect(await answered).toBe(202)
  await closed
  const again = await startGateway(config)
  const status = await fetch(new URL(location.pathname, again.url))
  expect(status.headers.get('range')).toBe('0-10')
  await again.close()
})

test('uploads that expired are swept when a gateway starts', async () => {
  const config = { ...world.config, port: 0, dataDir: join(world.folder, 'sweeping') }
  const gateway = await startGateway(config)
  const begun = await fetch(`${gateway.url}/v2/acme.eth/blobs/uploads/`, { method: 'POST' })
  const { pathname } = new URL(begun.headers.get('location') ?? '', gateway.url)
  expect((await fetch(gateway.url + pathname)).status).toBe(204)
  await gateway.close()
  const aWeekLater = () => BigInt(Math.floor(Date.now() / 1000)) + 7n * 86_400n
  const later = await startGateway(config, { clock: aWeekLater })
  await expect.poll(async () => (await fetch(later.url + pathname)).status).toBe(404)
  await later.close()
})
