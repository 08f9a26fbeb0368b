import type { Address, Hex } from 'viem'
import { parseStrictJson } from '../oci/strict-json.ts'
import { MAX_SIGNATURE_BYTES } from '../tags/signature.ts'
import { decodeBase64url } from './base64url.ts'
import { LoginRefused } from './refused.ts'
import { MAX_MESSAGE_CHARS } from './siwe.ts'

/** A user and a password, as a client sends them. */
export type Credentials = { user: string; password: string }

/** A login message and its signature, as a password. */
export type SignedMessage = { message: string; signature: Hex }

/** What a user or a password may have at most: the longest login message with the longest signature, and some. */
export const MAX_CREDENTIAL_CHARS = 40 * 1024

const basicForm = /^basic +([A-Za-z0-9+/]+={0,2})$/i
const bearerForm = /^bearer +([^ ]+)$/i
const controlCharacter = /\p{Cc}/u
const signatureForm = /^0x(?:[0-9a-fA-F]{2})*$/

/** The user and password of an `Authorization: Basic` header (RFC 7617); undefined for anything else. */
export function parseBasic(authorization: string): Credentials | undefined {
  const encoded = basicForm.exec(authorization)?.[1]
  if (encoded === undefined || encoded.length > 2 * MAX_CREDENTIAL_CHARS) return undefined
  const text = decodeText(encoded)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 1 || controlCharacter.test(text)) return undefined
  return { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** The token of an `Authorization: Bearer` header (RFC 6750 section 2.1); undefined for anything else. */
export function parseBearer(authorization: string): string | undefined {
  return bearerForm.exec(authorization)?.[1]
}

/** An account in lower case, of a user name that is one; undefined for other users. */
export function accountOf(user: string): Address | undefined {
  return /^0x[0-9a-fA-F]{40}$/.test(user) ? (user.toLowerCase() as Address) : undefined
}

/** Takes a password apart that is a signed login message. @throws LoginRefused */
export function parseSignedMessage(password: string): SignedMessage {
  const bytes = decodeBase64url(password)
  const value = bytes && parseJson(bytes)
  if (typeof value !== 'object' || value === null) throw new LoginRefused(wantedPassword)
  const { message, signature, ...others } = value as Record<string, unknown>
  const isWhole = typeof message === 'string' && typeof signature === 'string' && Object.keys(others).length === 0
  if (!isWhole || !signatureForm.test(signature)) throw new LoginRefused(wantedPassword)
  if (signature.length > 2 + 2 * MAX_SIGNATURE_BYTES || message.length > MAX_MESSAGE_CHARS) {
    throw new LoginRefused('the login message or its signature is too long')
  }
  return { message, signature: signature.toLowerCase() as Hex }
}

const wantedPassword =
  'the password of an account is a refresh token, or base64url of {"message", "signature"} with a login message (mooring login makes both)'

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes, { maxDepth: 1 })
  } catch {
    return undefined
  }
}

function decodeText(encoded: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
