import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Connection } from '../../gateway/cli/client/connect.ts'
import { checkContent } from '../../gateway/cli/client/content.ts'
import { openName } from '../../gateway/cli/client/name-on-chain.ts'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { startDevChain } from '../../gateway/cli/dev-chain.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { addressOf, swarmReferenceOf, testKeys } from '../fixtures.ts'
import { pushTags, read, startWorld, type World } from './world.ts'

let world: World
let image: DemoImage
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, 'latest', '1.0')
})
afterAll(() => world.close())

const hash = expect.stringMatching(/^0x[0-9a-f]{64}$/)

test('interfaces resolve: a tag that is there is present, exit 0, and the contract says the same', async () => {
  const { digest, bytes, mediaType } = image.imageIndex
  const { code, json } = await read(world, 'resolve', 'acme.eth:1.0')
  expect(code).toBe(0)
  expect(json).toEqual({
    ...{ name: 'acme.eth', tag: '1.0', status: 'present', digest, size: bytes.length, mediaType },
    ...{ swarmReference: swarmReferenceOf(bytes), epoch: 0, version: 2, listHash: hash, viaEns: digest, error: null },
  })
})

test('interfaces resolve: without a tag it is latest', async () => {
  expect((await read(world, 'resolve', 'acme.eth')).json).toMatchObject({ tag: 'latest', status: 'present' })
})

test('interfaces resolve: a tag that is not there is proven absent, exit 3, and the callback says ""', async () => {
  const { code, json } = await read(world, 'resolve', 'acme.eth:nope')
  expect(code).toBe(3)
  expect(json).toEqual({
    ...{ name: 'acme.eth', tag: 'nope', status: 'absent', digest: null, size: null, mediaType: null },
    ...{ swarmReference: null, epoch: 0, version: 2, listHash: hash, viaEns: '', error: null },
  })
})

test('interfaces resolve: a name without a list is GatewayUnavailable, exit 4, never absent', async () => {
  const { code, json, err } = await read(world, 'resolve', 'bob.eth')
  expect(code).toBe(4)
  expect(json).toMatchObject({ status: 'unverified', digest: null, viaEns: null, error: 'GatewayUnavailable' })
  expect(err).toMatch(/^mooring: GatewayUnavailable: /)
})

test('interfaces resolve: a name that nobody registered is UnreachableName, exit 4', async () => {
  const { code, json } = await read(world, 'resolve', 'nobody.eth')
  expect(code).toBe(4)
  expect(json).toMatchObject({ status: 'unverified', viaEns: null, error: 'UnreachableName' })
})

test('interfaces: NAME is the ENS name or the repository', async () => {
  const dotted = await read(world, 'resolve', 'web.acme.eth:x')
  expect((await read(world, 'resolve', 'acme.eth/web:x')).json).toEqual(dotted.json)
  expect(dotted.json.name).toBe('web.acme.eth')
})

test('interfaces tags: the whole list in byte order', async () => {
  const { code, json } = await read(world, 'tags', 'acme.eth')
  const { digest, mediaType, bytes } = image.imageIndex
  const entry = { digest, size: bytes.length, mediaType, swarmReference: swarmReferenceOf(bytes), immutable: false }
  expect(code).toBe(0)
  expect(json).toEqual({
    ...{ name: 'acme.eth', epoch: 0, version: 2, listHash: hash },
    tags: [
      { tag: '1.0', ...entry, updatedVersion: 2 },
      { tag: 'latest', ...entry, updatedVersion: 1 },
    ],
  })
})

test('interfaces verify: chain, tag, list, and every manifest and blob', async () => {
  const { code, json } = await read(world, 'verify', 'acme.eth:1.0')
  expect(code).toBe(0)
  expect(json).toMatchObject({ ok: true, name: 'acme.eth', tag: '1.0', digest: image.imageIndex.digest, error: null })
  const checks = json.checks as { name: string; ok: boolean; detail: string }[]
  expect(checks.every(({ ok }) => ok)).toBe(true)
  const names = ['chain', 'tag', 'list', 'index', 'manifest', 'blob', 'blob', 'manifest', 'blob', 'blob']
  expect(checks.map(({ name }) => name)).toEqual(names)
  for (const { digest } of [...image.manifests, ...image.blobs]) {
    expect(checks.some(({ detail }) => detail.includes(digest))).toBe(true)
  }
})

