import { encodeFunctionData, type Hex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { ZERO_HASH } from '../../gateway/tags/list.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { judge, keepAnswer, type OwnerWorld, publish, run, runForPeople, startOwnerWorld } from './owner-world.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)
const third = addressOf(testKeys.third)
const digest = /^sha256:[0-9a-f]{64}$/
const hash = expect.stringMatching(/^0x[0-9a-f]{64}$/)

let world: OwnerWorld
let signed: string[]
beforeAll(async () => {
  const labels = ['policy', 'fresh', 'revoke', 'relay', 'reset', 'anchor', 'check', 'dry', 'empty']
  world = await startOwnerWorld(labels.map((label) => `${label}.eth`))
  signed = ['--key-file', world.keyFiles.owner]
})
afterAll(() => world.close())

/** What the contract's views say of a name, read with the gateway's own reader. */
async function chainSays(ensName: string) {
  const { resolver, ensRegistry } = world.chain.addresses
  const reader = createViemChain({ rpcUrl: world.chain.rpc, chainId: world.chain.chainId, resolver, ensRegistry })
  return reader.readAuthority(ensName)
}

test('protocol 3 setPolicy: others publish from then on, an older answer is refused with NotPublisher', async () => {
  await publish(world, 'policy.eth', '1.0')
  const kept = await keepAnswer(world, 'policy.eth', '1.0')
  expect(await judge(world, kept)).toMatch(digest)
  const { code, json } = await run(
    ...([
      world,
      'policy',
      'policy.eth',
      'set',
      '--publisher',
      third,
      '--publisher',
      other,
      '--threshold',
      '2',
    ] as const),
    ...signed,
  )
  const publishers = [other, third].sort()
  expect(code).toBe(0)
  const before = { publishers: [owner], threshold: 1, timestamper: null, maxAgeSeconds: 0 }
  const after = { publishers, threshold: 2, timestamper: null, maxAgeSeconds: 0 }
  expect(json).toEqual({
    ...{ ok: true, name: 'policy.eth', authority: 'policy.eth', owner, before, after, sent: true, error: null },
    ...{ consequence: expect.stringContaining('2 of 2 publishers'), safeBatch: null },
    currentList: { version: kept.version, hash: kept.hash, now: null, afterwards: 'NotPublisher' },
    transactions: [expect.objectContaining({ to: world.chain.addresses.resolver, hash })],
  })
  expect((await chainSays('policy.eth')).policy).toEqual(after)
  expect(await judge(world, kept)).toBe('NotPublisher')
  const shown = await run(world, 'policy', 'policy.eth', 'show')
  expect(shown.json).toEqual({ name: 'policy.eth', authority: 'policy.eth', owner, policy: after, revoked: [] })
})

test('protocol 3 setPolicy: a threshold that the list does not reach is ThresholdNotMet; clear goes back to the owner alone', async () => {
  const kept = await keepAnswer(world, 'policy.eth', '1.0')
  const publishers = ['--publisher', `${owner},${other}`, '--threshold', '2']
  expect((await run(world, 'policy', 'policy.eth', 'set', ...publishers, ...signed)).code).toBe(0)
  expect(await judge(world, kept)).toBe('ThresholdNotMet')
  const cleared = await run(world, 'policy', 'policy.eth', 'clear', ...signed)
  expect(cleared).toMatchObject({
    code: 0,
    json: { ok: true, sent: true, after: { publishers: [owner], threshold: 1 } },
  })
  expect(cleared.json?.currentList).toMatchObject({ now: 'ThresholdNotMet', afterwards: null })
  expect(await judge(world, kept)).toMatch(digest)
  const again = await run(world, 'policy', 'policy.eth', 'clear', ...signed)
  expect(again).toMatchObject({ code: 0, json: { ok: true, sent: false, transactions: [] } })
})

