import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getAddress, type Hex, hashTypedData } from 'viem'
import { signTypedData } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { addressOf, testKeys } from '../fixtures.ts'
import { pushTags, read, startProxy, startWorld, type World } from './world.ts'

let world: World
const file = (name: string) => join(world.folder, name)
const ci = addressOf(testKeys.third)
const grant = { account: ci, names: ['*'], create: ['ci-*'], update: [], remove: [] }
let files = 0

beforeAll(async () => {
  world = await startWorld()
  await pushTags(world, 'latest')
  await writeFile(file('other.key'), testKeys.other, { mode: 0o600 })
})
afterAll(() => world.close())
beforeEach(() => writeFile(file('rules.json'), JSON.stringify({ grants: [grant], immutableTags: ['v[0-9]*'] })))

const run = (...args: string[]) => read(world, 'permissions', 'acme.eth', ...args)
const rules = () => ['--rules', file('rules.json')]
const ownerKey = () => ['--key-file', file('publisher.key')]

test('permissions: set is signed by the owner, taken by the gateway, shown again, and counted up', async () => {
  const before = await run('show')
  expect([before.code, before.json.gateways]).toEqual([
    0,
    [{ gateway: world.gateway.url, problem: null, permissions: null }],
  ])
  const set = await run('set', ...rules(), ...ownerKey(), '--days', '30')
  expect(set.json).toMatchObject({ ok: true, version: 1, gateways: [{ gateway: world.gateway.url, taken: true }] })
  const { json } = await run('show')
  const [shown] = json.gateways as [{ permissions: { grants: unknown; issuedAt: number; expiresAt: number } }]
  expect(shown.permissions.grants).toEqual([grant])
  expect(shown.permissions.expiresAt - shown.permissions.issuedAt).toBe(30 * 86_400)
  expect((await run('set', ...rules(), ...ownerKey())).json).toMatchObject({ ok: true, version: 2 })
})

test('permissions: somebody else’s signature goes to no gateway, exit 4 BadSignature', async () => {
  expect((await run('set', ...rules(), ...ownerKey())).code).toBe(0)
  const { code, json } = await run('set', ...rules(), '--key-file', file('other.key'))
  expect([code, json.error]).toEqual([4, 'BadSignature'])
})

test('permissions: a version that a gateway made up is not counted on to the last there is: the owner could never sign another', async () => {
  expect((await run('set', ...rules(), ...ownerKey())).code).toBe(0)
  const { json: shown } = await run('show')
  const [standing] = shown.gateways as [{ permissions: { version: number } }]
  const claiming = async (version: number) => {
    const liar = await startProxy(world.gateway.url, (answer) => {
      const said = JSON.parse(new TextDecoder().decode(answer.body)) as { permissions: object }
      const body = new TextEncoder().encode(JSON.stringify({ ...said, permissions: { ...said.permissions, version } }))
      return { ...answer, headers: {}, body }
    })
    const path = file(`message-${++files}.json`)
    const both = ['--gateway', liar.url, '--gateway', world.gateway.url]
    const { json } = await run('message', ...rules(), '--file', path, ...both).finally(liar.close)
    return (json.permissions as { version: number }).version
  }
  expect(await claiming(standing.permissions.version)).toBe(standing.permissions.version + 1)
  expect(await claiming(2 ** 32)).toBe(2 ** 32 + 1)
  for (const version of [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 32 + 1]) {
    expect(await claiming(version)).toBe(standing.permissions.version + 1)
  }
})

test('permissions: an account of the rules may be written with its checksum; one that is wrong is refused', async () => {
  const checksummed = getAddress(ci)
  const written = (account: string) => JSON.stringify({ grants: [{ ...grant, account }], immutableTags: [] })
  await writeFile(file('rules.json'), written(checksummed))
  expect((await run('set', ...rules(), ...ownerKey())).code).toBe(0)
  const [shown] = (await run('show')).json.gateways as [{ permissions: { grants: unknown } }]
  expect(shown.permissions.grants).toEqual([grant])
  await writeFile(file('rules.json'), written(checksummed.replace(/[a-f]/, (letter) => letter.toUpperCase())))
  expect((await run('set', ...rules(), ...ownerKey())).code).toBe(2)
})

test('permissions: an owner that is a contract signs the typed data elsewhere, and it is sent with the signature', async () => {
  const path = file(`message-${++files}.json`)
  expect((await run('message', ...rules(), '--file', path)).code).toBe(0)
  const { typedData, hash } = JSON.parse(await readFile(path, 'utf8'))
  expect(hashTypedData(typedData)).toBe(hash)
  const signed = (privateKey: Hex) => signTypedData({ ...typedData, privateKey })
  const send = async (key: Hex) => run('send', '--file', path, '--signature', await signed(key))
  expect(await send(testKeys.other)).toMatchObject({ code: 4, json: { error: 'BadSignature' } })
  expect((await send(testKeys.owner)).json).toMatchObject({ ok: true })
})

test.each<[string, string, string]>([
  ['a pattern that cannot be read', '{"grants": [], "immutableTags": ["v["]}', 'does not close it'],
  [
    'an account that is no address',
    '{"grants": [{"account": "acme.eth", "names": [], "create": [], "update": [], "remove": []}], "immutableTags": []}',
    'account',
  ],
  ['a missing member', '{"grants": []}', 'immutableTags'],
  ['what the command says itself', '{"grants": [], "immutableTags": [], "version": 7}', 'version'],
  ['no JSON', 'grants', 'rules.json", wanted a usable file'],
])('permissions: rules with %s are exit 2 and say what', async (_, text, said) => {
  expect((await run('set', ...rules(), ...ownerKey())).code).toBe(0)
  await writeFile(file('rules.json'), text)
  const { code, err } = await run('set', ...rules(), ...ownerKey()).catch(() => ({ code: -1, err: '' }))
  expect([code, err]).toEqual([2, expect.stringContaining(said)])
})

test('permissions of a name without an owner of its own are its authority’s', async () => {
  const { code, err } = await read(world, 'permissions', 'web.acme.eth', 'show').catch(() => ({ code: -1, err: '' }))
  expect([code, err]).toEqual([2, expect.stringContaining('acme.eth')])
})
