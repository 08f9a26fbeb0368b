import { encodeBase64url } from './base64url.ts'

/** One Ed25519 key of this gateway. The key itself never leaves it. */
export type TokenKey = {
  /** RFC 7638 thumbprint of the public key. */
  id: string
  sign(text: string): Promise<Uint8Array>
  verify(text: string, signature: Uint8Array<ArrayBuffer>): Promise<boolean>
  /** 32 bytes that only holders of the key can compute: HMAC-SHA-256 under another key, made from this one. */
  authenticate(text: string): Promise<Uint8Array>
}

/** The first one signs; every one of them is believed, so that keys can be exchanged while tokens are about. */
export type TokenKeys = readonly [current: TokenKey, ...others: TokenKey[]]

/** Of a `TokenKey`, before it becomes one. */
export const TOKEN_KEY_BYTES = 32

/** RFC 8410 section 7: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const pkcs8Prefix = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20)
const algorithm = { name: 'Ed25519' }
const noncePurpose = new TextEncoder().encode('mooring login nonce')

/** A key from 32 secret bytes (RFC 8032 section 5.1.5). @throws for another length */
export async function openTokenKey(secret: Uint8Array): Promise<TokenKey> {
  if (secret.length !== TOKEN_KEY_BYTES)
    throw new Error(`a token key has ${TOKEN_KEY_BYTES} bytes, not ${secret.length}`)
  const pkcs8 = joined(pkcs8Prefix, secret)
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign'])
  const { x } = (await crypto.subtle.exportKey('jwk', privateKey)) as JsonWebKey
  const publicForm = { crv: 'Ed25519', kty: 'OKP', x: x ?? '' }
  const publicKey = await crypto.subtle.importKey('jwk', publicForm, algorithm, false, ['verify'])
  const macSecret = await sha256(joined(noncePurpose, secret))
  const macKey = await crypto.subtle.importKey('raw', macSecret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return {
    id: encodeBase64url(await sha256(bytesOf(JSON.stringify(publicForm)))),
    sign: async (text) => new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, bytesOf(text))),
    verify: (text, signature) => crypto.subtle.verify(algorithm, publicKey, signature, bytesOf(text)),
    authenticate: async (text) => new Uint8Array(await crypto.subtle.sign('HMAC', macKey, bytesOf(text))),
  }
}

/** SHA-256 of bytes. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))
}

/** Types of the two runtimes differ in what stands behind the bytes. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text))
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}
