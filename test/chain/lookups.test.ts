import { addEnsContracts } from '@ensdomains/ensjs'
import { getRecords } from '@ensdomains/ensjs/public'
import { serve } from '@hono/node-server'
import {
  type Address,
  concat,
  createClient,
  decodeAbiParameters,
  decodeFunctionResult,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  http,
  parseAbi,
  size,
} from 'viem'
import { sign } from 'viem/accounts'
import { call } from 'viem/actions'
import { mainnet } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi, mooringResolverAbi, publicResolverAbi, universalResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeGetter, encodeLookup, encodeTagLookup, isGetCallData } from '../../gateway/ens/lookup.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type Compiled, compile } from './compile.ts'
import { callRaw, deploy } from './dev-calls.ts'
import { ethersText, viemText } from './ens-clients.ts'
import { type GatewayApp, openGatewayApp } from './gateway-app.ts'
import { errorNameOf } from './judges.ts'
import { callFollowing } from './raw-ccip.ts'
import { answerFor, type FirstList, firstList, presentEntry, signaturesOver } from './signed-answer.ts'

// Lookups as contracts and clients of every kind make them, against the real resolver and a gateway over HTTP on loopback.

const owner = addressOf(testKeys.owner)
const attacker = addressOf(testKeys.other)
const { digest } = presentEntry
/** 255 bytes on the wire: the longest name there is. */
const longName = [...['b', 'c', 'd'].map((letter) => letter.repeat(63)), 'e'.repeat(52), 'acme.eth'].join('.')
const longTag = 'T'.repeat(128)
const patience = () => 60_000

type Asked = { method: string; sender: string }

const asked: Asked[] = []
let contracts: Record<string, Compiled>
let gateway: GatewayApp
let server: ReturnType<typeof serve>
let gatewayUrl: string
let dev: DevChain

beforeAll(async () => {
  contracts = compile('Consumers.sol')
  server = await new Promise((resolve) => {
    const opened = serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, () => resolve(opened))
  })
  gatewayUrl = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const labels = ['acme', 'down', 'asking', 'posing', 'modern', 'old']
  const names = [...labels.map((label) => `${label}.eth`), { name: 'evil.eth', owner: attacker }]
  dev = await startDevChain({ gatewayUrls: [gatewayUrl], names, publisher: owner })
  gateway = openGatewayApp(dev)
  for (const name of ['acme.eth', 'web.acme.eth', 'asking.eth', 'posing.eth']) await publish(await list(name))
  await publish(await firstList(longName, owner, now(), {}, longTag))
  await publish(await firstList('evil.eth', attacker, now()), testKeys.other)
})

afterAll(async () => {
  server.close()
  await dev.close()
})

async function answer(request: Request): Promise<Response> {
  const sender = new URL(request.url).pathname.split('/')[4] ?? ''
  asked.push({ method: request.method, sender })
  return gateway.fetch(request)
}

function now(): bigint {
  return BigInt(Math.floor(Date.now() / 1000))
}

const list = (ensName: string) => firstList(ensName, owner, now())

function signed(made: FirstList, key: Hex = testKeys.owner) {
  const domain = { chainId: dev.chainId, resolver: dev.addresses.resolver }
  const by = { address: addressOf(key), sign: (hash: Hex) => sign({ privateKey: key, hash, to: 'hex' }) }
  return signaturesOver(domain, made, [by])
}

async function publish(made: FirstList, key: Hex = testKeys.owner): Promise<void> {
  expect(await gateway.put(made, await signed(made, key))).toBe(201)
}

function put(name: 'RecordKeeper' | 'DnsStyleWrapper' | 'AskingFallback' | 'GasTeller', args: readonly unknown[] = []) {
  const { abi, bytecode } = contracts[name] as Compiled
  return deploy(dev, abi, bytecode, args)
}

const bytesAndAddress = [{ type: 'bytes' }, { type: 'address' }] as const

/** The record inside what `resolve` returns. */
function recordIn(returned: Hex): Hex {
  return decodeAbiParameters([{ type: 'bytes' }], returned)[0]
}