test('protocol 3 setPolicy: a timestamper makes a list without its word BadTimestamp', async () => {
  await publish(world, 'fresh.eth', '1.0')
  const kept = await keepAnswer(world, 'fresh.eth', '1.0')
  const wanted = ['--publisher', owner, '--timestamper', third, '--max-age', '3600']
  const { json } = await run(world, 'policy', 'fresh.eth', 'set', ...wanted, ...signed)
  expect(json).toMatchObject({ ok: true, currentList: { now: null, afterwards: 'BadTimestamp' } })
  expect(await judge(world, kept)).toBe('BadTimestamp')
  expect((await chainSays('fresh.eth')).policy).toMatchObject({ timestamper: third, maxAgeSeconds: 3600 })
})

test('protocol 3: a policy set through an unregistered name is that of its authority, and says so', async () => {
  const { code, json } = await run(world, 'policy', 'web.fresh.eth', 'set', '--publisher', owner, '--dry-run')
  expect(code).toBe(0)
  expect(json).toMatchObject({ name: 'web.fresh.eth', authority: 'fresh.eth', sent: false })
  expect(json?.consequence).toContain('fresh.eth and every unregistered name below')
})

test('protocol 3 revoke: permanent, also past a reset; a policy that names the key again is refused before anything is sent', async () => {
  await publish(world, 'revoke.eth', '1.0')
  const kept = await keepAnswer(world, 'revoke.eth', '1.0')
  expect(await judge(world, kept)).toMatch(digest)
  const { code, json } = await run(world, 'revoke', 'revoke.eth', owner, ...signed)
  expect(code).toBe(0)
  expect(json).toMatchObject({
    ...{ ok: true, sent: true, before: { key: owner, revoked: false }, after: { key: owner, revoked: true } },
    currentList: { version: kept.version, now: null, afterwards: 'Revoked' },
  })
  expect(json?.consequence).toContain('only 0 of the 1 publishers that must sign remain')
  expect(await judge(world, kept)).toBe('Revoked')
  expect((await run(world, 'reset', 'revoke.eth', ...signed)).code).toBe(0)
  expect(await (await chainSays('revoke.eth')).isRevoked(owner)).toBe(true)
  const again = await run(world, 'revoke', 'revoke.eth', owner, ...signed)
  expect(again).toMatchObject({ code: 0, json: { ok: true, sent: false } })
  const named = await run(world, 'policy', 'revoke.eth', 'set', '--publisher', owner, ...signed)
  expect(named.code).toBe(2)
  expect(named.err).toBe(
    `mooring: --publisher: saw "${owner}", wanted a key that is not revoked for revoke.eth: a revocation is permanent`,
  )
  expect((await run(world, 'policy', 'revoke.eth', 'show')).json?.revoked).toEqual([owner])
})

test('protocol 3 revokeBySignature: a key revokes itself, anyone pays; a signature of another key is refused before', async () => {
  const relay = ['--relay', '--key-file', world.keyFiles.third]
  const offline = await run(world, 'revoke', 'relay.eth', ...relay, '--sign-only')
  expect(offline).toMatchObject({ code: 0, json: { ok: true, key: third, owner, authority: 'relay.eth' } })
  const signature = `${offline.json?.signature}`
  const elsewhere = ['--signature', signature, '--key-file', world.keyFiles.other]
  const wrongKey = await run(world, 'revoke', 'relay.eth', other, ...elsewhere)
  expect(wrongKey.code).toBe(2)
  expect(wrongKey.err).toContain(`wanted that of ${other} over its revocation for relay.eth of ${owner}`)
  expect(await (await chainSays('relay.eth')).isRevoked(third)).toBe(false)
  const relayed = await run(world, 'revoke', 'relay.eth', third, ...elsewhere)
  expect(relayed).toMatchObject({ code: 0, json: { ok: true, sent: true, after: { key: third, revoked: true } } })
  expect(await (await chainSays('relay.eth')).isRevoked(third)).toBe(true)
  const other2 = ['--relay', '--key-file', world.keyFiles.other, '--relayer-key-file', world.keyFiles.third]
  expect((await run(world, 'revoke', 'relay.eth', ...other2)).code).toBe(0)
  expect(await (await chainSays('relay.eth')).isRevoked(other)).toBe(true)
})

