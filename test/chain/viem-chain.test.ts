import { createServer, type Server } from 'node:http'
import { type Address, encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type ChainReader, ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { NotMooringResolver } from '../../gateway/chain/resolver-calls.ts'
import { createRpc } from '../../gateway/chain/rpc.ts'
import { createViemChain, findResolver } from '../../gateway/chain/viem-chain.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi, mooringResolverAbi, nameWrapperAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { ZERO_HASH } from '../../gateway/tags/list.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { approvingOnly, reverting } from './wallet-code.ts'

const publisher = addressOf(testKeys.owner)
const bob = addressOf(testKeys.other)
const gatewayUrls = ['http://127.0.0.1:1']
let dev: DevChain
let chain: ChainReader

beforeAll(async () => {
  const names = [
    'acme.eth',
    { name: 'bob.acme.eth', owner: bob },
    ...['policy', 'reset', 'revoked', 'moved', 'wrapped', 'lapsing', 'elsewhere', 'pinned'].map(
      (label) => `${label}.eth`,
    ),
    'x.foo.bar',
  ]
  dev = await startDevChain({ gatewayUrls, names, publisher })
  chain = readerOf(dev.rpc)
})

afterAll(() => dev.close())

function readerOf(rpcUrl: string, more: { chainId?: number; resolver?: Address; ensRegistry?: Address } = {}) {
  const { resolver, ensRegistry } = dev.addresses
  return createViemChain({ rpcUrl, chainId: dev.chainId, resolver, ensRegistry, ...more })
}

/** A setter of the resolver contract, as the publisher. */
function set(data: Hex): Promise<void> {
  return dev.send({ from: publisher, to: dev.addresses.resolver, data })
}

const nameOf = encodeDnsName

async function ask(method: string, params: unknown[]): Promise<void> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  await fetch(dev.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

test('protocol 3: with no set-up beyond setResolver the owner is the only publisher', async () => {
  const { isRevoked, askContract, blockNumber, blockTime, ...said } = await chain.readAuthority('acme.eth')
  expect(said).toEqual({
    chainId: 31337,
    resolver: dev.addresses.resolver,
    ensName: 'acme.eth',
    node: nodeOf('acme.eth'),
    reachable: true,
    authorityName: 'acme.eth',
    owner: publisher,
    policy: { publishers: [publisher], threshold: 1, timestamper: null, maxAgeSeconds: 0 },
    epoch: 0n,
    minVersion: 0n,
    anchorVersion: 0n,
    anchorHash: ZERO_HASH,
  })
  expect(blockNumber).toBeGreaterThan(0n)
  expect(Math.abs(Number(blockTime) - Date.now() / 1000)).toBeLessThan(60)
  expect(await isRevoked(bob)).toBe(false)
  expect(await askContract(bob, ZERO_HASH, '0x')).toBeUndefined()
})

test('protocol 3: the authority is the deepest owned suffix of two or more labels', async () => {
  const authorities = [
    ['web.acme.eth', 'acme.eth', publisher],
    ['bob.acme.eth', 'bob.acme.eth', bob],
    ['a.b.bob.acme.eth', 'bob.acme.eth', bob],
    ['y.x.foo.bar', 'x.foo.bar', publisher],
    ['nobody.eth', null, null],
    ['web.nobody.eth', null, null],
  ]
  for (const [name, authorityName, owner] of authorities) {
    expect(await chain.readAuthority(name as string)).toMatchObject({ authorityName, owner, reachable: owner !== null })
  }
})

test('protocol 3: policy, revocation, anchor and epoch are the contract’s', async () => {
  const timestamper = addressOf(testKeys.third)
  const publishers = [publisher, bob].sort()
  const policy = { publishers, threshold: 2, timestamper, maxAge: 3600 }
  const name = nameOf('policy.eth')
  const list: Hex = `0x${'aa'.repeat(32)}`
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setPolicy', args: [name, policy] }))
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'revoke', args: [name, bob] }))
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'anchor', args: [name, 5n, list] }))
  const authority = await chain.readAuthority('policy.eth')
  expect(authority).toMatchObject({ epoch: 0n, minVersion: 5n, anchorVersion: 5n, anchorHash: list })
  expect(authority.policy).toEqual({ publishers, threshold: 2, timestamper, maxAgeSeconds: 3600 })
  expect([await authority.isRevoked(bob), await authority.isRevoked(publisher)]).toEqual([true, false])
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'reset', args: [name] }))
  expect(await chain.readAuthority('policy.eth')).toMatchObject({ epoch: 1n, minVersion: 0n, anchorHash: ZERO_HASH })
})

