import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFolder } from './image.ts'
import { findProgram, run, startDaemon, stopChild } from './run.ts'
import { hostsFileText } from './verifying-proxy.ts'

/** A Docker Engine of our own: it shares neither images, socket nor settings with one that the machine may have. */
export type DockerEngine = {
  docker(...args: string[]): Promise<string>
  /** The engine's socket as it is seen from here, for a client with settings of its own. */
  socket: string
  /** A folder that docker reads and writes too, and its path there. */
  shared: { here: string; there: string }
  /** A folder with the engine's program, socket and settings where they are in a system, for who looks for an engine. */
  systemFolder: string
  /** Where a `hosts.toml` of the containerd store belongs: `/etc/docker/certs.d`. */
  hostsFolder: string
  stop(): Promise<void>
}

/** Why no engine can run here; undefined when one can. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return 'a Docker Engine runs on Linux only'
  if (process.getuid?.() !== 0) return 'a Docker Engine of our own needs root'
  const missing = ['dockerd', 'docker', 'containerd'].filter((name) => findProgram(name) === undefined)
  return missing.length > 0 ? `not installed: ${missing.join(', ')} (apt-get install docker.io)` : undefined
}

/**
 * Starts the machine's engine with the classic store, without bridge and firewall rules, and waits until it answers.
 * @param settings more of `daemon.json`
 */
export async function startClassicEngine(settings: object = {}): Promise<DockerEngine> {
  const folder = makeFolder()
  const all = { features: { 'containerd-snapshotter': false }, ...settings }
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(all))
  const flags = daemonFlags(folder, join(folder, 'daemon.json'), 'vfs')
  const daemon = spawnDaemon(folder, findProgram('dockerd') ?? 'dockerd', flags)
  const env = { DOCKER_HOST: `unix://${folder}/docker.sock`, DOCKER_CONFIG: join(folder, 'client') }
  const docker = (...args: string[]) => run(findProgram('docker') ?? 'docker', args, { env })
  return waitUntilReady({ docker, folder, there: folder, daemon, program: findProgram('dockerd') ?? '' })
}

/**
 * Starts the engine that lies in `root`, a folder with a system of its own, with the containerd store: in a mount namespace of its own,
 * with `root` as its root.
 */
export async function startEngineIn(root: string): Promise<DockerEngine> {
  const folder = makeFolder()
  const there = '/run/mooring'
  const settings = settingsOf(folder)
  mkdirSync(join(root, there), { recursive: true })
  mkdirSync(join(root, 'etc/docker'), { recursive: true })
  mkdirSync(settings)
  writeFileSync(join(root, 'etc/hosts'), hostsFileText)
  // So that it would take an image from there, too, if it went there.
  const decoy = { 'insecure-registries': ['acme.eth'] }
  writeFileSync(
    join(settings, 'daemon.json'),
    JSON.stringify({ features: { 'containerd-snapshotter': true }, ...decoy }),
  )
  const script = [
    'set -e',
    'mount --make-rprivate / && mount --bind "$1" "$1"',
    `mount --bind "$2" "$1${there}" && mount --bind "$2/settings" "$1/etc/docker"`,
    'mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev"',
    'root=$1 && shift 2 && exec chroot "$root" /usr/sbin/dockerd "$@"',
  ].join('\n')
  const flags = daemonFlags(there, '/etc/docker/daemon.json', 'native')
  const daemon = spawnDaemon(folder, 'unshare', ['--mount', 'sh', '-c', script, 'sh', root, folder, ...flags])
  const enter = [`--mount=/proc/${daemon.pid}/ns/mnt`, 'chroot', root, '/usr/bin/docker']
  const env = { DOCKER_HOST: `unix://${there}/docker.sock`, DOCKER_CONFIG: `${there}/client` }
  const docker = (...args: string[]) => run('nsenter', [...enter, ...args], { env })
  return waitUntilReady({ docker, folder, there, daemon, program: join(root, 'usr/sbin/dockerd') })
}

/** Everything of the daemon is in `folder`, as the daemon sees it. */
function daemonFlags(folder: string, config: string, storageDriver: string): string[] {
  const paths = ['--config-file', config, '--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`]
  const quiet = ['--iptables=false', '--ip6tables=false', '--bridge=none', `--storage-driver=${storageDriver}`]
  return [...paths, '--pidfile', `${folder}/docker.pid`, '--host', `unix://${folder}/docker.sock`, ...quiet]
}

function spawnDaemon(folder: string, program: string, args: readonly string[]): ChildProcess {
  mkdirSync(join(folder, 'client'))
  return startDaemon(program, args, join(folder, 'dockerd.log'))
}

type Starting = { docker: DockerEngine['docker']; folder: string; there: string; daemon: ChildProcess; program: string }

/** As a system would have them, by links. */
function makeSystemFolder(folder: string, program: string): string {
  const system = join(folder, 'system')
  const links = {
    'usr/sbin/dockerd': program,
    'run/docker.sock': join(folder, 'docker.sock'),
    'etc/docker': settingsOf(folder),
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(system, path)), { recursive: true })
    symlinkSync(target, join(system, path))
  }
  return system
}

function settingsOf(folder: string): string {
  return join(folder, 'settings')
}

async function waitUntilReady({ docker, folder, there, daemon, program }: Starting): Promise<DockerEngine> {
  const stop = async () => {
    await stopChild(daemon)
    await unmountUnder(folder)
    rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 300 && daemon.exitCode === null; tries += 1) {
    const answers = await docker('version', '--format', '{{.Server.Version}}').then(
      () => true,
      () => false,
    )
    const hostsFolder = join(settingsOf(folder), 'certs.d')
    if (answers) {
      const systemFolder = makeSystemFolder(folder, program)
      return {
        docker,
        socket: join(folder, 'docker.sock'),
        shared: { here: folder, there },
        systemFolder,
        hostsFolder,
        stop,
      }
    }
    await sleep(100)
  }
  const said = readFileSync(join(folder, 'dockerd.log'), 'utf8').slice(-2000)
  await stop()
  throw new Error(`dockerd does not answer:\n${said}`)
}

async function unmountUnder(folder: string): Promise<void> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
  for (const point of points.sort().reverse()) await run('umount', [point])
}
