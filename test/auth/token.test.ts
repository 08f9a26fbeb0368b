import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../gateway/auth/base64url.ts'
import { parseBasic, parseBearer } from '../../gateway/auth/credentials.ts'
import { openTokenKey, type TokenKey } from '../../gateway/auth/keys.ts'
import { encodeScopes, type Grant, parseScopes } from '../../gateway/auth/scope.ts'
import { MAX_TOKEN_CHARS, mintToken, readToken, TOKEN_LIFETIME_SECONDS } from '../../gateway/auth/token.ts'
import { keySecrets } from './world.ts'

const now = 1_800_000_000
const at = { service: 'reg.test', now }
const key = await openTokenKey(keySecrets.first)
const stranger = await openTokenKey(keySecrets.second)
const grants: readonly Grant[] = [{ repository: 'acme.eth/web', actions: ['pull', 'push'] }]
const good = await mintToken([key], { subject: 'ann', grants }, { ...at, id: '1' })
const [goodHeader = '', goodPayload = '', goodSignature = ''] = good.split('.')

const bytesOf = (text: string) => new TextEncoder().encode(text)
const part = (text: string) => encodeBase64url(bytesOf(text))
const textOf = (encoded: string) => new TextDecoder().decode(decodeBase64url(encoded))
const header: Record<string, unknown> = JSON.parse(textOf(goodHeader))
const claims: Record<string, unknown> = JSON.parse(textOf(goodPayload))

/** A token of any header and payload, signed well. */
async function made(headerText: string, payloadText: string, signer: TokenKey = key): Promise<string> {
  const signed = `${part(headerText)}.${part(payloadText)}`
  return `${signed}.${encodeBase64url(await signer.sign(signed))}`
}

const withHeader = (changes: object, signer?: TokenKey) =>
  made(JSON.stringify({ ...header, ...changes }), JSON.stringify(claims), signer)
const withClaims = (changes: object) => made(JSON.stringify(header), JSON.stringify({ ...claims, ...changes }))
const without = (value: object, member: string) =>
  JSON.stringify(Object.fromEntries(Object.entries(value).filter(([name]) => name !== member)))

async function signedWithHmac(): Promise<string> {
  const signed = `${part(JSON.stringify({ ...header, alg: 'HS256' }))}.${goodPayload}`
  return `${signed}.${createHmac('sha256', key.id).update(signed).digest('base64url')}`
}

test('a token that this gateway made says who it is for and what it allows', async () => {
  expect(await readToken([key], good, at)).toEqual({ subject: 'ann', grants })
  expect(await readToken([stranger, key], good, at)).toEqual({ subject: 'ann', grants })
  expect(await readToken([key], await withClaims({}), at)).toEqual({ subject: 'ann', grants })
})

const refused: readonly [what: string, token: string | Promise<string>, words: string][] = [
  ['alg none without a signature', `${part('{"alg":"none","typ":"JWT"}')}.${goodPayload}.`, 'three parts'],
  ['alg none with one', withHeader({ alg: 'none' }), 'algorithm'],
  ['HS256 under what everybody knows of the key', signedWithHmac(), 'algorithm'],
  ['another case of alg', withHeader({ alg: 'eddsa' }), 'algorithm'],
  ['another algorithm', withHeader({ alg: 'ES256' }), 'algorithm'],
  ['a key in the header (jwk)', withHeader({ jwk: { kty: 'OKP' } }), 'beside'],
  ['a key elsewhere (jku)', withHeader({ jku: 'https://evil.test/keys' }), 'beside'],
  ['a certificate (x5u)', withHeader({ x5u: 'https://evil.test/cert' }), 'beside'],
  ['a certificate (x5c)', withHeader({ x5c: ['AA=='] }), 'beside'],
  ['critical extensions', withHeader({ crit: ['b64'], b64: false }), 'beside'],
  ['another type', withHeader({ typ: 'at+jwt' }), 'type is not JWT'],
  ['no type', made(without(header, 'typ'), JSON.stringify(claims)), 'type is not JWT'],
  ['another kid', withHeader({ kid: stranger.id }), 'not in use here'],
  ['no kid', made(without(header, 'kid'), JSON.stringify(claims)), 'not in use here'],
  ['another key under our kid', withHeader({}, stranger), 'signature is not this'],
  ['a member of the header twice', made(`{"alg":"none",${JSON.stringify(header).slice(1)}`, '{}'), 'twice'],
  ['a claim twice', made(JSON.stringify(header), `{"sub":"eve",${JSON.stringify(claims).slice(1)}`), 'twice'],
  ['a header that is no object', made('[]', JSON.stringify(claims)), 'no JSON object'],
  ['more claims', withClaims({ admin: true }), 'claims are others'],
  ['fewer claims', made(JSON.stringify(header), without(claims, 'jti')), 'claims are others'],
  ['another issuer', withClaims({ iss: 'evil.test' }), 'another service'],
  ['another audience', withClaims({ aud: 'evil.test' }), 'another service'],
  ['a list of audiences', withClaims({ aud: ['reg.test'] }), 'another service'],
  ['an end in the past', withClaims({ exp: now }), 'expired'],
  ['a beginning in the future', withClaims({ nbf: now + 1 }), 'not valid yet'],
  ['a long life', withClaims({ exp: now + TOKEN_LIFETIME_SECONDS + 1 }), 'not valid yet'],
  ['padding', `${good}=`, '64 bytes'],
  [
    'stray bits at the end',
    `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : `${good.slice(-1) === 'Q' ? 'R' : 'h'}`}`,
    'bytes',
  ],
  ['other characters in the payload', `${goodHeader}.${goodPayload}\n.${goodSignature}`, 'signature is not this'],
  ['a header that is no base64url', `${goodHeader}+.${goodPayload}.${goodSignature}`, 'not base64url'],
  [
    'a changed payload',
    `${goodHeader}.${part(JSON.stringify({ ...claims, sub: 'eve' }))}.${goodSignature}`,
    'signature',
  ],
  ['a short signature', good.slice(0, -4), '64 bytes'],
  ['four parts', `${good}.x`, 'three parts'],
  ['one part', 'x', 'three parts'],
  ['nothing', '', 'three parts'],
  ['more than 8 KiB', `${good}${'A'.repeat(MAX_TOKEN_CHARS)}`, 'longer than'],
]

