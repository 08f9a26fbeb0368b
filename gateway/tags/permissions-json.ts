import type { Address } from 'viem'
import { parseStrictJson } from '../oci/strict-json.ts'
import { GlobError, parseGlob } from './glob.ts'
import { arrayOf, hexMember, integerMember, invalid, membersOf, textMember } from './json-members.ts'
import { MAX_GLOBS, MAX_GRANTS, type PushGrant, type PushPermissions, type SignedPermissions } from './permissions.ts'
import { MAX_SIGNATURE_BYTES } from './signature.ts'

/** The bytes of an upload are at most these. */
export const MAX_PERMISSIONS_BYTES = 1024 * 1024

/** Body, permissions, grants, grant, globs. */
const jsonLimits = { maxDepth: 6, maxValueBytes: MAX_PERMISSIONS_BYTES }

const headerMembers = ['name', 'node', 'owner', 'version', 'grants', 'immutableTags', 'issuedAt', 'expiresAt'] as const
const grantMembers = ['account', 'names', 'create', 'update', 'remove'] as const

/**
 * Reads the body of `PUT _mooring/permissions`: `{permissions, signature}`. Unknown, missing or duplicate members, wrong types, hex in
 * upper case, patterns that cannot be read, and more of anything than the limits allow are refused.
 * @throws OciError MANIFEST_INVALID naming the member
 */
export function parsePermissionsUpload(
  body: string | Uint8Array,
): Pick<SignedPermissions, 'permissions' | 'signature'> {
  const members = membersOf(parseStrictJson(body, jsonLimits), 'body', ['permissions', 'signature'])
  const signature = hexMember(members, 'signature')
  if (signature.length > 2 + 2 * MAX_SIGNATURE_BYTES)
    throw invalid('signature', `is longer than ${MAX_SIGNATURE_BYTES} bytes`)
  return { permissions: parsePermissions(members.permissions), signature }
}

/** The wire form of `PushPermissions`, as `parsePermissionsUpload` reads it. @throws OciError MANIFEST_INVALID */
export function parsePermissions(value: unknown): PushPermissions {
  const members = membersOf(value, 'permissions', headerMembers)
  const grants = arrayOf(members.grants, 'grants')
  if (grants.length > MAX_GRANTS) throw invalid('grants', `has ${grants.length} grants, more than ${MAX_GRANTS}`)
  return {
    name: textMember(members, 'name'),
    node: hexMember(members, 'node', 32),
    owner: hexMember(members, 'owner', 20) as Address,
    version: BigInt(integerMember(members, 'version')),
    grants: grants.map(parseGrant),
    immutableTags: globsOf(members.immutableTags, 'immutableTags', (rule) => rule.replace(/^!/, '')),
    issuedAt: BigInt(integerMember(members, 'issuedAt')),
    expiresAt: BigInt(integerMember(members, 'expiresAt')),
  }
}

/** What the endpoints write: members in signing order, integers as numbers. */
export function permissionsToJson(permissions: PushPermissions) {
  const { version, issuedAt, expiresAt, ...rest } = permissions
  const { name, node, owner, grants, immutableTags } = rest
  const times = { issuedAt: Number(issuedAt), expiresAt: Number(expiresAt) }
  return { name, node, owner, version: Number(version), grants, immutableTags, ...times }
}

function parseGrant(value: unknown, at: number): PushGrant {
  const what = `grants[${at}]`
  const members = membersOf(value, what, grantMembers)
  const globs = (member: (typeof grantMembers)[number]) => globsOf(members[member], `${what}.${member}`, (glob) => glob)
  return {
    account: hexMember(members, 'account', 20) as Address,
    names: globs('names'),
    create: globs('create'),
    update: globs('update'),
    remove: globs('remove'),
  }
}

function globsOf(value: unknown, what: string, globOf: (text: string) => string): string[] {
  const globs = arrayOf(value, what)
  if (globs.length > MAX_GLOBS) throw invalid(what, `has ${globs.length} patterns, more than ${MAX_GLOBS}`)
  return globs.map((glob) => {
    if (typeof glob !== 'string') throw invalid(what, 'has something that is no string')
    try {
      return parseGlob(globOf(glob)) && glob
    } catch (error) {
      if (error instanceof GlobError) throw invalid(what, error.message)
      throw error
    }
  })
}
