import type { Deps } from '../deps.ts'
import { parseRepository } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import type { PermissionsKey } from '../store/push-permissions.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { type SignedPermissions, verifyPermissions } from '../tags/permissions.ts'
import { MAX_PERMISSIONS_BYTES, parsePermissionsUpload, permissionsToJson } from '../tags/permissions-json.ts'
import { Refusal } from '../tags/refusal.ts'
import { emptyAnswer, jsonAnswer, notModified } from './answer.ts'
import { readBody } from './body.ts'
import { type OpenRepository, openForRead } from './repository.ts'
import type { Route } from './route.ts'

/**
 * `GET /v2/<repository>/_mooring/permissions` (protocol 2.4): what the owner of the repository's authority signed last, whether it counts
 * now or not; 404 where there is nothing.
 */
export const getPermissions: Route = async (context) => {
  const { authority, name } = await openForRead(context)
  const signed = await findFor(context.deps, authority)
  if (!signed) {
    const message = `no permissions were signed for ${name.ensName}: its owner and its publishers may push, nobody else`
    throw new OciError('NAME_UNKNOWN', message)
  }
  const headers = { etag: `"${signed.hash.slice(2)}"`, 'cache-control': 'no-cache' }
  return notModified(context.request, headers.etag) ? emptyAnswer(304, headers) : jsonAnswer(200, wire(signed), headers)
}

/**
 * `PUT /v2/<repository>/_mooring/permissions`: `{permissions, signature}`; the owner's signature is the authorisation. 201 when they are
 * durable and for those that stand sent again, 412 with those that stand unless the version is above theirs, 403 DENIED with the error
 * name for what does not hold.
 */
export const putPermissions: Route = async ({ deps, request, params, url }) => {
  const { ensName } = parseRepository(params.repository ?? '', url.searchParams.get('ns') ?? undefined)
  const upload = parsePermissionsUpload(await readBody(request, MAX_PERMISSIONS_BYTES))
  const authority = await deps.chain.readAuthority(ensName)
  const signed = await verifyPermissions(upload, authority, deps.clock())
  const key = keyOf(authority)
  if (key && (await deps.pushPermissions.put(key, signed))) return jsonAnswer(201, wire(signed))
  const standing = await findFor(deps, authority)
  return jsonAnswer(standing?.hash === signed.hash ? 201 : 412, wire(standing))
}

/**
 * The permissions that count in a repository now; undefined where its owner signed none, and where those have expired or are not valid any
 * more. @throws ChainUnavailable
 */
export async function standingPermissions(
  deps: Deps,
  { authority }: Pick<OpenRepository, 'authority'>,
): Promise<SignedPermissions | undefined> {
  const found = await findFor(deps, authority)
  if (!found || authority.authorityName === null) return undefined
  try {
    return await verifyPermissions(found, await deps.chain.readAuthority(authority.authorityName), deps.clock())
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

async function findFor(deps: Deps, authority: NameAuthority): Promise<SignedPermissions | undefined> {
  const key = keyOf(authority)
  return key && deps.pushPermissions.find(key)
}

function keyOf({ chainId, resolver, authorityName, owner }: NameAuthority): PermissionsKey | undefined {
  return authorityName === null || owner === null ? undefined : { chainId, resolver, ensName: authorityName, owner }
}

function wire(signed: SignedPermissions | undefined) {
  if (!signed) return { permissions: null, hash: null, signature: null }
  return { permissions: permissionsToJson(signed.permissions), hash: signed.hash, signature: signed.signature }
}
