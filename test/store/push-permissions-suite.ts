import type { Hex } from 'viem'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { PermissionsKey, PushPermissionStore } from '../../gateway/store/push-permissions.ts'
import type { SignedPermissions } from '../../gateway/tags/permissions.ts'

const account: Hex = `0x${'c1'.repeat(20)}`
const key: PermissionsKey = {
  chainId: 31337,
  resolver: `0x${'f0'.repeat(20)}`,
  ensName: 'acme.eth',
  owner: `0x${'aa'.repeat(20)}`,
}

function version(number: bigint): SignedPermissions {
  return {
    permissions: {
      ...{ name: 'acme.eth', node: `0x${'01'.repeat(32)}`, owner: key.owner, version: number },
      grants: [{ account, names: ['*.acme.eth'], create: ['ci-*'], update: [], remove: ['*'] }],
      ...{ immutableTags: ['!v0.*', 'v[0-9]*'], issuedAt: 1n, expiresAt: 2n ** 53n - 1n },
    },
    hash: `0x${number.toString(16).padStart(64, '0')}`,
    signature: `0x${'5a'.repeat(65)}`,
  }
}

/** The contract of `PushPermissionStore`, over whatever driver. */
export function pushPermissionSuite(
  driver: string,
  openFresh: () => Promise<{ pushPermissions: PushPermissionStore; close(): Promise<void> }>,
): void {
  const open = async (): Promise<PushPermissionStore> => {
    const { pushPermissions, close } = await openFresh()
    onTestFinished(close)
    return pushPermissions
  }

  describe(`push permissions: ${driver}`, () => {
    test('what was put is found, under its own key only', async () => {
      const store = await open()
      expect(await store.find(key)).toBeUndefined()
      expect(await store.put(key, version(1n))).toBe(true)
      expect(await store.find(key)).toEqual(version(1n))
      for (const other of [{ chainId: 1 }, { ensName: 'web.acme.eth' }, { owner: account }, { resolver: account }]) {
        expect(await store.find({ ...key, ...other })).toBeUndefined()
        expect(await store.put({ ...key, ...other }, version(1n))).toBe(true)
      }
    })

    test('what is found again is read once, so that its signature is checked once; the next version is found at once', async () => {
      const store = await open()
      for (const number of [1n, 2n]) {
        expect(await store.put(key, version(number))).toBe(true)
        const found = await store.find(key)
        expect(found).toEqual(version(number))
        expect(await store.find(key)).toBe(found)
      }
      for (let chainId = 1; chainId <= 20; chainId++) {
        expect(await store.put({ ...key, chainId }, version(BigInt(chainId + 2)))).toBe(true)
        expect((await store.find({ ...key, chainId }))?.hash).toBe(version(BigInt(chainId + 2)).hash)
      }
      expect(await store.find(key)).toEqual(version(2n))
    })

    test('only a version above the highest is written, and every one is kept', async () => {
      const store = await open()
      expect(await store.put(key, version(0n))).toBe(false)
      for (const number of [1n, 2n, 4n]) expect(await store.put(key, version(number))).toBe(true)
      for (const number of [2n, 3n, 4n]) expect(await store.put(key, version(number))).toBe(false)
      expect((await store.find(key))?.permissions.version).toBe(4n)
      expect(await store.history(key, 2)).toEqual([version(4n), version(2n)])
    })

    test('of several uploads of one version exactly one is written', async () => {
      const store = await open()
      const uploads = [1, 2, 3, 4].map((mark) => store.put(key, { ...version(1n), signature: `0x0${mark}` }))
      expect((await Promise.all(uploads)).filter(Boolean)).toHaveLength(1)
    })
  })
}
