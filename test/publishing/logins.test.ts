import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sendAuthorized } from '../../gateway/cli/client/credentials.ts'
import { withLogins } from '../../gateway/cli/logins/carry-logins.ts'
import { answerDocker } from '../../gateway/cli/logins/credential-helper.ts'
import { openStoredLogins, type StoredLogin } from '../../gateway/cli/logins/stored-logins.ts'
import { runCommandLine } from '../../gateway/cli/run.ts'
import type { VerbContext } from '../../gateway/cli/verb.ts'
import type { Settings } from '../../gateway/config.ts'
import { type Gateway, startGateway } from '../../gateway/serve.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type PublishingWorld, startPublishingWorld, writeLayout } from './world.ts'

let world: PublishingWorld
let gateway: Gateway
let host: string
beforeAll(async () => {
  world = await startPublishingWorld(['acme.eth', 'keyed.eth'])
  const { ensRegistry, resolver } = world.chain.addresses
  const { rpc, chainId } = world.chain
  gateway = await startGateway(
    {
      ...{ port: 0, host: '127.0.0.1', dataDir: join(world.folder, 'guarded'), rpcUrls: [rpc], chainId },
      ...{ ensRegistry, resolver, publisherKeyFile: null, insecureNoAuth: false },
      logins: { htpasswdFile: null, tokenKeyFiles: [] },
    },
    { log: () => {} },
  )
  host = new URL(gateway.url).host
})
afterAll(async () => {
  await gateway.close()
  await world.close()
})

let homes = 0
/** A user with a home of their own. */
function newUser() {
  const home = join(world.folder, `home-${++homes}`)
  const state = join(home, 'state')
  const run = async (...args: string[]) => {
    const out: string[] = []
    const err: string[] = []
    const code = await runCommandLine([...args, '--state', state, '--json'], {
      environment: { HOME: home },
      print: (line) => out.push(line),
      note: (line) => err.push(line),
      waitForStop: async () => {},
    })
    return { code, err: err.join('\n'), json: JSON.parse(out[0] ?? 'null') as Record<string, unknown> }
  }
  return { home, state, run, logins: openStoredLogins(state), dockerConfig: join(home, '.docker', 'config.json') }
}

const now = () => Math.floor(Date.now() / 1000)
const chainFlags = () => world.flags.filter((_, at) => at < world.flags.length - 2)
const asOwner = () => ['--key-file', world.keyFiles.owner]

describe('mooring login', () => {
  test('an account signs a message for this gateway; its refresh token is kept with mode 0600, and docker asks for it', async () => {
    const user = newUser()
    const { code, json } = await user.run('login', gateway.url, ...asOwner())
    expect([code, json]).toEqual([
      0,
      expect.objectContaining({ ok: true, gateway: gateway.url, address: addressOf(testKeys.owner), error: null }),
    ])
    const kept = (await user.logins.find(host)) as StoredLogin
    expect(kept).toMatchObject({ username: addressOf(testKeys.owner), secret: expect.stringMatching(/^mrt_/) })
    const [file = ''] = await readdir(join(user.state, 'logins'))
    expect((await stat(join(user.state, 'logins', file))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(user.dockerConfig, 'utf8'))).toEqual({ credHelpers: { [host]: 'mooring' } })
    const given = await answerDocker(user.logins, 'get', `${host}\n`, now())
    expect([given.code, JSON.parse(given.out)]).toEqual([
      0,
      { ServerURL: host, Username: kept.username, Secret: kept.secret },
    ])
    // What docker does with it: a token by Basic.
    const basic = Buffer.from(`${kept.username}:${kept.secret}`).toString('base64')
    const scope = 'repository:acme.eth:pull,push'
    const answer = await fetch(`${gateway.url}/token?service=${host}&scope=${scope}`, {
      headers: { authorization: `Basic ${basic}` },
    })
    expect([answer.status, ((await answer.json()) as { scope: string }).scope]).toEqual([200, scope])
  })

  test('logout ends it at the gateway, here and for docker; what else docker knew stays', async () => {
    const user = newUser()
    await user.run('login', gateway.url, ...asOwner(), '--no-docker-config')
    await expect(readFile(user.dockerConfig, 'utf8')).rejects.toThrow(/ENOENT/)
    await user.run('login', host, ...asOwner())
    const config = {
      auths: { 'other.example': { auth: 'c2VjcmV0' } },
      credHelpers: { 'other.example': 'pass', [host]: 'mooring' },
    }
    await writeFile(user.dockerConfig, JSON.stringify(config))
    const { secret = '', realm } = (await user.logins.find(host)) ?? {}
    expect((await user.run('logout', gateway.url)).json).toMatchObject({ ok: true, address: addressOf(testKeys.owner) })
    expect(await user.logins.find(host)).toBeNull()
    expect(JSON.parse(await readFile(user.dockerConfig, 'utf8'))).toEqual({
      ...config,
      credHelpers: { 'other.example': 'pass' },
    })
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: secret, service: host })
    expect((await fetch(realm as string, { method: 'POST', body: form })).status).toBe(401)
    expect((await user.run('logout', gateway.url)).json).toMatchObject({ ok: true, address: null })
  })

  test('phishing: a gateway that offers a message for another place is refused, and nothing is signed', async () => {
    const user = newUser()
    const honest = (await (await fetch(`${gateway.url}/token/nonce`)).json()) as Record<string, unknown>
    const posts: string[] = []
    let offer: Record<string, unknown> = honest
    const server = createServer((incoming, outgoing) => {
      if (incoming.method === 'POST') posts.push(incoming.url ?? '')
      outgoing.end(JSON.stringify(offer))
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close().closeAllConnections())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const own = { ...honest, domain: new URL(url).host, uri: `${url}/token` }
    for (const lie of [honest, { ...own, domain: host }, { ...own, uri: `${gateway.url}/token` }]) {
      offer = lie
      const { code, json } = await user.run('login', url, ...asOwner())
      expect([code, json.error, posts]).toEqual([4, 'LoginNotOffered', []])
    }
    offer = own
    await user.run('login', url, ...asOwner())
    expect(posts).toEqual(['/token'])
  })

  test.each([
    [[], /^mooring: GATEWAY: saw nothing/],
    [['http://gateway.example'], /wanted the URL of one gateway, https:\/\/ or on this machine$/],
    [['https://user:secret@gateway.example'], /wanted the URL of one gateway/],
    [['https://gateway.example/path'], /wanted the URL of one gateway/],
  ])('usage: login %j', async (args, message) => {
    const { code, err } = await newUser().run('login', ...args)
    expect([code, err]).toEqual([2, expect.stringMatching(message)])
  })

  test('a configuration of docker that is no JSON is left alone, and not shown', async () => {
    const user = newUser()
    await user.run('login', gateway.url, ...asOwner())
    await writeFile(user.dockerConfig, '{"auths": "hunter2"')
    const { code, err } = await user.run('login', gateway.url, ...asOwner())
    expect([code, err]).toEqual([2, expect.stringContaining('--no-docker-config')])
    expect([err.includes('hunter2'), await readFile(user.dockerConfig, 'utf8')]).toEqual([false, '{"auths": "hunter2"'])
  })
})

