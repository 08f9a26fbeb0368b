import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nerdctlFlags, startContainerd } from './containerd.ts'
import { type DockerEngine, startClassicEngine, startEngineIn, whyNoEngine } from './docker-engine.ts'
import { engineFolder, hasEngine } from './engine-28.ts'
import { makeImageLayout, makeTar } from './image.ts'
import { newFolder } from './login-gateway.ts'
import { debianHint, findProgram, nerdctlHint, run, whyMissing } from './run.ts'

// Clients that ask a credential helper, as docker's configuration says.

const helper = fileURLToPath(new URL('../../dist/docker-credential-mooring.js', import.meta.url))

/** Somebody with a home of their own, in which are docker's configuration and what `mooring login` keeps; the helper is on their PATH. */
export type HelperUser = { home: string; env: Record<string, string> }

/** A client whose commands are run by somebody. Each throws with what the client said, and returns that: both of its outputs. */
export type HelperClient = {
  push(user: HelperUser, image: string): Promise<string>
  pull(user: HelperUser, image: string): Promise<string>
  logOut(user: HelperUser, host: string): Promise<string>
  stop?(): Promise<void>
}

export type HelperRow = { name: string; whyNot(): string | undefined; start(): Promise<HelperClient> }

/** A new user; docker's configuration says nothing, but is there: podman wants it where `DOCKER_CONFIG` says so. */
export function newUser(): HelperUser {
  const home = newFolder()
  const bin = join(home, 'bin')
  for (const folder of [bin, join(home, '.docker')]) mkdirSync(folder)
  writeFileSync(join(home, '.docker/config.json'), '{}')
  symlinkSync(helper, join(bin, 'docker-credential-mooring'))
  const env = {
    HOME: home,
    PATH: [bin, process.env.PATH ?? ''].join(delimiter),
    DOCKER_CONFIG: join(home, '.docker'),
    MOORING_STATE: join(home, 'state'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_RUNTIME_DIR: join(home, 'run'),
    NERDCTL_TOML: join(home, 'nerdctl.toml'),
  }
  return { home, env }
}

/** Runs a program as somebody, and returns both of its outputs. */
export function runAs({ env }: HelperUser, program: string, ...args: string[]): Promise<string> {
  return run('sh', ['-c', 'exec "$0" "$@" 2>&1', findProgram(program) ?? program, ...args], { env })
}

/** This machine's client on an engine: both stores ask the client for credentials. */
async function useDocker({ socket, stop }: DockerEngine): Promise<HelperClient> {
  const docker = (user: HelperUser, ...args: string[]) =>
    runAs(user, 'docker', '--debug', '--host', `unix://${socket}`, ...args)
  const layer = await makeTar(newFolder(), { 'hello.txt': 'pushed by docker\n' })
  return {
    stop,
    async push(user, image) {
      await docker(user, 'import', layer, image)
      return docker(user, 'push', image)
    },
    async pull(user, image) {
      await docker(user, 'rmi', image)
      return docker(user, 'pull', image)
    },
    logOut: (user, host) => docker(user, 'logout', host),
  }
}

async function startPodman(): Promise<HelperClient> {
  const folder = newFolder()
  const store = ['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')]
  const podman = (user: HelperUser, ...args: string[]) =>
    runAs(user, 'podman', '--log-level', 'debug', ...store, '--events-backend', 'none', ...args)
  const layer = await makeTar(newFolder(), { 'hello.txt': 'pushed by podman\n' })
  return {
    async push(user, image) {
      await podman(user, 'import', layer, image)
      return podman(user, 'push', '--tls-verify=false', image)
    },
    async pull(user, image) {
      await podman(user, 'rmi', image)
      return podman(user, 'pull', '--tls-verify=false', image)
    },
    logOut: (user, host) => podman(user, 'logout', host),
  }
}

async function startNerdctl(): Promise<HelperClient> {
  const containerd = await startContainerd()
  const flags = nerdctlFlags(containerd, newFolder())
  const nerdctl = (user: HelperUser, ...args: string[]) => runAs(user, 'nerdctl', '--debug-full', ...flags, ...args)
  const { folder } = await makeImageLayout(newFolder(), 'pushed by nerdctl')
  const tar = join(folder, 'layout.tar')
  await run('tar', ['--create', '--file', tar, '--directory', folder, 'oci-layout', 'index.json', 'blobs'])
  const name = 'docker.io/library/imported'
  await containerd.ctr(['images', 'import', '--no-unpack', '--all-platforms', '--base-name', name, tar])
  return {
    stop: containerd.stop,
    async push(user, image) {
      await nerdctl(user, 'tag', 'imported:1', image)
      return nerdctl(user, 'push', '--all-platforms', image)
    },
    async pull(user, image) {
      await nerdctl(user, 'rmi', '--force', image)
      return nerdctl(user, 'pull', '--all-platforms', '--unpack', 'false', image)
    },
    logOut: (user, host) => nerdctl(user, 'logout', host),
  }
}

const rootOnly = (why: () => string | undefined) => () => (process.getuid?.() === 0 ? why() : 'needs root here')

/** The clients that ask a helper. The newer engine is one more where it lies. */
export const helperRows: readonly HelperRow[] = [
  { name: 'docker', whyNot: whyNoEngine, start: async () => useDocker(await startClassicEngine()) },
  ...(hasEngine()
    ? [
        {
          name: 'docker, containerd store',
          whyNot: whyNoEngine,
          start: async () => useDocker(await startEngineIn(engineFolder)),
        },
      ]
    : []),
  { name: 'podman', whyNot: rootOnly(() => whyMissing('podman', debianHint('podman'))), start: startPodman },
  {
    name: 'nerdctl',
    whyNot: rootOnly(() => whyMissing('containerd', debianHint('containerd')) ?? whyMissing('nerdctl', nerdctlHint)),
    start: startNerdctl,
  },
]
