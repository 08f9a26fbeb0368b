import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runCommandLine, verbs } from '../../gateway/cli/run.ts'
import { command } from '../cli/command.ts'
import { pull } from '../e2e/proxied.ts'
import { pushTags, startWorld, type World } from '../e2e/world.ts'
import { parseYaml, type Yaml } from './yaml.ts'

const read = (file: string) => readFileSync(new URL(`../../docs/examples/${file}`, import.meta.url), 'utf8')

let world: World
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mooring-examples-'))
  world = await startWorld()
  await pushTags(world, '1.0')
})
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

/** The chain of the test in place of the one that examples name, and a free port. */
function environmentOfTest(): Record<string, string> {
  const { ensRegistry, universalResolver } = world.chain.addresses
  return {
    MOORING_RPC: world.chain.rpc,
    MOORING_ENS_REGISTRY: ensRegistry,
    MOORING_UNIVERSAL_RESOLVER: universalResolver,
    MOORING_PORT: '0',
  }
}

/** Runs `mooring ...` in this process until `use` is done with the line that it printed first. */
async function run(
  words: readonly string[],
  environment: Record<string, string>,
  use: (line: string) => Promise<void>,
): Promise<number> {
  const [program = '', ...args] = words
  expect(program.split('/').at(-1)).toBe('mooring')
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  let used: Promise<void> | undefined
  const notes: string[] = []
  const code = await runCommandLine(args, {
    environment,
    print: (line) => {
      used ??= use(line).finally(stop)
      used.catch(() => undefined)
    },
    note: (line) => notes.push(line),
    waitForStop: () => stopped,
  })
  expect([code, notes.filter((note) => note.startsWith('mooring: '))]).toEqual([0, []])
  await used
  return code
}

/** A proxy that printed where it listens gives a verified tag, and what a readiness probe asks for. */
async function expectServes(line: string, probe = '/v2/'): Promise<void> {
  const url = /^verifying proxy on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? line
  expect((await fetch(url + probe)).status).toBe(200)
  expect((await pull(url, 'acme.eth/manifests/1.0')).status).toBe(200)
}

const proxy = verbs.find(({ name }) => name === 'proxy')

function expectKnownFlags(words: readonly string[]): void {
  const named = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2))
  expect(named.filter((name) => !proxy?.flags.some((flag) => flag.name === name))).toEqual([])
}

/** A unit's settings by key, each with all its values. */
function settingsOf(unit: string): Map<string, string[]> {
  const settings = new Map<string, string[]>()
  for (const [, key = '', value = ''] of unit.matchAll(/^(\w+)=(.*)$/gm)) {
    settings.set(key, [...(settings.get(key) ?? []), value])
  }
  return settings
}

const unit = read('mooring-proxy.service')

test('mooring-proxy.service: systemd-analyze finds nothing wrong with it', ({ skip }) => {
  const { error } = spawnSync('systemd-analyze', ['--version'])
  if (error) return skip('needs systemd-analyze')
  const program = join(folder, 'mooring')
  writeFileSync(program, '#!/bin/sh\n')
  chmodSync(program, 0o755)
  const verify = (text: string) => {
    const file = join(folder, 'mooring-proxy.service')
    writeFileSync(file, text.replaceAll('/usr/local/bin/mooring', program))
    const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    return { status, said: `${stdout}${stderr}`.split('\n').filter((line) => line.includes('mooring')) }
  }
  expect(verify(unit)).toEqual({ status: 0, said: [] })
  expect(verify(unit.replace('Restart=always', 'Restart=ever')).said.join()).toContain('restart specifier')
})

test('mooring-proxy.service: its command serves verified pulls, with memory in its state folder', async () => {
  const settings = settingsOf(unit)
  const [execStart = ''] = settings.get('ExecStart') ?? []
  const state = join(folder, 'unit-state')
  const words = execStart.split(' ').map((word) => word.replace(/^\$\{STATE_DIRECTORY\}$/, state))
  expectKnownFlags(words)
  expect(settings.get('Environment')).toEqual([expect.stringMatching(/^MOORING_RPC=https:\/\/\S+,https:\/\/\S+$/)])
  expect(await run(words, environmentOfTest(), (line) => expectServes(line))).toBe(0)
  const { out } = await command(['trust', 'show', 'acme.eth', '--state', state], environmentOfTest())
  expect(out).toContain('as remembered')
})

