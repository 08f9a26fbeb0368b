import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeSettings } from '../../gateway/cli/proxy/settings-file.ts'
import { command } from './command.ts'

let root: string
const servers: Server[] = []
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mooring-proxy-settings-'))
})
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed).closeAllConnections())
  rmSync(root, { recursive: true })
})

const hosts = {
  docker: 'etc/docker/certs.d/acme.eth/hosts.toml',
  containerd: 'etc/containerd/certs.d/acme.eth/hosts.toml',
  // What nerdctl takes before `_default`.
  nerdctl: 'etc/containerd/certs.d/acme.eth_443_/hosts.toml',
}
const registries = 'etc/containers/registries.conf.d/mooring.conf'
const all = ['--docker', '--containerd', '--podman']

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Every file below the root with its text. */
function tree(folder = ''): Record<string, string> {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  const found = entries.flatMap((entry) => {
    const path = join(folder, entry.name)
    return Object.entries(entry.isDirectory() ? tree(path) : { [path]: entry.isFile() ? read(path) : '' })
  })
  return Object.fromEntries(found.sort())
}

type Value = {
  ok: boolean
  done: boolean
  names: string[]
  clients: { client: string; why: string; folder: string }[]
  leftOut: { client: string; why: string }[]
  notes: string[]
  files: { client: string; path: string; action: string; text?: string; reason?: string }[]
}

/** Runs `mooring proxy ...` below the root; `actions` by path there. */
async function proxy(...args: string[]) {
  const { code, out, err } = await command(['proxy', ...args, '--root', root, '--json'])
  const value = JSON.parse(out) as Value
  const actions = Object.fromEntries(
    (value.files ?? []).map(({ path, action }) => [path.slice(root.length + 1), action]),
  )
  return { code, err, value, actions }
}

const install = (...args: string[]) => proxy('install', '--name', 'acme.eth', ...args)

test('install writes one hosts.toml for each name and one registries file, for everybody to read', async () => {
  const before = process.umask(0o077)
  const { code, value, actions } = await install(...all).finally(() => process.umask(before))
  expect([code, value.ok, value.done]).toEqual([0, true, true])
  const files = [...Object.values(hosts), registries]
  expect(actions).toEqual(Object.fromEntries(files.map((path) => [path, 'write'])))
  expect(Object.keys(tree()).sort()).toEqual(files.sort())
  const body =
    'server = "http://127.0.0.1:5055"\n\n[host."http://127.0.0.1:5055"]\n  capabilities = ["pull", "resolve"]\n'
  for (const path of Object.values(hosts)) expect(read(path).split('\n').slice(2).join('\n')).toBe(body)
  for (const path of [hosts.docker, registries]) {
    expect(read(path).split('\n')[0]).toMatch(/^# written by mooring proxy install/)
    expect(statSync(join(root, path)).mode & 0o777).toBe(0o644)
    expect(statSync(dirname(join(root, path))).mode & 0o777).toBe(0o755)
  }
})

test('the registries file has one location for each name, and takes names one by one', async () => {
  await install('--podman')
  const second = await proxy('install', '--podman', '--name', 'shop.example.com/api', '--port', '6000')
  expect(second.actions).toEqual({ [registries]: 'replace' })
  expect(read(registries).split('\n').slice(2).join('\n')).toBe(
    [
      ...['[[registry]]', 'location = "localhost:5055"', 'insecure = true', ''],
      ...['[[registry]]', 'location = "localhost:6000"', 'insecure = true', ''],
      ...['[[registry]]', 'prefix = "acme.eth"', 'location = "localhost:5055/acme.eth"', 'insecure = true', ''],
      '[[registry]]',
      'prefix = "shop.example.com"',
      'location = "localhost:6000/shop.example.com"',
      'insecure = true',
      '',
    ].join('\n'),
  )
  expect((await proxy('uninstall', '--name', 'acme.eth')).actions).toEqual({ [registries]: 'replace' })
  expect(read(registries)).not.toContain('acme.eth')
  expect(read(registries)).toContain('shop.example.com')
  expect((await proxy('uninstall', '--name', 'other.eth')).actions).toEqual({})
  expect((await proxy('uninstall')).actions).toEqual({ [registries]: 'remove' })
  expect(tree()).toEqual({})
})

test('a second install changes nothing, with another port it replaces what it wrote', async () => {
  await install(...all)
  const before = tree()
  const again = await install(...all)
  expect([again.code, ...Object.values(again.actions)]).toEqual([0, 'same', 'same', 'same', 'same'])
  expect(tree()).toEqual(before)
  const moved = await install(...all, '--port', '6000')
  expect([moved.code, ...Object.values(moved.actions)]).toEqual([0, 'replace', 'replace', 'replace', 'replace'])
  for (const text of Object.values(tree()))
    expect([text.includes(':6000'), text.includes(':5055')]).toEqual([true, false])
})

test('--dry-run prints every file and its text, and writes nothing', async () => {
  const plan = await install(...all, '--dry-run')
  expect([plan.code, plan.value.ok, plan.value.done, tree()]).toEqual([0, true, false, {}])
  const { out } = await command(['proxy', 'install', '--name', 'acme.eth', '--docker', '--root', root, '--dry-run'])
  expect(out).toContain(`write       ${join(root, hosts.docker)}\n    # written by mooring proxy install`)
  expect(out).toContain('    server = "http://127.0.0.1:5055"')
  await install(...all)
  expect(tree()).toEqual(
    Object.fromEntries(plan.value.files.map(({ path, text }) => [path.slice(root.length + 1), text])),
  )
  const removal = await proxy('uninstall', '--dry-run')
  expect(Object.values(removal.actions)).toEqual(Array(4).fill('remove'))
  expect(Object.keys(tree())).toHaveLength(4)
})

const inTheWay: [string, (path: string) => void][] = [
  ['a file that somebody wrote', (path) => put(path, 'server = "https://mirror.example"\n')],
  ['an empty file', (path) => put(path, '')],
  ['a folder', (path) => mkdirSync(join(root, path), { recursive: true })],
  [
    'a link that leads nowhere',
    (path) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      symlinkSync('nowhere', join(root, path))
    },
  ],
]

