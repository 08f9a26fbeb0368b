import type { Action } from '../access.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import type { TokenKey, TokenKeys } from './keys.ts'
import { LoginRefused } from './refused.ts'
import type { Grant } from './scope.ts'

/** What an access token says. */
export type AccessToken = { subject: string; grants: readonly Grant[] }

/** Access tokens end after this at the latest: whoever lost the right to push has lost it by then. */
export const TOKEN_LIFETIME_SECONDS = 300
/** Longer ones are refused before anything of them is looked at. */
export const MAX_TOKEN_CHARS = 8192
/** Clocks of two machines of one gateway may differ by this. */
const toleranceSeconds = 30

const jsonLimits = { maxDepth: 4 }
const headerMembers = 'alg,kid,typ'
const claimMembers = 'access,aud,exp,iat,iss,jti,nbf,sub'

type Claims = {
  iss: string
  aud: string
  sub: string
  jti: string
  nbf: number
  iat: number
  exp: number
  access: readonly { type: string; name: string; actions: readonly Action[] }[]
}

/**
 * Makes an access token (RFC 7519, RFC 8037; claims of the token specification of the distribution project): EdDSA under the first key.
 * `service` is issuer and audience, `now` unix seconds, `id` its `jti`; it counts for `lifetimeSeconds`.
 */
export async function mintToken(
  [key]: TokenKeys,
  { subject, grants }: AccessToken,
  {
    service,
    now,
    id,
    lifetimeSeconds = TOKEN_LIFETIME_SECONDS,
  }: { service: string; now: number; id: string; lifetimeSeconds?: number },
): Promise<string> {
  const access = grants.map(({ repository, actions }) => ({ type: 'repository', name: repository, actions }))
  const times = { nbf: now - toleranceSeconds, iat: now, exp: now + lifetimeSeconds }
  const claims: Claims = { iss: service, aud: service, sub: subject, jti: id, ...times, access }
  const signed = `${encodeJson({ alg: 'EdDSA', typ: 'JWT', kid: key.id })}.${encodeJson(claims)}`
  return `${signed}.${encodeBase64url(await key.sign(signed))}`
}

/**
 * Reads a token that this gateway made for `service`. Only what `mintToken` writes is read: algorithm and keys are this gateway's choice
 * and never the header's (RFC 8725 sections 3.1 and 3.3). @throws LoginRefused
 */
export async function readToken(
  keys: TokenKeys,
  text: string,
  { service, now }: { service: string; now: number },
): Promise<AccessToken> {
  if (text.length > MAX_TOKEN_CHARS) throw new LoginRefused(`the token is longer than ${MAX_TOKEN_CHARS} characters`)
  const [header = '', payload = '', signature = '', ...more] = text.split('.')
  if (more.length > 0 || signature === '') throw new LoginRefused('the token is no JWT of three parts')
  const key = keyOf(keys, header)
  const signatureBytes = decodeBase64url(signature)
  if (signatureBytes?.length !== 64) throw new LoginRefused("the token's signature is not 64 bytes of base64url")
  if (!(await key.verify(`${header}.${payload}`, signatureBytes))) {
    throw new LoginRefused("the token's signature is not this gateway's")
  }
  const claims = readClaims(payload)
  checkClaims(claims, service, now)
  return { subject: claims.sub, grants: claims.access.map(({ name, actions }) => ({ repository: name, actions })) }
}

function keyOf(keys: TokenKeys, header: string): TokenKey {
  const { alg, typ, kid, ...others } = readJson(header, 'header')
  const [extra] = Object.keys(others)
  if (extra !== undefined) throw new LoginRefused(`the token's header has a member beside ${headerMembers}`)
  if (alg !== 'EdDSA') throw new LoginRefused("the token's algorithm is not EdDSA")
  if (typ !== 'JWT') throw new LoginRefused("the token's type is not JWT")
  const key = keys.find(({ id }) => id === kid)
  if (key === undefined) throw new LoginRefused('the token was signed with a key that is not in use here')
  return key
}

/** Signed by this gateway, so of its form, unless an older version of it wrote another. */
function readClaims(payload: string): Claims {
  const claims = readJson(payload, 'payload')
  if (Object.keys(claims).sort().join() !== claimMembers) throw new LoginRefused("the token's claims are others")
  return claims as Claims
}

function checkClaims({ iss, aud, nbf, exp, iat }: Claims, service: string, now: number): void {
  if (iss !== service || aud !== service) throw new LoginRefused('the token is for another service')
  if (exp <= now) throw new LoginRefused('the token has expired')
  if (nbf > now || exp - iat > TOKEN_LIFETIME_SECONDS) throw new LoginRefused('the token is not valid yet')
}

function readJson(part: string, what: string): Record<string, unknown> {
  const bytes = decodeBase64url(part)
  if (bytes === undefined) throw new LoginRefused(`the token's ${what} is not base64url`)
  const value = parseQuietly(bytes)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new LoginRefused(`the token's ${what} is no JSON object, or has a member twice`)
}

function parseQuietly(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes, jsonLimits)
  } catch {
    return undefined
  }
}

function encodeJson(value: object): string {
  return encodeBase64url(new TextEncoder().encode(JSON.stringify(value)))
}