type Container = {
  name: string
  command: string[]
  env?: { name: string; value: string }[]
  readinessProbe?: { httpGet: { host: string; port: number; path: string } }
  securityContext: Record<string, Yaml>
  volumeMounts: { name: string; mountPath: string }[]
}

type DaemonSet = {
  apiVersion: string
  kind: string
  spec: {
    selector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        hostNetwork: boolean
        dnsPolicy: string
        initContainers: Container[]
        containers: Container[]
        volumes: { name: string; hostPath: { path: string; type: string } }[]
      }
    }
  }
}

const yaml = read('mooring-proxy-daemonset.yaml')
const daemonSet = parseYaml(yaml) as unknown as DaemonSet
const pod = daemonSet.spec.template.spec
const [install, serve] = [...pod.initContainers, ...pod.containers] as [Container, Container]
const hostPathOf = ({ name }: { name: string }) => pod.volumes.find((each) => each.name === name)?.hostPath.path

test('the reader of YAML refuses what it would read otherwise than others do', () => {
  expect(parseYaml('a:\n  - b: 1\n    c: x:y\n  - true\n')).toEqual({ a: [{ b: 1, c: 'x:y' }, true] })
  for (const bad of [
    'a: [1]',
    'a: "b"',
    'a: yes',
    'a: b # c',
    'a:',
    'a: 1\na: 2',
    'a: 1\n  b: 2',
    'a: |',
    '- *b',
    'a',
  ]) {
    expect(() => parseYaml(`${bad}\n`), bad).toThrow(/^line \d/)
  }
})

test('mooring-proxy-daemonset.yaml: the proxy is on loopback of every node, and its memory on the node', () => {
  expect([daemonSet.apiVersion, daemonSet.kind]).toEqual(['apps/v1', 'DaemonSet'])
  expect(daemonSet.spec.template.metadata.labels).toMatchObject(daemonSet.spec.selector.matchLabels)
  expect([pod.hostNetwork, pod.dnsPolicy]).toEqual([true, 'ClusterFirstWithHostNet'])
  expect([pod.initContainers.length, pod.containers.length]).toEqual([1, 1])
  const { host, port } = serve.readinessProbe?.httpGet ?? {}
  expect(host).toBe('127.0.0.1')
  expect(proxy?.flags.find(({ name }) => name === 'port')?.help).toContain(`default ${port}`)
  const [state] = serve.volumeMounts
  expect(serve.command.slice(-2)).toEqual(['--state', state?.mountPath])
  expect(hostPathOf(state ?? { name: '' })).toMatch(/^\/var\/lib\//)
  for (const { securityContext } of [install, serve]) {
    expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
  }
})

test('mooring-proxy-daemonset.yaml: its init container writes where containerd of the node looks', async () => {
  const [settings] = install.volumeMounts
  expectKnownFlags(install.command)
  const root = install.command[install.command.indexOf('--root') + 1] ?? ''
  expect(settings?.mountPath).toBe(join(root, hostPathOf(settings ?? { name: '' }) ?? ''))
  const node = join(folder, 'node')
  const words = install.command.map((word) => (word === root ? node : word))
  expect(await run(words, {}, async () => {})).toBe(0)
  const written = readFileSync(join(node, 'etc/containerd/certs.d/acme.eth/hosts.toml'), 'utf8')
  expect(written).toContain(`server = "http://127.0.0.1:${serve.readinessProbe?.httpGet.port}"`)
})

test('mooring-proxy-daemonset.yaml: its container serves verified pulls', async () => {
  expectKnownFlags(serve.command)
  expect(serve.env?.map(({ name, value }) => [name, value.split(',').length])).toEqual([['MOORING_RPC', 2]])
  const state = serve.command.at(-1)
  const words = serve.command.map((word) => (word === state ? join(folder, 'pod-state') : word))
  expect(await run(words, environmentOfTest(), (line) => expectServes(line, serve.readinessProbe?.httpGet.path))).toBe(
    0,
  )
})
