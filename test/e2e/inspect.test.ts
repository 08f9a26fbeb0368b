import { encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { readGatewayList } from '../../gateway/cli/owner/gateway-lists.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { command } from '../cli/command.ts'
import { createNameDesk } from '../cli/owner/names.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { pushTags, read, startProxy, startWorld, type World } from './world.ts'

let world: World
let desk: ReturnType<typeof createNameDesk>
beforeAll(async () => {
  world = await startWorld()
  desk = createNameDesk(world.chain)
  await pushTags(world, 'latest', '1.0')
})
afterAll(() => world.close())

const owner = addressOf(testKeys.owner)
const bob = addressOf(testKeys.other)
const third = addressOf(testKeys.third)

function set(data: Hex): Promise<void> {
  return world.chain.send({ from: owner, to: world.chain.addresses.resolver, data })
}

const warned = (json: Record<string, unknown>) =>
  (json.warnings as { name: string; needsPerson: boolean }[]).map(({ name, needsPerson }) =>
    needsPerson ? `!${name}` : name,
  )

test('interfaces inspect: a name in order is ok, exit 0, with all that is known about it', async () => {
  const { code, json } = await read(world, 'inspect', 'acme.eth')
  const { resolver, fallbackResolver } = world.chain.addresses
  expect(code).toBe(0)
  expect(json).toMatchObject({
    ...{ ok: true, name: 'acme.eth', node: nodeOf('acme.eth'), chainId: 31337, owner, authority: 'acme.eth' },
    ownership: { source: 'registry', inheritedFrom: null },
    ...{ resolver, presentResolver: resolver, reachable: true, fallback: fallbackResolver },
    policy: { publishers: [owner], threshold: 1, timestamper: null, maxAgeSeconds: 0, ownerAlone: true, revoked: [] },
    ...{ epoch: 0, minVersion: 0, anchor: null, wrapped: null, error: null },
    gateways: [{ url: world.gateway.url, epoch: 0, version: 2, listHash: expect.stringMatching(/^0x/), error: null }],
    expiry: { name: 'acme.eth', state: 'registered', registrant: owner },
    takers: [{ who: null, how: expect.stringContaining('anybody may register it') }],
  })
  expect(warned(json)).toEqual(['SinglePublisher'])
})

test('inspect for people says the same in lines', async () => {
  const { code, out } = await command(['inspect', 'acme.eth', ...world.chainFlags])
  expect(code).toBe(0)
  expect(out).toMatch(new RegExp(`owner +${owner}, by the ENS registry`))
  expect(out).toMatch(/gateway +http:\/\/127\.0\.0\.1:\d+: version 2, until \d{4}-/)
  expect(out).toContain('- SinglePublisher')
})

test('inspect: an unregistered subname is the authority’s, and a name without a list is none to worry about', async () => {
  const { code, json } = await read(world, 'inspect', 'web.acme.eth')
  expect(code).toBe(0)
  expect(json).toMatchObject({
    owner,
    authority: 'acme.eth',
    ownership: { source: 'registry', inheritedFrom: 'acme.eth' },
  })
  expect(json.takers).toContainEqual({ who: owner, how: 'owns acme.eth, and may register web.acme.eth' })
  expect(warned(json).toSorted()).toEqual(['NotPublished', 'SinglePublisher'])
})

test('inspect: a wrapped name, its fuses and who owns it there', async () => {
  await desk.register('boxed', owner, world.chain.addresses.resolver)
  await desk.wrap('boxed.eth', owner)
  await desk.wrapper(owner, 'burn', nodeOf('boxed.eth'), 0x10000)
  const { json } = await read(world, 'inspect', 'boxed.eth')
  expect(json).toMatchObject({ owner, ownership: { source: 'wrapper' }, wrapped: { owner, fuses: 0x10000 } })
})

test('protocol 3: a stricter ancestor of the same owner does not reach a registered subname: exit 1', async () => {
  const { resolver } = world.chain.addresses
  await desk.register('strict', owner, resolver)
  await desk.subname(owner, 'strict.eth', 'own', owner, resolver)
  expect(warned((await read(world, 'inspect', 'own.strict.eth')).json)).not.toContain('!StricterAncestor')
  const policy = { publishers: [owner, third].sort(), threshold: 2, timestamper: bob, maxAge: 3600 }
  const args = [encodeDnsName('strict.eth'), policy] as const
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setPolicy', args }))
  const { code, json } = await read(world, 'inspect', 'own.strict.eth')
  expect([code, json.ok]).toEqual([1, false])
  expect(warned(json)).toContain('!StricterAncestor')
})

test('inspect: an anchor and a floor are shown; a list below the floor is a Rollback', async () => {
  const list: Hex = `0x${'ab'.repeat(32)}`
  await desk.register('pinned', owner, world.chain.addresses.resolver)
  const args = [encodeDnsName('pinned.eth'), 9n, list] as const
  await set(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'anchor', args }))
  const { code, json } = await read(world, 'inspect', 'pinned.eth')
  expect(json).toMatchObject({ minVersion: 9, anchor: { version: 9, hash: list } })
  expect([code, warned(json)]).toEqual([1, ['!NoList', 'SinglePublisher']])
})

