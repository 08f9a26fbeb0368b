import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram, run } from './run.ts'

/** A Docker Engine of our own: it shares neither images, socket nor settings with one that the machine may have. */
export type DockerEngine = {
  docker(...args: string[]): Promise<string>
  stop(): Promise<void>
}

/** Why no engine can run here; undefined when one can. */
export function whyNoEngine(): string | undefined {
  if (process.platform !== 'linux') return 'a Docker Engine runs on Linux only'
  if (process.getuid?.() !== 0) return 'a Docker Engine of our own needs root'
  const missing = ['dockerd', 'docker', 'containerd'].filter((name) => findProgram(name) === undefined)
  return missing.length > 0 ? `not installed: ${missing.join(', ')} (Debian: apt-get install docker.io)` : undefined
}

/** Starts an engine without bridge and firewall rules, which need no network, and waits until it answers. */
export async function startDockerEngine(): Promise<DockerEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-docker-'))
  const socket = `unix://${folder}/docker.sock`
  const env = { DOCKER_HOST: socket, DOCKER_CONFIG: join(folder, 'client') }
  const daemon = spawnDaemon(folder, socket)
  const docker = (...args: string[]) => run(findProgram('docker') ?? 'docker', args, { env })
  await waitUntilReady(docker, daemon, folder)
  return {
    docker,
    async stop() {
      daemon.kill('SIGTERM')
      if (daemon.exitCode === null) await once(daemon, 'exit')
      await unmountUnder(folder)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function spawnDaemon(folder: string, socket: string): ChildProcess {
  mkdirSync(join(folder, 'client'))
  const config = join(folder, 'daemon.json')
  writeFileSync(config, '{}')
  const log = openSync(join(folder, 'dockerd.log'), 'a')
  const paths = ['--config-file', config, '--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`]
  const quiet = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--storage-driver=vfs']
  const daemon = spawn(
    findProgram('dockerd') ?? 'dockerd',
    [...paths, '--pidfile', `${folder}/docker.pid`, '--host', socket, ...quiet],
    { stdio: ['ignore', log, log] },
  )
  closeSync(log)
  return daemon
}

async function waitUntilReady(docker: DockerEngine['docker'], daemon: ChildProcess, folder: string): Promise<void> {
  for (let tries = 0; tries < 300 && daemon.exitCode === null; tries += 1) {
    const answers = await docker('version', '--format', '{{.Server.Version}}').then(
      () => true,
      () => false,
    )
    if (answers) return
    await sleep(100)
  }
  daemon.kill('SIGTERM')
  throw new Error(`dockerd does not answer:\n${readFileSync(join(folder, 'dockerd.log'), 'utf8').slice(-2000)}`)
}

async function unmountUnder(folder: string): Promise<void> {
  const points = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
  for (const point of points.sort().reverse()) await run('umount', [point])
}
