import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Address } from 'viem'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type Draft, imageThatSays, publish, sha256 } from './publication.ts'
import { accepted, chainTime, refused, type Stage, startStage } from './stage.ts'
import { drip, endless, startToldGateway, type ToldGateway } from './told-gateway.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

const good = imageThatSays('good')
const maxAge = 86_400

async function openScene(draft: Draft = {}) {
  const ensName = await stage.openName()
  const gateway = await startToldGateway(await publish(stage.domain, ensName, { '1.0': good }, draft))
  onTestFinished(gateway.close)
  return { ensName, gateway, client: stage.openClient([gateway.url]) }
}

/** A name whose policy wants a timestamp of the third key, at most a day old. */
async function openTimestamped() {
  const scene = await openScene()
  const publishers: Address[] = [addressOf(testKeys.owner)]
  const policy = { publishers, threshold: 1, timestamper: addressOf(testKeys.third), maxAge }
  await stage.call('owner', 'setPolicy', scene.ensName, policy)
  const listedAt = await chainTime(stage)
  const stamped = (key: Draft['timestamp']) =>
    publish(stage.domain, scene.ensName, { '1.0': good }, { issuedAt: listedAt, ...(key && { timestamp: key }) })
  return { ...scene, stamped }
}

test('A2 endless data: a manifest without end is cut at its signed size and is SizeMismatch', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.lie = (response, path) => path.includes('/manifests/') && endless(gateway, response, 'text/plain')
  expect(await client.proxy(`${ensName}/manifests/1.0`)).toMatchObject({ status: 403, reason: 'SizeMismatch' })
  expect(gateway.sent).toBeLessThan(16 * 1024 * 1024)
})

test('A2 endless data: an answer to a lookup without end is BadResponse', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.lie = (response, path) =>
    path.endsWith('.json') && endless(gateway, response, 'application/json', '{"data":"0x')
  expect(await client.ask(ensName, '1.0')).toEqual(refused('BadResponse'))
  expect(gateway.sent).toBeLessThan(16 * 1024 * 1024)
})

test('A2 endless data: a blob without end is never a whole body, and referrers without end are no answer', async () => {
  const { ensName, gateway, client } = await openScene()
  const digest = sha256(good.blobs[1]!.bytes)
  await client.proxy(`${ensName}/manifests/1.0`)
  expect(await client.proxy(`${ensName}/blobs/${digest}`)).toMatchObject({ status: 200 })
  gateway.lie = (response, path) => /blobs|referrers/.test(path) && endless(gateway, response, 'application/json')
  const blob = await client.proxy(`${ensName}/blobs/${digest}`)
  expect(blob.status === 200 ? blob.bytes : blob.reason).not.toEqual(good.blobs[1]!.bytes)
  expect([blob.status === 200 && blob.bytes !== null, gateway.sent < 16 * 1024 * 1024]).toEqual([false, true])
  gateway.sent = 0
  expect(await client.proxy(`${ensName}/referrers/${sha256(good.manifest.bytes)}`)).toMatchObject({ status: 503 })
  expect(gateway.sent).toBeLessThan(16 * 1024 * 1024)
})

test('A2 endless data: nine signatures, a signature of 8,193 bytes and a path of 21 hashes are BadResponse', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const honest = gateway.publication!
  const [signature] = honest.signed.signatures
  const many = Array.from({ length: 9 }, () => signature!)
  const long = [{ signer: signature!.signer, signature: `0x${'00'.repeat(8193)}` as const }]
  for (const signatures of [many, long]) {
    gateway.publication = { ...honest, signed: { ...honest.signed, signatures } }
    // The contract refuses what is over a limit by any revert; the name is the verifier's.
    expect((await client.ask(ensName, '1.0'))[1]).toBe('BadResponse')
    expect((await client.ask(ensName, '1.0'))[0]).toMatch(/^403 /)
  }
})

test('A5 indefinite freeze: a timestamp is good for maxAge to the second, and StaleTimestamp after it', async () => {
  const { ensName, gateway, client, stamped } = await openTimestamped()
  const now = (await chainTime(stage)) + 100n
  gateway.publication = await stamped({ key: 'third', issuedAt: now - BigInt(maxAge) })
  expect(await client.library(ensName, '1.0', { now: () => now })).toBe('present')
  expect(await client.library(ensName, '1.0', { now: () => now + 1n })).toBe('StaleTimestamp')
  gateway.publication = await stamped({ key: 'third', issuedAt: now - BigInt(maxAge) - 200n })
  expect(await client.ask(ensName, '1.0')).toEqual(refused('StaleTimestamp'))
  gateway.publication = await stamped({ key: 'third', issuedAt: now - 100n })
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
})