test.each(inTheWay)(
  '%s is never overwritten: exit 1, it is named, and nothing else is written',
  async (_what, putThere) => {
    putThere(hosts.containerd)
    const before = tree()
    const { code, err, value } = await install(...all)
    expect([code, value.ok, value.done]).toEqual([1, false, false])
    expect(err).toContain(`${join(root, hosts.containerd)} stays as it is: it was there before`)
    expect(err).toContain('nothing was written')
    expect(tree()).toEqual(before)
    expect((await proxy('uninstall')).actions).toEqual({})
    rmSync(join(root, hosts.containerd), { recursive: true })
    expect((await install(...all)).code).toBe(0)
  },
)

test('uninstall removes what install wrote and nothing beside it', async () => {
  put('etc/docker/certs.d/acme.eth/ca.crt', 'somebody’s')
  put('etc/docker/certs.d/other.example/hosts.toml', 'server = "https://other.example"\n')
  put('etc/containers/registries.conf.d/shortnames.conf', '[aliases]\n')
  const before = tree()
  await install(...all, '--name', 'shop.acme.eth')
  const { code, value } = await proxy('uninstall')
  expect([code, value.ok, value.files.length]).toEqual([0, true, 7])
  expect(tree()).toEqual(before)
  expect(readdirSync(join(root, 'etc/containerd/certs.d'))).toEqual([])
  expect((await proxy('uninstall')).value).toMatchObject({ ok: true, files: [] })
})

test('uninstall takes its file out of a folder that is somebody’s link, and leaves the link', async () => {
  mkdirSync(join(root, 'elsewhere'))
  mkdirSync(join(root, 'etc/docker/certs.d'), { recursive: true })
  symlinkSync(join(root, 'elsewhere'), join(root, dirname(hosts.docker)))
  expect((await install(...all)).code).toBe(0)
  expect(readdirSync(join(root, 'elsewhere'))).toEqual(['hosts.toml'])
  expect((await proxy('uninstall')).code).toBe(0)
  expect(readdirSync(join(root, 'elsewhere'))).toEqual([])
  expect(tree()).toEqual({ [dirname(hosts.docker)]: '' })
})

test('a file that somebody changed is kept and named by uninstall and install: exit 1', async () => {
  await install(...all)
  const changed = `${read(hosts.docker)}# mine\n`
  put(hosts.docker, changed)
  const again = await install(...all, '--port', '6000')
  expect([again.code, again.actions[hosts.docker], again.value.done]).toEqual([1, 'keep', false])
  expect(read(hosts.containerd)).toContain(':5055')
  const { code, err, actions } = await proxy('uninstall')
  const removed = Object.fromEntries([hosts.containerd, hosts.nerdctl, registries].map((path) => [path, 'remove']))
  expect([code, actions]).toEqual([1, { [hosts.docker]: 'keep', ...removed }])
  expect(err).toContain(`${join(root, hosts.docker)} stays as it is: somebody changed it`)
  expect(tree()).toEqual({ [hosts.docker]: changed })
})

