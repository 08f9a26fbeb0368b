import {
  type Address,
  createPublicClient,
  encodeDeployData,
  encodeErrorResult,
  encodeFunctionData,
  getContractAddress,
  http,
  zeroAddress,
} from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensRegistryAbi, mooringResolverAbi, publicResolverAbi } from '../../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../../gateway/ens/name.ts'
import { publicResolverBytecode } from '../../../resolver-contract/generated/public-resolver.ts'
import { addressOf, testKeys } from '../../fixtures.ts'
import { command } from '../command.ts'
import { askChain, createNameDesk, passTime } from './names.ts'
import { type OwnerWorld, startOwnerWorld } from './world.ts'

let world: OwnerWorld
let desk: ReturnType<typeof createNameDesk>
beforeAll(async () => {
  world = await startOwnerWorld()
  desk = createNameDesk(world.chain)
})
afterAll(() => world.close())

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)
const gateway = 'http://127.0.0.1:5050'
const wallet: Address = `0x${'77'.repeat(20)}`

const client = () => createPublicClient({ transport: http(world.chain.rpc), cacheTime: 0 })

async function setup(name: string, ...args: string[]) {
  const run = await command(['setup', name, '--json', ...world.flags, ...args])
  return { ...run, json: run.out === '' ? null : (JSON.parse(run.out) as Record<string, unknown>) }
}

const byKey = () => ['--key-file', world.ownerKey, '--gateway-url', gateway]

const resolverOf = async (name: string) => {
  const args = [nodeOf(name)] as const
  const address = world.chain.addresses.ensRegistry
  return (await client().readContract({ address, abi: ensRegistryAbi, functionName: 'resolver', args })).toLowerCase()
}

const textOf = (name: string, key: string) =>
  client().getEnsText({ name, key, universalResolverAddress: world.chain.addresses.universalResolver, strict: true })

const epochOf = async (name: string) => {
  const call = {
    address: world.chain.addresses.resolver,
    abi: mooringResolverAbi,
    args: [encodeDnsName(name)],
  } as const
  return (await client().readContract({ ...call, functionName: 'stateOf' }))[0]
}

type Sent = { to: string; summary: string; gas: number; hash: string | null }
const sentIn = (json: Record<string, unknown> | null) => (json?.transactions ?? []) as Sent[]
const summaries = (json: Record<string, unknown> | null) =>
  sentIn(json).map(({ summary }) => summary.split(/ (?:of|to) /)[0])

test('setup: no record is lost, gateways are set, and the name is looked up', async () => {
  const { resolver, fallbackResolver } = world.chain.addresses
  await desk.register('fresh', owner)
  await desk.setText(owner, 'fresh.eth', 'avatar', 'ipfs://me')
  await desk.setAddr(owner, 'fresh.eth', wallet)
  const { code, json, err } = await setup('fresh.eth', ...byKey())
  expect([code, err.includes('warning')]).toEqual([0, false])
  expect(json).toMatchObject({
    ...{
      ok: true,
      name: 'fresh.eth',
      chainId: 31337,
      owner,
      wrapped: false,
      resolver,
      presentResolver: fallbackResolver,
    },
    ...{
      fallback: fallbackResolver,
      gateways: [gateway],
      lostRecords: [],
      reset: false,
      nothingToDo: false,
      sent: true,
    },
    ...{ safeBatch: null, warnings: [], error: null },
  })
  expect(summaries(json)).toEqual(['set the gateways', 'set the resolver'])
  const checks = json?.checks as { name: string; ok: boolean }[]
  expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
    ['resolver', true],
    ['addr', true],
    ['text avatar', true],
    ['oci-registry', true],
  ])
  expect(await resolverOf('fresh.eth')).toBe(resolver)
  expect(await textOf('fresh.eth', 'avatar')).toBe('ipfs://me')
})

test('setup again: says that there is nothing to do, sends nothing, and needs no signer', async () => {
  await desk.register('twice', owner)
  expect((await setup('twice.eth', ...byKey())).json).toMatchObject({ ok: true, sent: true })
  const { code, json, err } = await setup('twice.eth', '--gateway-url', gateway)
  expect(code).toBe(0)
  expect(json).toMatchObject({ ok: true, nothingToDo: true, sent: false, transactions: [], reset: false })
  expect(err).toContain('nothing to do: twice.eth is set up so already')
  const changed = await setup('twice.eth', '--key-file', world.ownerKey, '--gateway-url', `${gateway}/other`)
  expect(summaries(changed.json)).toEqual(['set the gateways'])
})

