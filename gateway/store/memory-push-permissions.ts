import type { SignedPermissions } from '../tags/permissions.ts'
import type { PermissionsKey, PushPermissionStore } from './push-permissions.ts'

/** Permissions in memory. */
export function createMemoryPushPermissions(): PushPermissionStore {
  const kept = new Map<string, SignedPermissions[]>()
  const versionsOf = ({ chainId, resolver, ensName, owner }: PermissionsKey) => {
    const key = [chainId, resolver, ensName, owner].join(' ')
    const versions = kept.get(key) ?? []
    kept.set(key, versions)
    return versions
  }
  return {
    find: async (key) => versionsOf(key).at(-1),
    async put(key, signed) {
      const versions = versionsOf(key)
      if (signed.permissions.version <= (versions.at(-1)?.permissions.version ?? 0n)) return false
      versions.push(signed)
      return true
    },
    history: async (key, limit) => versionsOf(key).slice(-limit).reverse(),
  }
}
