import { expect } from 'vitest'
import { openTokenKey } from '../../gateway/auth/keys.ts'
import { mintToken, TOKEN_LIFETIME_SECONDS } from '../../gateway/auth/token.ts'
import { digestOf } from '../../gateway/oci/digest.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { blobOf, bytesOf, describeManifest, imageType } from '../registry/client.ts'
import type { Rule } from './suite.ts'
import {
  asAnn,
  basic,
  bearer,
  keySecrets,
  type LoginWorld,
  logIn,
  messageFor,
  openWorld,
  owner,
  password,
  realm,
  refusalOf,
  service,
  signed,
  tokenFor,
  tokensOf,
} from './world.ts'

const blobs = '/v2/acme.eth/web/blobs/uploads/'
const challengeOf = ({ headers }: { headers: Headers }) => headers.get('www-authenticate')
const challenge = (more = '') => `Bearer realm="${realm}",service="${service}"${more}`

async function expectChallenge(world: LoginWorld, method: string, path: string, more: string, headers = {}) {
  const said = await world.ask(method, path, { headers })
  refusalOf(said, 401, 'UNAUTHORIZED')
  expect(challengeOf(said)).toBe(challenge(more))
}

/** Pushes a config and a manifest with a token. */
async function pushTag(world: LoginWorld, repository: string, tag: string, token: string) {
  const config = bytesOf('{}')
  const digest = await digestOf('sha256', config)
  const headers = bearer(token)
  const stored = await world.ask('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { headers, body: config })
  expect([stored.status, stored.text]).toEqual([201, ''])
  const described = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 2 }
  const manifest = await describeManifest({ schemaVersion: 2, mediaType: imageType, config: described, layers: [] })
  const sent = { headers: { ...headers, 'content-type': imageType }, body: manifest.text }
  return world.ask('PUT', `/v2/${repository}/manifests/${tag}`, sent)
}

