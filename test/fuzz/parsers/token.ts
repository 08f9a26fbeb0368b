import { encodeBase64url } from '../../../gateway/auth/base64url.ts'
import { openTokenKey, type TokenKeys } from '../../../gateway/auth/keys.ts'
import { LoginRefused } from '../../../gateway/auth/refused.ts'
import { mintToken, readToken } from '../../../gateway/auth/token.ts'
import { bytesOf, type FuzzedParser, textOf } from './parser.ts'

const keys: TokenKeys = [await openTokenKey(new Uint8Array(32).fill(7)), await openTokenKey(new Uint8Array(32).fill(9))]
const context = { service: 'gateway.test', now: 1_800_000_000 }

/** A token over any claims, with a signature that holds. */
async function signed(payload: unknown): Promise<Uint8Array> {
  const header = { alg: 'EdDSA', typ: 'JWT', kid: keys[0].id }
  const text = [header, payload].map((part) => encodeBase64url(bytesOf(JSON.stringify(part)))).join('.')
  return bytesOf(`${text}.${encodeBase64url(await keys[0].sign(text))}`)
}

const grants = [
  { repository: 'acme.eth/web', actions: ['pull', 'push'] as const },
  { repository: 'other.eth', actions: ['pull'] as const },
]
const minted = await mintToken(keys, { subject: `0x${'ab'.repeat(20)}`, grants }, { ...context, id: 'one' })
const plain = await mintToken(keys, { subject: 'anonymous', grants: [] }, { ...context, id: 'two' })

/** An access token (RFC 7519) that a client shows. */
export const token: FuzzedParser = {
  name: 'token',
  structure: 'jwt',
  seeds: [minted, plain].map(bytesOf),
  parse: (input) => readToken(keys, textOf(input), context),
  isDocumented: (error) => error instanceof LoginRefused,
  async repair(input) {
    // Only this gateway signs, and only what it minted: claims of another form under its key are none of an attacker's.
    const [header = '', payload = ''] = textOf(input).split('.')
    const text = `${header}.${payload}`
    const isMinted = [minted, plain].some((each) => each.split('.')[1] === payload)
    if (!isMinted) return input
    return bytesOf(`${text}.${encodeBase64url(await keys[0].sign(text))}`)
  },
  shapes: {
    'a long header': (n) => bytesOf(`${encodeBase64url(bytesOf(JSON.stringify({ alg: 'x'.repeat(n * 8) })))}.e30.AA`),
    parts: (n) => bytesOf('e30.'.repeat(n * 4)),
    subject: (n) =>
      signed({ access: [], aud: context.service, exp: 1, iat: 0, iss: 'x'.repeat(n * 8), jti: '', nbf: 0, sub: '' }),
    'behind its limit': (n) => bytesOf('a'.repeat(n * 600)),
  },
}
