import type { Address } from 'viem'
import { createSiweMessage, parseSiweMessage, type SiweMessage } from 'viem/siwe'
import { LoginRefused } from './refused.ts'
import { type Grant, parseScopes } from './scope.ts'

/** What a login message says. Times in unix seconds; the address in lower case. */
export type LoginMessage = {
  address: Address
  /** Null where the message names no scheme. */
  scheme: string | null
  domain: string
  uri: string
  chainId: number
  nonce: string
  issuedAt: number
  expiresAt: number
  notBefore: number | null
  resources: readonly string[]
}

/** What a gateway asks of a message that is sent to it now (unix seconds). */
export type LoginContext = { address: Address; service: string; realm: string; chainId: number; now: number }

/** A login ends at the latest after this. */
export const MAX_LOGIN_SECONDS = 12 * 60 * 60
/** What a clock may be ahead of the gateway's, as in the check order of lists. */
const toleranceSeconds = 300
/** Longer messages are refused before they are read. */
export const MAX_MESSAGE_CHARS = 4096

const notStrict = 'the login message is not an ERC-4361 message as it is written by createSiweMessage'

/** Writes the message that an account signs to log in (ERC-4361, version 1). @throws for a domain or nonce that ERC-4361 does not know */
export function encodeLoginMessage(message: LoginMessage & { statement?: string }): string {
  const { address, domain, uri, chainId, nonce, issuedAt, expiresAt, scheme, notBefore, resources, statement } = message
  return createSiweMessage({
    ...{ address, domain, uri, chainId, nonce, version: '1' },
    issuedAt: dateOf(issuedAt),
    expirationTime: dateOf(expiresAt),
    ...(scheme !== null && { scheme }),
    ...(statement !== undefined && { statement }),
    ...(notBefore !== null && { notBefore: dateOf(notBefore) }),
    ...(resources.length > 0 && { resources: [...resources] }),
  })
}

/**
 * Reads a login message. It must be, byte for byte, what writing its fields gives again, so that nothing that a wallet showed is passed
 * over here. @throws LoginRefused
 */
export function parseLoginMessage(text: string): LoginMessage {
  if (text.length > MAX_MESSAGE_CHARS) {
    throw new LoginRefused(`the login message is longer than ${MAX_MESSAGE_CHARS} characters`)
  }
  const parsed = parseSiweMessage(text) as Partial<SiweMessage>
  const { expirationTime, issuedAt, notBefore } = parsed
  if (rewritten(parsed) !== text || issuedAt === undefined) throw new LoginRefused(notStrict)
  if (expirationTime === undefined) throw new LoginRefused('the login message has no Expiration Time')
  const { address, domain, uri, chainId, nonce, scheme = null, resources = [] } = parsed as SiweMessage
  return {
    ...{ scheme, domain, uri, chainId, nonce, resources },
    address: address.toLowerCase() as Address,
    issuedAt: secondsOf(issuedAt),
    expiresAt: secondsOf(expirationTime),
    notBefore: notBefore === undefined ? null : secondsOf(notBefore),
  }
}

function rewritten(parsed: Partial<SiweMessage>): string | undefined {
  try {
    return createSiweMessage(parsed as SiweMessage)
  } catch {
    return undefined
  }
}

/** Whether a message logs somebody in here and now; its nonce and its signature are not looked at. @throws LoginRefused */
export function checkLoginMessage(
  message: LoginMessage,
  { address, service, realm, chainId, now }: LoginContext,
): void {
  const { scheme } = message
  if (message.domain !== service) throw wrong('domain', message.domain, service)
  if (message.uri !== realm) throw wrong('URI', message.uri, realm)
  if (scheme !== null && !realm.startsWith(`${scheme}://`)) throw wrong('scheme', scheme, realm.split(':', 1)[0] ?? '')
  if (message.chainId !== chainId) throw wrong('Chain ID', `${message.chainId}`, `${chainId}`)
  if (message.address !== address) throw wrong('address', message.address, `${address}, the user`)
  if (message.expiresAt <= now) throw new LoginRefused('the login message has expired')
  if (message.issuedAt > now + toleranceSeconds) throw new LoginRefused('the login message is issued in the future')
  if (message.notBefore !== null && message.notBefore > now)
    throw new LoginRefused('the login message is not valid yet')
  if (message.expiresAt - message.issuedAt > MAX_LOGIN_SECONDS) {
    throw new LoginRefused(`the login message lasts longer than ${MAX_LOGIN_SECONDS / 3600} hours`)
  }
}

/**
 * What a login is limited to by the resources of its message, `mooring:acme.eth/web#pull,push` each; null: it names none, and is not
 * limited. URIs of others allow nothing.
 */
export function limitsOf({ resources }: Pick<LoginMessage, 'resources'>): readonly Grant[] | null {
  if (resources.length === 0) return null
  const named = resources.flatMap((uri) => /^mooring:([^#\s]+)#([^#\s]+)$/.exec(uri)?.slice(1).join(':') ?? [])
  return parseScopes(named.map((scope) => `repository:${scope}`))
}

function wrong(field: string, seen: string, wanted: string): LoginRefused {
  return new LoginRefused(`the login message has ${field} ${seen.slice(0, 200)}, wanted ${wanted}`)
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000)
}

function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
