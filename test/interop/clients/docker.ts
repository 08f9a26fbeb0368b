import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { writeHosts } from '../containerd.ts'
import { type DockerEngine, startClassicEngine, startEngineIn, whyNoEngine } from '../docker-engine.ts'
import { engineFolder, hasEngine, installEngine } from '../engine-28.ts'
import { type ImageLayout, makeImageLayout, makeTar, readBlob } from '../image.ts'
import { expectPushed, type Lab } from '../lab.ts'
import { run } from '../run.ts'
import { pullsThroughProxy } from '../through-proxy.ts'

type Store = 'classic' | 'containerd'
type Architecture = 'amd64' | 'arm64'

/** What the cells of both engines do, bound to one engine. */
type Session = {
  engine: DockerEngine
  lab: Lab
  store: Store
}

/** A folder seen from here and from docker. */
function newSharedFolder({ engine: { shared } }: Session, name: string): { here: string; there: string } {
  mkdirSync(join(shared.here, name))
  return { here: join(shared.here, name), there: join(shared.there, name) }
}

/** Pulls one platform of an image in the registry, checks its identity and its file, and removes it. */
async function expectPulls(session: Session, image: string, layout: ImageLayout, architecture: Architecture) {
  const { docker } = session.engine
  const platform = ['--platform', `linux/${architecture}`]
  assert.ok((await docker('pull', ...platform, image)).includes(image.includes('@') ? layout.amd64 : layout.digest))
  const { config } = JSON.parse(readBlob(layout, layout[architecture]).toString())
  const id = (await docker('image', 'inspect', '--format', '{{.Id}}', image)).trim()
  if (session.store === 'classic') assert.equal(id, config.digest)
  else assert.equal(id, image.includes('@') ? layout.amd64 : layout.digest)
  const container = (await docker('create', '--network', 'none', ...platform, image, 'none')).trim()
  const folder = newSharedFolder(session, container.slice(0, 12))
  await docker('cp', `${container}:/hello.txt`, join(folder.there, 'hello.txt'))
  assert.equal(readFileSync(join(folder.here, 'hello.txt'), 'utf8'), layout.textOf(architecture))
  await docker('rm', container)
  await docker('rmi', image)
}

/** Makes an image from a tar, pushes it, removes it, pulls it again and gets the same one. */
async function expectPushes(session: Session, image: string, repository: string, tag: string): Promise<void> {
  const { docker } = session.engine
  const text = `pushed by docker as ${image}\n`
  const folder = newSharedFolder(session, `${repository}-${tag}`.replaceAll('/', '-'))
  await makeTar(folder.here, { 'hello.txt': text })
  const id = (await docker('import', join(folder.there, 'layer.tar'), image)).trim()
  const pushed = /digest: (sha256:[0-9a-f]{64})/.exec(await docker('push', image))?.[1]
  await docker('rmi', image)
  assert.equal((await docker('image', 'ls', '--quiet', '--filter', `reference=${image}`)).trim(), '')
  assert.equal((await expectPushed(session.lab, repository, tag, { text })).digest, pushed)
  await docker('pull', image)
  assert.equal((await docker('image', 'inspect', '--format', '{{.Id}}', image)).trim(), id)
  await docker('rmi', image)
}

/** `docker manifest` lists images that are in the registry already. */
async function expectListsImages(session: Session, image: string, repository: string): Promise<void> {
  const { docker } = session.engine
  const { amd64, arm64 } = await session.lab.seedImage(repository, 'parts')
  const parts = [`${image}@${amd64}`, `${image}@${arm64}`]
  await docker('manifest', 'create', '--insecure', `${image}:listed`, ...parts)
  await docker('manifest', 'annotate', '--os', 'linux', '--arch', 'arm64', `${image}:listed`, parts[1] ?? '')
  await docker('manifest', 'push', '--insecure', `${image}:listed`)
  const index = JSON.parse(await docker('manifest', 'inspect', '--insecure', `${image}:listed`))
  assert.deepEqual(index.manifests.map(({ digest }: { digest: string }) => digest).sort(), [amd64, arm64].sort())
}