test('uninstall for one client, or one name, leaves the others', async () => {
  await install(...all, '--name', 'bob.eth')
  expect(Object.keys((await proxy('uninstall', '--docker', '--name', 'bob.eth')).actions)).toEqual([
    'etc/docker/certs.d/bob.eth/hosts.toml',
  ])
  expect(Object.keys((await proxy('uninstall', '--containerd')).actions)).toHaveLength(4)
  expect(Object.keys(tree()).sort()).toEqual([registries, hosts.docker].sort())
})

test('a file that came while another was written is not replaced', async () => {
  const path = join(root, 'late/hosts.toml')
  await writeSettings(path, 'ours', true)
  await expect(writeSettings(path, 'theirs', true)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(tree()).toEqual({ 'late/hosts.toml': 'ours' })
  await writeSettings(path, 'newer', false)
  expect(tree()).toEqual({ 'late/hosts.toml': 'newer' })
})

/** Runs as somebody who may not write below the root. */
async function withoutRights<Result>(run: () => Promise<Result>): Promise<Result> {
  const isRoot = process.geteuid?.() === 0
  chmodSync(root, 0o555)
  if (isRoot) process.seteuid?.(65534)
  try {
    return await run()
  } finally {
    if (isRoot) process.seteuid?.(0)
    chmodSync(root, 0o755)
  }
}

test('without the rights it is exit 1, and the line names the command to run', async () => {
  const { code, out, err } = await withoutRights(() =>
    command(['proxy', 'install', '--docker', '--root', root], { MOORING_NAME: 'acme.eth' }),
  )
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(new RegExp(`^mooring: ${join(root, hosts.docker)} cannot be written: no permission; run: sudo `))
  expect(err).toContain(`sudo mooring proxy install --name acme.eth --docker --root ${root}, or add --user`)
  expect((await install('--docker')).code).toBe(0)
})

test('--user writes where the rootless clients of one user look', async () => {
  const environment = { XDG_CONFIG_HOME: join(root, 'config'), XDG_RUNTIME_DIR: join(root, 'none') }
  const { code } = await command(['proxy', 'install', '--user', '--name', 'acme.eth', ...all], environment)
  expect(code).toBe(0)
  expect(Object.keys(tree()).sort()).toEqual([
    'config/containerd/certs.d/acme.eth/hosts.toml',
    'config/containerd/certs.d/acme.eth_443_/hosts.toml',
    'config/containers/registries.conf.d/mooring.conf',
    'config/docker/certs.d/acme.eth/hosts.toml',
  ])
  expect((await command(['proxy', 'uninstall', '--user'], environment)).code).toBe(0)
  expect(tree()).toEqual({})
})

/** An engine that says this of itself, at the socket below the root. */
async function startEngine(info: object): Promise<void> {
  mkdirSync(join(root, 'run'), { recursive: true })
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/info' ? 200 : 404).end(JSON.stringify(info))
  })
  servers.push(server)
  await new Promise<void>((listening) => server.listen(join(root, 'run/docker.sock'), listening))
}

const containerdStore = [['driver-type', 'io.containerd.snapshotter.v1']]

test('without a client named, those that are on the machine are settled, and why is said', async () => {
  put('usr/sbin/dockerd', '')
  put('usr/bin/skopeo', '')
  await startEngine({ ServerVersion: '28.5.2', DriverStatus: containerdStore })
  const { value } = await install()
  expect(value.clients).toEqual([
    { client: 'docker', why: `${join(root, 'usr/sbin/dockerd')} is here`, folder: join(root, 'etc/docker/certs.d') },
    {
      client: 'podman',
      why: `${join(root, 'usr/bin/skopeo')} is here`,
      folder: join(root, 'etc/containers/registries.conf.d'),
    },
  ])
  expect(value.notes.join()).not.toContain('docker:')
})

