import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startContainerd } from './containerd.ts'
import { startClassicEngine, whyNoEngine } from './docker-engine.ts'
import { makeArtifactLayout, makeImageLayout, makeTar } from './image.ts'
import { type Credentials, newFolder } from './login-gateway.ts'
import { bindProgram, debianHint, goToolHint, run, whyMissing } from './run.ts'

/** A client that logs in, bound to a home of its own. Each throws with what the client said. */
export type LoginClient = {
  logIn(credentials: Credentials): Promise<unknown>
  push(image: string): Promise<unknown>
  pull(image: string): Promise<unknown>
  stop?(): Promise<void>
}

/** `keepsTokens`: it keeps a refresh token in place of the password, so that a login message is enough. */
export type LoginRow = {
  name: string
  keepsTokens?: true
  whyNot(): string | undefined
  start(host: string): Promise<LoginClient>
}

const rootOnly = (why: () => string | undefined) => () => (process.getuid?.() === 0 ? why() : 'needs root here')

async function startDocker(host: string): Promise<LoginClient> {
  const { docker, shared, stop } = await startClassicEngine()
  await makeTar(shared.here, { 'hello.txt': 'pushed by docker\n' })
  return {
    stop,
    logIn: ({ user, password }) => docker('login', '--username', user, '--password', password, host),
    async push(image) {
      await docker('import', join(shared.there, 'layer.tar'), image)
      await docker('push', image)
    },
    async pull(image) {
      await docker('rmi', image)
      await docker('pull', image)
    },
  }
}

async function startPodman(host: string): Promise<LoginClient> {
  const home = newFolder()
  const bound = bindProgram('podman', home, { REGISTRY_AUTH_FILE: join(home, 'auth.json') })
  writeFileSync(join(home, 'auth.json'), '{}')
  const store = ['--storage-driver', 'vfs', '--root', join(home, 'root'), '--runroot', join(home, 'run')]
  const podman = (...args: string[]) => bound([...store, '--events-backend', 'none', ...args])
  await makeTar(home, { 'hello.txt': 'pushed by podman\n' })
  return {
    logIn: ({ user, password }) => podman('login', '--tls-verify=false', '-u', user, '-p', password, host),
    async push(image) {
      await podman('import', join(home, 'layer.tar'), image)
      await podman('push', '--tls-verify=false', image)
    },
    async pull(image) {
      await podman('rmi', image)
      await podman('pull', '--tls-verify=false', image)
    },
  }
}

async function startSkopeo(host: string): Promise<LoginClient> {
  const home = newFolder()
  const skopeo = bindProgram('skopeo', home, { REGISTRY_AUTH_FILE: join(home, 'auth.json') })
  const { folder } = await makeImageLayout(newFolder(), 'pushed by skopeo')
  return {
    logIn: ({ user, password }) => skopeo(['login', '--tls-verify=false', '-u', user, '-p', password, host]),
    push: (image) => skopeo(['copy', '--all', '--dest-tls-verify=false', `oci:${folder}:1`, `docker://${image}`]),
    pull: (image) => skopeo(['copy', '--all', '--src-tls-verify=false', `docker://${image}`, `oci:${newFolder()}:1`]),
  }
}

async function startCrane(host: string): Promise<LoginClient> {
  const crane = bindProgram('crane', newFolder())
  const { folder } = makeArtifactLayout(newFolder(), 'pushed by crane\n')
  return {
    // It logs in without asking the registry whether it may.
    async logIn({ user, password }) {
      await crane(['auth', 'login', host, '-u', user, '-p', password])
      await crane(['catalog', host]).catch((error: Error) => {
        if (!/404|UNSUPPORTED/.test(error.message)) throw error
      })
    },
    push: (image) => crane(['push', folder, image]),
    pull: (image) => crane(['pull', '--format=oci', image, newFolder()]),
  }
}

async function startOras(host: string): Promise<LoginClient> {
  const oras = bindProgram('oras', newFolder())
  const { folder } = makeArtifactLayout(newFolder(), 'pushed by oras\n')
  return {
    logIn: ({ user, password }) => oras(['login', '--plain-http', '-u', user, '-p', password, host]),
    push: (image) => oras(['copy', '--from-oci-layout', '--to-plain-http', `${folder}:1`, image]),
    pull: (image) => oras(['copy', '--from-plain-http', '--to-oci-layout', image, `${newFolder()}:1`]),
  }
}

async function startRegctl(host: string): Promise<LoginClient> {
  const regctl = bindProgram('regctl', newFolder())
  await regctl(['registry', 'set', '--tls', 'disabled', '--skip-check', host])
  const { folder } = makeArtifactLayout(newFolder(), 'pushed by regctl\n')
  return {
    logIn: ({ user, password }) => regctl(['registry', 'login', '-u', user, '-p', password, host]),
    push: (image) => regctl(['image', 'copy', `ocidir://${folder}:1`, image]),
    pull: (image) => regctl(['image', 'copy', image, `ocidir://${newFolder()}:1`]),
  }
}

/** `ctr` keeps nothing: it is told with each command. */
async function startCtr(): Promise<LoginClient> {
  const { ctr, stop } = await startContainerd()
  const { folder } = await makeImageLayout(newFolder(), 'pushed by ctr')
  const tar = join(folder, 'layout.tar')
  await run('tar', ['--create', '--file', tar, '--directory', folder, 'oci-layout', 'index.json', 'blobs'])
  await ctr(['images', 'import', '--no-unpack', '--all-platforms', '--base-name', 'imported', tar])
  let flags: string[] = []
  return {
    stop,
    async logIn({ user, password }) {
      flags = ['--user', `${user}:${password}`]
    },
    push: (image) => ctr(['images', 'push', '--plain-http', ...flags, image, 'imported:1']),
    pull: (image) =>
      ctr(['images', 'pull', '--plain-http', '--snapshotter', 'native', '--all-platforms', ...flags, image]),
  }
}

/** The clients that log in. */
export const loginRows: readonly LoginRow[] = [
  { name: 'docker', keepsTokens: true, whyNot: whyNoEngine, start: startDocker },
  { name: 'podman', whyNot: rootOnly(() => whyMissing('podman', debianHint('podman'))), start: startPodman },
  { name: 'skopeo', whyNot: () => whyMissing('skopeo', debianHint('skopeo')), start: startSkopeo },
  { name: 'containerd', whyNot: rootOnly(() => whyMissing('ctr', debianHint('containerd'))), start: startCtr },
  { name: 'crane', whyNot: () => whyMissing('crane', goToolHint), start: startCrane },
  { name: 'oras', whyNot: () => whyMissing('oras', goToolHint), start: startOras },
  { name: 'regctl', whyNot: () => whyMissing('regctl', goToolHint), start: startRegctl },
]
