import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDemoImage, type DemoImage } from '../../gateway/cli/demo/image.ts'
import { pushImage } from '../../gateway/cli/demo/push.ts'
import { startGateway } from '../../gateway/serve.ts'
import { command } from '../cli/command.ts'
import { createTestSigner, testKeys } from '../fixtures.ts'
import { read, startProxy, startWorld, type World } from './world.ts'

let world: World
let first: DemoImage
let second: DemoImage
beforeAll(async () => {
  world = await startWorld()
  const repositoryUrl = `${world.gateway.url}/v2/acme.eth`
  first = buildDemoImage('First.')
  second = buildDemoImage('Second.')
  await pushImage(repositoryUrl, first, ['stable', 'other'])
  await pushImage(repositoryUrl, second, ['next'])
})
afterAll(() => world.close())

const hash = expect.stringMatching(/^0x[0-9a-f]{64}$/)
const digests = () => ({ old: first.imageIndex.digest, new: second.imageIndex.digest })

test('mooring tag: a tag moves to a manifest that the gateway holds, and back: each is one more version', async () => {
  const { old, new: newer } = digests()
  const moved = await read(world, 'tag', 'acme.eth:stable', newer)
  const facts = { name: 'acme.eth', tag: 'stable', published: true, listHash: hash, error: null }
  expect(moved).toMatchObject({ code: 0, json: { ...facts, before: old, digest: newer, version: 4 } })
  expect((await read(world, 'resolve', 'acme.eth:stable')).json).toMatchObject({ digest: newer, viaEns: newer })
  const back = await read(world, 'tag', 'acme.eth:stable', old)
  expect(back).toMatchObject({ code: 0, json: { ...facts, before: newer, digest: old, version: 5 } })
  expect((await read(world, 'resolve', 'acme.eth:stable')).json).toMatchObject({ digest: old, viaEns: old })
})

test('mooring tag: a new tag was absent before; a tag that is there already publishes nothing', async () => {
  const { new: newer } = digests()
  const made = await read(world, 'tag', 'acme.eth:fresh', newer)
  expect(made).toMatchObject({ code: 0, json: { before: null, digest: newer, published: true } })
  const again = await read(world, 'tag', 'acme.eth:fresh', newer)
  const { version } = made.json
  expect(again).toMatchObject({ code: 0, json: { before: newer, digest: newer, published: false, version } })
})

test('mooring history --tag: only versions that changed it, newest first, and of those only that change', async () => {
  const { old, new: newer } = digests()
  const { code, json } = await read(world, 'history', 'acme.eth', '--tag', 'stable')
  const lists = json.lists as { version: number; changes: { tag: string; before: object; after: object }[] }[]
  expect(code).toBe(0)
  expect(lists.map(({ version }) => version)).toEqual([5, 4, 1])
  expect(lists.map(({ changes }) => changes)).toMatchObject([
    [{ tag: 'stable', before: { digest: newer }, after: { digest: old } }],
    [{ tag: 'stable', before: { digest: old }, after: { digest: newer } }],
    [{ tag: 'stable', before: null, after: { digest: old } }],
  ])
  expect((await read(world, 'history', 'acme.eth', '--tag', 'never')).json).toMatchObject({ lists: [] })
})

test('mooring tag: a digest that the gateway does not hold is exit 1 with the gateway’s own words; nothing moves', async () => {
  const { version } = (await read(world, 'tags', 'acme.eth')).json
  const { code, json, err } = await read(world, 'tag', 'acme.eth:stable', `sha256:${'1'.repeat(64)}`)
  expect([code, json.error, json.published]).toEqual([1, 'MANIFEST_UNKNOWN', false])
  expect(err).toMatch(/^mooring: MANIFEST_UNKNOWN: acme\.eth has no manifest sha256:1/)
  expect((await read(world, 'tags', 'acme.eth')).json.version).toBe(version)
})

test('mooring tag: a relay gateway signs nothing: exit 1, Staged, and the command that signs', async () => {
  await world.gateway.close()
  const relay = await startGateway({ ...world.config, publisherKeyFile: null }, { log: () => {} })
  const { code, json, err } = await read(world, 'tag', 'acme.eth:stable', digests().new)
  await relay.close()
  world.gateway = await startGateway(world.config, { log: () => {} })
  expect([code, json.error, json.published]).toEqual([1, 'Staged', false])
  expect(err).toContain('mooring publish acme.eth')
  expect(relay.mode).toBe('relay')
})

test('mooring tag: other bytes than the digest asked for are DigestMismatch, exit 4, and are not pushed', async () => {
  const { new: newer } = digests()
  const liar = await startProxy(world.gateway.url, (answer, path) =>
    path.endsWith(newer) ? { ...answer, body: new TextEncoder().encode('{}') } : answer,
  )
  const { code, json } = await read(world, 'tag', 'acme.eth:stable', newer, '--gateway', liar.url)
  await liar.close()
  expect([code, json.error, json.published]).toEqual([4, 'DigestMismatch', false])
})

test('mooring tag: the first version of a name may be made by it', async () => {
  const keyed = { ...world.config, port: 0, dataDir: `${world.folder}/bob` }
  const bobs = await startGateway(
    { ...keyed, publisherKeyFile: null },
    { signer: createTestSigner(testKeys.other), log: () => {} },
  )
  const repositoryUrl = `${bobs.url}/v2/bob.eth`
  await pushImage(repositoryUrl, first, [])
  const { mediaType, bytes, digest } = first.imageIndex
  const pushed = await fetch(`${repositoryUrl}/manifests/${digest}`, {
    ...{ method: 'PUT', headers: { 'content-type': mediaType }, body: new Uint8Array(bytes) },
  })
  expect(pushed.status).toBe(201)
  const made = await read(world, 'tag', 'bob.eth:v1', digest, '--gateway', bobs.url)
  await bobs.close()
  expect(made).toMatchObject({ code: 0, json: { before: null, digest, published: true, version: 1 } })
})

test.each([
  [['tag', 'acme.eth', `sha256:${'1'.repeat(64)}`], /^mooring: NAME:TAG: saw "acme\.eth"/],
  [['tag', 'acme.eth:v1'], /^mooring: DIGEST: saw nothing/],
  [['tag', 'acme.eth:v1', 'v2'], /^mooring: DIGEST: saw "v2"/],
  [['tag', 'acme.eth:v1', `sha256:${'1'.repeat(64)}`, 'more'], /^mooring: DIGEST: .*wanted one digest$/],
  [['tag'], /^mooring: NAME\[:TAG\]: saw nothing/],
  [['history', 'acme.eth', '--tag', 'a b'], /^mooring: --tag: saw "a b", wanted a tag/],
])('exit 2 and one line that names what is wrong: %j', async (args, line) => {
  const { code, out, err } = await command(args)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(line)
})