test('protocol 3 reset: the epoch rises by one and the current list dies with EpochMismatch', async () => {
  await publish(world, 'reset.eth', '1.0')
  const kept = await keepAnswer(world, 'reset.eth', '1.0')
  expect(await judge(world, kept)).toMatch(digest)
  const { code, out } = await runForPeople(world, 'reset', 'reset.eth', ...signed)
  expect(code).toBe(0)
  expect(out).toContain(`kills the current list, version ${kept.version} (EpochMismatch): publish again`)
  expect(out).toContain('before  epoch 0, min version 0')
  expect(out).toContain('the chain now says epoch 1, min version 0')
  expect(await judge(world, kept)).toBe('EpochMismatch')
  expect(await chainSays('reset.eth')).toMatchObject({ epoch: 1n })
})

test('protocol 3 anchor: the current list by default, another list at its version is AnchorMismatch, clear lifts it', async () => {
  await publish(world, 'anchor.eth', '1.0')
  const kept = await keepAnswer(world, 'anchor.eth', '1.0')
  const current = await run(world, 'anchor', 'anchor.eth', ...signed)
  const anchored = { anchorVersion: kept.version, anchorHash: kept.hash, minVersion: kept.version }
  expect(current).toMatchObject({ code: 0, json: { ok: true, sent: true, after: anchored } })
  expect(current.json?.before).toEqual({ anchorVersion: null, anchorHash: null, minVersion: 0 })
  expect(await judge(world, kept)).toMatch(digest)
  const list: Hex = `0x${'ab'.repeat(32)}`
  const elsewhere = await run(world, 'anchor', 'anchor.eth', '--version', `${kept.version}`, '--list', list, ...signed)
  expect(elsewhere.json).toMatchObject({ ok: true, currentList: { now: null, afterwards: 'AnchorMismatch' } })
  expect(await judge(world, kept)).toBe('AnchorMismatch')
  expect((await run(world, 'anchor', 'anchor.eth', '--clear', ...signed)).code).toBe(0)
  const { minVersion, anchorHash } = await chainSays('anchor.eth')
  expect([minVersion, anchorHash]).toEqual([BigInt(kept.version), ZERO_HASH])
  expect(await judge(world, kept)).toMatch(digest)
})

test('protocol 3 anchor: a version below the floor would count for nothing and is refused', async () => {
  const far = ['--list', `0x${'cd'.repeat(32)}`]
  expect((await run(world, 'anchor', 'anchor.eth', '--version', '9', ...far, ...signed)).code).toBe(0)
  const below = await run(world, 'anchor', 'anchor.eth', '--version', '8', ...far, ...signed)
  expect(below.code).toBe(2)
  expect(below.err).toBe('mooring: --version: saw "8", wanted at least 9, the floor of anchor.eth')
})

test('protocol 3 checkpoint: anyone raises the floor with the current list, an older list is Rollback', async () => {
  await publish(world, 'check.eth', '1.0')
  const kept = await keepAnswer(world, 'check.eth', '1.0')
  await publish(world, 'check.eth', '1.1')
  expect(await judge(world, kept)).toMatch(digest)
  const version = kept.version + 1
  const stranger = ['--key-file', world.keyFiles.third]
  const raised = await run(world, 'checkpoint', 'check.eth', ...stranger)
  expect(raised).toMatchObject({ code: 0, json: { ok: true, sent: true, after: { epoch: 0, minVersion: version } } })
  expect(raised.json?.currentList).toMatchObject({ version, now: null, afterwards: null })
  expect(await judge(world, kept)).toBe('Rollback')
  expect(await chainSays('check.eth')).toMatchObject({ minVersion: BigInt(version) })
  const again = await run(world, 'checkpoint', 'check.eth', ...stranger)
  expect(again).toMatchObject({ code: 0, json: { ok: true, sent: false } })
})

