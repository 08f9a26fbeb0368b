import { type Hex, keccak256, toBytes } from 'viem'
import { privateKeyToAddress, sign } from 'viem/accounts'
import { expect, test } from 'vitest'
import type { NameAuthority } from '../../gateway/tags/authority.ts'
import {
  hashPermissions,
  isGranted,
  isGrantedAnything,
  isImmutableTag,
  MAX_GRANTS,
  type PushPermissions,
  verifyPermissions,
} from '../../gateway/tags/permissions.ts'
import { parsePermissionsUpload, permissionsToJson } from '../../gateway/tags/permissions-json.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { createTestChain, createTestClock, testDomain } from '../fixtures.ts'
import vectors from '../vectors/permissions.json' with { type: 'json' }

const ownerKey: Hex = `0x${'11'.repeat(32)}`
const owner = privateKeyToAddress(ownerKey).toLowerCase() as Hex
const ci: Hex = `0x${'c1'.repeat(20)}`
const person: Hex = `0x${'ab'.repeat(20)}`
const now = 1_800_000_000n

const chain = createTestChain({ 'acme.eth': { owner } }, createTestClock())

async function authorityOf(ensName: string): Promise<NameAuthority> {
  return chain.readAuthority(ensName)
}

async function permissionsOf(over: Partial<PushPermissions> = {}): Promise<PushPermissions> {
  const { node } = await authorityOf('acme.eth')
  return {
    name: 'acme.eth',
    node,
    owner,
    version: 1n,
    grants: [
      { account: ci, names: ['*.acme.eth'], create: ['ci-*'], update: ['latest', 'ci-*'], remove: ['ci-*'] },
      { account: person, names: ['acme.eth'], create: ['*'], update: [], remove: [] },
    ],
    immutableTags: ['!v0.*', 'v[0-9]*'],
    issuedAt: now,
    expiresAt: now + 86_400n,
    ...over,
  }
}

async function signed(permissions: PushPermissions, privateKey = ownerKey) {
  return {
    permissions,
    signature: await sign({ hash: hashPermissions(testDomain, permissions), privateKey, to: 'hex' }),
  }
}

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error) => (error instanceof Refusal ? error.reason : String(error)),
  )

test('protocol 2.4: what the owner signed for a name of its own counts', async () => {
  const upload = await signed(await permissionsOf())
  const verified = await verifyPermissions(upload, await authorityOf('acme.eth'), now)
  expect(verified).toEqual({ ...upload, hash: hashPermissions(testDomain, upload.permissions) })
})

test.each<[string, Partial<PushPermissions>, string]>([
  ['another owner', { owner: person }, 'OwnerMismatch'],
  ['another name', { name: 'evil.eth' }, 'NodeMismatch'],
  ['another node', { node: `0x${'00'.repeat(32)}` }, 'NodeMismatch'],
  ['from the future', { issuedAt: now + 301n, expiresAt: now + 900n }, 'IssuedInFuture'],
  ['expired', { issuedAt: now - 100n, expiresAt: now }, 'Expired'],
  ['too long', { expiresAt: now + 400n * 86_400n + 1n }, 'LifetimeTooLong'],
])('protocol 2.4: %s is refused', async (_, over, reason) => {
  expect(
    await reasonOf(verifyPermissions(await signed(await permissionsOf()), await authorityOf('acme.eth'), now)),
  ).toBe('accepted')
  const upload = await signed(await permissionsOf(over))
  expect(await reasonOf(verifyPermissions(upload, await authorityOf('acme.eth'), now))).toBe(reason)
})

test('protocol 2.4: a publisher who is not the owner cannot sign permissions, nor an owner for another text', async () => {
  const permissions = await permissionsOf()
  const byOther = await signed(permissions, `0x${'22'.repeat(32)}`)
  expect(await reasonOf(verifyPermissions(byOther, await authorityOf('acme.eth'), now))).toBe('BadSignature')
  const { signature } = await signed(permissions)
  const changed = { permissions: { ...permissions, immutableTags: [] }, signature }
  expect(await reasonOf(verifyPermissions(changed, await authorityOf('acme.eth'), now))).toBe('BadSignature')
})

test('grants tell create, update and remove apart, by name and by tag', async () => {
  const permissions = await permissionsOf()
  expect(isGranted(permissions, ci, 'web.acme.eth', 'create', 'ci-7')).toBe(true)
  expect(isGranted(permissions, ci, 'web.acme.eth', 'create', 'latest')).toBe(false)
  expect(isGranted(permissions, ci, 'web.acme.eth', 'update', 'latest')).toBe(true)
  expect(isGranted(permissions, ci, 'web.acme.eth', 'remove', 'latest')).toBe(false)
  expect(isGranted(permissions, ci, 'acme.eth', 'update', 'latest')).toBe(false)
  expect(isGranted(permissions, person, 'acme.eth', 'create', 'anything')).toBe(true)
  expect(isGranted(permissions, person, 'acme.eth', 'update', 'anything')).toBe(false)
  expect(isGrantedAnything(permissions, ci, 'acme.eth')).toBe(false)
  expect(isGrantedAnything(permissions, ci, 'web.acme.eth')).toBe(true)
})

