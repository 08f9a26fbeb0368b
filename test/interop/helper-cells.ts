import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStoredLogins } from '../../gateway/cli/logins/stored-logins.ts'
import { type HelperClient, type HelperRow, type HelperUser, newUser, runAs } from './helper-clients.ts'
import { type LoginGateway, newFolder } from './login-gateway.ts'
import { runMooring } from './mooring.ts'
import { statusOf } from './registry.ts'

/** The columns of the table about credentials that come from the helper. */
export const helperColumns = [
  'push refused',
  'push and pull',
  'nothing secret',
  'another account',
  'its own logout',
  'mooring logout',
] as const

type Cells = Record<(typeof helperColumns)[number], () => Promise<void>>

/** What clients say where they have no login; and where the login is of somebody who may not. Some have one sentence for both. */
const loggedOut = /unauthorized|authentication required|access to the resource is denied|insufficient_scope/i
const notAllowed = /denied|forbidden|insufficient_scope/i

/** The cells of a client. They come one after another: the later ones work with the login of the ones before. */
export function helperCells({ name }: HelperRow, client: HelperClient, gateway: LoginGateway): Cells {
  const repository = `demo.eth/helper-${name.replace(/\W+/g, '-')}`
  const owner = newUser()
  const imageOf = (tag: string) => `${gateway.host}/${repository}:${tag}`
  const logIn = (user: HelperUser, keyFile: string) =>
    runMooring(['login', gateway.gateway, '--key-file', keyFile], 0, user.env)
  const expectPushes = async (tag: string) => {
    const said = await client.push(owner, imageOf(tag))
    assert.equal(await statusOf(gateway.gateway, repository, tag), 200)
    return said + (await client.pull(owner, imageOf(tag)))
  }
  const expectRefused = async (user: HelperUser, tag: string, shown: RegExp) => {
    const refused: unknown = await client.push(user, imageOf(tag)).catch((error: unknown) => error)
    assert.ok(refused instanceof Error, 'it went through')
    assert.match(refused.message, shown)
    assert.equal(await statusOf(gateway.gateway, repository, tag), 404)
  }
  return {
    'push refused': () => expectRefused(owner, 'refused', loggedOut),
    'push and pull': async () => {
      await logIn(owner, gateway.keyFile)
      assert.deepEqual(readConfig(owner).credHelpers, { [gateway.host]: 'mooring' })
      await expectPushes('pushed')
    },
    'nothing secret': async () => {
      const secrets = await secretsOf(owner, gateway)
      const said = await expectPushes('watched')
      assert.ok(said.length > 100, 'it says too little to look through')
      assert.match(gateway.log(), /"logged in"/)
      for (const secret of secrets) {
        for (const text of [said, gateway.log(), JSON.stringify(readConfig(owner))]) assert.ok(!text.includes(secret))
      }
      // An access token begins as every JSON in base64url does.
      assert.doesNotMatch(said + gateway.log(), /eyJ[\w-]{20}/)
    },
    'another account': async () => {
      const other = newUser()
      const keyFile = join(newFolder(), 'key')
      writeFileSync(keyFile, `0x${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
      await logIn(other, keyFile)
      await expectRefused(other, 'others', notAllowed)
      assert.equal((await askToUpload(owner, gateway, repository)).status, 202)
      const { status, challenge } = await askToUpload(other, gateway, repository)
      assert.equal(status, 401)
      assert.match(challenge, /error="insufficient_scope"/)
    },
    'its own logout': async () => {
      assert.match(await askHelper(owner), /0x[0-9a-fA-F]{40}/)
      await client.logOut(owner, gateway.host)
      assert.equal(await askHelper(owner), '{}')
      await expectRefused(owner, 'erased', loggedOut)
    },
    'mooring logout': async () => {
      await logIn(owner, gateway.keyFile)
      await expectPushes('again')
      await runMooring(['logout', gateway.gateway], 0, owner.env)
      assert.deepEqual([readConfig(owner).credHelpers, await askHelper(owner)], [undefined, '{}'])
      await expectRefused(owner, 'ended', loggedOut)
    },
  }
}

async function askHelper(user: HelperUser): Promise<string> {
  return (await runAs(user, 'docker-credential-mooring', 'list')).trim()
}

function readConfig({ env }: HelperUser): { credHelpers?: unknown } {
  return JSON.parse(readFileSync(join(env.DOCKER_CONFIG ?? '', 'config.json'), 'utf8'))
}

async function loginOf({ env }: HelperUser, host: string) {
  const login = await openStoredLogins(env.MOORING_STATE ?? '').find(host)
  assert.ok(login !== null && login.secret.length > 20)
  return { secret: login.secret, basic: Buffer.from(`${login.username}:${login.secret}`).toString('base64') }
}

/**
 * What the gateway says to a token for pushing, as the helper's credentials give one: it allows what the account may, and no more (docs/logins.md).
 */
async function askToUpload(user: HelperUser, { gateway, host }: LoginGateway, repository: string) {
  const { basic } = await loginOf(user, host)
  const query = new URLSearchParams({ service: host, scope: `repository:${repository}:pull,push` })
  const headers = { authorization: `Basic ${basic}` }
  const { token } = (await (await fetch(`${gateway}/token?${query}`, { headers })).json()) as { token: string }
  const url = `${gateway}/v2/${repository}/blobs/uploads/`
  const answer = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  await answer.body?.cancel()
  return { status: answer.status, challenge: answer.headers.get('www-authenticate') ?? '' }
}

/** The key, the login and the login as a request carries it. */
async function secretsOf(user: HelperUser, { host, keyFile }: LoginGateway): Promise<string[]> {
  return [readFileSync(keyFile, 'utf8').trim().replace(/^0x/, ''), ...Object.values(await loginOf(user, host))]
}
