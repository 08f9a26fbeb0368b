import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { Config } from '../../gateway/config.ts'
import type { LoginConfig } from '../../gateway/login-config.ts'
import { startGateway } from '../../gateway/serve.ts'
import { createTestChain, testDomain } from '../fixtures.ts'
import { asPassword, basic, bearer } from './world.ts'

// `mooring serve --auth token` on Node: its files, and what it says of itself.

const hash = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'
const asAnn = basic('ann', 'U*U')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-serve-'))
  await writeFile(join(folder, 'users'), `ann:${hash}\n`)
})
afterEach(() => rm(folder, { recursive: true }))

const named = { publicUrl: 'https://reg.example' }

async function serve(logins: Partial<LoginConfig> = {}, more: Partial<Config> = {}) {
  const config: Config = {
    ...{ port: 0, host: '127.0.0.1', dataDir: join(folder, 'data'), rpcUrls: ['http://127.0.0.1:9'] },
    ...{ chainId: testDomain.chainId, ensRegistry: testDomain.resolver, resolver: testDomain.resolver },
    ...{ insecureNoAuth: false, publisherKeyFile: null },
    logins: { htpasswdFile: join(folder, 'users'), tokenKeyFiles: [], ...logins },
    ...more,
  }
  const logged: string[] = []
  const log = (event: string, fields?: object) => void logged.push(JSON.stringify({ event, ...fields }))
  const gateway = await startGateway(config, { chain: createTestChain(), log })
  let isOpen = true
  const close = async () => {
    if (isOpen) await gateway.close()
    isOpen = false
  }
  onTestFinished(close)
  const tokenOf = async (headers: Record<string, string> = asAnn) => {
    const answer = await fetch(`${gateway.url}/token`, { headers })
    return ((await answer.json()) as { token: string }).token
  }
  const statusOf = async (headers: Record<string, string>) => (await fetch(`${gateway.url}/v2/`, { headers })).status
  return { url: gateway.url, logged, close, tokenOf, statusOf }
}

async function writeKey(name: string, digit: string, mode = 0o600): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, `0x${digit.repeat(64)}\n`)
  await chmod(file, mode)
  return file
}

test('a key is made in the data folder for its owner alone, and tokens outlive a restart', async () => {
  const first = await serve({}, named)
  const token = await first.tokenOf()
  expect(await first.statusOf(bearer(token))).toBe(200)
  const file = join(folder, 'data/token.key')
  const made = await readFile(file, 'utf8')
  expect([(await stat(file)).mode & 0o777, made]).toEqual([0o600, expect.stringMatching(/^0x[0-9a-f]{64}\n$/)])
  await first.close()
  const second = await serve({}, named)
  expect(await readFile(file, 'utf8')).toBe(made)
  expect([await second.statusOf(bearer(token)), await second.statusOf(asAnn)]).toEqual([200, 200])
})

test('keys that are named count, the first signs; a former one counts as long as it is named', async () => {
  const [old, fresh] = [await writeKey('old', 'a'), await writeKey('new', 'b')]
  const before = await serve({ tokenKeyFiles: [old] }, named)
  const token = await before.tokenOf()
  await before.close()
  const during = await serve({ tokenKeyFiles: [fresh, old] }, named)
  const next = await during.tokenOf()
  expect(await during.statusOf(bearer(token))).toBe(200)
  await during.close()
  const after = await serve({ tokenKeyFiles: [fresh] }, named)
  expect([await after.statusOf(bearer(next)), await after.statusOf(bearer(token))]).toEqual([200, 401])
})

test('without a public URL the realm is where it listens, whatever Host header a request has', async () => {
  const challengeAt = (url: string) =>
    new Promise((resolve, reject) => {
      const sent = request(
        `${url}/v2/`,
        { headers: { host: 'evil.test', 'x-forwarded-host': 'evil.test' } },
        (answer) => {
          answer.resume()
          resolve(answer.headers['www-authenticate'])
        },
      )
      sent.once('error', reject).end()
    })
  const { url, close } = await serve()
  expect(await challengeAt(url)).toBe(`Bearer realm="${url}/token",service="${new URL(url).host}"`)
  await close()
  const published = await serve({}, named)
  expect(await challengeAt(published.url)).toBe('Bearer realm="https://reg.example/token",service="reg.example"')
})

test('files that cannot be used: an error that names flag and file, and nothing that stands in them', async () => {
  const open = await writeKey('open', 'a', 0o644)
  await expect(serve({ tokenKeyFiles: [open] })).rejects.toThrow(/^--token-key-file .*0644.*chmod 600/)
  await expect(
    serve({ tokenKeyFiles: [await writeKey('short', 'a')], htpasswdFile: join(folder, 'none') }),
  ).rejects.toThrow(/^--htpasswd .*ENOENT/)
  await writeFile(join(folder, 'users'), 'ann:secret-4711\n')
  await expect(serve()).rejects.toThrow(/^--htpasswd .*line 1/)
  await expect(serve()).rejects.not.toThrow('4711')
  await writeFile(join(folder, 'users'), `ann:${hash}\n`)
  expect(await (await serve()).statusOf(asAnn)).toBe(200)
})

test('a password that is wrong, and one that would need the chain, leave no trace of themselves in the log', async () => {
  const { url, logged, statusOf } = await serve()
  expect(await statusOf(basic('ann', 'guess-4711'))).toBe(401)
  const secret = asPassword('message-4711', '0x4711')
  const answer = await fetch(`${url}/token`, { headers: basic(`0x${'1'.repeat(40)}`, secret) })
  expect(answer.status).toBe(401)
  expect(logged.join('\n')).toContain('login refused')
  for (const each of ['4711', secret]) expect(logged.join('\n')).not.toContain(each)
})