test('protocol 3: everything lapses by itself when the name changes hands', async () => {
  const name = nameOf('moved.eth')
  const policy = { publishers: [bob], threshold: 1, timestamper: `0x${'00'.repeat(20)}` as Address, maxAge: 0 }
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setPolicy', args: [name, policy] }))
  expect((await chain.readAuthority('moved.eth')).policy.publishers).toEqual([bob])
  const third = addressOf(testKeys.third)
  const args = [nodeOf('moved.eth'), third] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setOwner', args })
  await dev.send({ from: publisher, to: dev.addresses.ensRegistry, data })
  const { owner, policy: now } = await chain.readAuthority('moved.eth')
  expect([owner, now.publishers]).toEqual([third, [third]])
})

test('protocol 3: the owner of a wrapped name is the wrapper’s word', async () => {
  const { ensRegistry, nameWrapper } = dev.addresses
  const approve = encodeFunctionData({
    abi: ensRegistryAbi,
    functionName: 'setApprovalForAll',
    args: [nameWrapper, true],
  })
  await dev.send({ from: publisher, to: ensRegistry, data: approve })
  const args = [nodeOf('wrapped.eth'), bob, 0n, false] as const
  const wrap = encodeFunctionData({ abi: nameWrapperAbi, functionName: 'wrap', args })
  await dev.send({ from: publisher, to: nameWrapper, data: wrap })
  expect(await chain.readAuthority('web.wrapped.eth')).toMatchObject({ owner: bob, authorityName: 'wrapped.eth' })
})

test('row 2: another resolver on the path makes a name unreachable here', async () => {
  const { ensRegistry, fallbackResolver, resolver } = dev.addresses
  const setResolver = (to: Address) => {
    const args = [nodeOf('elsewhere.eth'), to] as const
    const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setResolver', args })
    return dev.send({ from: publisher, to: ensRegistry, data })
  }
  expect(await findResolver(dev.rpc, ensRegistry, 'web.elsewhere.eth')).toBe(resolver)
  await setResolver(fallbackResolver)
  expect(await chain.readAuthority('elsewhere.eth')).toMatchObject({ reachable: false, owner: publisher })
  expect(await findResolver(dev.rpc, ensRegistry, 'web.elsewhere.eth')).toBe(fallbackResolver)
  expect(await findResolver(dev.rpc, ensRegistry, 'web.nobody.eth')).toBeNull()
})

test('all that an authority says later is of its own block', async () => {
  const before = await chain.readAuthority('pinned.eth')
  const name = nameOf('pinned.eth')
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'revoke', args: [name, bob] }))
  expect(await before.isRevoked(bob)).toBe(false)
  expect(await (await chain.readAuthority('pinned.eth')).isRevoked(bob)).toBe(true)
})

test('ERC-1271: the return data of a contract; undefined without code, on a revert and on out of gas', async () => {
  const at = (byte: string) => `0x${byte.repeat(20)}` as Address
  // PUSH4 magic, shifted left, returned; REVERT(0, 0); an endless loop.
  const magic = `0x631626ba7e60e01b60005260206000f3`
  for (const [byte, code] of [
    ['a1', magic],
    ['a2', '0x60006000fd'],
    ['a3', '0x5b600056'],
    ['a4', '0x00'],
  ] as const) {
    await ask('anvil_setCode', [at(byte), code])
  }
  await ask('evm_mine', [])
  const { askContract } = await chain.readAuthority('acme.eth')
  expect(await askContract(at('a1'), ZERO_HASH, '0x12')).toBe(`0x1626ba7e${'00'.repeat(28)}`)
  for (const byte of ['a2', 'a3', 'a4', 'a5']) expect(await askContract(at(byte), ZERO_HASH, '0x12')).toBeUndefined()
})

test('the gateways of a name: the deployment’s, then the owner’s', async () => {
  expect(await chain.readGateways('acme.eth')).toEqual(gatewayUrls)
  const args = [nameOf('policy.eth'), ['https://a.example', 'https://b.example']] as const
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setGateways', args }))
  expect(await chain.readGateways('policy.eth')).toEqual(args[1])
})

test('nothing is guessed: another chain, another contract, another registry, no endpoint', async () => {
  const { ensRegistry, nameWrapper } = dev.addresses
  await expect(readerOf(dev.rpc, { chainId: 1 }).readAuthority('acme.eth')).rejects.toThrow('of chain 31337, wanted 1')
  const elsewhere = readerOf(dev.rpc, { resolver: nameWrapper }).readAuthority('acme.eth')
  await expect(elsewhere).rejects.toBeInstanceOf(NotMooringResolver)
  const noCode = readerOf(dev.rpc, { resolver: `0x${'99'.repeat(20)}` }).readAuthority('acme.eth')
  await expect(noCode).rejects.toBeInstanceOf(NotMooringResolver)
  const otherRegistry = readerOf(dev.rpc, { ensRegistry: nameWrapper }).readAuthority('acme.eth')
  await expect(otherRegistry).rejects.toThrow(`asks the ENS registry ${ensRegistry}, wanted ${nameWrapper}`)
  await expect(readerOf('http://127.0.0.1:1').readAuthority('acme.eth')).rejects.toBeInstanceOf(ChainUnavailable)
})

