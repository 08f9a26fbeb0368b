import { type Address, encodeFunctionData, type Hex, toFunctionSelector } from 'viem'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { type Block, createRpc, type Rpc } from '../../gateway/chain/rpc.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../gateway/ens/name.ts'
import { type Endpoint, pinBlock } from '../../gateway/library/quorum.ts'
import { type RpcQuestion, startRpcProxy } from '../chain/rpc-proxy.ts'
import { command } from '../cli/command.ts'
import { pushTags, startWorld, type World } from '../e2e/world.ts'
import { addressOf, testKeys } from '../fixtures.ts'

let world: World
const open: { close(): Promise<void> }[] = []
beforeAll(async () => {
  world = await startWorld()
  await pushTags(world, 'latest')
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((proxy) => proxy.close()))
})
afterAll(() => world.close())

/** A second endpoint of the same chain, which answers with what `change` makes of each result. */
async function endpoint(change: (question: RpcQuestion, result: unknown) => unknown = (_, result) => result) {
  const proxy = await startRpcProxy(world.chain.rpc, change)
  open.push(proxy)
  return proxy.url
}

async function resolve(...rpcs: string[]) {
  const [, , ...found] = world.chainFlags
  const args = ['resolve', 'acme.eth', '--json', ...found, ...rpcs.flatMap((url) => ['--rpc', url])]
  const { code, out, err } = await command(args)
  return { code, err, json: JSON.parse(out) as Record<string, unknown> }
}

function rpc(method: string, ...params: unknown[]): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  return fetch(world.chain.rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

type Lie = (question: RpcQuestion, result: unknown) => unknown

/** Changes what one getter answers. */
function lieAbout(getter: string, lie: (result: Hex) => Hex): Lie {
  const selector = toFunctionSelector(getter)
  return ({ method, params }, result) => {
    const { data } = (params?.[0] ?? {}) as { data?: Hex }
    return method === 'eth_call' && data?.startsWith(selector) ? lie(result as Hex) : result
  }
}

const stranger = addressOf(testKeys.third)
const asWord = (address: Address): Hex => `0x${address.slice(2).padStart(64, '0')}`
const flipLast = (result: Hex): Hex => `${result.slice(0, -1)}${result.endsWith('0') ? '1' : '0'}` as Hex
const setWord = (word: number, value: string) => (result: Hex) =>
  `${result.slice(0, 2 + 64 * word)}${value.padStart(64, '0')}${result.slice(2 + 64 * (word + 1))}` as Hex

const lies: readonly [about: string, lie: Lie, words: string][] = [
  ['resolver', lieAbout('resolver(bytes32)', () => asWord(stranger)), 'the resolver of acme.eth'],
  ['gateways', lieAbout('gatewaysOf(bytes)', () => `0x${'20'.padStart(64, '0')}${'0'.repeat(64)}`), 'the gateways'],
  ['publishers', lieAbout('policyOf(bytes)', setWord(8, stranger.slice(2))), 'the publishers'],
  ['epoch', lieAbout('stateOf(bytes)', setWord(0, '7')), 'the epoch'],
  ['floor', lieAbout('stateOf(bytes)', setWord(1, '9')), 'the floor'],
  ['anchor', lieAbout('stateOf(bytes)', setWord(3, 'abc')), 'the anchor'],
  ['revocation', lieAbout('isRevoked(bytes,address)', flipLast), 'the revocation of'],
  [
    'block',
    ({ method, params }, result) =>
      method === 'eth_getBlockByNumber' && params?.[0] !== '0x0'
        ? { ...(result as object), hash: `0x${'ab'.repeat(32)}` }
        : result,
    'block ',
  ],
]

test.each(lies)(
  'row 10: of two endpoints one that lies about the %s is RpcDisagree, with who said what',
  async (_about, lie, words) => {
    const honest = await endpoint()
    expect(await resolve(world.chain.rpc, honest)).toMatchObject({ code: 0, json: { status: 'present' } })
    const liar = await endpoint(lie)
    const { code, json, err } = await resolve(world.chain.rpc, liar)
    expect([code, json.status, json.error]).toEqual([4, 'unverified', 'RpcDisagree'])
    expect(err).toContain(`the RPC endpoints disagree about ${words}`)
    expect(err).toContain(`${world.chain.rpc} says `)
    expect(err).toContain(`${liar} says `)
  },
)

test('row 10: a liar that stands first is no more believed than one that stands last', async () => {
  const liar = await endpoint(lieAbout('stateOf(bytes)', setWord(0, '7')))
  expect((await resolve(liar, world.chain.rpc)).json.error).toBe('RpcDisagree')
  expect((await resolve(world.chain.rpc, world.chain.rpc, liar)).json.error).toBe('RpcDisagree')
})

/** What an endpoint says that has not seen the blocks after `block` yet, and the blocks at which it was asked. */
function lagAt(block: unknown, asked: Set<unknown> = new Set()): Lie {
  return ({ method, params }, result) => {
    if (method === 'eth_call') asked.add(params?.[1])
    return method === 'eth_getBlockByNumber' && params?.[0] === 'latest' ? block : result
  }
}

async function latest(): Promise<{ number: string; timestamp: string }> {
  return (await (await rpc('eth_getBlockByNumber', 'latest', false)).json()).result
}

test('row 10: endpoints a block apart are all asked at the lower one', async () => {
  const block = await latest()
  await rpc('evm_mine')
  const asked = new Set<unknown>()
  const ahead = await endpoint(({ method, params }, result) => {
    if (method === 'eth_call') asked.add(params?.[1])
    return result
  })
  const behind = await endpoint(lagAt(block, asked))
  const args = [ahead, behind] as const
  expect(await resolve(...args)).toMatchObject({ code: 0, json: { status: 'present' } })
  // The contract's callback is asked at the latest block, as any client asks it.
  expect([...asked].filter((at) => at !== 'latest')).toEqual([block.number])
})

test('row 10: what changed since the lower block is not held against either', async () => {
  const block = await latest()
  const args = [encodeDnsName('acme.eth'), stranger] as const
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'revoke', args })
  await world.chain.send({ from: addressOf(testKeys.owner), to: world.chain.addresses.resolver, data })
  const behind = await endpoint(lagAt(block))
  expect(await resolve(world.chain.rpc, behind)).toMatchObject({ code: 0, json: { status: 'present' } })
})