describe('commands carry the login of the gateway that they ask', () => {
  test('push with a login stages; without one it is refused; publish reads what is staged with it', async () => {
    const user = newUser()
    const image = await writeLayout(world.folder, 'logged-in')
    const push = () => user.run('push', image, 'acme.eth:1.0', '--gateway', gateway.url, ...chainFlags())
    const refused = await push()
    expect([refused.code, refused.json.error, refused.err]).toEqual([
      1,
      'UNAUTHORIZED',
      expect.stringContaining('mooring login'),
    ])
    await user.run('login', gateway.url, ...asOwner())
    expect((await push()).json).toMatchObject({ ok: true, published: false })
    const args = ['publish', 'acme.eth', '--yes', '--gateway', gateway.url, ...chainFlags()]
    const published = await user.run(...args, '--rpc-signer', world.chain.rpc, '--from', addressOf(testKeys.owner))
    expect(published.json).toMatchObject({ published: true, version: 1 })
  })

  test('with --key-file a command logs in by itself, and keeps no login', async () => {
    const user = newUser()
    const image = await writeLayout(world.folder, 'by-key')
    const { json } = await user.run(
      'push',
      image,
      'keyed.eth:1.0',
      '--gateway',
      gateway.url,
      ...asOwner(),
      ...chainFlags(),
    )
    expect(json).toMatchObject({ ok: true, published: true, version: 1 })
    expect(await user.logins.list()).toEqual([])
  })

  test('WWW-Authenticate hijack: a challenge that names another realm gets no token, and the login goes nowhere', async () => {
    const user = newUser()
    await user.run('login', gateway.url, ...asOwner())
    const seen: string[] = []
    const server = createServer((incoming, outgoing) => {
      seen.push(incoming.headers.authorization ?? 'none')
      const scope = 'scope="repository:acme.eth:pull,push"'
      outgoing.setHeader('www-authenticate', `Bearer realm="${gateway.url}/token",service="${host}",${scope}`)
      outgoing.writeHead(401).end()
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close().closeAllConnections())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const image = await writeLayout(world.folder, 'hijack')
    const { code, err } = await user.run('push', image, 'acme.eth:2.0', '--gateway', url, ...asOwner(), ...chainFlags())
    expect([code, err]).toEqual([1, expect.stringContaining(`asks for a token of ${gateway.url}/token: none is sent`)])
    expect(new Set(seen)).toEqual(new Set(['none']))
  })
})

test('a login goes over https only: to a challenge that came over plain http from elsewhere none is sent', async () => {
  const user = newUser()
  const notes: string[] = []
  const settings: Settings = new Map([['state', [{ text: user.state, from: '--state' }]]])
  const context: VerbContext = {
    ...{ settings, positionals: [], environment: {}, print: () => {}, note: (line: string) => notes.push(line) },
    waitForStop: async () => {},
  }
  const ask = async (scheme: string) => {
    const origin = `${scheme}://gateway.invalid`
    const service = 'gateway.invalid'
    const login = { host: service, username: addressOf(testKeys.owner), secret: 'mrt_secret', service, keyFile: null }
    await user.logins.keep({ ...login, realm: `${origin}/token`, expiresAt: now() + 600 })
    const challenge = `Bearer realm="${origin}/token",service="${service}",scope="repository:acme.eth:pull"`
    const headers = new Headers({ 'www-authenticate': challenge })
    const refused = async () => ({ status: 401, headers, close: () => {} })
    return withLogins(context, () => sendAuthorized(`${origin}/v2/acme.eth/tags/list`, refused))
  }
  await expect(ask('https')).rejects.toThrow(/^https:\/\/gateway\.invalid\/token does not answer/)
  expect(notes).toEqual([])
  expect((await ask('http')).status).toBe(401)
  expect(notes).toEqual(['warning: http://gateway.invalid asks for a login over plain http: none is sent'])
})

describe('docker-credential-mooring: the protocol of docker’s credential helpers', () => {
  const ended = (keyFile: string | null): StoredLogin => ({
    ...{ host, username: addressOf(testKeys.owner), secret: 'mrt_ended', service: host },
    ...{ realm: `${gateway.url}/token`, expiresAt: 1, keyFile },
  })

  test('get, store, erase and list; errors are on stdout, in the words that docker knows', async () => {
    const { logins } = newUser()
    const ask = (action: string | undefined, input = '') => answerDocker(logins, action, input, now())
    const notFound = { out: 'credentials not found in native keychain', code: 1 }
    expect(await ask('get', 'other.example')).toEqual(notFound)
    const stored = { ServerURL: 'https://other.example:5000/v2/', Username: 'ann', Secret: 's3cret' }
    expect(await ask('store', JSON.stringify(stored))).toEqual({ out: '', code: 0 })
    expect(JSON.parse((await ask('get', 'other.example:5000')).out)).toEqual({
      ...stored,
      ServerURL: 'other.example:5000',
    })
    expect(await ask('list')).toEqual({ out: '{"other.example:5000":"ann"}', code: 0 })
    expect(await ask('erase', 'other.example:5000')).toEqual({ out: '', code: 0 })
    expect(await ask('get', 'other.example:5000')).toEqual(notFound)
    expect(await ask('get')).toEqual({ out: 'no credentials server URL', code: 1 })
    expect(await ask('store', JSON.stringify({ ServerURL: 'a.example' }))).toEqual({
      out: 'no credentials username',
      code: 1,
    })
    expect((await ask('store', 's3cret')).out).not.toContain('s3cret')
    expect((await ask(undefined)).code).toBe(1)
  })

  test('erase ends the login at the gateway too (RFC 7009), and forgets it where that one does not answer', async () => {
    const { logins } = newUser()
    const asked: string[] = []
    const server = createServer(async (request, response) => {
      asked.push(`${request.method} ${request.url} ${(await request.toArray()).join('')}`)
      response.end()
    }).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const realmOf = (port: number) => `http://127.0.0.1:${port}/token`
    for (const port of [(server.address() as AddressInfo).port, 1]) {
      await logins.keep({ ...ended(null), realm: realmOf(port) })
      expect(await answerDocker(logins, 'erase', host, now())).toEqual({ out: '', code: 0 })
      expect(await logins.find(host)).toBeNull()
    }
    expect(asked).toEqual(['POST /token/revoke token=mrt_ended'])
  })

  test('a login by a key file that has ended is made anew; any other that has ended is none', async () => {
    const { logins } = newUser()
    await logins.keep(ended(null))
    expect((await answerDocker(logins, 'get', host, now())).out).toBe('credentials not found in native keychain')
    await logins.keep(ended(world.keyFiles.owner))
    const { code, out } = await answerDocker(logins, 'get', host, now())
    expect([code, JSON.parse(out)]).toEqual([
      0,
      expect.objectContaining({ Secret: expect.stringMatching(/^mrt_(?!ended)/) }),
    ])
    expect((await logins.find(host))?.expiresAt).toBeGreaterThan(now())
  })

  test('as a program: what docker runs', async () => {
    const user = newUser()
    expect(await user.run('login', gateway.url, ...asOwner())).toMatchObject({ code: 0 })
    const main = fileURLToPath(new URL('../../gateway/cli/docker-credential-mooring.ts', import.meta.url))
    const env = { ...process.env, MOORING_STATE: user.state }
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'get'], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stdin.end(host)
    const [code] = await once(child, 'close')
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ Username: addressOf(testKeys.owner) })])
  })
})