test('row 10 verify: a signed Swarm reference that does not lead to the manifest is DigestMismatch', async () => {
  const { digest, mediaType, bytes } = image.imageIndex
  const check = async (swarmReference: Hex) => {
    const expected = { digest: digest as Digest, size: bytes.length, mediaType, swarmReference }
    let checked = 0
    for await (const _ of checkContent(`${world.gateway.url}/v2/acme.eth`, expected)) checked++
    return checked
  }
  expect(await check(swarmReferenceOf(bytes))).toBe(7)
  expect(await check(ZERO_REFERENCE)).toBe(7)
  await expect(check(swarmReferenceOf('other bytes'))).rejects.toMatchObject({ reason: 'DigestMismatch' })
})

test('interfaces verify: a tag that is proven absent is exit 3', async () => {
  const { code, json } = await read(world, 'verify', 'acme.eth:nope')
  expect(code).toBe(3)
  expect(json).toMatchObject({ ok: true, digest: null, error: null })
})

test('interfaces history: newest first, with signers and changes', async () => {
  const { code, json } = await read(world, 'history', 'acme.eth')
  expect(code).toBe(0)
  const { digest } = image.imageIndex
  const signers = [addressOf(testKeys.owner)]
  const change = (tag: string) => [{ tag, before: null, after: expect.objectContaining({ digest }) }]
  expect(json).toMatchObject({
    name: 'acme.eth',
    lists: [
      { version: 2, epoch: 0, hash, signers, changes: change('1.0') },
      { version: 1, epoch: 0, hash, signers, changes: change('latest') },
    ],
  })
})

test('row 9: a reading command leaves one folder of memory for the name', async () => {
  await read(world, 'resolve', 'acme.eth')
  const state = join(world.folder, 'state')
  const own = (await readdir(state)).filter((folder) => folder.endsWith(nodeOf('acme.eth')))
  expect(own).toHaveLength(1)
  expect((await readdir(join(state, own[0] as string))).some((file) => /^\d+\.json$/.test(file))).toBe(true)
})

test('interfaces: two endpoints that agree are as good as one', async () => {
  const { code, json } = await read(world, 'resolve', 'acme.eth', '--rpc', world.chain.rpc)
  expect(code).toBe(0)
  expect(json.status).toBe('present')
})

test('row 10: endpoints that differ about a name are RpcDisagree, exit 4', async () => {
  const other = await startDevChain({
    gatewayUrls: [world.gateway.url],
    names: ['acme.eth'],
    publisher: addressOf(testKeys.third),
  })
  const { code, json } = await read(world, 'resolve', 'acme.eth', '--rpc', other.rpc)
  expect(code).toBe(4)
  expect(json).toMatchObject({ status: 'unverified', error: 'RpcDisagree' })
  await other.close()
})

function connection(change: Partial<Connection> = {}): Connection {
  const { chain } = world
  const { ensRegistry, universalResolver } = chain.addresses
  const found = { chainId: chain.chainId, chainName: 'test', ensRegistry, universalResolver }
  return { ...found, rpcUrls: [chain.rpc], gateways: null, allowsPlainHttp: true, ...change }
}

test('row 10: a latest block older than 15 minutes is ChainStale', async () => {
  const now = BigInt(Math.floor(Date.now() / 1000))
  const fresh = await openName(connection(), 'acme.eth', now)
  expect((await fresh.readAuthority()).authorityName).toBe('acme.eth')
  const stale = await openName(connection(), 'acme.eth', now + 16n * 60n)
  await expect(stale.readAuthority()).rejects.toMatchObject({ reason: 'ChainStale' })
})

test('a gateway that the chain names is asked over plain http only beside a chain on this machine', async () => {
  const reachOf = async (change: Partial<Connection>) => (await openName(connection(change), 'acme.eth', 0n)).reach
  const gatewaysOf = async (change: Partial<Connection>) =>
    (await openName(connection(change), 'acme.eth', 0n)).gateways
  expect(await gatewaysOf({})).toEqual([world.gateway.url])
  expect(await gatewaysOf({ allowsPlainHttp: false })).toEqual([])
  expect(await gatewaysOf({ allowsPlainHttp: false, gateways: ['http://10.0.0.1'] })).toEqual(['http://10.0.0.1'])
  expect(await gatewaysOf({ gateways: ['ftp://10.0.0.1', 'nonsense'] })).toEqual([])
  expect(await reachOf({})).toBe('public or loopback')
  expect(await reachOf({ allowsPlainHttp: false })).toBe('public')
  expect(await reachOf({ allowsPlainHttp: false, gateways: ['http://10.0.0.1'] })).toBe('given')
})