test('row 10: an endpoint more than 120 s behind the others is ChainStale, with who is behind', async () => {
  const block = await latest()
  const mineAt = (seconds: number) => rpc('anvil_mine', '0x1', `0x${seconds.toString(16)}`)
  await rpc('evm_setNextBlockTimestamp', Number(block.timestamp) + 119)
  await rpc('evm_mine')
  const behind = await endpoint(lagAt(block))
  expect(await resolve(world.chain.rpc, behind)).toMatchObject({ code: 0, json: { status: 'present' } })
  await mineAt(1)
  await rpc('evm_setNextBlockTimestamp', Number(block.timestamp) + 200)
  await rpc('evm_mine')
  const { code, json, err } = await resolve(world.chain.rpc, behind)
  expect([code, json.error]).toEqual([4, 'ChainStale'])
  expect(err).toContain(`${behind} says block ${Number(block.number)}, 200 s behind`)
})

test('row 10: an endpoint that cannot be asked is named, and the others are not believed without it', async () => {
  expect((await resolve(world.chain.rpc, await endpoint())).code).toBe(0)
  const silent = await endpoint(({ method }, result) => (method === 'eth_getBlockByNumber' ? null : result))
  const { code, json, err } = await resolve(world.chain.rpc, silent)
  expect([code, json.error]).toEqual([1, 'ChainUnavailable'])
  expect(err).toContain(`${silent}`)
})

test('a single endpoint works with a warning, which shows no key of its URL', async () => {
  const { port } = new URL(await endpoint())
  const gateway = ['--gateway', world.gateway.url]
  const [, , ...found] = world.chainFlags
  const ask = (...rpcs: string[]) =>
    command(['resolve', 'acme.eth', ...found, ...gateway, ...rpcs.flatMap((url) => ['--rpc', url])])
  const url = `http://0.0.0.0:${port}/v3/secret-key`
  const alone = await ask(url)
  expect(alone.code).toBe(0)
  expect(alone.err).toContain(`the chain is believed as http://0.0.0.0:${port} tells it`)
  expect(alone.err).not.toContain('secret-key')
  const both = await ask(url, world.chain.rpc)
  expect(both.code).toBe(0)
  expect(both.err).not.toContain('the chain is believed')
})

/** An endpoint that says one latest block after the other, and keeps to the last. */
function telling(label: string, ...blocks: Block[]): Endpoint {
  const rpc: Rpc = {
    ...createRpc('http://127.0.0.1:1'),
    latestBlock: async () => (blocks.length > 1 ? blocks.shift() : blocks[0]) as Block,
    blockAt: async (number) => {
      const block = blocks.find((each) => each.number === number)
      if (block === undefined) throw new ChainUnavailable(`no block ${number}`)
      return block
    },
  }
  return { label, openRpc: () => rpc }
}

test('row 10: two forks at the tip are asked again, and refused when they stay two', async () => {
  const block = (number: bigint, fork: string): Block => ({ number, hash: `0x${fork.repeat(32)}`, time: number * 12n })
  let pauses = 0
  const pause = async () => {
    pauses++
  }
  const steady = telling('a', block(8n, 'aa'), block(9n, 'aa'))
  const turning = telling('b', block(8n, 'bb'), block(9n, 'aa'))
  expect(await pinBlock([steady, turning], pause)).toEqual(block(9n, 'aa'))
  expect(pauses).toBe(1)
  const forked = pinBlock([telling('a', block(9n, 'aa')), telling('b', block(9n, 'bb'))], pause)
  await expect(forked).rejects.toMatchObject({
    reason: 'RpcDisagree',
    message: expect.stringMatching(/about block 9: a says 0xaa.*; b says 0xbb/),
  })
})