test('setup: a resolver that is not the chain’s own is carried over before ours is set', async () => {
  const own = await deployPublicResolver()
  await desk.register('carried', owner, own)
  const { json } = await setup('carried.eth', ...byKey())
  expect(json).toMatchObject({ ok: true, presentResolver: own, fallback: own })
  expect(summaries(json)).toEqual(['set the fallback resolver', 'set the gateways', 'set the resolver'])
})

async function deployPublicResolver(): Promise<Address> {
  const { ensRegistry } = world.chain.addresses
  const nonce = BigInt(await client().getTransactionCount({ address: owner }))
  const data = encodeDeployData({ abi: publicResolverAbi, bytecode: publicResolverBytecode, args: [ensRegistry] })
  await world.chain.send({ from: owner, data })
  return getContractAddress({ from: owner, nonce }).toLowerCase() as Address
}

test('setup --dry-run: shows transactions with gas, for the owner, and sends nothing', async () => {
  await desk.register('dry', owner)
  const before = await client().getBalance({ address: owner })
  const { code, json, err } = await setup('dry.eth', '--dry-run', '--gateway-url', gateway)
  expect(code).toBe(0)
  expect(json).toMatchObject({ ok: true, sent: false, checks: [] })
  expect(sentIn(json)).toHaveLength(2)
  for (const each of sentIn(json)) {
    expect(each).toMatchObject({ gas: expect.any(Number), hash: null })
  }
  expect(err).toMatch(/2 transactions on chain 31337, from 0xf39f[\s\S]*in all about 0\.\d+ ETH/)
  expect(await client().getBalance({ address: owner })).toBe(before)
  expect(await resolverOf('dry.eth')).toBe(world.chain.addresses.fallbackResolver)
})

test('setup: a wrapped name is set through the NameWrapper', async () => {
  await desk.register('boxed', owner)
  await desk.wrap('boxed.eth', owner)
  const { json } = await setup('boxed.eth', ...byKey())
  expect(json).toMatchObject({ ok: true, wrapped: true, owner })
  expect(sentIn(json).at(-1)?.to).toBe(world.chain.addresses.nameWrapper)
  expect(await resolverOf('boxed.eth')).toBe(world.chain.addresses.resolver)
})

test('setup: an operator of the owner may do it, in the registry and in the NameWrapper', async () => {
  await desk.register('lent', owner)
  await desk.registry(owner, 'setApprovalForAll', other, true)
  const flags = ['--key-file', world.otherKey, '--gateway-url', gateway]
  expect((await setup('lent.eth', ...flags)).json).toMatchObject({ ok: true, owner })
  await desk.register('lentbox', owner)
  await desk.wrap('lentbox.eth', owner)
  expect((await setup('lentbox.eth', ...flags)).json).toMatchObject({ ok: false, error: 'NotAuthorized' })
  await desk.wrapper(owner, 'setApprovalForAll', other, true)
  expect((await setup('lentbox.eth', ...flags)).json).toMatchObject({ ok: true })
  await desk.registry(owner, 'setApprovalForAll', other, false)
})

test('protocol 3: who comes back to a name with an old time behind it gets a reset first, and is told why', async () => {
  await desk.register('back', owner)
  await setup('back.eth', ...byKey())
  expect(await epochOf('back.eth')).toBe(0n)
  await desk.registry(owner, 'setResolver', nodeOf('back.eth'), world.chain.addresses.fallbackResolver)
  const kept = await setup('back.eth', '--dry-run', '--keep-lists')
  expect(kept.json).toMatchObject({ reset: false, warnings: [expect.stringMatching(/^not reset, and it had this/)] })
  const { json, err } = await setup('back.eth', ...byKey())
  expect(json).toMatchObject({ ok: true, reset: true })
  expect(summaries(json)).toEqual([
    expect.stringMatching(/^reset back\.eth because it had this resolver before/),
    'set the resolver',
  ])
  expect(err).toContain('lists of that time end')
  expect(await epochOf('back.eth')).toBe(1n)
})

