import type { Hex } from 'viem'
import { parseStrictJson } from '../../oci/strict-json.ts'
import { membersOf, textMember } from '../../tags/json-members.ts'
import { type PushPermissions, type SignedPermissions, verifyPermissions } from '../../tags/permissions.ts'
import { MAX_PERMISSIONS_BYTES, parsePermissions, permissionsToJson } from '../../tags/permissions-json.ts'
import { Refusal } from '../../tags/refusal.ts'
import { fetchBounded, type HttpRequest } from './http.ts'
import { readJson } from './read-list.ts'
import type { Session } from './session.ts'

/**
 * What one gateway keeps of a name's permissions: `signed` null for nothing; `problem` says why they do not count (null: they do);
 * `isOwners`: whether the owner signed them, whatever the time is.
 */
export type GatewayPermissions = {
  gateway: string
  signed: Pick<SignedPermissions, 'permissions' | 'signature'> | null
  problem: string | null
  isOwners: boolean
}

const timeoutMs = 30_000
const jsonLimits = { maxDepth: 6, maxValueBytes: MAX_PERMISSIONS_BYTES }

/** What each gateway has, checked against the chain. @throws GatewayUnavailable for what is no answer, HttpFailure, ChainUnavailable */
export function readPermissions(session: Session, repository: string): Promise<GatewayPermissions[]> {
  return Promise.all(session.onChain.gateways.map((gateway) => readFrom(session, gateway, repository)))
}

async function readFrom(session: Session, gateway: string, repository: string): Promise<GatewayPermissions> {
  const url = urlAt(gateway, repository)
  const { status, body } = await ask(session, { url })
  if (status === 404) return { gateway, signed: null, problem: null, isOwners: false }
  const signed = readJson(url, () => parseAnswer(body))
  const problem = await problemOf(session, signed, session.localTime)
  const isOwners = problem === null || (await problemOf(session, signed, signed.permissions.issuedAt)) === null
  return { gateway, signed, problem, isOwners }
}

/**
 * Sends signed permissions to one gateway. True when it has them; false where it has a version that is as high. @throws HttpFailure, and
 * Refusal-like errors as the gateway says them
 */
export async function sendPermissions(
  session: Session,
  gateway: string,
  repository: string,
  { permissions, signature }: Pick<SignedPermissions, 'permissions' | 'signature'>,
): Promise<boolean> {
  const url = urlAt(gateway, repository)
  const body = JSON.stringify({ permissions: permissionsToJson(permissions), signature })
  const answer = await ask(session, { url, method: 'PUT', headers: { 'content-type': 'application/json' }, body })
  if (answer.status === 201 || answer.status === 412) return answer.status === 201
  throw new Error(`${url} answers ${answer.status}: ${new TextDecoder().decode(answer.body).slice(0, 300)}`)
}

function ask(session: Session, request: Pick<HttpRequest, 'url' | 'method' | 'headers' | 'body'>) {
  return fetchBounded({ ...request, timeoutMs, reach: session.onChain.reach }, 2 * MAX_PERMISSIONS_BYTES)
}

function urlAt(gateway: string, repository: string): string {
  return `${gateway}/v2/${repository}/_mooring/permissions`
}

function parseAnswer(body: Uint8Array): { permissions: PushPermissions; signature: Hex } {
  const members = membersOf(parseStrictJson(body, jsonLimits), 'body', ['permissions', 'hash', 'signature'])
  return { permissions: parsePermissions(members.permissions), signature: textMember(members, 'signature') as Hex }
}

/** Why permissions do not count at a time (unix seconds); null when they do. */
async function problemOf(
  { onChain }: Session,
  signed: Pick<SignedPermissions, 'permissions' | 'signature'>,
  time: bigint,
): Promise<string | null> {
  try {
    await verifyPermissions(signed, await onChain.readAuthority(), time)
    return null
  } catch (error) {
    if (error instanceof Refusal) return `${error.reason}: ${error.message}`
    throw error
  }
}
