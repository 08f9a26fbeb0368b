import { parseRepository } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import { parseTimestampJson, signedListToJson, timestampToJson } from '../tags/json.ts'
import { invalid } from '../tags/json-members.ts'
import type { SignedList, Timestamp } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { verifyTimestamp } from '../tags/verify.ts'
import { jsonAnswer } from './answer.ts'
import { readBody } from './body.ts'
import type { Route } from './route.ts'

/** A signature of 8,192 bytes in hex, and the rest. */
const MAX_BODY_BYTES = 32 * 1024

/**
 * `PUT /v2/<repository>/_mooring/timestamp` (protocol 5): a fresh Timestamp of the current list, whose signature is the authorisation. 201
 * with the list when it is durable, and for the one that stands sent again; 412 with the one that stands when that was issued later; 403
 * DENIED with the error name when row 7 of 3.1 fails, or no policy asks for one.
 */
export const putTimestamp: Route = async ({ deps, request, params, url }) => {
  const { ensName } = parseRepository(params.repository ?? '', url.searchParams.get('ns') ?? undefined)
  const timestamp = parseBody(await readBody(request, MAX_BODY_BYTES))
  const authority = await deps.chain.readAuthority(ensName)
  const { owner, epoch, policy } = authority
  if (owner === null) throw new Refusal('NoOwner', `${ensName} has no owner`)
  if (policy.timestamper === null) throw new Refusal('BadTimestamp', `the policy of ${ensName} names no timestamper`)
  const line = { ...deps.chain.domain, ensName, owner, epoch }
  const head = await deps.lists.findHead(line)
  if (!head) throw new OciError('NAME_UNKNOWN', `${ensName} has no list here that could be timestamped`)
  await verifyTimestamp({ ...head, timestamp }, authority, deps.clock())
  if (await deps.lists.putTimestamp(line, head.hash, timestamp)) return answer(201, { ...head, timestamp })
  const standing = (await deps.lists.findHead(line)) ?? head
  return answer(isSame(standing.timestamp, timestamp) ? 201 : 412, standing)
}

function parseBody(body: Uint8Array): Timestamp {
  const timestamp = parseTimestampJson(parseStrictJson(body, { maxDepth: 2 }))
  if (timestamp === null) throw invalid('timestamp', 'is null')
  return timestamp
}

function isSame(standing: Timestamp | null, { issuedAt, expiresAt, signature }: Timestamp): boolean {
  if (standing === null) return false
  return standing.issuedAt === issuedAt && standing.expiresAt === expiresAt && standing.signature === signature
}

function answer(status: number, signed: SignedList): Response {
  return jsonAnswer(status, { ...signedListToJson(signed), timestamp: timestampToJson(signed.timestamp) })
}
