import type { Hex } from 'viem'
import { expect } from 'vitest'
import { checkLoginMessage, limitsOf, MAX_LOGIN_SECONDS, parseLoginMessage } from '../../gateway/auth/siwe.ts'
import { testDomain, testTime } from '../fixtures.ts'
import { testKeys } from '../keys.ts'
import type { Rule } from './suite.ts'
import {
  asPassword,
  basic,
  bearer,
  type LoginWorld,
  logIn,
  messageFor,
  openWorld,
  owner,
  postForm,
  publicUrl,
  realm,
  refusalOf,
  safe,
  service,
  signed,
  tokensOf,
} from './world.ts'

const valid = `0x1626ba7e${'00'.repeat(28)}` as const
const offline = { access_type: 'offline', client_id: 'test' }
const refresh = (world: LoginWorld, token: string | undefined, scope = '') =>
  postForm(world, { grant_type: 'refresh_token', refresh_token: token ?? '', service, scope })

/** Logging in with an Ethereum account (ERC-4361). */
export function accountRules(rule: Rule): void {
  rule('GET /token/nonce: what a login message has to say', async ({ world }) => {
    const said = await world.ask('GET', '/token/nonce')
    expect([said.status, said.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(JSON.parse(said.text)).toEqual({
      ...{ nonce: expect.stringMatching(/^[a-zA-Z0-9]{8,}$/), expiresAt: Number(testTime) + 300 },
      ...{ domain: service, uri: realm, chainId: testDomain.chainId },
    })
  })

  rule('ERC-4361: a message signed by the account logs it in, once', async ({ world }) => {
    const secret = await signed(await messageFor(world))
    const { refresh_token, scope } = tokensOf(
      await logIn(world, secret, { ...offline, scope: 'repository:acme.eth:push' }),
    )
    expect(scope).toBe('repository:acme.eth:push')
    const again = await logIn(world, secret)
    expect(refusalOf(again, 401, 'UNAUTHORIZED')).toBe('the nonce was used before')
    const byHeader = await world.ask('GET', '/token', { headers: basic(owner, secret) })
    expect(refusalOf(byHeader, 401, 'UNAUTHORIZED')).toBe('the nonce was used before')
    tokensOf(await refresh(world, refresh_token))
    tokensOf(await world.ask('GET', '/token', { headers: basic(owner, refresh_token ?? '') }))
  })

  rule('a message that two send at the same time logs one of them in', async ({ world }) => {
    const secret = await signed(await messageFor(world))
    const said = await Promise.all(Array.from({ length: 5 }, () => logIn(world, secret)))
    expect(said.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401])
  })

  rule(
    'a message for another place, chain, time or account is refused, and its nonce stays good',
    async ({ world }) => {
      const { nonce } = await world.logins.nonce()
      const now = Number(world.deps.clock())
      const bad: [Parameters<typeof messageFor>[1], string][] = [
        [{ domain: 'evil.test' }, `has domain evil.test, wanted ${service}`],
        [{ uri: 'https://evil.test/token' }, 'has URI https://evil.test/token'],
        [{ uri: publicUrl }, 'has URI'],
        [{ scheme: 'http' }, 'has scheme http, wanted https'],
        [{ chainId: 1 }, 'has Chain ID 1, wanted 31337'],
        [{ expiresAt: now }, 'has expired'],
        [{ expiresAt: now + MAX_LOGIN_SECONDS + 1 }, 'longer than 12 hours'],
        [{ issuedAt: now + 301 }, 'in the future'],
        [{ notBefore: now + 1 }, 'not valid yet'],
        [{ address: safe }, `has address ${safe}`],
      ]
      const form = { grant_type: 'password', username: owner, service }
      for (const [at, [changes, words]] of bad.entries()) {
        const secret = await signed(await messageFor(world, { nonce, ...changes }))
        const said = await postForm(world, { ...form, password: secret }, '/token', `192.0.2.${at}`)
        expect(refusalOf(said, 401, 'UNAUTHORIZED')).toContain(words)
      }
      const edge = { nonce, scheme: 'https', issuedAt: now, expiresAt: now + MAX_LOGIN_SECONDS, notBefore: now }
      tokensOf(await logIn(world, await signed(await messageFor(world, edge))))
    },
  )

  rule('a nonce that is old, another service’s or made up is refused', async ({ world }) => {
    const old = await messageFor(world)
    world.deps.clock.advance(300)
    expect(refusalOf(await logIn(world, await signed(old)), 401, 'UNAUTHORIZED')).toContain('nonce has expired')
    const { nonce } = await world.logins.nonce()
    const last = nonce.endsWith('0') ? '1' : '0'
    const longer = `ffffffffff${nonce.slice(10)}`
    for (const forged of [nonce.slice(0, -1) + last, longer, nonce.toUpperCase(), 'abcdefgh12345678']) {
      const said = await logIn(world, await signed(await messageFor(world, { nonce: forged })))
      expect(refusalOf(said, 401, 'UNAUTHORIZED')).toContain('nonce')
    }
    tokensOf(await logIn(world, await signed(await messageFor(world, { nonce }))))
  })

  rule('a signature of another key, of another form, or by another user is refused', async ({ world }) => {
    const message = await messageFor(world)
    const good: Hex = JSON.parse(atob((await signed(message)).replaceAll('-', '+').replaceAll('_', '/'))).signature
    const rs = good.slice(2, 130)
    const compact = asPassword(message, `0x${rs}`)
    const flipped = asPassword(message, `0x${rs}${good.endsWith('1b') ? '00' : '01'}`)
    for (const secret of [await signed(message, testKeys.other), compact, flipped, asPassword(message, '0x')]) {
      expect(refusalOf(await logIn(world, secret), 401, 'UNAUTHORIZED')).toContain('signature')
    }
    const asSafe = await logIn(world, await signed(message), {}, safe)
    expect(refusalOf(asSafe, 401, 'UNAUTHORIZED')).toContain('address')
    tokensOf(await logIn(world, asPassword(message, good)))
  })

  rule('a password that is neither a refresh token nor a signed message is refused', async ({ world }) => {
    const message = await messageFor(world)
    const encode = (text: string) => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    const bad = [
      'hunter2',
      encode('{}'),
      encode(`{"message":"x","message":"y","signature":"0x"}`),
      encode(JSON.stringify({ message, signature: '0x', more: 1 })),
      encode(JSON.stringify({ message, signature: 'zz' })),
      `${await signed(message)}=`,
      asPassword('x'.repeat(4097), '0x'),
    ]
    for (const secret of bad) refusalOf(await logIn(world, secret), 401, 'UNAUTHORIZED')
    refusalOf(await logIn(world, `mrt_${'A'.repeat(43)}`), 401, 'UNAUTHORIZED')
    tokensOf(await logIn(world, await signed(message)))
  })

  rule('ERC-1271: a contract account is asked at the login and again at each token', async ({ world }) => {
    const message = await messageFor(world, { address: safe })
    const secret = asPassword(message, '0x1234')
    expect(refusalOf(await logIn(world, secret, {}, safe), 401, 'UNAUTHORIZED')).toContain('signature')
    world.approval.word = valid
    const scope = 'repository:safe.eth:pull,push'
    const { refresh_token, scope: given } = tokensOf(await logIn(world, secret, { ...offline, scope }, safe))
    expect(given).toBe(scope)
    expect(tokensOf(await refresh(world, refresh_token, scope)).scope).toBe(scope)
    world.approval.word = `0xffffffff${'00'.repeat(28)}`
    expect(refusalOf(await refresh(world, refresh_token), 401, 'UNAUTHORIZED')).toContain('no longer holds')
    world.approval.word = valid
    refusalOf(await refresh(world, refresh_token), 401, 'UNAUTHORIZED')
  })

  rule('a login ends with its message, whatever it was kept as', async ({ world }) => {
    const expiresAt = Number(world.deps.clock()) + 900
    const { refresh_token } = tokensOf(
      await logIn(world, await signed(await messageFor(world, { expiresAt })), offline),
    )
    const reads = async (token: string) => (await world.ask('GET', '/v2/', { headers: bearer(token) })).status
    world.deps.clock.advance(899)
    const last = tokensOf(await refresh(world, refresh_token))
    expect([last.expires_in, await reads(last.token)]).toEqual([1, 200])
    world.deps.clock.advance(1)
    expect(await reads(last.token)).toBe(401)
    expect(refusalOf(await refresh(world, refresh_token), 401, 'UNAUTHORIZED')).toContain('log in again')
    const headers = basic(owner, refresh_token ?? '')
    refusalOf(await world.ask('POST', '/v2/acme.eth/blobs/uploads/', { headers }), 401, 'UNAUTHORIZED')
  })

  rule('a refresh token is its own account’s', async ({ world }) => {
    const { refresh_token } = tokensOf(await logIn(world, await signed(await messageFor(world)), offline))
    const said = await world.ask('GET', '/token', { headers: basic(safe, refresh_token ?? '') })
    expect(refusalOf(said, 401, 'UNAUTHORIZED')).toContain('another account')
    tokensOf(await world.ask('GET', '/token', { headers: basic(owner, refresh_token ?? '') }))
  })

  rule('resources limit a login to what they list, in tokens and in Basic', async ({ world }) => {
    const resources = ['mooring:acme.eth/web#pull,push', 'https://example.com/terms']
    const secret = await signed(await messageFor(world, { resources }))
    const scope = 'repository:acme.eth/web:pull,push,delete repository:acme.eth:pull,push'
    const { refresh_token = '', scope: given } = tokensOf(await logIn(world, secret, { ...offline, scope }))
    expect(given).toBe('repository:acme.eth/web:pull,push')
    expect(tokensOf(await refresh(world, refresh_token, scope)).scope).toBe(given)
    const push = (repository: string) =>
      world.ask('POST', `/v2/${repository}/blobs/uploads/`, { headers: basic(owner, refresh_token) })
    expect((await push('acme.eth/web')).status).toBe(202)
    const said = await push('acme.eth')
    refusalOf(said, 401, 'UNAUTHORIZED')
    expect(said.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(limitsOf({ resources: ['https://example.com/terms'] })).toEqual([])
    expect(limitsOf({ resources: [] })).toBeNull()
  })

  rule('a message that is not written as createSiweMessage writes it is refused', async ({ world }) => {
    const message = await messageFor(world)
    const context = { address: owner, service, realm, chainId: testDomain.chainId, now: Number(testTime) }
    checkLoginMessage(parseLoginMessage(message), context)
    const bad = [
      `${message}\n`,
      `\n${message}`,
      message.replace('Version: 1', 'Version: 2'),
      message.replace(/0x[0-9a-fA-F]{40}/, owner),
      message.replace('.000Z', 'Z'),
      message.replace('Chain ID: ', 'Chain ID: 0'),
      message.replace(/\nExpiration Time: .*/, ''),
      message.replaceAll('\n', '\r\n'),
      message.replace('\nURI', '\nURI: https://evil.test\nURI'),
      `${message}\nResources:\n- not a uri`,
      `${message}\nRequest ID: `,
      '',
    ]
    for (const text of bad) expect(() => parseLoginMessage(text), text).toThrow('the login message')
  })

  rule('what has ended is forgotten, what has not stays', async ({ world, stores }) => {
    const { refresh_token } = tokensOf(await logIn(world, await signed(await messageFor(world)), offline))
    expect(await world.logins.removeExpired()).toBe(0)
    world.deps.clock.advance(4 * 3600)
    expect(await (await openWorld(stores)).logins.removeExpired()).toBe(0)
    expect(await world.logins.removeExpired()).toBe(2)
    refusalOf(await refresh(world, refresh_token), 401, 'UNAUTHORIZED')
  })
}
