import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAX_VERSION } from '../../gateway/tags/entry.ts'
import { sha256 } from './publication.ts'
import { one, openShowing, two } from './scene.ts'
import { accepted, refused, type Stage, startStage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage.close())

const openScene = () => openShowing(stage)

test('A4 fast-forward: after a stolen key signed the last version there is, a reset lets the publisher begin again', async () => {
  const { ensName, show, client } = await openScene()
  await show(BigInt(MAX_VERSION))
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(8n)
  expect(await client.ask(ensName, 'a')).toEqual(refused('Rollback'))
  await stage.call('owner', 'reset', ensName)
  await show(1n, { epoch: 1n })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(BigInt(MAX_VERSION))
  expect(await client.ask(ensName, 'a')).toEqual(refused('EpochMismatch'))
})

test('A4 fast-forward: a version beyond 2^53 is refused by everybody', async () => {
  const { ensName, show, client } = await openScene()
  await show(7n)
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(BigInt(MAX_VERSION) + 1n)
  expect(await client.ask(ensName, 'a')).toEqual(refused('Rollback'))
})

test('A7 mix-and-match: after one tag of version 2 another of version 1 is Rollback', async () => {
  const { ensName, show, client } = await openScene()
  await show(2n, {}, { a: two, b: two })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(1n)
  expect(await client.ask(ensName, 'b')).toEqual(refused('Rollback'))
  await show(2n, {}, { a: two, b: two })
  expect(await client.ask(ensName, 'b')).toEqual(accepted)
})

test('A7 mix-and-match: the header of one version with the tree of another is BadProof', async () => {
  const { ensName, gateway, show, client } = await openScene()
  await show(1n)
  const { slots } = gateway.publication!
  await show(2n, {}, { a: two, b: two })
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  gateway.publication = { ...gateway.publication!, slots }
  expect(await client.ask(ensName, 'a')).toEqual(refused('BadProof'))
  expect(await client.proxy(`${ensName}/tags/list`)).toMatchObject({ status: 403, reason: 'MalformedList' })
})

test('A8 rollback: who saw version 5 refuses version 4, and still remembers 5', async () => {
  const { ensName, show, client } = await openScene()
  await show(5n)
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  await show(4n)
  expect(await client.ask(ensName, 'a')).toEqual(refused('Rollback'))
  await show(5n)
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  const folder = (await readdir(client.stateDir)).find((each) => each.includes(stage.domain.resolver)) ?? ''
  const files = (await readdir(join(client.stateDir, folder))).sort()
  expect(files.length).toBeGreaterThan(0)
  const remembered = JSON.parse(await readFile(join(client.stateDir, folder, files.at(-1) ?? ''), 'utf8'))
  expect(remembered.owners).toMatchObject([{ version: 5 }])
})

test('A8 rollback: a client without memory is held to the floor and to the anchor that the owner set', async () => {
  const { ensName, gateway, show } = await openScene()
  const anchored = await show(5n)
  await stage.call('owner', 'anchor', ensName, 5n, anchored.hash)
  const fresh = () => stage.openClient([gateway.url])
  expect(await fresh().ask(ensName, 'a')).toEqual(accepted)
  await show(4n)
  expect(await fresh().ask(ensName, 'a')).toEqual(refused('Rollback'))
  await show(5n, {}, { a: two, b: two })
  expect(await fresh().ask(ensName, 'a')).toEqual(refused('AnchorMismatch'))
  await show(6n, {}, { a: two, b: two })
  expect(await fresh().ask(ensName, 'a')).toEqual(accepted)
})

test('A8 rollback: anybody may raise the floor with a list that holds, and nobody lowers it', async () => {
  const { ensName, gateway, show } = await openScene()
  const { list, signatures } = await show(3n)
  const fresh = () => stage.openClient([gateway.url])
  await show(2n)
  expect(await fresh().ask(ensName, 'a')).toEqual(accepted)
  await stage.call('third', 'checkpoint', ensName, list, signatures)
  expect(await fresh().ask(ensName, 'a')).toEqual(refused('Rollback'))
  await show(3n)
  expect(await fresh().ask(ensName, 'a')).toEqual(accepted)
})

test('A8 rollback: two lists of one version are Equivocation, and both are kept', async () => {
  const { ensName, show, client } = await openScene()
  const first = await show(5n)
  expect(await client.ask(ensName, 'a')).toEqual(accepted)
  const second = await show(5n, {}, { a: two, b: two })
  expect(await client.ask(ensName, 'a')).toEqual(refused('Equivocation'))
  const [file = ''] = await readdir(join(client.stateDir, 'evidence'))
  const evidence = JSON.parse(await readFile(join(client.stateDir, 'evidence', file), 'utf8'))
  expect([evidence.before.hash, evidence.now.hash]).toEqual([first.hash, second.hash])
})

test('A8 rollback: a tag that a newer list has not got is absent, and cannot be had from the older one', async () => {
  const { ensName, show, client } = await openScene()
  await show(1n)
  expect(await client.ask(ensName, 'b')).toEqual(accepted)
  await show(2n, {}, { a: one })
  expect(await client.ask(ensName, 'b')).toEqual(['absent', 'absent'])
  await show(1n)
  expect(await client.ask(ensName, 'b')).toEqual(refused('Rollback'))
})

test('A8 rollback: bytes of an older version under the tag of a newer one are refused', async () => {
  const { ensName, gateway, show, client } = await openScene()
  await show(2n, {}, { a: two, b: two })
  expect((await client.proxy(`${ensName}/manifests/a`)).bytes).toEqual(new Uint8Array(two.manifest.bytes))
  gateway.lie = (response, path) => {
    const isOurs = path.includes(`/manifests/${sha256(two.manifest.bytes)}`)
    if (isOurs) response.writeHead(200, { 'content-type': one.manifest.mediaType }).end(one.manifest.bytes)
    return isOurs
  }
  expect(await client.proxy(`${ensName}/manifests/a`)).toMatchObject({ status: 403, reason: 'DigestMismatch' })
})
