import { type Address, createClient, createPublicClient, encodeFunctionData, http } from 'viem'
import { foundry, mainnet } from 'viem/chains'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import {
  forgeDigest,
  type LyingGateway,
  replay,
  signAsStranger,
  startLyingGateway,
} from '../../gateway/cli/demo/liar.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import {
  createStorageState,
  type TagState,
  type VerifyTagOptions,
  verifyManifest,
  verifyTag,
} from '../../gateway/library/index.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import { FLAG_IMMUTABLE } from '../../gateway/tags/entry.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { type OneTagList, signOneTagList } from '../e2e/one-tag-list.ts'
import { pushTags, startProxy, startWorld, type World } from '../e2e/world.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'
import { entryOf } from '../publish/repository.ts'

const manifestType = 'application/vnd.oci.image.manifest.v1+json'

let world: World
let image: DemoImage
let liar: LyingGateway
beforeAll(async () => {
  world = await startWorld()
  image = await pushTags(world, 'latest')
  liar = await startLyingGateway()
})
afterAll(async () => {
  await liar.close()
  await world.close()
})

function domain() {
  return { chainId: world.chain.chainId, resolver: world.chain.addresses.resolver }
}

function clientOf(url: string = world.chain.rpc) {
  return createClient({ transport: http(url) })
}

function verify(more: Partial<VerifyTagOptions> = {}) {
  const { ensRegistry } = world.chain.addresses
  const gateways = [world.gateway.url]
  return verifyTag({ client: clientOf(), name: 'acme.eth', tag: 'latest', ensRegistry, gateways, ...more })
}

function memoryState() {
  const stored = new Map<string, string>()
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, text: string) => void stored.set(key, text),
  }
  return createStorageState(storage)
}

test('a tag that is there: entry, list and evidence from which all of it is checked again', async () => {
  const { digest, bytes, mediaType } = image.imageIndex
  const found = await verify({ client: createPublicClient({ transport: http(world.chain.rpc) }) })
  expect(found).toMatchObject({
    status: 'present',
    name: 'acme.eth',
    tag: 'latest',
    entry: { digest, size: bytes.length, mediaType },
  })
  const { evidence } = found
  const owner = addressOf(testKeys.owner)
  expect(evidence).toMatchObject({
    ...{ domain: domain(), clients: 1, gateway: world.gateway.url, rows: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10] },
    authority: { owner, authorityName: 'acme.eth', policy: { publishers: [owner], threshold: 1 } },
    signatures: [{ signer: owner }],
  })
  const { callData, response, authority } = evidence
  const readAuthority = async () => ({ ...authority, isRevoked: async () => false, askContract: async () => undefined })
  const again = await verifyLookup({ callData, response, readAuthority, localTime: authority.blockTime, memory: null })
  expect(again.signed.hash).toBe(evidence.listHash)
  expect(again.entries).toEqual([found.entry])
})

test('a tag that is not there is proven absent, with the proof', async () => {
  const found = await verify({ name: 'acme.eth', tag: 'nope' })
  expect(found).toMatchObject({ status: 'absent', entry: null, evidence: { proof: { path: expect.any(Array) } } })
})

test('row 10: several clients must agree at one block, and one that lies is refused by its number', async () => {
  expect(await verify({ client: [clientOf(), clientOf()] })).toMatchObject({ evidence: { clients: 2 } })
  const proxy = await startRpcProxy(world.chain.rpc, ({ method }, result) =>
    method === 'eth_getBlockByNumber' ? { ...(result as object), hash: `0x${'ab'.repeat(32)}` } : result,
  )
  const asked = verify({ client: [clientOf(), clientOf(proxy.url)] })
  await expect(asked).rejects.toMatchObject({
    reason: 'RpcDisagree',
    message: expect.stringContaining('client 2 says'),
  })
  await proxy.close()
})

test('a client that was made for another chain is not asked further', async () => {
  const transport = http(world.chain.rpc)
  expect((await verify({ client: createClient({ transport, chain: foundry }) })).status).toBe('present')
  const other = verify({ client: createClient({ transport, chain: mainnet }) })
  await expect(other).rejects.toThrow('a client is for chain 1, its endpoint of chain 31337')
})

test('row 10: a chain that stands still is ChainStale', async () => {
  const now = () => BigInt(Math.floor(Date.now() / 1000)) + 16n * 60n
  await expect(verify({ now })).rejects.toMatchObject({ reason: 'ChainStale' })
})

const lies = [
  ['a forged digest', () => forgeDigest(world.gateway.url, domain()), 'BadProof'],
  [
    'a list that a stranger signed',
    () => signAsStranger(world.gateway.url, domain(), createTestSigner(testKeys.third)),
    'NotPublisher',
  ],
  ['bytes that are no answer', () => replay('0x1234'), 'BadResponse'],
] as const

test.each(lies)('rows 0 to 8: %s is refused by name, and the next gateway is asked', async (_lie, tell, reason) => {
  liar.tell(tell())
  const gateways = [liar.url]
  await expect(verify({ gateways })).rejects.toMatchObject({ name: 'Refusal', reason })
  expect(await verify({ gateways: [liar.url, `${world.gateway.url}/`] })).toMatchObject({ status: 'present' })
})