type Call = { id: number; method: string; params?: { data?: string }[] }

const invalidParams = { code: -32602, message: 'too many arguments, want at most 2' }

/** An endpoint before the chain's that counts requests and may change answers. */
async function proxy(
  change: (call: Call, result: unknown) => unknown = (_, result) => result,
  pass: (call: Call) => Call | null = (call) => call,
) {
  const requests: string[][] = []
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const calls = [JSON.parse(body.toString())].flat() as Call[]
    requests.push(calls.map(({ method }) => method))
    const headers = { 'content-type': 'application/json' }
    const passed = calls.flatMap((call) => pass(call) ?? [])
    const refused = calls.filter((call) => pass(call) === null).map(({ id }) => ({ id, error: invalidParams }))
    const answer =
      passed.length > 0 &&
      (await (await fetch(dev.rpc, { method: 'POST', headers, body: JSON.stringify(passed) })).json())
    const changed = [answer || []].flat().map((each: { id: number; result: unknown }) => {
      const call = calls.find(({ id }) => id === each.id)
      return call && each.result !== undefined ? { ...each, result: change(call, each.result) } : each
    })
    const all = [...changed, ...refused].map((each) => ({ jsonrpc: '2.0', ...each }))
    response.writeHead(200, headers).end(JSON.stringify(body.toString().startsWith('[') ? all : all[0]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, requests }
}

test.each([
  ['refuses to run other code in a contract’s place', () => null],
  ['does not look at it', (call: Call) => ({ ...call, params: call.params?.slice(0, 2) ?? [] })],
])('ERC-1271: an endpoint that %s is asked in the resolver’s name', async (_what, without) => {
  const account = `0x${'b1'.repeat(20)}` as const
  const approval = `0x1626ba7e${'00'.repeat(28)}`
  const { url } = await proxy(undefined, (call) => (call.params?.length === 3 ? without(call) : call))
  await ask('anvil_setCode', [account, approvingOnly(dev.addresses.resolver)])
  await ask('evm_mine', [])
  const plain = await readerOf(url).readAuthority('acme.eth')
  expect(await plain.askContract(account, ZERO_HASH, '0x12')).toBe(approval)
  await ask('anvil_setCode', [account, reverting])
  await ask('evm_mine', [])
  const later = await readerOf(url).readAuthority('acme.eth')
  expect(await later.askContract(account, ZERO_HASH, '0x12')).toBeUndefined()
})

test('one authority is two requests: the block, then one batch', async () => {
  const { url, requests } = await proxy()
  const reader = readerOf(url)
  await reader.readAuthority('acme.eth')
  requests.length = 0
  await reader.readAuthority('web.app.wrapped.eth')
  expect(requests[0]).toEqual(['eth_getBlockByNumber'])
  expect(new Set(requests[1])).toEqual(new Set(['eth_call']))
  expect(requests).toHaveLength(2)
})

test('a contract that says another owner than the ENS registry is believed in nothing', async () => {
  const policyOf = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'policyOf', args: ['0x00'] }).slice(
    0,
    10,
  )
  const liar = await proxy(({ params }, result) =>
    params?.[0]?.data?.startsWith(policyOf) ? `0x${bob.slice(2).padStart(64, '0')}${`${result}`.slice(66)}` : result,
  )
  await expect(readerOf(liar.url).readAuthority('acme.eth')).rejects.toThrow('disagree about acme.eth')
})

test('an endpoint that errs, stalls or talks nonsense is unavailable', async () => {
  const answers: [string, (end: (body: string, status?: number) => void) => void][] = [
    ['status 500', (end) => end('oops', 500)],
    ['no JSON', (end) => end('<html>')],
    ['an RPC error', (end) => end('{"jsonrpc":"2.0","id":0,"error":{"code":-32005,"message":"limit"}}')],
    ['silence', () => {}],
  ]
  for (const [, answer] of answers) {
    const server = createServer((_, response) => answer((body, status = 200) => response.writeHead(status).end(body)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    await expect(createRpc(url, 200).latestBlock()).rejects.toBeInstanceOf(ChainUnavailable)
  }
})

test('protocol 3: past expiry and 90 days of grace nothing at or below a .eth name has an owner', async () => {
  const days = (count: number) => count * 86_400
  const tenYears = days(3650)
  const warp = async (seconds: number) => {
    await ask('evm_increaseTime', [seconds])
    await ask('evm_mine', [])
  }
  await warp(tenYears + days(89))
  expect((await chain.readAuthority('web.lapsing.eth')).owner).toBe(publisher)
  await warp(days(2))
  expect(await chain.readAuthority('web.lapsing.eth')).toMatchObject({
    owner: null,
    authorityName: null,
    reachable: true,
  })
  expect((await chain.readAuthority('x.foo.bar')).owner).toBe(publisher)
})