test('protocol 3: a policy of an earlier time is a sign of one, and is said to count still', async () => {
  await desk.register('ruled', owner)
  const stored = { publishers: [other], threshold: 1, timestamper: zeroAddress, maxAge: 0 }
  const args = [encodeDnsName('ruled.eth'), stored] as const
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setPolicy', args })
  await world.chain.send({ from: owner, to: world.chain.addresses.resolver, data })
  const { json } = await setup('ruled.eth', ...byKey())
  expect(json).toMatchObject({
    ok: true,
    reset: true,
    warnings: [expect.stringMatching(/policy of that time still counts/)],
  })
})

const refused: readonly [rule: string, prepare: () => Promise<unknown>, name: string, error: string, line: RegExp][] = [
  [
    'a name of somebody else',
    () => desk.register('theirs', other),
    'theirs.eth',
    'NotAuthorized',
    /is not the owner of theirs\.eth, nor approved by it: that is 0x7099/,
  ],
  ['a name that nobody registered', async () => {}, 'nobody.eth', 'NoOwner', /nobody\.eth is not registered/],
  [
    'an unregistered subname',
    () => desk.register('lone', owner),
    'web.lone.eth',
    'UnreachableName',
    /part of lone\.eth; set that up: mooring setup lone\.eth/,
  ],
  [
    'a wrapped name that may not change its resolver',
    async () => {
      await desk.register('burnt', owner)
      await desk.wrap('burnt.eth', owner)
      await desk.wrapper(owner, 'burn', nodeOf('burnt.eth'), 8)
    },
    'burnt.eth',
    'OperationProhibited',
    /burned CANNOT_SET_RESOLVER/,
  ],
]

test.each(refused)('setup refuses %s, and sends nothing', async (_rule, prepare, name, error, line) => {
  await prepare()
  const nonce = await client().getTransactionCount({ address: owner })
  const { code, json, err } = await setup(name, ...byKey())
  expect([code, json]).toEqual([1, { ok: false, name, error }])
  expect(err).toMatch(line)
  expect(await client().getTransactionCount({ address: owner })).toBe(nonce)
})

test('setup: an unregistered subname of a name that is set up needs nothing', async () => {
  const { code, json } = await setup('web.acme.eth')
  expect([code, json?.nothingToDo]).toEqual([0, true])
})

test('protocol 4: records behind a gateway cannot be carried over: refused, or lost on purpose', async () => {
  const ccip = await deployCcipResolver()
  await desk.register('far', owner, ccip)
  const { code, json, err } = await setup('far.eth', ...byKey())
  expect([code, json?.error]).toEqual([1, 'FallbackNotOnchain'])
  expect(err).toMatch(/would be lost: addr, .*; --lose-records sets far\.eth up all the same$/)
  const forced = await setup('far.eth', '--lose-records', ...byKey())
  expect(forced.json).toMatchObject({ ok: true, lostRecords: expect.arrayContaining(['addr', 'text avatar']) })
})

/** Code that reverts every call with an OffchainLookup of its own address and no URL. */
async function deployCcipResolver(): Promise<Address> {
  const address: Address = `0x${'cc'.repeat(20)}`
  const args = [address, ['http://127.0.0.1:9/{data}'], '0x00', '0x00000000', '0x'] as const
  const revert = encodeErrorResult({ abi: mooringResolverAbi, errorName: 'OffchainLookup', args }).slice(2)
  const size = (revert.length / 2).toString(16).padStart(4, '0')
  await askChain(world.chain, 'anvil_setCode', [address, `0x61${size}600c5f3961${size}5ffd${revert}`])
  return address
}

test('setup: in grace an unwrapped name can be set up with a warning, a wrapped one not; after grace none', async () => {
  await desk.register('late', owner, world.chain.addresses.fallbackResolver, 1000)
  await desk.register('latebox', owner, world.chain.addresses.fallbackResolver, 1000)
  await desk.wrap('latebox.eth', owner)
  expect((await setup('late.eth', '--dry-run')).code).toBe(0)
  await passTime(world.chain, 2000)
  const late = await setup('late.eth', ...byKey())
  expect(late.json).toMatchObject({
    ok: true,
    warnings: [expect.stringMatching(/late\.eth has expired and is in grace/)],
  })
  expect((await setup('latebox.eth', ...byKey())).json).toMatchObject({ ok: false, error: 'NotAuthorized' })
  await passTime(world.chain, 91 * 86_400)
  const lapsed = await setup('late.eth', ...byKey())
  expect(lapsed.json).toMatchObject({ ok: false, error: 'NoOwner' })
  expect(lapsed.err).toMatch(/late\.eth expired on \d{4}-\d\d-\d\d, its grace ended on/)
})
