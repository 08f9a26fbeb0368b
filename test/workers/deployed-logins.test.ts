import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { Hex } from 'viem'
import { signMessage } from 'viem/accounts'
import { beforeEach, expect, test } from 'vitest'
import { encodeBase64url } from '../../gateway/auth/base64url.ts'
import { encodeLoginMessage } from '../../gateway/auth/siwe.ts'
import type { Env } from '../../worker/env.ts'
import { createWorkerGateway } from '../../worker/gateway.ts'
import worker from '../../worker/index.ts'
import { addressOf, testKeys } from '../keys.ts'
import { emptyBindings } from './stores.ts'

// The whole Worker with MOORING_AUTH=token, over a chain behind an RPC endpoint.

beforeEach(emptyBindings)

const key = `0x${'07'.repeat(32)}`
const logins = {
  MOORING_AUTH: 'token',
  MOORING_PUBLIC_URL: 'https://gateway.test',
  MOORING_TOKEN_KEY: key,
  MOORING_INSECURE_NO_AUTH: 'false',
}
const blobs = '/v2/acme.eth/blobs/uploads/'

/** The object of a repository has the vars that its Worker has. */
function instanceOf(vars: object): Env {
  const own = { ...env, ...vars } as Env
  const object = createWorkerGateway(own)
  return { ...own, REPOSITORIES: { idFromName: () => '', get: () => object } as unknown as Env['REPOSITORIES'] }
}

async function ask(vars: object, method: string, path: string, init: RequestInit = {}) {
  const context = createExecutionContext()
  const request = new Request(`https://forged.test${path}`, { method, ...init })
  const response = await worker.fetch(
    request as Request<unknown, IncomingRequestCfProperties>,
    instanceOf(vars),
    context,
  )
  await waitOnExecutionContext(context)
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function passwordOf(privateKey: Hex): Promise<string> {
  const fields = JSON.parse((await ask(logins, 'GET', '/token/nonce')).text)
  const issuedAt = Math.floor(Date.now() / 1000)
  const times = { issuedAt, expiresAt: issuedAt + 600, notBefore: null }
  const address = addressOf(privateKey)
  const message = encodeLoginMessage({ ...fields, ...times, address, scheme: null, resources: [] })
  const signature = await signMessage({ message, privateKey })
  return encodeBase64url(new TextEncoder().encode(JSON.stringify({ message, signature })))
}

test('an owner logs in, comes back with the refresh token, and a stranger gets a token that pushes nothing', async () => {
  const open = await ask(logins, 'GET', '/v2/')
  const challenge = 'Bearer realm="https://gateway.test/token",service="gateway.test"'
  expect([open.status, open.headers.get('www-authenticate')]).toEqual([401, challenge])
  const refused = await ask(logins, 'POST', blobs)
  const scope = 'repository:acme.eth:pull,push'
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, `${challenge},scope="${scope}"`])
  const scopes: string[] = []
  for (const privateKey of [testKeys.owner, testKeys.other]) {
    const form = { grant_type: 'password', username: addressOf(privateKey), access_type: 'offline', scope }
    const body = new URLSearchParams({ ...form, password: await passwordOf(privateKey) })
    const said = await ask(logins, 'POST', '/token', { body })
    expect([said.status, said.text]).toEqual([200, expect.stringContaining('refresh_token')])
    const { refresh_token } = JSON.parse(said.text)
    const again = await ask(logins, 'POST', '/token', {
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token, scope }),
    })
    scopes.push(JSON.parse(again.text).scope)
    if (privateKey === testKeys.other) continue
    expect((await ask(logins, 'POST', '/token', { body })).status).toBe(401)
    const headers = { authorization: `Bearer ${JSON.parse(again.text).token}` }
    expect((await ask(logins, 'GET', '/v2/', { headers })).status).toBe(200)
  }
  expect(scopes).toEqual([scope, 'repository:acme.eth:pull'])
})

test('the vars say how: one that is missing or malformed is named, and no secret is told', async () => {
  const saidWith = async (vars: object) => (await ask({ ...logins, ...vars }, 'GET', '/v2/')).text
  expect(await saidWith({})).toContain('UNAUTHORIZED')
  expect(await saidWith({ MOORING_TOKEN_KEY: '' })).toContain('MOORING_TOKEN_KEY: saw nothing')
  const malformed = await saidWith({ MOORING_TOKEN_KEY: `${key},0x4711` })
  expect(malformed).toContain('MOORING_TOKEN_KEY: saw \\"2 of 66,6 characters\\"')
  expect(malformed).not.toMatch(/4711|0707/)
  expect(await saidWith({ MOORING_PUBLIC_URL: '' })).toContain('MOORING_PUBLIC_URL')
  expect(await saidWith({ MOORING_HTPASSWD: 'users' })).toContain('MOORING_HTPASSWD: saw')
  expect(await saidWith({ MOORING_AUTH: '' })).toContain('MOORING_AUTH: saw nothing, wanted token')
})

test('the cron trigger forgets what has ended', async () => {
  await env.DB.prepare("INSERT INTO used_nonce (nonce, expires_at) VALUES ('old', 1), ('new', 99999999999)").run()
  await worker.scheduled(createScheduledController(), { ...env, ...logins } as Env)
  expect((await env.DB.prepare('SELECT nonce FROM used_nonce').all()).results).toEqual([{ nonce: 'new' }])
})