test.each([
  ['older', { ServerVersion: '27.5.1', DriverStatus: containerdStore }, 'Docker Engine 27.5.1 reads no hosts.toml'],
  [
    'with the classic store',
    { ServerVersion: '28.5.2', DriverStatus: [['Backing Filesystem', 'extfs']] },
    'Docker Engine 28.5.2 with its classic image store reads no hosts.toml',
  ],
])('an engine %s is left out with the reason, and settled all the same with --docker', async (_what, info, line) => {
  put('usr/sbin/dockerd', '')
  put('usr/bin/podman', '')
  await startEngine(info)
  const found = await install()
  expect(found.value.clients.map(({ client }) => client)).toEqual(['podman'])
  expect(found.value.leftOut).toMatchObject([{ client: 'docker', why: expect.stringContaining(line) }])
  expect(found.err).toContain(`docker: left out: ${join(root, 'usr/sbin/dockerd')} is here, but ${line}`)
  const chosen = await install('--docker')
  expect(chosen.value.clients.map(({ client }) => client)).toEqual(['docker'])
  expect(chosen.value.notes.join()).toContain(line)
})

test('where no engine answers, what it must be is said', async () => {
  const { value } = await install('--docker')
  expect(value.notes.join()).toContain('docker: read by Docker Engine 28 and later with the containerd image store')
})

const table = '[plugins."io.containerd.grpc.v1.cri".registry]'

test('containerd: config_path decides the folder, and without one it is said what to add', async () => {
  const plain = await install('--containerd', '--dry-run')
  expect(plain.value.notes.join()).toContain('has config_path = "/etc/containerd/certs.d" under')
  for (const [line, folder] of [
    ['config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"', 'etc/containerd/certs.d'],
    ["config_path = '/var/lib/settings/certs.d'", 'var/lib/settings/certs.d'],
  ]) {
    put('etc/containerd/config.toml', `version = 2\n${table}\n  ${line}\n`)
    const { value } = await install('--containerd', '--dry-run')
    expect(value.clients[0]?.folder).toBe(join(root, folder ?? ''))
    expect(value.notes.join()).not.toContain('config_path')
  }
  await install('--containerd')
  expect((await proxy('uninstall')).actions).toEqual({
    'var/lib/settings/certs.d/acme.eth/hosts.toml': 'remove',
    'var/lib/settings/certs.d/acme.eth_443_/hosts.toml': 'remove',
  })
  put('etc/containerd/config.toml', `version = 2\n${table}\n  # config_path = "/nowhere"\n  config_path = ""\n`)
  expect((await install('--containerd', '--dry-run')).value.clients[0]?.folder).toBe(
    join(root, 'etc/containerd/certs.d'),
  )
})

const usage: [string[], RegExp][] = [
  [['install', '--podman'], /^mooring: --name: saw nothing, wanted the ENS names that images begin with/],
  [['install', '--name', 'eth', '--podman'], /^mooring: --name: saw "eth", wanted what an image begins with/],
  [['install', '--name', '_default', '--containerd'], /^mooring: --name: saw "_default"/],
  [['install', '--name', '*.eth', '--podman'], /^mooring: --name: saw "\*\.eth"/],
  [['install', '--name', '../up.eth', '--docker'], /^mooring: --name: saw "\.\.\/up\.eth"/],
  [['install', '--name', 'Acme.eth', '--docker'], /^mooring: --name: saw "Acme\.eth"/],
  [['install', '--name', 'acme.eth', '--docker', '--port', '0'], /^mooring: --port: saw "0"/],
  [['install', '--name', 'acme.eth', '--docker', '--user'], /^mooring: --root: saw .*without --user/],
  [['install', 'acme.eth', '--docker'], /^mooring: proxy install: saw "acme\.eth", wanted flags only/],
  [['uninstall', 'acme.eth'], /^mooring: proxy uninstall: saw "acme\.eth", wanted flags only/],
  [
    ['install', '--name', 'acme.eth'],
    /^mooring: --docker or --containerd or --podman: saw nothing, .*nothing was found/,
  ],
  [['install', '--name', 'acme.eth', '--docker', '--rpc', 'http://127.0.0.1:9'], /^mooring: --rpc: saw .*itself only$/],
  [
    ['uninstall', '--port', '5056'],
    /^mooring: --port: saw "5056", wanted it with mooring proxy itself, or install only$/,
  ],
  [['--dry-run'], /^mooring: --\S+: saw .*, wanted it with proxy install or uninstall only$/],
  [['instal'], /^mooring: proxy: saw "instal", wanted install, uninstall or flags only/],
  [['constructor'], /^mooring: proxy: saw "constructor"/],
]

test.each(usage)('exit 2 and one line that names what is wrong: proxy %j', async (args, line) => {
  const { code, out, err } = await command(['proxy', ...args, '--root', root])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toMatch(line)
  expect(err.split('\n')).toHaveLength(1)
  expect(tree()).toEqual({})
})
