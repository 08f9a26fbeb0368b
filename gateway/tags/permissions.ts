import { type Address, type Hex, hashTypedData } from 'viem'
import type { NameAuthority } from './authority.ts'
import { matchesGlob, parseGlob } from './glob.ts'
import type { ListDomain } from './list.ts'
import { Refusal } from './refusal.ts'
import { isSignatureValid } from './signature.ts'

/** What one account may do to the tags of which repositories; each member a list of globs (protocol 2.4 `PushGrant`). */
export type PushGrant = {
  account: Address
  /** Over ENS names: `acme.eth`, `*.acme.eth`. */
  names: readonly string[]
  create: readonly string[]
  update: readonly string[]
  remove: readonly string[]
}

/**
 * Who may push what under a name, as its owner signs it (protocol 2.4 `PushPermissions`): for the name `node` and the unregistered names
 * below it. Times are unix seconds; addresses and hashes lower case.
 */
export type PushPermissions = {
  /** The authority's name in text. */
  name: string
  node: Hex
  owner: Address
  /** Rises with each, from 1. */
  version: bigint
  grants: readonly PushGrant[]
  /** Globs over tags that never move once they are created; the first that fits counts, one that begins with `!` says no. */
  immutableTags: readonly string[]
  issuedAt: bigint
  expiresAt: bigint
}

/** Permissions with the owner's signature over `hash` (the rule of protocol 2.3). */
export type SignedPermissions = { permissions: PushPermissions; hash: Hex; signature: Hex }

/** What a grant tells apart: a tag gets its first entry, another one, or none. */
export type GrantedAction = 'create' | 'update' | 'remove'

/** Grants of one owner's permissions (protocol 2.4). */
export const MAX_GRANTS = 64
/** Globs of one list. */
export const MAX_GLOBS = 32

const clockSkewSeconds = 300n
const maxLifetimeSeconds = 400n * 86_400n

/** The types of protocol 2.4, members in signing order. */
export const permissionTypes = {
  PushPermissions: [
    { name: 'name', type: 'string' },
    { name: 'node', type: 'bytes32' },
    { name: 'owner', type: 'address' },
    { name: 'version', type: 'uint64' },
    { name: 'grants', type: 'PushGrant[]' },
    { name: 'immutableTags', type: 'string[]' },
    { name: 'issuedAt', type: 'uint64' },
    { name: 'expiresAt', type: 'uint64' },
  ],
  PushGrant: [
    { name: 'account', type: 'address' },
    { name: 'names', type: 'string[]' },
    { name: 'create', type: 'string[]' },
    { name: 'update', type: 'string[]' },
    { name: 'remove', type: 'string[]' },
  ],
} as const

/** The EIP-712 typed data, for wallets and signers that show it; its domain is that of lists. */
export function permissionsTypedData({ chainId, resolver }: ListDomain, permissions: PushPermissions) {
  return {
    domain: { name: 'Mooring', version: '1', chainId, verifyingContract: resolver },
    types: permissionTypes,
    primaryType: 'PushPermissions',
    message: permissions,
  } as const
}

/** The EIP-712 signing hash. */
export function hashPermissions(domain: ListDomain, permissions: PushPermissions): Hex {
  return hashTypedData(permissionsTypedData(domain, permissions))
}

/**
 * Checks permissions against what the chain says of the name that they are for: that this name has an owner of its own, and that this
 * owner signed them, for now. `signed.hash` is computed anew and not believed.
 * @throws Refusal with an error name of protocol 3.1: NoOwner, NodeMismatch, OwnerMismatch, IssuedInFuture, Expired, LifetimeTooLong,
 * BadSignature
 */