/** Who comes in, and what is said to those who do not. */
export function accessRules(rule: Rule): void {
  rule(
    'GET /v2/: 401 with one quoted challenge of the public URL, 200 with a token or a password',
    async ({ world }) => {
      await expectChallenge(world, 'GET', '/v2/', '')
      for (const headers of [bearer(await tokenFor(world, '')), asAnn, bearer(await tokenFor(world, '', {}))]) {
        expect((await world.ask('GET', '/v2/', { headers })).status).toBe(200)
      }
    },
  )

  rule('reads need no login; a token that is there must be good and allow them', async ({ world }) => {
    const pushed = await pushTag(world, 'acme.eth', '1.0', await tokenFor(world, 'repository:acme.eth:pull,push'))
    expect([pushed.status, pushed.text]).toEqual([201, ''])
    const [path, scope] = ['/v2/acme.eth/manifests/1.0', ',scope="repository:acme.eth:pull"']
    // Twice without, so that the second one is an answer that is kept: no credentials may come to it unseen.
    for (let times = 0; times < 2; times++) expect((await world.ask('GET', path)).status).toBe(200)
    const good = await tokenFor(world, 'repository:acme.eth:pull', {})
    expect((await world.ask('GET', path, { headers: bearer(good) })).status).toBe(200)
    await expectChallenge(world, 'GET', path, `${scope},error="invalid_token"`, bearer(`${good.slice(0, -3)}AAA`))
    await expectChallenge(world, 'GET', path, scope, basic('ann', 'wrong'))
    const behindNamespace = await tokenFor(world, 'repository:web:pull', {})
    const mirrored = await world.ask('GET', '/v2/web/manifests/1.0?ns=acme.eth', { headers: bearer(behindNamespace) })
    refusalOf(mirrored, 404, 'MANIFEST_UNKNOWN')
    const foreign = await tokenFor(world, 'repository:other.eth:pull', {})
    await expectChallenge(world, 'GET', path, `${scope},error="insufficient_scope"`, bearer(foreign))
    world.deps.clock.advance(TOKEN_LIFETIME_SECONDS)
    await expectChallenge(world, 'GET', path, `${scope},error="invalid_token"`, bearer(good))
  })

  rule('writes need a token: the challenge says which', async ({ world }) => {
    const push = ',scope="repository:acme.eth/web:pull,push"'
    await expectChallenge(world, 'POST', blobs, push)
    await expectChallenge(world, 'PUT', '/v2/acme.eth/web/manifests/1', push)
    await expectChallenge(world, 'DELETE', '/v2/acme.eth/web/manifests/1', ',scope="repository:acme.eth/web:delete"')
    await expectChallenge(world, 'POST', '/v2/web/blobs/uploads/?ns=acme.eth', push)
    await expectChallenge(world, 'DELETE', `${blobs}1234`, push)
    expect((await world.ask('POST', blobs, { headers: asAnn })).status).toBe(202)
    const token = await tokenFor(world, 'repository:acme.eth/web:pull,push')
    expect((await world.ask('POST', blobs, { headers: bearer(token) })).status).toBe(202)
  })

  rule('a token to pull pushes nothing, and one for another name or without delete neither', async ({ world }) => {
    const insufficient = (scope: string) => `,scope="${scope}",error="insufficient_scope"`
    const push = insufficient('repository:acme.eth/web:pull,push')
    for (const scope of [
      'repository:acme.eth/web:pull',
      'repository:other.eth:pull,push',
      'repository:acme.eth:push',
      '',
    ]) {
      await expectChallenge(world, 'POST', blobs, push, bearer(await tokenFor(world, scope)))
    }
    const token = await tokenFor(world, 'repository:acme.eth/web:pull,push')
    const deletes = insufficient('repository:acme.eth/web:delete')
    await expectChallenge(world, 'DELETE', '/v2/acme.eth/web/manifests/1', deletes, bearer(token))
    expect((await world.ask('POST', blobs, { headers: bearer(token) })).status).toBe(202)
  })

  rule(
    'a token that expires in the middle of a push: 401, and the push goes on with the next one',
    async ({ world }) => {
      const bytes = blobOf(100)
      const first = bearer(await tokenFor(world, 'repository:acme.eth/web:pull,push'))
      const begun = await world.ask('POST', blobs, { headers: first })
      const patched = await world.ask('PATCH', begun.headers.get('location') ?? '', { headers: first, body: bytes })
      expect(patched.status).toBe(202)
      const close = `${patched.headers.get('location')}?digest=${await digestOf('sha256', bytes)}`
      world.deps.clock.advance(TOKEN_LIFETIME_SECONDS)
      const late = await world.ask('PUT', close, { headers: first })
      refusalOf(late, 401, 'UNAUTHORIZED')
      expect(challengeOf(late)).toBe(challenge(',scope="repository:acme.eth/web:pull,push",error="invalid_token"'))
      const next = bearer(await tokenFor(world, 'repository:acme.eth/web:pull,push'))
      expect((await world.ask('PUT', close, { headers: next })).status).toBe(201)
    },
  )

  rule('an upload belongs to who began it: for everybody else who may push there, 404', async ({ world }) => {
    const scope = 'repository:acme.eth:pull,push,delete'
    const ann = bearer(await tokenFor(world, scope))
    const { token } = tokensOf(await logIn(world, await signed(await messageFor(world)), { scope }))
    const begun = await world.ask('POST', '/v2/acme.eth/blobs/uploads/', { headers: ann })
    const location = begun.headers.get('location') ?? ''
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { body: blobOf(5) } : {}
      refusalOf(await world.ask(method, location, { headers: bearer(token), ...body }), 404, 'BLOB_UPLOAD_UNKNOWN')
    }
    const next = bearer(await tokenFor(world, scope))
    expect((await world.ask('PATCH', location, { headers: next, body: blobOf(5) })).status).toBe(202)
    expect((await world.ask('GET', location, { headers: next })).headers.get('range')).toBe('0-4')
  })

  rule(
    'a mount takes from what everybody reads, and never into a repository that the token does not name',
    async ({ world }) => {
      const bytes = blobOf(50)
      const digest = await digestOf('sha256', bytes)
      const both = await tokenFor(world, 'repository:other.eth:pull,push&scope=repository:acme.eth/web:pull,push')
      const stored = await world.ask('POST', `/v2/other.eth/blobs/uploads/?digest=${digest}`, {
        headers: bearer(both),
        body: bytes,
      })
      expect(stored.status).toBe(201)
      const mount = `${blobs}?mount=${digest}&from=other.eth`
      const source = await tokenFor(world, 'repository:other.eth:pull,push')
      refusalOf(await world.ask('POST', mount, { headers: bearer(source) }), 401, 'UNAUTHORIZED')
      expect((await world.ask('POST', mount, { headers: bearer(both) })).status).toBe(201)
      const unknown = `${blobs}?mount=${await digestOf('sha256', blobOf(51))}&from=nobody.eth`
      expect((await world.ask('POST', unknown, { headers: bearer(both) })).status).toBe(202)
    },
  )

  rule('an owner who sells the name pushes nothing more, whatever their token says', async ({ world }) => {
    const secret = await signed(await messageFor(world))
    const { token } = tokensOf(await logIn(world, secret, { scope: 'repository:acme.eth:pull,push' }))
    expect((await pushTag(world, 'acme.eth', '1.0', token)).status).toBe(201)
    world.deps.chain.setName('acme.eth', { owner: `0x${'77'.repeat(20)}`, policy: { publishers: [owner] } })
    world.deps.chain.setName('acme.eth', { owner: `0x${'77'.repeat(20)}` })
    const late = await world.ask('PUT', '/v2/acme.eth/manifests/1.0', {
      headers: { ...bearer(token), 'content-type': imageType },
      body: '{}',
    })
    refusalOf(late, 403, 'DENIED')
  })

  rule('a publisher whose key is revoked pushes nothing more, and the refusal says why', async ({ world }) => {
    const [ownAddress, other] = [owner, addressOf(testKeys.other)]
    const publishers = [ownAddress, other].sort()
    world.deps.chain.setName('acme.eth', { owner: ownAddress, policy: { publishers } })
    const secret = await signed(await messageFor(world, { address: other }), testKeys.other)
    const { token } = tokensOf(await logIn(world, secret, { scope: 'repository:acme.eth:pull,push' }, other))
    expect((await pushTag(world, 'acme.eth', '1.0', token)).status).toBe(201)
    world.deps.chain.setName('acme.eth', { owner: ownAddress, policy: { publishers }, revoked: [other] })
    const late = await world.ask('POST', '/v2/acme.eth/blobs/uploads/', { headers: bearer(token) })
    const said = refusalOf(late, 403, 'DENIED')
    expect(said).toContain(`is for its owner and publishers (${ownAddress}) and`)
    expect(said).toMatch(new RegExp(`not for ${other}, which was revoked$`))
  })

  rule('Basic in every request: users, and accounts by refresh token; never a login message', async ({ world }) => {
    const secret = await signed(await messageFor(world))
    const said = await world.ask('POST', blobs, { headers: basic(owner, secret) })
    expect(refusalOf(said, 401, 'UNAUTHORIZED')).toContain('refresh token')
    const { refresh_token } = tokensOf(await logIn(world, secret, { access_type: 'offline' }))
    const headers = basic(owner.toUpperCase().replace('X', 'x'), refresh_token ?? '')
    expect((await world.ask('POST', blobs, { headers })).status).toBe(202)
    refusalOf(await world.ask('POST', blobs, { headers: { authorization: 'Digest x' } }), 401, 'UNAUTHORIZED')
    refusalOf(await world.ask('POST', blobs, { headers: { authorization: 'Basic ***' } }), 401, 'UNAUTHORIZED')
  })

  rule('lookups and signed lists need no token', async ({ world }) => {
    expect((await world.ask('GET', '/ccip/1/0x00/0x00/0x00.json')).status).not.toBe(401)
    const list = await world.ask('PUT', '/v2/acme.eth/_mooring/list', { body: '{}' })
    expect([list.status, list.headers.get('www-authenticate')]).toEqual([400, null])
    expect((await world.ask('POST', blobs)).status).toBe(401)
  })

  rule(
    'tokens of a former key count while its file is named, new ones are signed by the first',
    async ({ world, stores }) => {
      const old = await tokenFor(world, '')
      const [first, second] = [await openTokenKey(keySecrets.first), await openTokenKey(keySecrets.second)]
      const both = await openWorld(stores, { keys: [second, first] })
      const after = await openWorld(stores, { keys: [second] })
      const fresh = await tokenFor(both, '')
      const statusOf = async (each: LoginWorld, token: string) =>
        (await each.ask('GET', '/v2/', { headers: bearer(token) })).status
      expect([await statusOf(both, old), await statusOf(both, fresh), await statusOf(after, fresh)]).toEqual([
        200, 200, 200,
      ])
      expect([await statusOf(after, old), await statusOf(world, fresh)]).toEqual([401, 401])
    },
  )

  rule('a token of another service under the same key is refused', async ({ world }) => {
    const key = await openTokenKey(keySecrets.first)
    const now = Number(world.deps.clock())
    const made = (audience: string) =>
      mintToken([key], { subject: 'ann', grants: [] }, { service: audience, now, id: '1' })
    expect((await world.ask('GET', '/v2/', { headers: bearer(await made(service)) })).status).toBe(200)
    const said = await world.ask('GET', '/v2/', { headers: bearer(await made('reg.test')) })
    expect(refusalOf(said, 401, 'UNAUTHORIZED')).toBe('the token is for another service')
  })

  rule('nothing that was sent as a secret is in the log', async ({ world }) => {
    const secret = await signed(await messageFor(world))
    const { token, refresh_token = '' } = tokensOf(await logIn(world, secret, { access_type: 'offline' }))
    await logIn(world, secret)
    await world.ask('GET', '/token', { headers: basic('ann', 'guess-4711') })
    await world.ask('GET', '/v2/', { headers: bearer(`${token}x`) })
    await world.ask('GET', '/v2/', { headers: basic(owner, `${refresh_token}x`) })
    const log = JSON.stringify(world.deps.logged)
    expect(log).toContain('login refused')
    for (const each of [secret, token, refresh_token, 'guess-4711', password]) expect(log).not.toContain(each)
  })
}