function textIn(record: Hex): string {
  return decodeAbiParameters([{ type: 'string' }], record)[0]
}

describe('ERC-3668: the callback as a contract calls it, with extraData of its own making', () => {
  const keeperAbi = parseAbi([
    'function record(bytes response, bytes extraData)',
    'function recordOf(bytes name, bytes data, bytes response)',
    'function kept() view returns (bytes)',
  ])
  let keeper: Address
  let honest: Hex

  beforeAll(async () => {
    keeper = await put('RecordKeeper', [dev.addresses.resolver])
    const made = await list('acme.eth')
    honest = await answerFor(made, 'v1', await signed(made))
  })

  const extraFor = (ensName: string, second: Address = dev.addresses.resolver) =>
    encodeAbiParameters(bytesAndAddress, [encodeTagLookup(ensName, 'v1', 'text'), second])

  async function record(response: Hex, extraData: Hex): Promise<string> {
    const data = encodeFunctionData({ abi: keeperAbi, functionName: 'record', args: [response, extraData] })
    const outcome = await callRaw(dev.rpc, { to: keeper, data, from: attacker })
    return outcome.ok ? 'kept' : errorNameOf(outcome.data)
  }

  test('what the publisher signed is kept, whatever the second field of extraData says', async () => {
    const dirty = concat([extraFor('acme.eth').slice(0, 66) as Hex, `0x${'ff'.repeat(32)}`])
    const tail = `0x${extraFor('acme.eth').slice(2 + 128)}` as const
    for (const second of [dev.addresses.resolver, attacker, keeper]) {
      expect(await record(honest, extraFor('acme.eth', second))).toBe('kept')
    }
    expect(await record(honest, concat([dirty, tail]))).toBe('kept')
    const data = encodeFunctionData({ abi: keeperAbi, functionName: 'record', args: [honest, extraFor('acme.eth')] })
    await dev.send({ from: attacker, to: keeper, data })
    const kept = encodeFunctionData({ abi: keeperAbi, functionName: 'kept' })
    const { data: returned } = await callRaw(dev.rpc, { to: keeper, data: kept })
    expect(textIn(decodeFunctionResult({ abi: keeperAbi, functionName: 'kept', data: returned }))).toBe(digest)
  })

  test('nothing that a stranger signed counts for a name that is not his', async () => {
    expect(await record(honest, extraFor('acme.eth'))).toBe('kept')
    const stolen = await list('acme.eth')
    const claimed = await firstList('acme.eth', attacker, now())
    const his = await signed(stolen, testKeys.other)
    const asOwner = his.map(({ signature }) => ({ signer: owner, signature }))
    const own = await firstList('evil.eth', attacker, now())
    const ownAnswer = await answerFor(own, 'v1', await signed(own, testKeys.other))
    const attacks: [what: string, response: Hex, extraData: Hex, error: string][] = [
      ['his key on the owner’s list', await answerFor(stolen, 'v1', his), extraFor('acme.eth'), 'NotPublisher'],
      [
        'his signature under the owner’s address',
        await answerFor(stolen, 'v1', asOwner),
        extraFor('acme.eth'),
        'BadSignature',
      ],
      [
        'a list that calls him owner',
        await answerFor(claimed, 'v1', await signed(claimed, testKeys.other)),
        extraFor('acme.eth'),
        'OwnerMismatch',
      ],
      ['the list of his own name', ownAnswer, extraFor('acme.eth'), 'OwnerMismatch'],
      ['the owner’s list for his name', honest, extraFor('evil.eth'), 'OwnerMismatch'],
      ['the list of the parent for a subname', honest, extraFor('web.acme.eth'), 'BadSignature'],
      ['his node under the owner’s name', ownAnswer, mixedExtra('acme.eth', 'evil.eth'), 'NodeMismatch'],
      ['the owner’s node under his name', ownAnswer, mixedExtra('evil.eth', 'acme.eth'), 'NodeMismatch'],
      [
        'a getter without resolve',
        honest,
        encodeAbiParameters(bytesAndAddress, [encodeGetter('acme.eth', 'oci-tag[v1]', 'text'), owner]),
        'BadResponse',
      ],
      [
        'another tag',
        honest,
        encodeAbiParameters(bytesAndAddress, [encodeTagLookup('acme.eth', 'v3', 'text'), owner]),
        'BadProof',
      ],
    ]
    for (const [what, response, extraData, error] of attacks)
      expect([what, await record(response, extraData)]).toEqual([what, error])
    for (const extraData of ['0x', '0x00', `0x${'ff'.repeat(64)}`, `0x${'00'.repeat(64)}`] as const) {
      expect([extraData, await record(honest, extraData)]).not.toEqual([extraData, 'kept'])
    }
  })

  /** One name in front, the node of another behind. */
  function mixedExtra(ensName: string, nodeName: string): Hex {
    const inner = encodeGetter(nodeName, 'oci-tag[v1]', 'text')
    return encodeAbiParameters(bytesAndAddress, [encodeLookup(ensName, [inner]), dev.addresses.resolver])
  }

  test('a caller who may choose extraData chooses the name: a contract that makes it itself keeps only what it asked', async () => {
    const own = await firstList('evil.eth', attacker, now())
    const ownAnswer = await answerFor(own, 'v1', await signed(own, testKeys.other))
    expect(await record(ownAnswer, extraFor('evil.eth'))).toBe('kept')
    const inner = encodeGetter('acme.eth', 'oci-tag[v1]', 'text')
    const keep = async (response: Hex) => {
      const args = [encodeDnsName('acme.eth'), inner, response] as const
      const data = encodeFunctionData({ abi: keeperAbi, functionName: 'recordOf', args })
      const outcome = await callRaw(dev.rpc, { to: keeper, data, from: attacker })
      return outcome.ok ? 'kept' : errorNameOf(outcome.data)
    }
    expect([await keep(honest), await keep(ownAnswer)]).toEqual(['kept', 'OwnerMismatch'])
  })
})