test('protocol 3 checkpoint: without a gateway that has a list nothing is sent, exit 4', async () => {
  const { code, json } = await run(world, 'checkpoint', 'empty.eth', ...signed)
  expect({ code, json }).toEqual({ code: 4, json: { ok: false, name: 'empty.eth', error: 'GatewayUnavailable' } })
})

const changes: readonly (readonly [verb: string, ...args: string[]])[] = [
  ['policy', 'dry.eth', 'set', '--publisher', other],
  ['revoke', 'dry.eth', other],
  ['reset', 'dry.eth'],
  ['anchor', 'dry.eth', '--version', '7', '--list', `0x${'11'.repeat(32)}`],
  ['checkpoint', 'dry.eth'],
]

test.each(changes)(
  '%s %s: --dry-run shows it for the owner, --calldata writes it for a Safe, nothing is sent',
  async (...args) => {
    await publish(world, 'dry.eth', '1.0')
    const said = async () => {
      const { epoch, minVersion, policy, isRevoked, anchorHash } = await chainSays('dry.eth')
      return [epoch, minVersion, anchorHash, policy.publishers, await isRevoked(other)]
    }
    const before = await said()
    const dry = await run(world, ...args, '--dry-run')
    expect(dry).toMatchObject({ code: 0, json: { ok: true, sent: false, safeBatch: null, error: null } })
    expect(dry.json?.transactions).toEqual([expect.objectContaining({ gas: expect.any(Number), hash: null })])
    const safe = await run(world, ...args, '--calldata')
    const batch = { transactions: [{ to: world.chain.addresses.resolver, value: '0' }] }
    expect(safe).toMatchObject({ code: 0, json: { ok: true, sent: false, safeBatch: batch } })
    expect(dry.json?.after).not.toEqual(dry.json?.before)
    expect(await said()).toEqual(before)
  },
)

test.each(changes.filter(([verb]) => verb !== 'checkpoint'))(
  '%s %s: who is not the owner is NotAuthorized, exit 1, and is told who is',
  async (...args) => {
    const { code, json, err } = await run(world, ...args, '--key-file', world.keyFiles.third)
    expect({ code, json }).toEqual({ code: 1, json: { ok: false, name: 'dry.eth', error: 'NotAuthorized' } })
    expect(err).toContain(`NotAuthorized: ${third} is not the owner of dry.eth, nor approved by it: that is ${owner}`)
  },
)

test('protocol 3: an operator that the owner approved in the registry may, as long as the approval lasts', async () => {
  const operator = ['--key-file', world.keyFiles.third]
  const approve = (approved: boolean) => {
    const args = [third, approved] as const
    const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setApprovalForAll', args })
    return world.chain.send({ from: owner, to: world.chain.addresses.ensRegistry, data })
  }
  await approve(true)
  expect(await run(world, 'reset', 'dry.eth', ...operator)).toMatchObject({ code: 0, json: { ok: true, sent: true } })
  await approve(false)
  expect(await run(world, 'reset', 'dry.eth', ...operator)).toMatchObject({ code: 1, json: { error: 'NotAuthorized' } })
})

test('protocol 3 revokeBySignature: a revocation for one name is none for another', async () => {
  const offline = await run(world, 'revoke', 'dry.eth', '--relay', '--key-file', world.keyFiles.owner, '--sign-only')
  const signature = `${offline.json?.signature}`
  const relayed = ['--signature', signature, '--key-file', world.keyFiles.other, '--dry-run']
  expect((await run(world, 'revoke', 'dry.eth', owner, ...relayed)).code).toBe(0)
  const elsewhere = await run(world, 'revoke', 'empty.eth', owner, ...relayed)
  expect(elsewhere.code).toBe(2)
  expect(elsewhere.err).toContain(`wanted that of ${owner} over its revocation for empty.eth`)
})

test('a name without an owner is refused by its name, nothing is sent', async () => {
  const { code, json } = await run(world, 'reset', 'nobody.eth', ...signed)
  expect({ code, json }).toEqual({ code: 4, json: { ok: false, name: 'nobody.eth', error: 'UnreachableName' } })
})