test.each(refused)('a token with %s is refused', async (_what, token, words) => {
  await expect(readToken([key], await token, at)).rejects.toThrow(words)
  await expect(readToken([key], await token, at)).rejects.toMatchObject({ name: 'LoginRefused' })
})

test('the longest token that is made is one that is read', async () => {
  const most = Array.from({ length: 16 }, (_, number) => `repository:${'a'.repeat(250)}${number}.eth:*`)
  const token = await mintToken(
    [key],
    { subject: `0x${'a'.repeat(40)}`, grants: parseScopes(most) },
    { ...at, id: '1' },
  )
  expect((await readToken([key], token, at)).grants).toEqual(parseScopes(most))
})

test('base64url: what is written is read, and nothing else', () => {
  for (const text of ['', 'f', 'fo', 'foo', 'foob', '\xff\xfe\xfd']) {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0))
    expect(encodeBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
    expect(decodeBase64url(encodeBase64url(bytes))).toEqual(bytes)
  }
  for (const text of ['Zg==', 'Zh', 'Z', 'Zm9+', 'Zm 9', 'Zm9v\n']) expect(decodeBase64url(text)).toBeUndefined()
})

test('scopes are taken apart from the right, because a name may hold a port', () => {
  expect(parseScopes(['repository:localhost:5050/acme.eth/web:pull,push'])).toEqual([
    { repository: 'localhost:5050/acme.eth/web', actions: ['pull', 'push'] },
  ])
  expect(parseScopes(['repository:a.eth:pull repository:b.eth:*', 'repository:a.eth:push'])).toEqual([
    { repository: 'a.eth', actions: ['pull', 'push'] },
    { repository: 'b.eth', actions: ['pull', 'push', 'delete'] },
  ])
  expect(parseScopes(['repository:a.eth:fly,pull'])).toEqual([{ repository: 'a.eth', actions: ['pull'] }])
  const ignored = [
    'registry:catalog:*',
    'repository(plugin):a.eth:pull',
    'repository:a.eth',
    'repository::pull',
    '',
    'x',
  ]
  expect(parseScopes([...ignored, 'repository:A"b:pull', `repository:${'a'.repeat(256)}:pull`])).toEqual([])
  expect(encodeScopes(parseScopes(['repository:a.eth:push,pull  repository:b.eth:']))).toBe(
    'repository:a.eth:pull,push',
  )
})

test('RFC 7617, RFC 6750: the user and password, or the token, of a header', () => {
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  expect(parseBasic(basic('ann:a:b'))).toEqual({ user: 'ann', password: 'a:b' })
  expect(parseBasic(basic('ann:').replace('Basic', 'basic'))).toEqual({ user: 'ann', password: '' })
  expect(parseBasic(basic('änn:ü'))).toEqual({ user: 'änn', password: 'ü' })
  for (const text of ['ann', ':b', 'ann:\n', 'a\0:b']) expect(parseBasic(basic(text))).toBeUndefined()
  for (const text of ['Basic /w==', 'Basic', 'Basic a b', 'Basic ****', 'Bearer x'])
    expect(parseBasic(text)).toBeUndefined()
  expect(parseBearer('bearer a.b.c')).toBe('a.b.c')
  for (const text of ['Bearer', 'Bearer a b', 'Basic x']) expect(parseBearer(text)).toBeUndefined()
})
