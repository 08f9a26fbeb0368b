import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { verbs } from '../../gateway/cli/run.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { command } from './command.ts'

const address = `0x${'12'.repeat(20)}`
const serveFlags = [
  '--rpc',
  'http://127.0.0.1:9',
  '--chain-id',
  '31337',
  '--ens-registry',
  address,
  '--resolver',
  address,
]
const chainFlags = ['--rpc', 'http://127.0.0.1:9', '--ens-registry', address, '--universal-resolver', address]

test('--version prints the version of the package', async () => {
  expect(await command(['--version'])).toEqual({ code: 0, out: packageJson.version, err: '' })
})

test('interfaces: --help at the top names every verb, and each verb names all of its flags', async () => {
  const top = await command(['--help'])
  expect(top.code).toBe(0)
  for (const verb of verbs) {
    expect(top.out).toContain(`  ${verb.name} `)
    const page = await command([verb.name, '--help'])
    expect(page).toMatchObject({ code: 0, err: '' })
    expect(page.out).toContain(`usage: mooring ${verb.name}`)
    for (const flag of verb.flags) expect(page.out).toContain(`--${flag.name}`)
  }
})

test('--help wins over what else is wrong or missing', async () => {
  expect((await command(['resolve', '-h'])).code).toBe(0)
  expect((await command(['serve', '--help'])).code).toBe(0)
})

const usage: readonly [args: string[], environment: Record<string, string>, line: RegExp][] = [
  [[], {}, /^mooring: VERB: saw nothing, wanted one of dev serve resolve tags verify history/],
  [['resolv'], {}, /^mooring: VERB: saw "resolv"/],
  [['resolve'], {}, /^mooring: NAME\[:TAG\]: saw nothing/],
  [['resolve', 'a.eth', 'b.eth'], {}, /wanted one name$/],
  [['resolve', 'eth'], {}, /^mooring: NAME\[:TAG\]: saw "eth"/],
  [['resolve', 'My_App.eth'], {}, /^mooring: NAME\[:TAG\]: saw "My_App\.eth"/],
  [['resolve', 'acme.eth:b@d'], {}, /wanted a tag/],
  [['resolve', 'acme.eth:'], {}, /wanted a tag/],
  [['tags', 'acme.eth:1'], {}, /wanted a name without a tag$/],
  [['resolve', 'acme.eth', '--rpc', 'ftp://x'], {}, /^mooring: --rpc: saw "ftp:\/\/x", wanted an http/],
  [['resolve', 'acme.eth', '--gateway', 'nonsense'], {}, /^mooring: --gateway: saw "nonsense"/],
  [['resolve', 'acme.eth', '--bee', 'http://127.0.0.1:1633'], {}, /^mooring: --bee: saw /],
  [['resolve', 'acme.eth'], { MOORING_RPC: 'http://127.0.0.1:9,zz' }, /^mooring: MOORING_RPC: saw "zz"/],
  [
    ['serve', ...serveFlags, '--port', '65536'],
    {},
    /^mooring: --port: saw "65536", wanted a whole number from 0 to 65535$/,
  ],
  [['serve', ...serveFlags, '--port', '-1'], {}, /^mooring: --port: saw "-1"/],
  [['serve', ...serveFlags, '--port', '8e3'], {}, /^mooring: --port: saw "8e3"/],
  [['serve', ...serveFlags], { MOORING_PORT: 'x' }, /^mooring: MOORING_PORT: saw "x"/],
  [['serve', ...serveFlags, '--resolver', '0x12'], {}, /^mooring: --resolver: /],
  [['serve', ...serveFlags.slice(2)], {}, /^mooring: --rpc \(MOORING_RPC\): saw nothing/],
  [['serve', ...serveFlags.slice(0, 2)], {}, /^mooring: --chain-id \(MOORING_CHAIN_ID\): saw nothing/],
  [['serve', ...serveFlags.slice(0, 4)], {}, /^mooring: --ens-registry \(MOORING_ENS_REGISTRY\): saw nothing/],
  [['serve', ...serveFlags, '--host', '0.0.0.0'], {}, /^mooring: --host: saw "0\.0\.0\.0", wanted a loopback address/],
  [['serve', ...serveFlags], { MOORING_HOST: '::' }, /^mooring: MOORING_HOST: saw "::"/],
  [['serve', ...serveFlags], { MOORING_INSECURE_NO_AUTH: 'maybe' }, /^mooring: MOORING_INSECURE_NO_AUTH: saw "maybe"/],
  [['serve', ...serveFlags, '--htpasswd', 'f'], {}, /^mooring: --htpasswd: saw "f", wanted --auth token/],
  [['serve', ...serveFlags, '--auth', 'basic'], {}, /^mooring: --auth: saw "basic", wanted none or token$/],
  [['serve', ...serveFlags, '--public-url', 'http://reg.example'], {}, /^mooring: --public-url: saw .* https:/],
  [
    ['serve', ...serveFlags, '--host', '0.0.0.0', '--auth', 'token'],
    {},
    /^mooring: --public-url \(MOORING_PUBLIC_URL\): saw nothing/,
  ],
  [
    ['serve', ...serveFlags, '--publisher-key-file', '/nowhere/key'],
    {},
    /^mooring: --publisher-key-file .*\/nowhere\/key/,
  ],
  [['dev', '--name', 'not a name'], {}, /^mooring: --name: saw "not a name"/],
  [['dev', '--rpc-port', '70000'], {}, /^mooring: --rpc-port: saw "70000"/],
  [['dev', 'demo.eth'], {}, /^mooring: dev: saw "demo\.eth", wanted flags only/],
]

test.each(usage)('exit 2 and one line that names what is wrong: %j %j', async (args, environment, line) => {
  const { code, out, err } = await command(args, environment)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(line)
  expect(err.split('\n')).toHaveLength(1)
})

test('interfaces: with --json stdout has exactly one value, also where the command line cannot be read or followed', async () => {
  const broken: [string[], Record<string, string>][] = [
    [['resolve', 'acme.eth', '--jsn', '--json'], {}],
    [['resolv', '--json'], {}],
    [['resolve', '--json'], {}],
    [['tags', 'acme.eth:1'], { MOORING_JSON: 'true' }],
    [['serve', '--json'], {}],
  ]
  for (const [args, environment] of broken) {
    const { code, out, err } = await command(args, environment)
    expect(code).toBe(2)
    expect(JSON.parse(out)).toEqual({ ok: false, error: 'Usage', message: err.slice('mooring: '.length) })
  }
})

test('a chain that cannot be asked is exit 1, in JSON with that name, and never "absent"', async () => {
  const { code, out } = await command(['resolve', 'acme.eth', '--json', ...chainFlags])
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    name: 'acme.eth',
    tag: 'latest',
    status: 'unverified',
    error: 'ChainUnavailable',
  })
})

let taken: Server
beforeAll(async () => {
  taken = createServer()
  await new Promise<void>((listening) => taken.listen(0, '127.0.0.1', listening))
})
afterAll(() => taken.close())

test('dev: a port that is asked for by number and taken is exit 2, naming the flag', async () => {
  const { port } = taken.address() as { port: number }
  for (const flag of ['--port', '--rpc-port']) {
    const { code, err } = await command(['dev', '--once', flag, `${port}`])
    expect(code).toBe(2)
    expect(err).toMatch(new RegExp(`^mooring: ${flag}: saw "${port}", wanted a free port`))
  }
})