describe('protocol 4: records of the fallback resolver', () => {
  const avatar = 'https://acme.example/a.png'
  const lure = 'http://127.0.0.1:1/lure/{sender}/{data}'

  beforeAll(async () => {
    const { resolver, fallbackResolver } = dev.addresses
    for (const name of ['acme.eth', 'down.eth']) {
      const args = [nodeOf(name), 'avatar', avatar] as const
      const data = encodeFunctionData({ abi: publicResolverAbi, functionName: 'setText', args })
      await dev.send({ from: owner, to: fallbackResolver, data })
    }
    await set('setGateways', [encodeDnsName('down.eth'), ['http://127.0.0.1:1']])
    const noSender = `0x${'00'.repeat(20)}`
    await set('setFallback', [encodeDnsName('asking.eth'), await put('AskingFallback', [noSender, lure])])
    await set('setFallback', [encodeDnsName('posing.eth'), await put('AskingFallback', [resolver, lure])])
  })

  function set(functionName: 'setGateways' | 'setFallback', args: readonly unknown[]): Promise<void> {
    const data = encodeFunctionData({ abi: mooringResolverAbi, functionName, args } as never)
    return dev.send({ from: owner, to: dev.addresses.resolver, data })
  }

  const follow = (data: Hex, to: Address = dev.addresses.resolver) => callFollowing(dev.rpc, to, data, patience())
  const textCall = (name: string) => encodeGetter(name, 'avatar', 'text')

  test('they are read with every gateway down', async () => {
    for (const name of ['acme.eth', 'down.eth']) {
      expect(await viemText(dev, patience, dev.addresses, true)(name, 'avatar')).toBe(avatar)
    }
    expect(await follow(encodeTagLookup('down.eth', 'v1', 'text'))).toHaveProperty('failed')
  })

  test.each([
    ['its own', 'asking.eth'],
    ['our resolver’s', 'posing.eth'],
  ])('a fallback that asks a gateway in %s name is FallbackNotOnchain, and nobody follows it', async (_whose, name) => {
    const end = await follow(encodeLookup(name, [textCall(name)]))
    expect(errorNameOf((end as { reverted: Hex }).reverted)).toBe('FallbackNotOnchain')
    const legacy = await callRaw(dev.rpc, { to: dev.addresses.resolver, data: textCall(name) })
    expect([legacy.ok, errorNameOf(legacy.data)]).toEqual([false, 'FallbackNotOnchain'])
    const { universalResolver } = dev.addresses
    await expect(viemText(dev, patience, { universalResolver }, true)(name, 'avatar')).rejects.toThrow('ResolverError')
    expect(await viemText(dev, patience, { universalResolver }, false)(name, 'avatar')).toBeNull()
    const { read, close } = ethersText(dev, patience)
    expect((await read(name, 'avatar')) || null).toBeNull()
    close()
  })

  test('in a multicall a fallback that asks a gateway fails alone: before the lookup, and in the callback', async () => {
    const mixed = async (name: string) => {
      const calls = [
        encodeGetter(name, 'oci-tag[v1]', 'text'),
        textCall(name),
        encodeGetter(name, 'oci-version', 'text'),
      ]
      const end = await follow(encodeLookup(name, calls))
      return decodeAbiParameters([{ type: 'bytes[]' }], recordIn((end as { returned: Hex }).returned))[0]
    }
    const good = await mixed('acme.eth')
    expect(good.map(textIn)).toEqual([digest, avatar, '1'])
    for (const name of ['asking.eth', 'posing.eth']) {
      const [tag, failed, version] = (await mixed(name)) as [Hex, Hex, Hex]
      expect([textIn(tag), errorNameOf(failed), textIn(version)]).toEqual([digest, 'FallbackNotOnchain', '1'])
      const onChain = await follow(encodeLookup(name, [textCall(name), encodeGetter(name, 'oci-registry', 'text')]))
      const [first, second] = decodeAbiParameters(
        [{ type: 'bytes[]' }],
        recordIn((onChain as { returned: Hex }).returned),
      )[0]
      expect([errorNameOf(first as Hex), textIn(second as Hex)]).toEqual(['FallbackNotOnchain', gatewayUrl])
    }
  })

  test('ensjs reads tags, avatar and version in one lookup (ERC-7996 multicall)', async () => {
    const chain = addEnsContracts(mainnet)
    const ensUniversalResolver = { address: dev.addresses.universalResolver }
    const own = { ...chain, id: dev.chainId, contracts: { ...chain.contracts, ensUniversalResolver } }
    const client = createClient({ chain: own as unknown as typeof chain, transport: http(dev.rpc), cacheTime: 0 })
    asked.length = 0
    const texts = ['oci-tag[v1]', 'avatar', 'oci-tag[none]', 'oci-version']
    const records = await getRecords(client, { name: 'acme.eth', texts })
    expect(records.texts).toEqual([
      { key: 'oci-tag[v1]', value: digest },
      { key: 'avatar', value: avatar },
      { key: 'oci-version', value: '1' },
    ])
    expect(asked).toHaveLength(1)
  })
})