export async function verifyPermissions(
  { permissions, signature }: Pick<SignedPermissions, 'permissions' | 'signature'>,
  authority: NameAuthority,
  now: bigint,
): Promise<SignedPermissions> {
  const { name, owner } = permissions
  if (!authority.owner) throw new Refusal('NoOwner', `${name} has no owner`)
  if (name !== authority.authorityName || name !== authority.ensName || permissions.node !== authority.node) {
    throw new Refusal(
      'NodeMismatch',
      `the permissions are for ${name}, and ${authority.authorityName} says who may push`,
    )
  }
  if (owner !== authority.owner) throw new Refusal('OwnerMismatch', `${owner} is not the owner ${authority.owner}`)
  checkTimes(permissions, now)
  const { hash, isSigned } = await checkSignature({ permissions, signature }, authority)
  if (isSigned) return { permissions, hash, signature }
  throw new Refusal('BadSignature', `the permissions of ${name} are not signed by its owner ${owner}`)
}

type Checked = { signature: Hex; found: Promise<{ hash: Hex; isSigned: boolean }> }

/** What a signature was found to be, by the chain's answer that it was checked against and then by the permissions. */
const checked = new WeakMap<NameAuthority, WeakMap<PushPermissions, Checked>>()

/**
 * Hashing the longest permissions takes a good part of a second, and every request of an account asks for them: one answer of the chain
 * asks for one check of the permissions that a store hands out again.
 */
function checkSignature(
  { permissions, signature }: Pick<SignedPermissions, 'permissions' | 'signature'>,
  authority: NameAuthority,
): Checked['found'] {
  const ofAuthority = checked.get(authority) ?? new WeakMap<PushPermissions, Checked>()
  checked.set(authority, ofAuthority)
  const known = ofAuthority.get(permissions)
  if (known?.signature === signature) return known.found
  const hash = hashPermissions(authority, permissions)
  const found = isSignatureValid(permissions.owner, hash, signature, authority.askContract).then((isSigned) => {
    return { hash, isSigned }
  })
  ofAuthority.set(permissions, { signature, found })
  found.catch(() => ofAuthority.delete(permissions))
  return found
}

/** Whether the grants let an account do this to a tag of a repository. */
export function isGranted(
  { grants }: PushPermissions,
  account: Address,
  ensName: string,
  action: GrantedAction,
  tag: string,
): boolean {
  return grantsOf(grants, account, ensName).some((grant) => fitsAny(grant[action], tag))
}

/** Whether the grants let an account do anything at all in a repository. */
export function isGrantedAnything({ grants }: PushPermissions, account: Address, ensName: string): boolean {
  return grantsOf(grants, account, ensName).some(
    ({ create, update, remove }) => create.length + update.length + remove.length > 0,
  )
}

/** Whether the grants let an account do this to every tag of a repository: one of the globs is `*`. */
export function isGrantedEvery(
  { grants }: PushPermissions,
  account: Address,
  ensName: string,
  action: GrantedAction,
): boolean {
  return grantsOf(grants, account, ensName).some((grant) => grant[action].includes('*'))
}

/** Whether a tag that is created never moves: as the first of `immutableTags` says that fits, and it may where none does. */
export function isImmutableTag({ immutableTags }: PushPermissions, tag: string): boolean {
  for (const rule of immutableTags) {
    const isException = rule.startsWith('!')
    if (matchesGlob(parseGlob(isException ? rule.slice(1) : rule), tag)) return !isException
  }
  return false
}

function grantsOf(grants: readonly PushGrant[], account: Address, ensName: string): readonly PushGrant[] {
  return grants.filter((grant) => grant.account === account && fitsAny(grant.names, ensName))
}

function fitsAny(globs: readonly string[], text: string): boolean {
  return globs.some((glob) => matchesGlob(parseGlob(glob), text))
}

function checkTimes({ name, issuedAt, expiresAt }: PushPermissions, now: bigint): void {
  const what = `the permissions of ${name}`
  if (issuedAt > now + clockSkewSeconds)
    throw new Refusal('IssuedInFuture', `${what} are issued at ${issuedAt}, it is ${now}`)
  if (expiresAt <= now) throw new Refusal('Expired', `${what} expired at ${expiresAt}, it is ${now}`)
  if (expiresAt - issuedAt > maxLifetimeSeconds || expiresAt <= issuedAt) {
    throw new Refusal(
      'LifetimeTooLong',
      `${what} are for ${expiresAt - issuedAt} seconds, not 1 to ${maxLifetimeSeconds}`,
    )
  }
}
