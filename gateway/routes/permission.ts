import { type Caller, callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
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

/**
 * What a caller may do in a repository; undefined for one who may push nothing here. Without logins everybody is the gateway's own user
 * and may do everything.
 */
export async function permissionOf(
  _deps: Deps,
  _repository: OpenRepository,
  caller: Caller,
): Promise<Permission | undefined> {
  if (caller.kind === 'anonymous' || caller.kind === 'account') return undefined
  return { label: callerLabel(caller), allows: () => true, isImmutable: () => false }
}
