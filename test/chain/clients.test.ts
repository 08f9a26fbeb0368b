import { serve } from '@hono/node-server'
import { EnsPlugin, JsonRpcProvider, Network } from 'ethers'
import { createClient, decodeAbiParameters, type Hex, http } from 'viem'
import { call, getEnsText } from 'viem/actions'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../gateway/app.ts'
import { cachedChain } from '../../gateway/chain/cached-chain.ts'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { publishTags } from '../../gateway/publisher.ts'
import { createKeySigner } from '../../gateway/signer.ts'
import { createMemoryCatalog, createMemoryContent, createMemoryTagLists } from '../../gateway/store/memory.ts'
import { addressOf, createTestDeps, testKeys } from '../fixtures.ts'
import { entryOf, openedRepository } from '../publish/repository.ts'

// Unmodified clients, a real EVM, our gateway over HTTP on loopback: what a tag's record comes to at the other end.

type Gateway = { url: string; setLying(lying: boolean): void; close(): void }

let chain: DevChain
let batchChain: DevChain
let gateway: Gateway
const present = entryOf(0xabc)

/** An answer with its last digit changed: what a gateway that lies may send. */
function forge(text: string): string {
  const end = text.lastIndexOf('"')
  const last = text[end - 1] === '0' ? '1' : '0'
  return `${text.slice(0, end - 1)}${last}${text.slice(end)}`
}

async function openGateway(): Promise<Gateway> {
  let lying = false
  let fetchApp: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 })
  const answer = async (request: Request) => {
    const response = await fetchApp(request)
    if (!lying) return response
    return new Response(forge(await response.text()), { headers: { 'content-type': 'application/json' } })
  }
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const opened = serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, () => resolve(opened))
  })
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const options = { gatewayUrls: [url], names: ['acme.eth'], publisher: addressOf(testKeys.owner) }
  chain = await startDevChain(options)
  batchChain = await startDevChain({ ...options, batchMode: true })
  fetchApp = await openApp(chain)
  return {
    url,
    setLying: (value) => {
      lying = value
    },
    close: () => server.close(),
  }
}

/** A gateway app over memory and the real chain, with one list published. */
async function openApp({ rpc, chainId, addresses }: DevChain) {
  const stores = { content: createMemoryContent(), catalog: createMemoryCatalog(), lists: createMemoryTagLists() }
  const clock = () => BigInt(Math.floor(Date.now() / 1000))
  const { resolver, ensRegistry } = addresses
  const reader = createViemChain({ rpcUrl: rpc, chainId, resolver, ensRegistry })
  const signer = createKeySigner(testKeys.owner)
  const deps = { ...createTestDeps(stores), chain: cachedChain(reader, 15, clock), clock, signer }
  for (const ensName of ['acme.eth', 'web.acme.eth']) {
    const repository = await openedRepository({ deps: deps as never }, ensName)
    await publishTags(deps, repository, async () => [
      { tag: 'v1', entry: present },
      ...Array.from({ length: 5 }, (_, i) => ({ tag: `t${i}`, entry: entryOf(i) })),
    ])
  }
  return createApp(deps).fetch
}

beforeAll(async () => {
  gateway = await openGateway()
})

afterAll(async () => {
  gateway.close()
  await Promise.all([chain.close(), batchChain.close()])
})

const viemOver = ({ rpc }: DevChain) => createClient({ transport: http(rpc), cacheTime: 0 })

describe.each([
  ['the Universal Resolver passes lookups on directly (ERC-7996)', () => chain],
  ['the Universal Resolver asks a batch gateway (ENSIP-21)', () => batchChain],
])('viem where %s', (_, chainOf) => {
  const text = (name: string, key: string, strict: boolean) =>
    getEnsText(viemOver(chainOf()), {
      name,
      key,
      strict,
      universalResolverAddress: chainOf().addresses.universalResolver,
    })

  test('text is the digest, of a registered name and of an unregistered subname', async () => {
    for (const strict of [false, true]) {
      for (const name of ['acme.eth', 'web.acme.eth'])
        expect(await text(name, 'oci-tag[v1]', strict)).toBe(present.digest)
    }
    expect(await text('acme.eth', 'oci-version', true)).toBe('1')
    expect(await text('acme.eth', 'oci-registry', true)).toBe(gateway.url)
  })

  test('proven absent is null without strict and with it', async () => {
    for (const strict of [false, true]) expect(await text('acme.eth', 'oci-tag[none]', strict)).toBeNull()
  })

  test('a forged answer is never a digest: null, and an error where strict', async () => {
    expect(await text('acme.eth', 'oci-tag[v1]', true)).toBe(present.digest)
    gateway.setLying(true)
    try {
      expect(await text('acme.eth', 'oci-tag[v1]', false)).toBeNull()
      await expect(text('acme.eth', 'oci-tag[v1]', true)).rejects.toThrow()
    } finally {
      gateway.setLying(false)
    }
  })
})

const dataTypes = [
  { type: 'string' },
  { type: 'uint64' },
  { type: 'string' },
  { type: 'bytes32' },
  { type: 'uint64' },
] as const

test('viem call of the resolver itself: data is the typed twin, empty for an absent tag', async () => {
  const read = async (tag: string): Promise<Hex> => {
    const data = encodeTagLookup('acme.eth', tag, 'data')
    const { data: result } = await call(viemOver(chain), { to: chain.addresses.resolver, data })
    const [outer] = decodeAbiParameters([{ type: 'bytes' }], result ?? '0x')
    return decodeAbiParameters([{ type: 'bytes' }], outer)[0]
  }
  const { digest, size, mediaType, swarmReference } = present
  const twin = decodeAbiParameters(dataTypes, await read('v1'))
  expect(twin).toEqual([digest, BigInt(size), mediaType, swarmReference, 1n])
  expect(await read('none')).toBe('0x')
})

describe.each([
  ['the Universal Resolver', true],
  ['a walk of the registry', false],
])('ethers by %s', (_, withUniversalResolver) => {
  const open = async () => {
    const { ensRegistry, universalResolver } = chain.addresses
    const network = new Network('development', chain.chainId)
    network.attachPlugin(
      withUniversalResolver ? new EnsPlugin(ensRegistry, 1, universalResolver) : new EnsPlugin(ensRegistry, 1),
    )
    const provider = new JsonRpcProvider(chain.rpc, network, { staticNetwork: network })
    return { provider, resolver: (name: string) => provider.getResolver(name) }
  }

  test('getText is the digest, null or empty for a tag that is proven absent, nothing for a forgery', async () => {
    const { provider, resolver } = await open()
    try {
      for (const name of ['acme.eth', 'web.acme.eth']) {
        expect(await (await resolver(name))?.getText('oci-tag[v1]')).toBe(present.digest)
      }
      const found = await resolver('acme.eth')
      expect((await found?.getText('oci-tag[none]')) || null).toBeNull()
      gateway.setLying(true)
      expect((await found?.getText('oci-tag[v1]').catch(() => null)) || null).toBeNull()
    } finally {
      gateway.setLying(false)
      provider.destroy()
    }
  })
})
