import { encodeBase64url } from '../../auth/base64url.ts'
import { encodeLoginMessage, MAX_LOGIN_SECONDS } from '../../auth/siwe.ts'
import { parseStrictJson } from '../../oci/strict-json.ts'
import { visibleWord } from '../../oci/visible.ts'
import { integerMember, objectOf, textMember } from '../../tags/json-members.ts'
import { fetchBounded } from '../client/http.ts'
import { readJson } from '../client/read-list.ts'
import type { ClientSigner } from '../client/signers/client-signer.ts'
import { refusalIn } from '../push/registry-answer.ts'
import type { StoredLogin } from './stored-logins.ts'

/** A gateway wants something signed that is not a login to itself. */
export class LoginNotOffered extends Error {
  override readonly name = 'LoginNotOffered'
}

/** What a gateway says that a login message must hold (docs/logins.md, `GET /token/nonce`). */
export type LoginOffer = { nonce: string; domain: string; uri: string; chainId: number }

/** A token for some repository, and until when (unix seconds). */
export type AccessToken = { token: string; expiresAt: number }

const timeoutMs = 30_000
const maxAnswerBytes = 64 * 1024
const clientId = 'mooring'

/**
 * Asks a gateway what to sign. It must be a login to this very gateway: a message with another domain or address is one that somebody could
 * log in with elsewhere (phishing). @throws LoginNotOffered, RegistryRefused, HttpFailure, Refusal BadResponse
 */
export async function readOffer(gateway: string): Promise<LoginOffer> {
  const url = `${gateway}/token/nonce`
  const answer = await fetchBounded({ url, reach: 'given', timeoutMs }, maxAnswerBytes)
  if (answer.status === 404)
    throw new LoginNotOffered(`${gateway} takes no logins: nobody has to log in there, or it is no Mooring gateway`)
  if (answer.status !== 200) throw refusalIn(answer, url)
  const offer = readJson(url, () => {
    const members = objectOf(parseStrictJson(answer.body, { maxDepth: 2 }), 'nonce')
    const [nonce, domain, uri] = [
      textMember(members, 'nonce'),
      textMember(members, 'domain'),
      textMember(members, 'uri'),
    ]
    if (!/^[a-zA-Z0-9]{8,200}$/.test(nonce)) throw new Error('its nonce is not letters and digits')
    return { nonce, domain, uri, chainId: integerMember(members, 'chainId') }
  })
  const { host } = new URL(gateway)
  if (offer.domain === host && offer.uri === `${gateway}/token`) return offer
  const seen = `${gateway} wants a login to ${visibleWord(offer.domain.slice(0, 100))} at ${visibleWord(offer.uri.slice(0, 100))}`
  throw new LoginNotOffered(`${seen}, not to ${host} at ${gateway}/token: nothing was signed`)
}

/**
 * Logs an account in: signs the message that was offered (ERC-4361) and trades it for a refresh token. `now` in unix seconds; the login
 * lasts for 12 hours at most. @throws SignerRefused, RegistryRefused, HttpFailure, Refusal BadResponse
 */
export async function logIn(
  gateway: string,
  offer: LoginOffer,
  signer: ClientSigner,
  now: number,
): Promise<StoredLogin> {
  const { domain, uri, chainId, nonce } = offer
  const expiresAt = now + MAX_LOGIN_SECONDS
  const address = signer.address
  const message = encodeLoginMessage({
    ...{ address, domain, uri, chainId, nonce, issuedAt: now, expiresAt },
    ...{ scheme: null, notBefore: null, resources: [] },
    statement: 'Log in to push images. This signs no tag list and sends no transaction.',
  })
  const signature = await signer.signText(message)
  const password = encodeBase64url(new TextEncoder().encode(JSON.stringify({ message, signature })))
  const form = { grant_type: 'password', username: address, password, access_type: 'offline' }
  const answer = await askForToken(uri, domain, form)
  const refreshToken = readJson(uri, () => textMember(answer, 'refresh_token'))
  return {
    host: new URL(gateway).host,
    username: address,
    secret: refreshToken,
    realm: uri,
    service: domain,
    expiresAt,
    keyFile: null,
  }
}

/** A token for a scope, by a login's refresh token. @throws RegistryRefused (401: the login has ended), HttpFailure, Refusal BadResponse */
export async function readToken(
  { realm, service, secret }: { realm: string; service: string; secret: string },
  scope: string,
  now: number,
): Promise<AccessToken> {
  const answer = await askForToken(realm, service, { grant_type: 'refresh_token', refresh_token: secret, scope })
  return readJson(realm, () => {
    const seconds = answer.expires_in === undefined ? 60 : integerMember(answer, 'expires_in')
    return { token: textMember(answer, 'access_token'), expiresAt: now + seconds }
  })
}

async function askForToken(realm: string, service: string, form: Readonly<Record<string, string>>) {
  const answer = await postForm(realm, { ...form, service, client_id: clientId })
  if (answer.status !== 200) throw refusalIn(answer, realm)
  return readJson(realm, () => objectOf(parseStrictJson(answer.body, { maxDepth: 3 }), 'token'))
}

/** Ends a login at its gateway (RFC 7009). @throws RegistryRefused, HttpFailure */
export async function endLogin(realm: string, refreshToken: string): Promise<void> {
  const url = `${realm}/revoke`
  const answer = await postForm(url, { token: refreshToken })
  if (answer.status !== 200) throw refusalIn(answer, url)
}

function postForm(url: string, form: Readonly<Record<string, string>>) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(form).toString()
  return fetchBounded({ url, reach: 'given', method: 'POST', headers, body, timeoutMs }, maxAnswerBytes)
}
