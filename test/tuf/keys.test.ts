import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Address, encodeFunctionData } from 'viem'
import { sign } from 'viem/accounts'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ClientSigner } from '../../gateway/cli/client/signers/client-signer.ts'
import { publishTag } from '../../gateway/cli/publishing/publish-tag.ts'
import { runCommandLine } from '../../gateway/cli/run.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { FLAG_IMMUTABLE, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { hashRevocation } from '../../gateway/tags/list.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { command } from '../cli/command.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { imageType, type Publication, publish, sha256 } from './publication.ts'
import { one, openShowing, two } from './scene.ts'
import { accepted, chainTime, refused, type Stage, startStage, type Who } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

const noTimestamper: Address = `0x${'00'.repeat(20)}`

async function openScene() {
  const scene = await openShowing(stage)
  const setPolicy = (threshold: number, ...keys: Who[]) => {
    const publishers = keys.map((key) => addressOf(testKeys[key])).toSorted()
    return stage.call('owner', 'setPolicy', scene.ensName, {
      publishers,
      threshold,
      timestamper: noTimestamper,
      maxAge: 0,
    })
  }
  return { ...scene, setPolicy }
}

test('A9 key compromise: one stolen key of two is ThresholdNotMet', async () => {
  const { ensName, show, setPolicy, client } = await openScene()
  await setPolicy(2, 'owner', 'other', 'third')
  await show(1n, { keys: ['owner', 'third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(2n, { keys: ['other'] }, { a: two })
  expect(await client.ask(ensName, 'a')).toEqual(refused('ThresholdNotMet'))
})

test('A9 key compromise: two signatures of one key are SignersNotAscending', async () => {
  const { ensName, gateway, show, setPolicy, client } = await openScene()
  await setPolicy(2, 'owner', 'third')
  await show(1n, { keys: ['owner', 'third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  const signed = await show(2n, { keys: ['third'] }, { a: two })
  const signatures = [...signed.signatures, ...signed.signatures]
  gateway.publication = { ...gateway.publication!, signed: { ...signed, signatures } }
  expect(await client.ask(ensName, 'a')).toEqual(refused('SignersNotAscending'))
})

test('A9 key compromise: one good signature does not carry a bad one beside it', async () => {
  const { ensName, gateway, show, setPolicy, client } = await openScene()
  await setPolicy(1, 'owner', 'third')
  const both = await show(1n, { keys: ['owner', 'third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  const signatures = both.signatures.map((each, at) =>
    at === 1 ? { ...each, signature: both.signatures[0]!.signature } : each,
  )
  gateway.publication = { ...gateway.publication!, signed: { ...both, signatures } }
  expect(await client.ask(ensName, 'a')).toEqual(refused('BadSignature'))
})

test('A9 key compromise: a threshold of 0, one above the publishers and a publisher twice cannot be set', async () => {
  const { ensName, setPolicy, show, client } = await openScene()
  await setPolicy(1, 'owner', 'third')
  await expect(setPolicy(0, 'owner', 'third')).rejects.toThrow()
  await expect(setPolicy(3, 'owner', 'third')).rejects.toThrow()
  await expect(setPolicy(1, 'third', 'third')).rejects.toThrow()
  await show(1n, { keys: ['third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
})

test('A9 key compromise: a key that the owner revokes is Revoked in the next resolution, and reset does not bring it back', async () => {
  const { ensName, show, setPolicy, client } = await openScene()
  await setPolicy(1, 'owner', 'third')
  await show(1n, { keys: ['third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await stage.call('owner', 'revoke', ensName, addressOf(testKeys.third))
  expect(await client.ask(ensName, 'a')).toEqual(refused('Revoked'))
  await stage.call('owner', 'reset', ensName)
  await show(1n, { keys: ['third'], epoch: 1n })
  expect(await client.ask(ensName, 'a')).toEqual(refused('Revoked'))
  await show(1n, { epoch: 1n })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
})

test('A9 key compromise: a key revokes itself by a statement that anybody may relay', async () => {
  const { ensName, show, setPolicy, client } = await openScene()
  await setPolicy(1, 'owner', 'third')
  await show(1n, { keys: ['third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  const key = addressOf(testKeys.third)
  const hash = hashRevocation(stage.domain, { node: nodeOf(ensName), owner: addressOf(testKeys.owner), key })
  const signature = await sign({ privateKey: testKeys.third, hash, to: 'hex' })
  await stage.call('other', 'revokeBySignature', ensName, key, signature)
  expect(await client.ask(ensName, 'a')).toEqual(refused('Revoked'))
})

test('A9 key compromise: rotation is one transaction: the old key is NotPublisher, the new one counts', async () => {
  const { ensName, show, setPolicy, client } = await openScene()
  await setPolicy(1, 'third')
  await show(1n, { keys: ['third'] })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await setPolicy(1, 'other')
  expect(await client.ask(ensName, 'a')).toEqual(refused('NotPublisher'))
  await show(2n, { keys: ['other'] }, { a: two })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
})

test('A9 key compromise: a timestamper can only freeze: a list of its own is NotPublisher', async () => {
  const { ensName, show, client } = await openScene()
  const timestamper = addressOf(testKeys.third)
  const policy = { publishers: [addressOf(testKeys.owner)], threshold: 1, timestamper, maxAge: 3600 }
  await stage.call('owner', 'setPolicy', ensName, policy)
  const timestamp = { key: 'third', issuedAt: await chainTime(stage) } as const
  await show(1n, { timestamp })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(2n, { keys: ['third'], timestamp }, { a: two })
  expect(await client.ask(ensName, 'a')).toEqual(refused('NotPublisher'))
  await stage.call('owner', 'revoke', ensName, timestamper)
  await show(3n, { timestamp })
  expect(await client.ask(ensName, 'a')).toEqual(refused('BadTimestamp'))
})

function giveTo(ensName: string, from: Who, to: Who) {
  const args = [nodeOf(ensName), addressOf(testKeys[to])] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setOwner', args })
  return stage.chain.send({ from: addressOf(testKeys[from]), to: stage.chain.addresses.ensRegistry, data })
}

test('A12 name takeover: a new owner is OwnerChanged for who knew the old one, whose lists are dead; a fresh client pulls', async () => {
  const { ensName, gateway, show, client, setPolicy } = await openScene()
  await setPolicy(1, 'owner', 'other')
  await show(5n)
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await giveTo(ensName, 'owner', 'third')
  expect(await client.ask(ensName, 'a')).toEqual(refused('OwnerMismatch'))
  await show(1n, { owner: 'third', keys: ['other'] }, { a: two })
  const fresh = stage.openClient([gateway.url])
  // The old owner's policy went with the old owner: its publishers are nobody here.
  expect(await fresh.ask(ensName, 'a')).toEqual(refused('NotPublisher'))
  await show(1n, { owner: 'third' }, { a: two })
  expect(await client.ask(ensName, 'a')).toEqual(refused('OwnerChanged'))
  expect(await fresh.ask(ensName, 'a')).toEqual(accepted)
  const flags = ['--rpc', stage.chain.rpc, ...stage.chainFlags, '--state', client.stateDir, '--gateway', gateway.url]
  expect((await command(['trust', 'accept', ensName, '--yes', ...flags])).code).toBe(0)
  expect((await client.proxy(`${ensName}/manifests/a`)).status).toBe(200)
})

test('A13 tags overwritten: an immutable tag that moved is ImmutableChanged for who saw it, a mutable one may move', async () => {
  const { ensName, show, client } = await openScene()
  await show(1n, { flags: FLAG_IMMUTABLE })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(2n, { flags: FLAG_IMMUTABLE }, { a: two, b: two })
  expect(await client.ask(ensName, 'a')).toEqual(refused('ImmutableChanged'))
  await show(2n, { flags: FLAG_IMMUTABLE }, { b: one })
  expect(await client.ask(ensName, 'a')).toEqual(refused('ImmutableChanged'))
  const second = await openScene()
  await second.show(1n)
  expect(await second.client.ask(second.ensName, 'a')).toEqual(accepted)
  await second.show(2n, {}, { a: two })
  expect(await second.client.ask(second.ensName, 'a')).toEqual(accepted)
})

test('A14 blind signing: a root is built here from a verified list: over one that does not hold nothing is signed or sent', async () => {
  const { ensName, gateway, show, client } = await openScene()
  const { list } = await show(7n)
  const honest = gateway.publication as Publication
  let signatures = 0
  const signer: ClientSigner = {
    address: addressOf(testKeys.owner),
    signTyped({ hash }) {
      signatures++
      return sign({ privateKey: testKeys.owner, hash, to: 'hex' })
    },
    signText: () => Promise.reject(new Error('no text is signed here')),
    close: async () => {},
  }
  const bytes = two.manifest.bytes
  const target = { digest: sha256(bytes), size: bytes.length, mediaType: imageType, swarmReference: ZERO_REFERENCE }
  const place = { gateway: gateway.url, repository: ensName, reach: 'given' } as const
  const publishAs = async (tag: string) => publishTag(await client.session(ensName), place, signer, tag, target)
  const next = await publishAs('c')
  expect([next.list.version, next.list.count, next.list.root === list.root]).toEqual([8n, 4n, false])
  expect(gateway.puts).toMatchObject([{ list: { version: 8 }, changes: [{ tag: 'c' }] }])
  const extra = await publish(stage.domain, ensName, { a: two, b: one }, { version: 7n })
  const lies: [Publication | null, string][] = [
    // One more tag than the signed root knows, a root that nobody signed, and "nothing was ever published".
    [{ ...honest, slots: extra.slots }, 'MalformedList'],
    [{ ...extra, signed: { ...extra.signed, signatures: honest.signed.signatures } }, 'BadSignature'],
    [null, 'Rollback'],
  ]
  for (const [lie, reason] of lies) {
    gateway.publication = lie
    await expect(publishAs('d')).rejects.toMatchObject({ reason })
  }
  expect([signatures, gateway.puts.length]).toEqual([1, 1])
})

test('A14 blind signing: one tag more than was pushed is in the difference that is shown, and who says no signs nothing', async () => {
  const { ensName, gateway, show, client } = await openScene()
  await show(7n)
  const images = await publish(stage.domain, ensName, { one, two })
  gateway.publication = { ...(gateway.publication as Publication), contents: images.contents }
  gateway.staged = { mine: one, a: two }
  const keyFile = join(stage.folder, 'owner.key')
  await writeFile(keyFile, testKeys.owner, { mode: 0o600 })
  const flags = ['--rpc', stage.chain.rpc, ...stage.chainFlags, '--state', client.stateDir, '--gateway', gateway.url]
  const run = async (answer: boolean) => {
    const said: string[] = []
    const say = (line: string) => void said.push(line)
    const world = { environment: {}, print: say, note: say, waitForStop: async () => {}, ask: async () => answer }
    const code = await runCommandLine(['publish', ensName, '--key-file', keyFile, ...flags], world)
    return { code, said: said.join('\n') }
  }
  const refusedOnce = await run(false)
  expect(refusedOnce.said).toContain('mine')
  expect(refusedOnce.said).toContain(sha256(two.manifest.bytes).slice(0, 19))
  expect([refusedOnce.code !== 0, gateway.puts]).toEqual([true, []])
  expect(await run(true)).toMatchObject({ code: 0 })
  expect(gateway.puts).toMatchObject([{ list: { version: 8 }, changes: [{ tag: 'a' }, { tag: 'mine' }] }])
})

test('A15 lying RPC: of two endpoints one that tells another owner or policy makes RpcDisagree, and nothing is pulled', async () => {
  const { ensName, gateway, show } = await openScene()
  await show(1n)
  const honest = await startRpcProxy(stage.chain.rpc, (_, result) => result)
  const owner = addressOf(testKeys.owner).slice(2)
  const thief = addressOf(testKeys.third).slice(2)
  const lying = await startRpcProxy(stage.chain.rpc, ({ method }, result) => {
    return method === 'eth_call' && typeof result === 'string' ? result.replaceAll(owner, thief) : result
  })
  onTestFinished(honest.close)
  onTestFinished(lying.close)
  const ask = (other: string) =>
    stage.openClient([gateway.url], { rpcUrls: [stage.chain.rpc, other] }).ask(ensName, 'a')
  expect(await ask(honest.url)).toEqual(accepted)
  expect(await ask(lying.url)).toEqual(refused('RpcDisagree'))
  // Alone it is believed: that is what a second one is for.
  await show(1n, { owner: 'third' }, { a: two })
  expect((await stage.openClient([gateway.url], { rpcUrls: [lying.url] }).ask(ensName, 'a'))[1]).toBe('present')
})
