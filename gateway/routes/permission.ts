import type { Address } from 'viem'
import { type Caller, callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
import type { NameAuthority } from '../tags/authority.ts'
import {
  type GrantedAction,
  isGranted,
  isGrantedAnything,
  isImmutableTag,
  type PushPermissions,
} from '../tags/permissions.ts'
import { standingPermissions } from './push-permissions.ts'
import type { OpenRepository } from './repository.ts'

/** What happens to a tag: it gets its first entry (or its first since it was deleted), another one, or none. */
export type TagAction = 'create' | 'update' | 'delete'

/** What one caller may do in one repository. */
export type Permission = {
  /** Who it is, for `stagedBy` and refusals. */
  label: string
  /** Whether the caller may do this to this tag. Asked for every tag that a request touches, against what the commit compares with. */
  allows(action: TagAction, tag: string): boolean
  /** Whether a tag that is created now can never be moved. */
  isImmutable(tag: string): boolean
}

const grantedActions: Readonly<Record<TagAction, GrantedAction>> = {
  create: 'create',
  update: 'update',
  delete: 'remove',
}

/**
 * What a caller may do in a repository; undefined for one who may push nothing here. Everything: whoever uses a gateway without logins, a
 * user of the operator's, the name's owner and its publishers. Another account: what the owner signed for it (protocol 2.4).
 */
export async function permissionOf(
  deps: Deps,
  repository: OpenRepository,
  caller: Caller,
): Promise<Permission | undefined> {
  if (caller.kind === 'anonymous') return undefined
  const permissions = (await standingPermissions(deps, repository))?.permissions
  const isImmutable = (tag: string) => permissions !== undefined && isImmutableTag(permissions, tag)
  const label = callerLabel(caller)
  if (caller.kind !== 'account' || (await isPublisher(repository.authority, caller.address))) {
    return { label, allows: () => true, isImmutable }
  }
  return permissions && granted(permissions, caller.address, repository.name.ensName, { label, isImmutable })
}

/** Whether there is anything that a caller may push; most are answered without what the owner signed. */
export async function mayPushAnything(deps: Deps, repository: OpenRepository, caller: Caller): Promise<boolean> {
  if (caller.kind === 'anonymous') return false
  if (caller.kind !== 'account' || (await isPublisher(repository.authority, caller.address))) return true
  return (await permissionOf(deps, repository, caller)) !== undefined
}

function granted(
  permissions: PushPermissions,
  account: Address,
  ensName: string,
  rest: Pick<Permission, 'label' | 'isImmutable'>,
): Permission | undefined {
  if (!isGrantedAnything(permissions, account, ensName)) return undefined
  return { ...rest, allows: (action, tag) => isGranted(permissions, account, ensName, grantedActions[action], tag) }
}

/** Whether an account is the owner or one of those who sign lists now. */
async function isPublisher(authority: NameAuthority, account: Address): Promise<boolean> {
  const { owner, policy } = authority
  if (account !== owner && !policy.publishers.includes(account)) return false
  return !(await authority.isRevoked(account))
}