test('protocol 4: silence, a redirect and a body without end are no answer', async () => {
  const endings = [
    [{ status: 500 }, 'GatewayUnavailable'],
    [{ status: 302, headers: { location: world.gateway.url } }, 'GatewayUnavailable'],
    [{ body: Buffer.alloc(2_000_000, 'a') }, 'Refusal'],
  ] as const
  for (const [change, name] of endings) {
    const proxy = await startProxy(world.gateway.url, (answer) => ({ ...answer, ...change }))
    await expect(verify({ gateways: [proxy.url] })).rejects.toMatchObject({ name })
    expect((await verify({ gateways: [proxy.url, world.gateway.url] })).status).toBe('present')
    await proxy.close()
  }
})

test('of the gateways that the chain names only those over https are asked', async () => {
  const asked: string[] = []
  const fetch: VerifyTagOptions['fetch'] = (url, init) => {
    asked.push(url)
    return globalThis.fetch(url, init)
  }
  expect((await verify({ fetch })).status).toBe('present')
  expect(asked).toHaveLength(1)
  const { ensRegistry } = world.chain.addresses
  const named = verifyTag({ client: clientOf(), name: 'acme.eth', tag: 'latest', ensRegistry, fetch })
  await expect(named).rejects.toMatchObject({ name: 'GatewayUnavailable' })
  expect(asked).toHaveLength(1)
})

const fixed = entryOf(1, { updatedVersion: 1, flags: FLAG_IMMUTABLE })
const moved = entryOf(2, { updatedVersion: 1, flags: FLAG_IMMUTABLE })

async function answerWith(list: Omit<OneTagList, 'tag'>) {
  const { response } = await signOneTagList(domain(), { tag: 'fixed', ...list })
  liar.tell(replay(response))
}

test('row 9: what the state remembers is held against every later answer', async () => {
  const state = memoryState()
  const ask = () => verify({ tag: 'fixed', gateways: [liar.url], state })
  await answerWith({ version: 5n, entry: fixed })
  expect((await ask()).evidence.rows).not.toContain(9)
  expect((await ask()).evidence.rows).toContain(9)
  const refused: [Omit<OneTagList, 'tag'>, string][] = [
    [{ version: 4n, entry: fixed }, 'Rollback'],
    [{ version: 5n, entry: fixed, issuedAt: -7n }, 'Equivocation'],
    [{ version: 6n, entry: moved }, 'ImmutableChanged'],
  ]
  for (const [list, reason] of refused) {
    await answerWith(list)
    await expect(ask()).rejects.toMatchObject({ reason })
    expect((await verify({ tag: 'fixed', gateways: [liar.url] })).status).toBe('present')
  }
  await answerWith({ version: 6n, entry: fixed })
  expect((await ask()).list.version).toBe(6n)
})

test('row 9: a state may keep evidence, and its words are in the refusal', async () => {
  const kept: string[] = []
  const state: TagState = {
    ...memoryState(),
    explain: async (_domain, refusal, signed, seen) => {
      kept.push(`${refusal.reason} ${signed.list.version} ${seen.proofs?.has('fixed')}`)
      return Object.assign(refusal, { message: `${refusal.message}, kept` })
    },
  }
  const ask = () => verify({ tag: 'fixed', gateways: [liar.url], state })
  await answerWith({ version: 5n, entry: fixed })
  expect((await ask()).status).toBe('present')
  await answerWith({ version: 6n, entry: moved })
  await expect(ask()).rejects.toThrow(/, kept$/)
  expect(kept).toEqual(['ImmutableChanged 6 true'])
})

test('A12: another owner is OwnerChanged until it is accepted', async () => {
  const state = memoryState()
  const ask = () => verify({ tag: 'fixed', gateways: [liar.url], state })
  await answerWith({ version: 5n, entry: fixed })
  expect((await ask()).status).toBe('present')
  const third = addressOf(testKeys.third)
  const setOwner = (from: Address, to: Address) => {
    const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setOwner', args: [nodeOf('acme.eth'), to] })
    return world.chain.send({ from, to: world.chain.addresses.ensRegistry, data })
  }
  await setOwner(addressOf(testKeys.owner), third)
  await answerWith({ version: 1n, entry: moved, key: 'third' })
  await expect(ask()).rejects.toMatchObject({ reason: 'OwnerChanged' })
  await state.acceptOwner(domain(), nodeOf('acme.eth'), third, 0n)
  expect(await ask()).toMatchObject({ list: { version: 1n }, entry: { digest: moved.digest } })
  await setOwner(third, addressOf(testKeys.owner))
})

test('row 10: bytes are held against size, digest and media type of a verified entry', async () => {
  const read = async (text: string, mediaType: string) => {
    const bytes = new TextEncoder().encode(text)
    return { entry: { digest: await digestOf('sha256', bytes), size: bytes.length, mediaType }, bytes }
  }
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${'1'.repeat(64)}`, size: 2 }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [] })
  const { entry, bytes } = await read(body, manifestType)
  expect((await verifyManifest(entry, bytes)).blobs).toMatchObject([{ digest: config.digest }])
  const other = Uint8Array.from(bytes)
  other[20] = (other[20] ?? 0) ^ 1
  await expect(verifyManifest(entry, bytes.slice(1))).rejects.toMatchObject({ reason: 'SizeMismatch' })
  await expect(verifyManifest(entry, other)).rejects.toMatchObject({ reason: 'DigestMismatch' })
  const both = await read(body.replace('"layers"', '"manifests":[],"layers"'), manifestType)
  await expect(verifyManifest(both.entry, both.bytes)).rejects.toMatchObject({ reason: 'AmbiguousManifest' })
})
