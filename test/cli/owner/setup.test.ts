import {
  type Abi,
  type Address,
  createPublicClient,
  encodeDeployData,
  encodeErrorResult,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  http,
  zeroAddress,
} from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkSetup } from '../../../gateway/cli/owner/setup-checks.ts'
import { readSetupFacts } from '../../../gateway/cli/owner/setup-facts.ts'
import { planSetup } from '../../../gateway/cli/owner/setup-plan.ts'
import { ensRegistryAbi, mooringResolverAbi, publicResolverAbi } from '../../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../../gateway/ens/name.ts'
import { mooringResolverBytecode } from '../../../resolver-contract/generated/mooring-resolver.ts'
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

function deployPublicResolver(): Promise<Address> {
  return deployCode(publicResolverAbi, publicResolverBytecode, [world.chain.addresses.ensRegistry])
}

async function deployCode(abi: Abi, bytecode: Hex, args: readonly unknown[]): Promise<Address> {
  const nonce = BigInt(await client().getTransactionCount({ address: owner }))
  await world.chain.send({ from: owner, data: encodeDeployData({ abi, bytecode, args }) })
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

test('inspect: an owned name with another resolver is not set up, and the line says what would do that', async () => {
  await desk.register('notyet', owner)
  const { code, out, err } = await command(['inspect', 'notyet.eth', '--json', ...world.chainFlags])
  expect([code, JSON.parse(out)]).toEqual([1, { ok: false, name: 'notyet.eth', error: 'UnreachableName' }])
  expect(err).toContain(`${world.chain.addresses.fallbackResolver}, is no Mooring resolver: mooring setup`)
  const asked = await command(['inspect', 'notyet.eth', '--json', ...world.flags])
  expect(JSON.parse(asked.out)).toMatchObject({ owner, reachable: false })
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

test('setup: of an earlier Mooring resolver its fallback is carried over, not the resolver itself', async () => {
  const { ownership, fallbackResolver } = world.chain.addresses
  const args = [ownership, fallbackResolver, []] as const
  const earlier = await deployCode(mooringResolverAbi, mooringResolverBytecode, args)
  await desk.register('moved', owner, earlier)
  await desk.setText(owner, 'moved.eth', 'url', 'https://moved.example')
  const { json } = await setup('moved.eth', ...byKey())
  expect(json).toMatchObject({ ok: true, presentResolver: earlier, fallback: fallbackResolver, lostRecords: [] })
  expect(await textOf('moved.eth', 'url')).toBe('https://moved.example')
})

test('setup: a JSON-RPC signer sends as well', async () => {
  await desk.register('framed', owner)
  const { json } = await setup('framed.eth', '--rpc-signer', world.chain.rpc, '--from', owner, '--gateway-url', gateway)
  expect(json).toMatchObject({ ok: true, sent: true })
})

test('setup checks afterwards: a record that is not as before fails it, and is named', async () => {
  await desk.register('checked', owner)
  await desk.setText(owner, 'checked.eth', 'url', 'https://checked.example')
  const facts = await readSetupFacts(world.connection, world.chain.addresses.resolver, 'checked.eth')
  const wishes = { gateways: null, reset: 'when needed', losesRecords: false, isDryRun: false } as const
  const plan = planSetup(facts, wishes)
  const found = { ...facts.probe, findResolver: async () => world.chain.addresses.resolver }
  const before = await checkSetup({ ...facts, probe: found }, plan, 0n)
  expect(before.map(({ name, ok }) => [name, ok])).toEqual([
    ['resolver', true],
    ['text url', true],
    ['oci-registry', true],
  ])
  const silent = { ...found, throughEns: async () => null }
  expect((await checkSetup({ ...facts, probe: silent }, plan, 0n)).map(({ ok }) => ok)).toEqual([true, false, true])
  const wrongGateways = { ...plan, gateways: [gateway] }
  expect((await checkSetup({ ...facts, probe: found }, wrongGateways, 0n)).map(({ ok }) => ok)).toEqual([
    true,
    true,
    false,
  ])
})

test('setup: a Universal Resolver that does not find what the registry says stops all', async () => {
  const { ensRegistry, registrar, resolver } = world.chain.addresses
  await desk.register('split', owner)
  expect((await setup('split.eth', '--dry-run')).code).toBe(0)
  const chain = ['--rpc', world.chain.rpc, '--ens-registry', ensRegistry, '--resolver', resolver]
  const { code, out, err } = await command([
    'setup',
    'split.eth',
    '--json',
    ...chain,
    '--universal-resolver',
    registrar,
  ])
  expect([code, JSON.parse(out)]).toEqual([1, { ok: false, name: 'split.eth', error: 'ChainUnavailable' }])
  expect(err).toMatch(/the Universal Resolver 0x.* finds no resolver, the registry 0x.*; nothing is sent/)
})

const usage: readonly [rule: string, args: () => string[], line: RegExp][] = [
  [
    'no deployment is known',
    () => [...world.chainFlags],
    /^mooring: --resolver: .*this version knows no deployment on chain 31337$/,
  ],
  [
    'the endpoint is of another chain',
    () => [...world.flags, '--network', 'mainnet'],
    /^mooring: --network: saw "mainnet", wanted endpoints of that chain: these are of chain 31337$/,
  ],
  ['the network has no name', () => [...world.flags, '--network', 'goerli'], /^mooring: --network: saw "goerli"/],
  ['no signer is named', () => [...world.flags], /^mooring: signer: saw nothing/],
  ['both --reset and --keep-lists', () => [...world.flags, '--reset', '--keep-lists'], /^mooring: --keep-lists: /],
  ['a gateway is not on https', () => [...world.flags, '--gateway-url', 'http://edge.example'], /wanted an https:/],
  ['a gateway has a query', () => [...world.flags, '--gateway-url', 'https://edge.example/?a'], /without \? and #/],
  [
    'a gateway stands twice',
    () => [...world.flags, '--gateway-url', gateway, '--gateway-url', `${gateway}/`],
    /wanted each URL once$/,
  ],
]

test.each(usage)('setup: exit 2 when %s', async (_rule, args, line) => {
  await desk.register(`usage${++usages}`, owner)
  const { code, out, err } = await command(['setup', `usage${usages}.eth`, ...args()])
  expect(code).toBe(2)
  expect(err.split('\n').at(-1)).toMatch(line)
  expect(out).not.toContain('in block')
})

let usages = 0

test('--network takes the URL of an endpoint', async () => {
  await desk.register('byurl', owner)
  const [, rpc = '', ...rest] = world.flags
  const { code, out } = await command(['setup', 'byurl.eth', '--json', '--dry-run', '--network', rpc, ...rest])
  expect([code, JSON.parse(out).ok]).toEqual([0, true])
})

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