test('A5 indefinite freeze: no timestamp, one of another key and one of another list are BadTimestamp', async () => {
  const { ensName, gateway, client, stamped } = await openTimestamped()
  const issuedAt = await chainTime(stage)
  gateway.publication = await stamped({ key: 'third', issuedAt })
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  for (const timestamp of [
    undefined,
    { key: 'owner', issuedAt },
    { key: 'third', issuedAt, list: `0x${'12'.repeat(32)}` },
  ] as const) {
    gateway.publication = await stamped(timestamp)
    expect(await client.ask(ensName, '1.0')).toEqual(refused('BadTimestamp'))
  }
})

test('A5 indefinite freeze: without a timestamper a list ends by itself: Expired, to the second', async () => {
  const now = (await chainTime(stage)) + 100n
  const { ensName, client } = await openScene({ issuedAt: now - 1000n, expiresAt: now + 60n })
  expect(await client.library(ensName, '1.0', { now: () => now + 59n })).toBe('present')
  expect(await client.library(ensName, '1.0', { now: () => now + 60n })).toBe('Expired')
  const past = await openScene({ issuedAt: now - 1000n, expiresAt: now - 500n })
  expect(await past.client.ask(past.ensName, '1.0')).toEqual(refused('Expired'))
})

test('A5 indefinite freeze: a chain whose latest block is an hour old is ChainStale', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const frozen = await startRpcProxy(stage.chain.rpc, ({ method }, result) => {
    if (method !== 'eth_getBlockByNumber') return result
    const block = result as { timestamp: string }
    return { ...block, timestamp: `0x${(Number(block.timestamp) - 3600).toString(16)}` }
  })
  onTestFinished(frozen.close)
  const misled = stage.openClient([gateway.url], { rpcUrls: [frozen.url] })
  expect(await misled.ask(ensName, '1.0')).toEqual(refused('ChainStale'))
})

const expired = async (ensName: string) => {
  const now = await chainTime(stage)
  return publish(stage.domain, ensName, { '1.0': good }, { issuedAt: now - 1000n, expiresAt: now - 500n })
}

const bad: readonly [what: string, alone: string, told: (ensName: string) => Promise<Partial<ToldGateway>>][] = [
  ['500', '503 UNKNOWN', async () => ({ lie: (response) => Boolean(response.writeHead(500).end()) })],
  ['garbage', '403 BadResponse', async () => ({ lie: (response) => Boolean(response.end('<html>')) })],
  ['an expired list', '403 Expired', async (ensName) => ({ publication: await expired(ensName) })],
  ['silence', '503 UNKNOWN', async () => ({ lie: () => true })],
]

test.each(bad)(
  'A6 malicious mirrors: after %s the next gateway is asked; alone it is never a 200',
  async (_what, alone, told) => {
    const { ensName, gateway } = await openScene()
    const second = await startToldGateway(gateway.publication)
    onTestFinished(second.close)
    Object.assign(gateway, await told(ensName))
    const patience = { firstByteMs: 300, windowMs: 300, leastBytes: 1 }
    expect(await stage.openClient([gateway.url, second.url], { patience }).ask(ensName, '1.0')).toEqual(accepted)
    const [proxy] = await stage.openClient([gateway.url], { patience }).ask(ensName, '1.0')
    expect(proxy).toBe(alone)
  },
)

test('A11 slow retrieval: a body below the floor is given up for the next gateway; alone it is 503', async () => {
  const { ensName, gateway } = await openScene()
  const second = await startToldGateway(gateway.publication)
  onTestFinished(second.close)
  gateway.lie = (response, path) =>
    path.includes('/manifests/') && drip(response, 'text/plain', good.manifest.bytes.length, 20)
  const patience = { firstByteMs: 500, windowMs: 250, leastBytes: 10_000 }
  const beside = await stage.openClient([gateway.url, second.url], { patience }).proxy(`${ensName}/manifests/1.0`)
  expect([beside.status, beside.bytes]).toEqual([200, new Uint8Array(good.manifest.bytes)])
  expect(gateway.asked.some((path) => path.includes('/manifests/'))).toBe(true)
  const alone = await stage.openClient([gateway.url], { patience }).proxy(`${ensName}/manifests/1.0`)
  expect(alone.status).toBe(503)
})

test('A11 slow retrieval: a gateway that takes the connection and says nothing is given up', async () => {
  const { ensName, gateway } = await openScene()
  const hanging = createServer(() => undefined)
  await new Promise<void>((listening) => hanging.listen(0, '127.0.0.1', listening))
  onTestFinished(() => new Promise<void>((closed) => void hanging.close(() => closed()).closeAllConnections()))
  const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`
  const patience = { firstByteMs: 300, windowMs: 300, leastBytes: 1 }
  expect(await stage.openClient([url, gateway.url], { patience }).ask(ensName, '1.0')).toEqual(accepted)
  expect(await stage.openClient([url], { patience }).ask(ensName, '1.0')).toEqual(['503 UNKNOWN', 'GatewayUnavailable'])
})
