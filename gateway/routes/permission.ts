import type { Address } from 'viem'
import { type Caller, callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import type { NameAuthority } from '../tags/authority.ts'
import {
  type GrantedAction,
  isGranted,
  isGrantedAnything,
  isGrantedEvery,
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
  /** Whether the caller may do this to every tag: content that is found by its digest is what any of them may stand on. */
  allowsEvery(action: TagAction): boolean
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
    return { label, allows: () => true, allowsEvery: () => true, isImmutable }
  }
  return permissions && granted(permissions, caller.address, repository.name.ensName, { label, isImmutable })
}

/**
 * Refuses to take content away, or to give it another type, for a caller who may not do so to every tag: which of them stand on it,
 * through an index or a manifest, no tag's entry says. @throws OciError DENIED
 */
export async function demandEveryTag(
  deps: Deps,
  repository: OpenRepository & { caller: Caller },
  action: TagAction,
  digest: Digest,
): Promise<void> {
  if ((await permissionOf(deps, repository, repository.caller))?.allowsEvery(action)) return
  const account = callerLabel(repository.caller)
  const message = `${account} may not ${action} ${digest} here: tags may stand on it that ${account} may not ${action}`
  throw new OciError('DENIED', message, { detail: { action, digest, account } })
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
  return {
    ...rest,
    allows: (action, tag) => isGranted(permissions, account, ensName, grantedActions[action], tag),
    allowsEvery: (action) => isGrantedEvery(permissions, account, ensName, grantedActions[action]),
  }
}

/** Whether an account is the owner or one of those who sign lists now. */
async function isPublisher(authority: NameAuthority, account: Address): Promise<boolean> {
  const { owner, policy } = authority
  if (account !== owner && !policy.publishers.includes(account)) return false
  return !(await authority.isRevoked(account))
}