test('of the rules for immutable tags the first that fits counts', async () => {
  const permissions = await permissionsOf()
  expect(['v1.0', 'v0.9', 'latest', 'v10'].filter((tag) => isImmutableTag(permissions, tag))).toEqual(['v1.0', 'v10'])
})

test('the wire form is read back as it was, and the hash of each vector is that of EIP-712', async () => {
  expect(vectors.length).toBeGreaterThan(2)
  for (const { name, chainId, resolver, permissions, structHash, hash } of vectors) {
    const upload = parsePermissionsUpload(JSON.stringify({ permissions, signature: '0x' }))
    const domain = { chainId, resolver: resolver as Hex }
    expect(hashPermissions(domain, upload.permissions), name).toBe(hash)
    expect(permissionsToJson(upload.permissions), name).toEqual(permissions)
    expect(structHash, name).toBe(structHashByHand(upload.permissions))
  }
})

/** EIP-712 written out once more, byte by byte: what a second implementation does. */
function structHashByHand(permissions: PushPermissions): Hex {
  const grantType = 'PushGrant(address account,string[] names,string[] create,string[] update,string[] remove)'
  const type = `PushPermissions(string name,bytes32 node,address owner,uint64 version,PushGrant[] grants,string[] immutableTags,uint64 issuedAt,uint64 expiresAt)${grantType}`
  const joined = (words: readonly Hex[]): Hex => keccak256(`0x${words.map((word) => word.slice(2)).join('')}`)
  const text = (value: string) => keccak256(toBytes(value))
  const uint = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
  const address = (value: Hex): Hex => `0x${value.slice(2).padStart(64, '0')}`
  const texts = (values: readonly string[]) => joined(values.map(text))
  const grants = permissions.grants.map(({ account, names, create, update, remove }) =>
    joined([text(grantType), address(account), texts(names), texts(create), texts(update), texts(remove)]),
  )
  const { name, node, owner: signer, version, immutableTags, issuedAt, expiresAt } = permissions
  return joined([
    ...[text(type), text(name), node, address(signer), uint(version), joined(grants), texts(immutableTags)],
    ...[uint(issuedAt), uint(expiresAt)],
  ])
}

test.each<[string, (body: Record<string, unknown>) => unknown, string]>([
  ['an unknown member', (p) => ({ ...p, more: 1 }), 'is unknown'],
  ['a missing member', ({ owner: _, ...p }) => p, 'is missing'],
  ['a pattern that cannot be read', (p) => ({ ...p, immutableTags: ['v['] }), 'does not close it'],
  ['a number for a pattern', (p) => ({ ...p, immutableTags: [1] }), 'no string'],
  ['upper-case hex', (p) => ({ ...p, owner: `0x${'AB'.repeat(20)}` }), 'lower-case hex'],
  ['too many grants', (p) => ({ ...p, grants: Array(MAX_GRANTS + 1).fill((p.grants as unknown[])[0]) }), 'more than'],
  ['too many patterns', (p) => ({ ...p, immutableTags: Array(33).fill('a') }), 'more than'],
])('the wire form with %s is refused', async (_, broken, said) => {
  const json = permissionsToJson(await permissionsOf())
  const bodyOf = (permissions: unknown) => JSON.stringify({ permissions, signature: '0x00' })
  expect(parsePermissionsUpload(bodyOf(json)).permissions).toEqual(await permissionsOf())
  expect(() => parsePermissionsUpload(bodyOf(broken(json)))).toThrow(said)
})

test('one answer of the chain asks an owner’s contract once about the same permissions, and the clock each time', async () => {
  let asked = 0
  const authority: NameAuthority = {
    ...(await authorityOf('acme.eth')),
    askContract: async () => {
      asked += 1
      return `0x1626ba7e${'00'.repeat(28)}`
    },
  }
  const upload = { permissions: await permissionsOf(), signature: '0x01' } as const
  const { expiresAt } = upload.permissions
  const verify = (at: bigint, other: Partial<typeof authority> | null = null, signature: Hex = '0x01') =>
    reasonOf(verifyPermissions({ ...upload, signature }, other ? { ...authority, ...other } : authority, at))
  for (const at of [now, now, expiresAt - 1n]) expect(await verify(at)).toBe('accepted')
  expect([await verify(expiresAt), asked]).toEqual(['Expired', 1])
  expect([await verify(now, null, '0x02'), asked]).toEqual(['accepted', 2])
  expect(await verify(now, { askContract: async () => undefined })).toBe('BadSignature')
  const down = { ...authority, askContract: async () => Promise.reject(new Error('down')) }
  expect(await reasonOf(verifyPermissions(upload, down, now))).toContain('down')
  down.askContract = authority.askContract as never
  expect(await reasonOf(verifyPermissions(upload, down, now))).toBe('accepted')
})