/** The containerd store keeps an index as it is: one that was loaded is pushed byte for byte. */
async function expectPushesIndex(session: Session, image: string, repository: string): Promise<void> {
  const { docker } = session.engine
  const layout = await makeImageLayout(session.lab.newFolder(), 'by docker')
  const folder = newSharedFolder(session, 'layout')
  const tar = join(layout.folder, 'layout.tar')
  await run('tar', ['--create', '--file', tar, '--directory', layout.folder, 'oci-layout', 'index.json', 'blobs'])
  copyFileSync(tar, join(folder.here, 'layout.tar'))
  await docker('load', '--input', join(folder.there, 'layout.tar'))
  await docker('tag', layout.digest, `${image}:loaded`)
  await docker('push', `${image}:loaded`)
  await expectPushed(session.lab, repository, 'loaded', layout)
  await docker('image', 'prune', '--all', '--force')
}

async function start(lab: Lab, store: Store, engine: DockerEngine): Promise<Client> {
  const session = { engine, lab, store }
  const repository = `demo.eth/docker-${store}`
  const image = `${lab.mooring.host}/${repository}`
  const [server, client] = ['{{.Server.Version}}', '{{.Client.Version}}'].map((format) =>
    engine.docker('version', '--format', format),
  )
  return {
    version: `Docker Engine ${(await server)?.trim()}, client ${(await client)?.trim()}`,
    stop: engine.stop,
    cells: {
      push: () => expectPushes(session, `${image}:push`, repository, 'push'),
      'pull by tag': async () => {
        await expectPulls(session, `${image}:tag`, await lab.seedImage(repository, 'tag'), 'amd64')
        const refused = await engine.docker('pull', `${image}:none`).catch((error: Error) => error)
        assert.match(String(refused), /manifest unknown|not found/)
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        await expectPulls(session, `${image}@${layout.amd64}`, layout, 'amd64')
      },
      index: async () => {
        await expectPulls(session, `${image}:index`, await lab.seedImage(repository, 'index'), 'arm64')
        await expectListsImages(session, image, repository)
        if (store === 'containerd') await expectPushesIndex(session, image, repository)
      },
      artifact: facts.noArtifacts,
      delete: facts.noDelete,
      'name as host': store === 'classic' ? facts.classicMirrors : () => expectNameAsHost(session),
      signatures: facts.noReferrers,
    },
    throughProxy: pullsThroughProxy(lab, {
      client: `docker-${store}`,
      // The engine is found, and asked what it is: no flag says that there is one.
      place: { flags: ['--root', engine.systemFolder] },
      pull: (name, layout) => expectPulls(session, name, layout, 'amd64'),
    }),
  }
}

/** From here on every name but ours is asked for at the gateway first: `docker pull acme.eth/...` and, for a name with a `hosts.toml` of its own, `docker push demo.eth/...`. */
async function expectNameAsHost(session: Session): Promise<void> {
  const { lab, engine } = session
  writeHosts(engine.hostsFolder, lab.mooring.port)
  await expectPulls(session, 'acme.eth/docker:v1', await lab.seedImage('acme.eth/docker', 'v1'), 'amd64')
  await expectPushes(session, 'demo.eth/docker-host:v2', 'demo.eth/docker-host', 'v2')
  await expectPushes(session, `${lab.mooring.host}/demo.eth/docker-host:v3`, 'demo.eth/docker-host', 'v3')
}

/** The machine's Docker Engine with its classic store. */
export const dockerClassic: Row = {
  name: 'docker, classic store',
  whyNot: whyNoEngine,
  start: async (lab) => start(lab, 'classic', await startClassicEngine()),
}

/** Docker Engine 28 or later with the containerd store. */
export const dockerContainerd: Row = {
  name: 'docker, containerd store',
  takesHosts: true,
  slow: true,
  install: installEngine,
  whyNot: () => {
    if (process.platform !== 'linux') return 'a Docker Engine runs on Linux only'
    if (process.getuid?.() !== 0) return 'a Docker Engine of our own needs root'
    return hasEngine()
      ? undefined
      : 'Docker Engine 28 is not there (npm run test:interop -- --all takes it from a newer Debian)'
  },
  start: async (lab) => start(lab, 'containerd', await startEngineIn(engineFolder)),
}
