import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { sign } from 'viem/accounts'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { hashTimestamp } from '../../gateway/tags/list.ts'
import { passTime } from '../cli/owner/names.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type Draft, imageThatSays, publish, sha256 } from './publication.ts'
import { accepted, chainTime, refused, type Stage, startStage } from './stage.ts'
import { startToldGateway } from './told-gateway.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

const good = imageThatSays('good')

async function openScene(ensName: string | null = null, draft: Draft = {}) {
  const name = ensName ?? (await stage.openName())
  const honest = await publish(stage.domain, name, { '1.0': good }, draft)
  const gateway = await startToldGateway(honest)
  onTestFinished(gateway.close)
  return { ensName: name, honest, gateway, client: stage.openClient([gateway.url]) }
}

test('a pull asks for one lookup and for the manifest that the list names, and for nothing else', async () => {
  const { ensName, gateway, client } = await openScene()
  expect((await client.proxy(`${ensName}/manifests/1.0`)).status).toBe(200)
  const [lookup, manifest, ...more] = gateway.asked
  expect(lookup).toMatch(/^\/ccip\/31337\/0x[0-9a-f]{40}\/0x[0-9a-f]{40}\/0x[0-9a-f]+\.json$/)
  expect(manifest).toBe(`/v2/${ensName}/manifests/${sha256(good.manifest.bytes)}`)
  expect(more).toEqual([])
})

test('row 9: what is remembered is the list that was verified, with its signatures', async () => {
  const { ensName, honest, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const [folder = ''] = await readdir(client.stateDir)
  const [file = ''] = await readdir(join(client.stateDir, folder))
  const memory = JSON.parse(await readFile(join(client.stateDir, folder, file), 'utf8'))
  const { hash, signatures } = honest.signed
  expect(memory).toMatchObject({ owners: [{ version: 1, hash, list: hash }], lists: [{ hash, signatures }] })
})

test('a tag that is not there is looked up each time, and proven absent', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, 'nope')).toEqual(['absent', 'absent'])
  gateway.publication = await publish(stage.domain, ensName, { nope: good }, { version: 2n })
  expect(await client.ask(ensName, 'nope')).toEqual(accepted)
})

test('a gateway that has no list says nothing about a tag: 503, never absent', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  gateway.publication = null
  expect(await client.ask(ensName, '1.0')).toEqual(['503 UNKNOWN', 'GatewayUnavailable'])
  expect(await client.ask(ensName, 'nope')).toEqual(['503 UNKNOWN', 'GatewayUnavailable'])
})

test('a gateway that has the list and not the manifest: 503, never absent', async () => {
  const { ensName, honest, gateway, client } = await openScene()
  expect((await client.proxy(`${ensName}/manifests/1.0`)).status).toBe(200)
  gateway.publication = { ...honest, contents: new Map() }
  expect((await client.proxy(`${ensName}/manifests/1.0`)).status).toBe(503)
})

test('2.2: what a key signed as a Timestamp does not count as its signature of a list', async () => {
  const { ensName, honest, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const { list, hash } = honest.signed
  const { node, epoch, version, issuedAt, expiresAt } = list
  const claim = hashTimestamp(stage.domain, { node, epoch, version, list: hash, issuedAt, expiresAt })
  const signature = await sign({ privateKey: testKeys.owner, hash: claim, to: 'hex' })
  const signatures = [{ signer: addressOf(testKeys.owner), signature }]
  gateway.publication = { ...honest, signed: { ...honest.signed, signatures } }
  expect(await client.ask(ensName, '1.0')).toEqual(refused('BadSignature'))
})

test('2.2: a list that delegates is UnsupportedDelegations', async () => {
  const { ensName, gateway, client } = await openScene()
  expect(await client.ask(ensName, '1.0')).toEqual(accepted)
  const delegations: Hex = `0x${'d1'.repeat(32)}`
  gateway.publication = await publish(stage.domain, ensName, { '1.0': good }, { version: 2n, header: { delegations } })
  expect(await client.ask(ensName, '1.0')).toEqual(refused('UnsupportedDelegations'))
})

test('row 5: a remembered list that has expired does not stand in the way of the next one', async () => {
  const now = (await chainTime(stage)) + 100n
  const { ensName, gateway, client } = await openScene(null, { issuedAt: now - 1000n, expiresAt: now + 60n })
  const later = { now: () => now + 60n }
  expect(await client.library(ensName, '1.0', { now: () => now })).toBe('present')
  expect(await client.library(ensName, '1.0', later)).toBe('Expired')
  gateway.publication = await publish(stage.domain, ensName, { '1.0': good }, { version: 2n })
  expect(await client.library(ensName, '1.0', later)).toBe('present')
})

test('1: a repository below a name is a name of its own, with a list of its own', async () => {
  const { ensName, gateway, client } = await openScene()
  const below = `web.${ensName}`
  expect(await client.ask(below, '1.0')).toEqual(refused('BadSignature'))
  gateway.publication = await publish(stage.domain, below, { '1.0': good })
  expect(await client.ask(below, '1.0')).toEqual(accepted)
  expect((await client.proxy(`${ensName}/web/manifests/1.0`)).status).toBe(200)
})

// Last: this chain's clock does not come back.
test('A12 name takeover: a name past expiry and grace has no owner, and nothing is pulled under it', async () => {
  const owner = addressOf(testKeys.owner)
  await stage.desk.register('lapsing', owner, stage.domain.resolver, 60)
  await stage.desk.register('lasting', owner, stage.domain.resolver)
  const issuedAt = await chainTime(stage)
  const long = { issuedAt, expiresAt: issuedAt + 300n * 86_400n }
  const [lapsing, lasting] = [await openScene('lapsing.eth', long), await openScene('lasting.eth', long)]
  expect(await lapsing.client.ask('lapsing.eth', '1.0')).toEqual(accepted)
  await passTime(stage.chain, 91 * 86_400)
  expect(await lasting.client.ask('lasting.eth', '1.0')).toEqual(accepted)
  expect(await lapsing.client.library('lapsing.eth', '1.0')).toBe('NoOwner')
  expect((await lapsing.client.proxy('lapsing.eth/manifests/1.0')).status).not.toBe(200)
})
