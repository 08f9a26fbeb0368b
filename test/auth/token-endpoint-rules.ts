import { expect } from 'vitest'
import { decodeBase64url } from '../../gateway/auth/base64url.ts'
import type { Rule } from './suite.ts'
import {
  asAnn,
  basic,
  bearer,
  logIn,
  messageFor,
  openWorld,
  owner,
  password,
  postForm,
  refusalOf,
  service,
  signed,
  tokensOf,
} from './world.ts'

const form = { grant_type: 'password', username: 'ann', password, service }

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(decodeBase64url(token.split('.')[1] ?? '')))
}

/** GET and POST /token, /token/revoke. */
export function tokenEndpointRules(rule: Rule): void {
  rule(
    'GET /token with Basic: both names of the token, its end, and the claims of the specification',
    async ({ world }) => {
      const path = `/token?service=${service}&account=ann&scope=repository:acme.eth/web:push,pull`
      const said = await world.ask('GET', path, { headers: asAnn })
      const { token, access_token, expires_in, scope } = tokensOf(said)
      expect([access_token, expires_in, scope]).toEqual([token, 300, 'repository:acme.eth/web:pull,push'])
      expect([said.headers.get('cache-control'), said.headers.get('pragma')]).toEqual(['no-store', 'no-cache'])
      const now = Number(world.deps.clock())
      expect(JSON.parse(said.text).issued_at).toBe(new Date(now * 1000).toISOString())
      expect(claimsOf(token)).toEqual({
        ...{ iss: service, aud: service, sub: 'ann', jti: expect.stringMatching(/^[0-9a-f]{32}$/) },
        ...{ iat: now, nbf: now - 30, exp: now + 300 },
        access: [{ type: 'repository', name: 'acme.eth/web', actions: ['pull', 'push'] }],
      })
    },
  )

  rule('POST /token by form gives the same; without offline access no refresh token', async ({ world }) => {
    const scope = 'repository:acme.eth/web:pull repository:other.eth:pull,push,delete'
    const given = tokensOf(await postForm(world, { ...form, scope }))
    expect(given.scope).toBe(scope)
    expect(given.refresh_token).toBeUndefined()
    const kept = tokensOf(await postForm(world, { ...form, access_type: 'offline', client_id: 'test' }))
    expect(kept.refresh_token).toMatch(/^mrt_[\w-]{43}$/)
  })

  rule('without credentials the token pulls and does nothing else: less than asked is no error', async ({ world }) => {
    const all = `scope=repository:acme.eth/web:pull,push,delete&scope=repository:web:*&scope=registry:catalog:*`
    const { token, scope } = tokensOf(await world.ask('GET', `/token?service=${service}&${all}`))
    expect(scope).toBe('repository:acme.eth/web:pull repository:web:pull')
    expect(claimsOf(token).sub).toBe('anonymous')
    const user = tokensOf(await world.ask('GET', `/token?${all}`, { headers: asAnn }))
    expect(user.scope).toBe('repository:acme.eth/web:pull,push,delete repository:web:pull')
  })

  rule('an account may push where it owns or publishes, and nowhere else', async ({ world }) => {
    const names = ['acme.eth/web', 'stranger.eth', 'safe.eth', 'nobody.eth', 'not a name']
    const scope = names.map((name) => `repository:${name}:pull,push`).join(' ')
    const given = tokensOf(await logIn(world, await signed(await messageFor(world)), { scope }))
    expect(given.scope.split(' ')).toEqual([
      'repository:acme.eth/web:pull,push',
      'repository:stranger.eth:pull',
      'repository:safe.eth:pull,push',
      'repository:nobody.eth:pull',
    ])
  })

  rule(
    'a wrong password, an unknown user, and a header that is no Basic: 401 and the same words',
    async ({ world }) => {
      tokensOf(await world.ask('GET', '/token', { headers: asAnn }))
      const wrong = [basic('ann', 'wrong'), basic('bob', password), basic('ann', '')]
      for (const [client, headers] of wrong.entries()) {
        const said = await world.ask('GET', '/token', { headers, client: `192.0.2.${client}` })
        expect(refusalOf(said, 401, 'UNAUTHORIZED')).toBe('wrong user or password')
        expect(said.headers.get('www-authenticate')).toBe('Basic realm="mooring"')
      }
      refusalOf(await world.ask('GET', '/token', { headers: bearer('x') }), 401, 'UNAUTHORIZED')
      refusalOf(await postForm(world, { ...form, password: 'wrong' }), 401, 'UNAUTHORIZED')
    },
  )

  rule('malformed: 400 naming the member and never what a secret one held', async ({ world }) => {
    const bad: [Record<string, string>, string][] = [
      [{ ...form, grant_type: 'authorization_code' }, 'grant_type: saw "authorization_code"'],
      [{ ...form, grant_type: '' }, 'grant_type: saw "nothing"'],
      [{ ...form, username: '' }, 'username'],
      [{ ...form, password: '' }, 'password'],
      [{ ...form, service: 'evil.test' }, `service: saw "evil.test", wanted ${service}`],
      [{ grant_type: 'refresh_token', service }, 'refresh_token'],
    ]
    for (const [given, words] of bad) {
      expect(refusalOf(await postForm(world, given), 400, 'UNSUPPORTED')).toContain(words)
    }
    const json = await world.ask('POST', '/token', { body: '{}', headers: { 'content-type': 'application/json' } })
    expect(refusalOf(json, 400, 'UNSUPPORTED')).toContain('Content-Type')
    const twice = new URLSearchParams([...Object.entries(form), ['password', 'again-4711']])
    const said = await world.ask('POST', '/token', { body: twice })
    expect(refusalOf(said, 400, 'UNSUPPORTED')).not.toContain('4711')
    refusalOf(await world.ask('GET', '/token?service=evil.test'), 400, 'UNSUPPORTED')
    const many = Array.from({ length: 17 }, (_, at) => `scope=repository:a${at}.eth:pull`)
    expect(tokensOf(await world.ask('GET', `/token?${many.slice(1).join('&')}`)).scope.split(' ')).toHaveLength(16)
    refusalOf(await world.ask('GET', `/token?${many.join('&')}`), 400, 'UNSUPPORTED')
    refusalOf(await postForm(world, { ...form, password: 'x'.repeat(70_000) }), 413, 'SIZE_INVALID')
    tokensOf(await postForm(world, form))
  })

  rule('no answer of the token server may be kept, refusals no less than tokens', async ({ world }) => {
    const kept = async (asked: Promise<{ status: number; headers: Headers }>) => {
      const { status, headers } = await asked
      return [status, headers.get('cache-control')]
    }
    expect(await kept(postForm(world, form))).toEqual([200, 'no-store'])
    expect(await kept(world.ask('GET', '/token/nonce'))).toEqual([200, 'no-store'])
    expect(await kept(postForm(world, { ...form, password: 'guess' }))).toEqual([401, 'no-store'])
    expect(await kept(postForm(world, { ...form, grant_type: 'none' }))).toEqual([400, 'no-store'])
    expect(await kept(world.ask('POST', '/token', { headers: { origin: 'https://evil.test' } }))).toEqual([
      403,
      'no-store',
    ])
    expect(await kept(postForm(world, {}, '/token/revoke'))).toEqual([400, 'no-store'])
    expect((await world.ask('GET', '/v2/acme.eth/tags/list')).headers.get('cache-control')).not.toBe('no-store')
  })

  rule('guessing: 429 after ten attempts of one client as one user; others are served', async ({ world }) => {
    const guess = (client: string, user = 'ann') =>
      postForm(world, { ...form, username: user, password: 'guess' }, '/token', client)
    for (let times = 0; times < 10; times++) refusalOf(await guess('198.51.100.1'), 401, 'UNAUTHORIZED')
    const said = await guess('198.51.100.1')
    refusalOf(said, 429, 'TOOMANYREQUESTS')
    expect(said.headers.get('retry-after')).toBe('6')
    const direct = await world.ask('GET', '/v2/', { headers: basic('Ann', 'guess'), client: '198.51.100.1' })
    refusalOf(direct, 429, 'TOOMANYREQUESTS')
    refusalOf(await guess('198.51.100.1', 'bob'), 401, 'UNAUTHORIZED')
    tokensOf(await postForm(world, form, '/token', '198.51.100.2'))
    for (let user = 0; user < 48; user++) await guess('198.51.100.1', `user${user}`)
    refusalOf(await guess('198.51.100.1', 'another'), 429, 'TOOMANYREQUESTS')
    world.deps.clock.advance(60)
    tokensOf(await postForm(world, form, '/token', '198.51.100.1'))
  })

  rule('a user’s refresh token ends with the password, when it is revoked, and after 12 hours', async ({ world }) => {
    const offline = async () => tokensOf(await postForm(world, { ...form, access_type: 'offline' })).refresh_token ?? ''
    const refresh = (token: string) => postForm(world, { grant_type: 'refresh_token', refresh_token: token, service })
    const [revoked, changed] = [await offline(), await offline()]
    tokensOf(await refresh(revoked))
    expect((await postForm(world, { token: revoked, token_type_hint: 'refresh_token' }, '/token/revoke')).status).toBe(
      200,
    )
    refusalOf(await refresh(revoked), 401, 'UNAUTHORIZED')
    expect((await postForm(world, { token: revoked }, '/token/revoke')).status).toBe(200)
    expect((await postForm(world, { token: 'nonsense' }, '/token/revoke')).status).toBe(200)
    refusalOf(await postForm(world, {}, '/token/revoke'), 400, 'UNSUPPORTED')
    tokensOf(await refresh(changed))
    world.users.set('ann', 'another')
    refusalOf(await refresh(changed), 401, 'UNAUTHORIZED')
    world.users.set('ann', password)
    refusalOf(await refresh(changed), 401, 'UNAUTHORIZED')
    const old = await offline()
    world.deps.clock.advance(12 * 3600 - 1)
    tokensOf(await refresh(old))
    world.deps.clock.advance(1)
    refusalOf(await refresh(old), 401, 'UNAUTHORIZED')
  })

  rule(
    'GET with offline_token gives a user no refresh token, which clients would keep in place of the password',
    async ({ world }) => {
      const path = `/token?service=${service}&offline_token=true&client_id=docker`
      expect(tokensOf(await world.ask('GET', path, { headers: asAnn })).refresh_token).toBeUndefined()
      const headers = basic(owner, await signed(await messageFor(world)))
      expect(tokensOf(await world.ask('GET', path, { headers })).refresh_token).toMatch(/^mrt_/)
    },
  )

  rule('no page of another origin reads or asks for tokens', async ({ stores }) => {
    const world = await openWorld(stores, { features: { crossOriginReads: true } })
    expect((await world.ask('GET', '/v2/acme.eth/tags/list')).headers.get('access-control-allow-origin')).toBe('*')
    for (const path of ['/token', '/token/nonce']) {
      const said = await world.ask('GET', path, { headers: { origin: 'https://evil.test' } })
      expect([said.status, said.headers.get('access-control-allow-origin')]).toEqual([200, null])
    }
    const preflight = await world.ask('OPTIONS', '/token', { headers: { origin: 'https://evil.test' } })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([405, null])
    for (const path of ['/token', '/token/revoke']) {
      const headers = { origin: 'https://evil.test', 'content-type': 'application/x-www-form-urlencoded' }
      const body = new URLSearchParams({ ...form, token: 'x' }).toString()
      refusalOf(await world.ask('POST', path, { headers, body }), 403, 'DENIED')
    }
    tokensOf(await postForm(world, form))
  })

  rule('without logins there are no such endpoints', async ({ world }) => {
    expect((await world.ask('GET', '/token/nonce')).status).toBe(200)
    delete world.deps.logins
    for (const [method, path] of [
      ['GET', '/token'],
      ['POST', '/token'],
      ['GET', '/token/nonce'],
      ['POST', '/token/revoke'],
    ]) {
      expect(refusalOf(await world.ask(method ?? '', path ?? ''), 404, 'UNSUPPORTED')).toContain('--auth token')
    }
  })
}
