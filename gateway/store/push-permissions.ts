import type { Address } from 'viem'
import type { SignedPermissions } from '../tags/permissions.ts'

/** Whose permissions: those of one owner for one name that has an owner of its own. A new owner begins anew. */
export type PermissionsKey = { chainId: number; resolver: Address; ensName: string; owner: Address }

/**
 * What owners let others push, every version kept. Of several uploads of one version exactly one gets `true`. Durable when a call resolves. Drivers: memory, SQL.
 */
export type PushPermissionStore = {
  /** The highest version, undefined before the first. */
  find(key: PermissionsKey): Promise<SignedPermissions | undefined>
  /** Keeps a version above the highest one; a gateway may have missed some. False for any other: nothing was written. */
  put(key: PermissionsKey, signed: SignedPermissions): Promise<boolean>
  /** All versions, highest first, at most `limit`. */
  history(key: PermissionsKey, limit: number): Promise<readonly SignedPermissions[]>
}
