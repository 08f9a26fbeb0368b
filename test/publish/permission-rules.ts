import type { Hex } from 'viem'
import { sign } from 'viem/accounts'
import { expect, test } from 'vitest'
import type { Caller } from '../../gateway/access.ts'
import { createApp } from '../../gateway/app.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { hashPermissions, type PushGrant, type PushPermissions } from '../../gateway/tags/permissions.ts'
import { permissionsToJson } from '../../gateway/tags/permissions-json.ts'
import { addressOf, testDomain, testKeys } from '../fixtures.ts'
import {
  errorOf,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  pushImage,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'
import { put as putSigned, reasonOf } from './client.ts'

const path = '/v2/acme.eth/_mooring/permissions'
const owner = addressOf(testKeys.owner)
const ci = addressOf(testKeys.third)
const everything: Omit<PushGrant, 'account'> = { names: ['*'], create: ['*'], update: ['*'], remove: ['*'] }

function permissionsOf({ deps }: Registry, over: Partial<PushPermissions> = {}): PushPermissions {
  const now = deps.clock()
  const times = { issuedAt: now, expiresAt: now + 86_400n }
  return {
    ...{ name: 'acme.eth', node: nodeOf('acme.eth'), owner, version: 1n, grants: [], immutableTags: [] },
    ...times,
    ...over,
  }
}

async function put(registry: Registry, permissions: PushPermissions, privateKey: Hex = testKeys.owner, at = path) {
  const signature = await sign({ hash: hashPermissions(testDomain, permissions), privateKey, to: 'hex' })
  return putSigned(registry, JSON.stringify({ permissions: permissionsToJson(permissions), signature }), at)
}

/** The same gateway as it answers one caller. */
function as({ deps }: Registry, caller: Caller): Registry {
  const seen = { ...deps, access: { identify: async () => caller } }
  return { ...createApp(seen), deps: seen }
}

/** The gateway as an account sees it that was granted this, of everything that was not said. */
export async function granted(
  registry: Registry,
  grant: Partial<PushGrant>,
  immutableTags: string[] = [],
  version = 1n,
): Promise<Registry> {
  const grants = [{ ...everything, account: ci, ...grant }]
  expect((await put(registry, permissionsOf(registry, { grants, immutableTags, version }))).status).toBe(201)
  return as(registry, { kind: 'account', address: ci })
}

const tagOf = (registry: Registry, tag: string, image: PushedManifest) => putManifest(registry, 'acme.eth', tag, image)

async function tagsOf(registry: Registry): Promise<string[]> {
  const { tags } = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/tags/list')).text)
  return tags
}

/** `_mooring/permissions` of protocol 2.4, and what each caller may do to tags by them. */
export function permissionRules(open: OpenRegistry): void {
  test('protocol 2.4 permissions: what the owner signed is given to everybody, also below the name', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    errorOf(await send(registry, 'GET', path), 404, 'NAME_UNKNOWN')
    const permissions = permissionsOf(registry, { grants: [{ ...everything, account: ci }], immutableTags: ['v*'] })
    const taken = await put(registry, permissions)
    expect(taken.status).toBe(201)
    const answer = await send(registry, 'GET', path)
    expect(JSON.parse(answer.text)).toEqual(JSON.parse(taken.text))
    expect(JSON.parse(answer.text).permissions).toEqual(permissionsToJson(permissions))
    expect(JSON.parse(answer.text).hash).toBe(hashPermissions(testDomain, permissions))
    expect((await send(registry, 'GET', '/v2/acme.eth/web/_mooring/permissions')).text).toBe(answer.text)
    const etag = answer.headers.get('etag') ?? ''
    expect((await send(registry, 'GET', path, { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  test('protocol 2.4 permissions: compare-and-swap on the version; those that stand are taken again', async () => {
    const registry = await open()
    const first = permissionsOf(registry)
    errorOfConflict(await put(registry, { ...first, version: 0n }), null)
    expect((await put(registry, first)).status).toBe(201)
    expect((await put(registry, first)).status).toBe(201)
    errorOfConflict(await put(registry, { ...first, immutableTags: ['a'] }), 1)
    expect((await put(registry, { ...first, version: 3n, immutableTags: ['a'] })).status).toBe(201)
    errorOfConflict(await put(registry, { ...first, version: 2n }), 3)
    expect(JSON.parse((await send(registry, 'GET', path)).text).permissions.version).toBe(3)
  })

  test.each<[string, (over: PushPermissions) => PushPermissions, Hex, string, string]>([
    ['signed by another', (p) => p, testKeys.other, path, 'BadSignature'],
    ['of another owner', (p) => ({ ...p, owner: ci }), testKeys.third, path, 'OwnerMismatch'],
    [
      'of another name',
      (p) => ({ ...p, name: 'other.eth', node: nodeOf('other.eth') }),
      testKeys.owner,
      path,
      'NodeMismatch',
    ],
    ['expired', (p) => ({ ...p, issuedAt: 1n, expiresAt: 2n }), testKeys.owner, path, 'Expired'],
    [
      'for a name without an owner of its own',
      (p) => ({ ...p, name: 'web.acme.eth', node: nodeOf('web.acme.eth') }),
      testKeys.owner,
      '/v2/acme.eth/web/_mooring/permissions',
      'NodeMismatch',
    ],
  ])('protocol 2.4 permissions: %s are 403 with the error name', async (_, change, key, at, reason) => {
    const registry = await open()
    expect((await put(registry, permissionsOf(registry))).status).toBe(201)
    const next = change(permissionsOf(registry, { version: 2n }))
    expect(reasonOf(await put(registry, next, key, at))).toBe(reason)
    expect((await put(registry, permissionsOf(registry, { version: 2n }))).status).toBe(201)
  })

  test('without a grant an account may push nothing; the owner may', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth', 1)
    errorOf(await tagOf(as(registry, { kind: 'account', address: ci }), 'v1', image), 403, 'DENIED')
    expect((await tagOf(as(registry, { kind: 'account', address: owner }), 'v1', image)).status).toBe(201)
    expect((await tagOf(await granted(registry, { create: ['v2'] }), 'v2', image)).status).toBe(201)
  })

  test('a grant for another name, or one that expired, lets nothing in', async () => {
    const registry = await open()
    const image = await makeImage(registry, 'acme.eth', 1)
    const caller = await granted(registry, { names: ['*.acme.eth'] })
    errorOf(await tagOf(caller, 'v1', image), 403, 'DENIED')
    const grants = [{ ...everything, account: ci }]
    expect((await put(registry, permissionsOf(registry, { version: 2n, grants }))).status).toBe(201)
    expect((await tagOf(caller, 'v1', image)).status).toBe(201)
    registry.deps.clock.advance(86_400)
    errorOf(await tagOf(caller, 'v2', image), 403, 'DENIED')
  })

  test('who may only create cannot move a tag, by path or by parameter, and a request is judged as a whole', async () => {
    const registry = await open()
    const old = await pushImage(registry, 'acme.eth', 'latest', 1)
    const caller = await granted(registry, { update: [], remove: [] })
    const image = await makeImage(registry, 'acme.eth', 2)
    expect((await tagOf(caller, 'new', image)).status).toBe(201)
    errorOf(await tagOf(caller, 'latest', image), 403, 'DENIED')
    errorOf(await tagOf(caller, `${image.digest}?tag=latest`, image), 403, 'DENIED')
    const refused = errorOf(await tagOf(caller, `${image.digest}?tag=newer&tag=latest`, image), 403, 'DENIED')
    expect(refused).toContain('latest')
    expect(await tagsOf(registry)).toEqual(['latest', 'new'])
    const { headers } = await send(registry, 'HEAD', '/v2/acme.eth/manifests/latest')
    expect(headers.get('docker-content-digest')).toBe(old.digest)
    expect((await tagOf(caller, 'latest', old)).status).toBe(201)
  })

  test('removing needs its own grant, for each tag that a digest has', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'keep', 1)
    const caller = await granted(registry, { remove: ['ci-*'] })
    expect((await tagOf(caller, 'ci-1', image)).status).toBe(201)
    errorOf(await send(caller, 'DELETE', `/v2/acme.eth/manifests/${image.digest}`), 403, 'DENIED')
    errorOf(await send(caller, 'DELETE', '/v2/acme.eth/manifests/keep'), 403, 'DENIED')
    expect(await tagsOf(registry)).toEqual(['ci-1', 'keep'])
    expect((await send(caller, 'DELETE', '/v2/acme.eth/manifests/ci-1')).status).toBe(202)
    expect(await tagsOf(registry)).toEqual(['keep'])
  })

  test('of two who may only create, and create one tag at once, exactly one wins', async () => {
    const registry = await open()
    const caller = await granted(registry, { update: [] })
    const images = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
    const answers = await Promise.all(images.map((image) => tagOf(caller, 'one', image)))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403])
  })

  test('a tag that is created under an immutable pattern never moves, whoever pushes', async () => {
    const registry = await open()
    const caller = await granted(registry, {}, ['!v0.*', 'v[0-9]*'])
    const [first, second] = [await makeImage(registry, 'acme.eth', 1), await makeImage(registry, 'acme.eth', 2)]
    for (const tag of ['v1.0', 'v0.1', 'latest']) expect((await tagOf(caller, tag, first)).status).toBe(201)
    for (const tag of ['v0.1', 'latest']) expect((await tagOf(caller, tag, second)).status).toBe(201)
    for (const pusher of [caller, registry]) {
      expect(errorOf(await tagOf(pusher, 'v1.0', second), 403, 'DENIED')).toContain('immutable')
    }
    const { entries } = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/list')).text)
    const flags = Object.fromEntries(entries.map((entry: { tag: string; flags: number }) => [entry.tag, entry.flags]))
    expect(flags).toEqual({ 'v1.0': 1, 'v0.1': 0, latest: 0 })
  })
}

/** 412 with what stands. */
function errorOfConflict({ status, text }: { status: number; text: string }, version: number | null): void {
  expect([status, JSON.parse(text).permissions?.version ?? null]).toEqual([412, version])
}