describe('lookups that other contracts pass on', () => {
  const wrapperAbi = parseAbi(['function resolve(address target, bytes name, bytes data) view returns (bytes)'])

  test('ENSIP-17: through a resolver of DNS names, which reads extraData as (bytes, address) and sends its own address along', async () => {
    const wrapper = await put('DnsStyleWrapper')
    const ask = async (ensName: string, key: string) => {
      const args = [dev.addresses.resolver, encodeDnsName(ensName), encodeGetter(ensName, key, 'text')] as const
      const data = encodeFunctionData({ abi: wrapperAbi, functionName: 'resolve', args })
      const end = await callFollowing(dev.rpc, wrapper, data, patience())
      const viaViem = await call(createClient({ transport: http(dev.rpc), cacheTime: 0 }), { to: wrapper, data })
      expect('returned' in end && end.returned).toBe(viaViem.data)
      return textIn(recordIn((end as { returned: Hex }).returned))
    }
    asked.length = 0
    expect(await ask('acme.eth', 'oci-tag[v1]')).toBe(digest)
    expect(asked.map(({ sender }) => sender)).toEqual([wrapper, wrapper])
    expect(await ask('web.acme.eth', 'oci-tag[v1]')).toBe(digest)
    expect(await ask('acme.eth', 'oci-tag[none]')).toBe('')
  })

  test('ENSIP-23: the Universal Resolver for tests gives 50,000 gas to a resolver that burns the gas of an empty call', async () => {
    const gasGiven = async (ensName: string) => {
      const addr = encodeFunctionData({ abi: publicResolverAbi, functionName: 'addr', args: [nodeOf(ensName)] })
      const args = [encodeDnsName(ensName), addr] as const
      const data = encodeFunctionData({ abi: universalResolverAbi, functionName: 'resolve', args })
      const outcome = await callRaw(dev.rpc, { to: dev.addresses.universalResolver, data, gas: 5_000_000n })
      const [record] = decodeFunctionResult({ abi: universalResolverAbi, functionName: 'resolve', data: outcome.data })
      return Number(decodeAbiParameters([{ type: 'uint256' }], record)[0])
    }
    for (const [name, old] of [
      ['modern.eth', false],
      ['old.eth', true],
    ] as const) {
      const args = [nodeOf(name), await put('GasTeller', [old])] as const
      const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setResolver', args })
      await dev.send({ from: owner, to: dev.addresses.ensRegistry, data })
    }
    expect(await gasGiven('modern.eth')).toBeGreaterThan(4_000_000)
    expect(await gasGiven('old.eth')).toBeLessThan(50_000)
    expect(await gasGiven('old.eth')).toBeGreaterThan(45_000)
    const transactionGas = 21_000n
    const probe = await callRaw(dev.rpc, { to: dev.addresses.resolver, data: '0x', gas: transactionGas + 5_000n })
    expect([probe.ok, errorNameOf(probe.data)]).toEqual([false, 'UnsupportedResolverProfile'])
  })
})

