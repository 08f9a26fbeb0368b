import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from './image.ts'
import { type Program, startDaemon, stopChild } from './run.ts'
import { bindWithDecoy, decoyCommand } from './through-proxy.ts'

/** A containerd of our own: root, state and socket are in a folder that goes away with it. */
export type Containerd = {
  ctr: Program
  socket: string
  /** A folder for settings of one user; containerd's are in it, and name its `containerd/certs.d` as `config_path`. */
  settings: string
  stop(): Promise<void>
}

/**
 * Starts containerd where `acme.eth` is the decoy's address, and waits until it answers. `cri`: as Kubernetes has it, with the plugin that
 * the kubelet speaks to.
 */
export async function startContainerd(cri: 'cri' | 'no cri' = 'no cri'): Promise<Containerd> {
  const folder = makeFolder()
  const socket = join(folder, 'containerd.sock')
  const settings = join(folder, 'settings')
  const config = writeConfig(folder, settings, socket, cri)
  const daemon = startDaemon('unshare', decoyCommand('containerd', folder, ['--config', config]), join(folder, 'log'))
  const bound = bindWithDecoy('ctr', folder)
  const ctr: Program = (args, options) => bound(['--address', socket, ...args], options)
  const stop = async () => {
    await stopChild(daemon)
    rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 100 && daemon.exitCode === null; tries += 1) {
    const answers = await ctr(['version']).then(
      () => true,
      () => false,
    )
    if (answers) return { ctr, socket, settings, stop }
    await sleep(100)
  }
  const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
  await stop()
  throw new Error(`containerd does not answer:\n${said}`)
}

/**
 * nerdctl on that containerd, where `acme.eth` is the decoy's address; what it keeps of its own, and docker's configuration that it reads,
 * is in `home`.
 */
export function startNerdctl(containerd: Containerd, home: string): Program {
  const bound = bindWithDecoy('nerdctl', home)
  const flags = nerdctlFlags(containerd, home)
  const env = { NERDCTL_TOML: join(home, 'nerdctl.toml'), DOCKER_CONFIG: join(home, '.docker') }
  return (args, options) => bound([...flags, ...args], { ...options, env: { ...env, ...options?.env } })
}

/** Flags before nerdctl's command, for that containerd; what it keeps of its own is in `home`. */
export function nerdctlFlags({ socket }: Containerd, home: string): string[] {
  return ['--address', socket, '--snapshotter', 'native', '--data-root', join(home, 'data')]
}

const criTable = '[plugins."io.containerd.grpc.v1.cri"'

function writeConfig(folder: string, settings: string, socket: string, cri: 'cri' | 'no cri'): string {
  const file = join(settings, 'containerd/config.toml')
  const lines = [
    'version = 2',
    `root = "${join(folder, 'root')}"`,
    `state = "${join(folder, 'state')}"`,
    ...(cri === 'cri' ? [] : ['disabled_plugins = ["io.containerd.grpc.v1.cri"]']),
    `[grpc]\naddress = "${socket}"`,
    `[ttrpc]\naddress = "${socket}.ttrpc"`,
    ...[`${criTable}]`, 'disable_tcp_service = true', `${criTable}.containerd]`, 'snapshotter = "native"'],
    ...[`${criTable}.registry]`, `config_path = "${join(settings, 'containerd/certs.d')}"`],
  ]
  mkdirSync(join(settings, 'containerd'), { recursive: true })
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

/**
 * Writes `hosts.toml` files that make an ENS name the host of an image. For `_default`, every name: containerd then asks with `?ns=`.
 * For one name: its path is in the host's address, as pushes need it from clients that leave `?ns=` out of them. And for the gateway's own
 * address, which `_default` would send away over https.
 */
export function writeHosts(folder: string, port: number): void {
  const gateway = `http://localhost:${port}`
  const files = {
    _default: [`[host."${gateway}"]`, 'capabilities = ["pull", "resolve"]'],
    'demo.eth': [
      `[host."${gateway}/v2/demo.eth"]`,
      'capabilities = ["pull", "resolve", "push"]',
      'override_path = true',
    ],
    [`localhost:${port}`]: [`server = "${gateway}"`],
  }
  for (const [name, lines] of Object.entries(files)) {
    mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, name, 'hosts.toml'), `${lines.join('\n')}\n`)
  }
}