test('inspect: a gateway that is not there needs a person', async () => {
  const { code, json } = await read(world, 'inspect', 'acme.eth', '--gateway', 'http://127.0.0.1:9')
  expect(code).toBe(1)
  expect(warned(json)).toEqual(['!GatewayUnavailable', 'SinglePublisher'])
})

test('inspect: an expired list is told apart from none, with its version, also where the gateway refuses the lookup', async () => {
  const { resolver, ensRegistry } = world.chain.addresses
  const domain = { chainId: world.chain.chainId, resolver }
  const reader = createViemChain({ rpcUrl: world.chain.rpc, ensRegistry, ...domain })
  const authority = await reader.readAuthority('acme.eth')
  const now = BigInt(Math.floor(Date.now() / 1000))
  const reach = 'given' as const
  const question = { domain, reach, ensName: 'acme.eth', repository: 'acme.eth', authority, localTime: now }
  expect(await readGatewayList(world.gateway.url, question)).toMatchObject({ version: 2, error: null })
  const later = { ...question, localTime: now + 100n * 86_400n }
  expect(await readGatewayList(world.gateway.url, later)).toMatchObject({ version: 2, error: 'Expired' })
  const refusing = await startProxy(world.gateway.url, (answer, path) =>
    path.startsWith('/ccip/') ? { ...answer, status: 503 } : answer,
  )
  onTestFinished(refusing.close)
  expect(await readGatewayList(refusing.url, later)).toMatchObject({ version: 2, error: 'Expired' })
  expect(await readGatewayList(refusing.url, question)).toMatchObject({ version: null, error: 'NoList' })
})

test('inspect: a gateway’s list that does not verify is shown with the name of the refusal', async () => {
  const forging = await startProxy(world.gateway.url, (answer, path) => {
    if (!path.startsWith('/ccip/')) return answer
    const text = new TextDecoder().decode(answer.body)
    return { ...answer, body: new TextEncoder().encode(text.replace(/1[bc](0{62})/, '1d$1')) }
  })
  onTestFinished(forging.close)
  const { code, json } = await read(
    world,
    'inspect',
    'acme.eth',
    '--gateway',
    world.gateway.url,
    '--gateway',
    forging.url,
  )
  expect(code).toBe(1)
  expect(warned(json)).toEqual(['!BadSignature', 'SinglePublisher'])
})

test('inspect: a name with another resolver is UnreachableName, exit 1; with --resolver ours says what it knows', async () => {
  await desk.register('plain', owner)
  const { code, json } = await read(world, 'inspect', 'plain.eth')
  expect([code, json]).toEqual([1, { ok: false, name: 'plain.eth', error: 'UnreachableName' }])
  const { resolver, fallbackResolver } = world.chain.addresses
  const asked = await read(world, 'inspect', 'plain.eth', '--resolver', resolver)
  expect(asked.json).toMatchObject({ ok: false, owner, reachable: false, presentResolver: fallbackResolver, resolver })
  expect(warned(asked.json)).toContain('!UnreachableName')
})

test('inspect: a name that nobody owns', async () => {
  const { resolver } = world.chain.addresses
  const { code, json } = await read(world, 'inspect', 'nobody.eth', '--resolver', resolver)
  expect(code).toBe(1)
  expect(json).toMatchObject({ ok: false, owner: null, authority: null, expiry: { state: 'never' } })
  expect(warned(json)).toContain('!NoOwner')
})
