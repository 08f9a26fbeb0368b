import type { Need } from '../access.ts'
import { OciError } from '../oci/error.ts'
import { encodeScopes, isRepository } from './scope.ts'

/** Where a gateway's tokens come from, and whom they are for: both from its configuration. */
export type Place = { realm: string; service: string }

/** `https://reg.example:8443` -> its token endpoint, and its host with the port where it has one. */
export function placeOf(publicUrl: string): Place {
  return { realm: `${publicUrl}/token`, service: new URL(publicUrl).host }
}

/** Why a token was not enough (RFC 6750 section 3.1). */
export type TokenError = 'invalid_token' | 'insufficient_scope'

/** 401 with one challenge that says where to get a token, and which (RFC 6750 section 3, token specification of the distribution project). */
export function challenged(message: string, place: Place, need: Need, error?: TokenError): OciError {
  const scope = scopeOf(need)
  const parameters = [
    `realm="${place.realm}"`,
    `service="${place.service}"`,
    ...(scope === '' ? [] : [`scope="${scope}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ]
  return new OciError('UNAUTHORIZED', message, { headers: { 'www-authenticate': `Bearer ${parameters.join(',')}` } })
}

function scopeOf(need: Need): string {
  if (need.repository === null || !isRepository(need.repository)) return ''
  const actions = need.action === 'push' ? (['pull', 'push'] as const) : [need.action]
  return encodeScopes([{ repository: need.repository, actions }])
}