describe('ERC-3668: GET up to 900 bytes of callData, POST above', () => {
  /** A multicall for v1 and for a record of the fallback, whose key makes the callData as long as wanted (4 more than a multiple of 32). */
  function lookupOf(bytes: number): Hex {
    const withKey = (length: number) =>
      encodeLookup('acme.eth', [
        encodeGetter('acme.eth', 'oci-tag[v1]', 'text'),
        encodeGetter('acme.eth', 'x'.repeat(length), 'text'),
      ])
    const callData = withKey(32 + bytes - size(withKey(32)))
    expect(size(callData)).toBe(bytes)
    return callData
  }

  test.each([
    [900, 'GET'],
    [932, 'POST'],
    [16_356, 'POST'],
  ])('a callData of %i bytes goes by %s, and every client gets the same answer', async (bytes, method) => {
    const data = lookupOf(bytes)
    expect(isGetCallData(data)).toBe(method === 'GET')
    const { resolver } = dev.addresses
    const { provider, close } = ethersText(dev, patience)
    asked.length = 0
    const raw = await callFollowing(dev.rpc, resolver, data, patience())
    const viaViem = await call(createClient({ transport: http(dev.rpc), cacheTime: 0 }), { to: resolver, data })
    const viaEthers = await provider.call({ to: resolver, data, enableCcipRead: true })
    close()
    expect(asked).toEqual(Array.from({ length: 3 }, () => ({ method, sender: resolver })))
    expect([viaViem.data, viaEthers]).toEqual([raw, raw].map((end) => (end as { returned: Hex }).returned))
    const [records] = decodeAbiParameters([{ type: 'bytes[]' }], recordIn(viaViem.data as Hex))
    expect(records.map(textIn)).toEqual([digest, ''])
  })

  test('protocol 1: a name of 255 bytes with a tag of 128 characters, by every client', async () => {
    expect(size(encodeDnsName(longName))).toBe(255)
    const key = `oci-tag[${longTag}]`
    const { read, close } = ethersText(dev, patience)
    const { read: walk, close: closeWalk } = ethersText(dev, patience, dev.addresses.universalResolver)
    const viem = viemText(dev, patience, dev.addresses, true)
    asked.length = 0
    for (const client of [read, walk, viem]) expect(await client(longName, key)).toBe(digest)
    for (const client of [close, closeWalk]) client()
    const end = await callFollowing(
      dev.rpc,
      dev.addresses.resolver,
      encodeTagLookup(longName, longTag, 'data'),
      patience(),
    )
    const [record] = decodeAbiParameters([{ type: 'bytes' }], recordIn((end as { returned: Hex }).returned))
    expect(decodeAbiParameters([{ type: 'string' }], record)[0]).toBe(digest)
    expect(asked.map(({ method }) => method)).toEqual(['GET', 'GET', 'GET', 'GET'])
  })
})

test('protocol 4: text and data through the Universal Resolver, of a subname that nobody registered too', async () => {
  const read = viemText(dev, patience, dev.addresses, true)
  for (const name of ['acme.eth', 'web.acme.eth']) expect(await read(name, 'oci-tag[v1]')).toBe(digest)
  expect(await read('acme.eth', 'oci-version')).toBe('1')
  expect(await read('acme.eth', 'oci-root')).toMatch(/^0x[0-9a-f]{64}$/)
  expect(await read('acme.eth', 'oci-registry')).toBe(gatewayUrl)
  const client = createClient({ transport: http(dev.rpc), cacheTime: 0 })
  const twin = async (tag: string) => {
    const { data } = await call(client, { to: dev.addresses.resolver, data: encodeTagLookup('acme.eth', tag, 'data') })
    return decodeAbiParameters([{ type: 'bytes' }], recordIn(data as Hex))[0]
  }
  const types = ['string', 'uint64', 'string', 'bytes32', 'uint64'].map((type) => ({ type }))
  const { size: bytes, mediaType, swarmReference } = presentEntry
  expect(decodeAbiParameters(types, await twin('v1'))).toEqual([digest, BigInt(bytes), mediaType, swarmReference, 1n])
  expect(await twin('none')).toBe('0x')
})

test('protocol 4: a browser may ask from anywhere, and read every refusal', async () => {
  const { chainId, addresses } = dev
  const base = `${gatewayUrl}/ccip/${chainId}/${addresses.resolver}/${addresses.universalResolver}`
  const origin = 'https://app.example'
  const asksPost = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
  const preflight = await fetch(base, { method: 'OPTIONS', headers: { origin, ...asksPost } })
  const allowed = (name: string) => preflight.headers.get(`access-control-allow-${name}`)?.toLowerCase()
  expect([preflight.status, allowed('origin'), allowed('headers')]).toEqual([204, '*', 'content-type'])
  expect(allowed('methods')).toContain('post')
  const good = encodeTagLookup('acme.eth', 'v1', 'text')
  const post = (body: string) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const answers: [what: string, status: number, url: string, init?: RequestInit][] = [
    ['GET', 200, `${base}/${good}.json`],
    ['POST', 200, base, post(JSON.stringify({ data: good, sender: addresses.universalResolver }))],
    ['callData that is none', 400, `${base}/0x1234.json`],
    ['a body that is no JSON', 400, base, post('<html>')],
    ['callData over 16 KiB', 400, base, post(JSON.stringify({ data: `0x${'00'.repeat(17 * 1024)}` }))],
    ['another chain', 404, `${base.replace(`/${chainId}/`, '/1/')}/${good}.json`],
    ['another resolver', 404, `${base.replace(addresses.resolver, owner)}/${good}.json`],
    ['a path of nobody', 404, `${gatewayUrl}/ccip/nothing`],
    ['a name without a list', 503, `${base}/${encodeTagLookup('down.eth', 'v1', 'text')}.json`],
  ]
  for (const [what, status, url, init] of answers) {
    const response = await fetch(url, { ...init, headers: { ...init?.headers, origin } })
    const shared = response.headers.get('access-control-allow-origin')
    expect([what, response.status, shared]).toEqual([what, status, '*'])
    expect([what, await response.json()]).toEqual([
      what,
      status === 200 ? { data: expect.any(String) } : { message: expect.any(String) },
    ])
  }
})
