import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { type ImageLayout, makeImageLayout } from '../image.ts'
import { expectPushed, type Lab } from '../lab.ts'
import { bindProgram, debianHint, type Program, whyMissing } from '../run.ts'
import { bindWithDecoy, pullsThroughProxy } from '../through-proxy.ts'
import { writeRegistriesConf } from './registries-conf.ts'

// podman and buildah: one storage, one way to speak to registries, nearly the same commands.

type Kind = {
  name: 'podman' | 'buildah'
  /** Flags before the command, with storage of our own in a folder. */
  flags(folder: string): string[]
  /** Reads a file of an image that was pulled. */
  readFile(program: Program, image: string, path: string, folder: string): Promise<string>
  build: string
}

const podmanKind: Kind = {
  name: 'podman',
  flags: (folder) => [
    ...['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
    ...['--tmpdir', join(folder, 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'],
  ],
  async readFile(program, image, path, folder) {
    const container = (await program(['create', '--network', 'none', image, 'none'])).trim()
    await program(['cp', `${container}:${path}`, join(folder, 'file')])
    await program(['rm', container])
    return readFileSync(join(folder, 'file'), 'utf8')
  },
  build: 'build',
}

const buildahKind: Kind = {
  name: 'buildah',
  flags: (folder) => ['--storage-driver', 'vfs', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
  async readFile(program, image, path) {
    const container = (await program(['from', '--pull-never', image])).trim()
    const root = (await program(['mount', container])).trim()
    const text = readFileSync(join(root, path), 'utf8')
    await program(['rm', container])
    return text
  },
  build: 'bud',
}

async function start(lab: Lab, { name, flags, readFile, build }: Kind): Promise<Client> {
  const home = lab.newFolder()
  writeRegistriesConf(home, lab.mooring.port)
  const bound = bindProgram(name, home)
  const program: Program = (args, options) => bound([...flags(home), ...args], options)
  const proxiedHome = lab.newFolder()
  const boundToDecoy = bindWithDecoy(name, proxiedHome)
  const proxied: Program = (args, options) => boundToDecoy([...flags(home), ...args], options)
  const repository = `demo.eth/${name}`
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`

  /** Pulls one platform of a layout that is in the registry, checks manifest and file, and removes it. */
  const expectPulls = async (image: string, layout: ImageLayout, architecture: 'amd64' | 'arm64', puller = program) => {
    const id = (await puller(['pull', '--tls-verify=false', '--arch', architecture, '--quiet', image])).trim()
    const config = JSON.parse(
      readFileSync(join(layout.folder, 'blobs', layout[architecture].replace(':', '/')), 'utf8'),
    ).config
    assert.equal(`sha256:${id}`, config.digest)
    assert.equal(await readFile(program, image, '/hello.txt', lab.newFolder()), layout.textOf(architecture))
    await program(['rmi', '--force', image])
  }
  const buildImage = async (image: string, text: string) => {
    const folder = lab.newFolder()
    writeFileSync(join(folder, 'hello.txt'), text)
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY hello.txt /\n')
    await program([build, '--tag', image, folder])
  }
  return {
    version: (await bound(['--version'])).trim(),
    cells: {
      push: async () => {
        await buildImage(at(':push'), `built by ${name}\n`)
        await program(['push', '--tls-verify=false', at(':push')])
        await expectPushed(lab, repository, 'push', { text: `built by ${name}\n` })
      },
      'pull by tag': async () => expectPulls(at(':tag'), await lab.seedImage(repository, 'tag'), 'amd64'),
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        await expectPulls(at(`@${layout.amd64}`), layout, 'amd64')
      },
      index: async () => {
        await expectPulls(at(':platforms'), await lab.seedImage(repository, 'platforms'), 'arm64')
        const layout = await makeImageLayout(lab.newFolder(), `listed by ${name}`)
        await program(['manifest', 'create', 'listed'])
        await program(['manifest', 'add', '--all', 'listed', `oci:${layout.folder}:1`])
        await program(['manifest', 'push', '--all', '--tls-verify=false', 'listed', `docker://${at(':index')}`])
        const { blobs } = await expectPushed(lab, repository, 'index', { text: layout.textOf('arm64') })
        assert.ok(blobs.has(layout.arm64) && blobs.has(layout.amd64), 'a manifest of the layout changed')
      },
      artifact: / artifact /.test(await bound(['--help'])) ? facts.artifactsUnchecked : facts.noArtifacts,
      delete: facts.noDelete,
      'name as host': async () => {
        await expectPulls(`acme.eth/${name}:v1`, await lab.seedImage(`acme.eth/${name}`, 'v1'), 'amd64')
        return facts.pullsByName
      },
      signatures: facts.noReferrers,
    },
    throughProxy: pullsThroughProxy(lab, {
      client: name,
      place: { flags: ['--podman', '--user'], env: { XDG_CONFIG_HOME: join(proxiedHome, '.config') } },
      pull: (image, layout) => expectPulls(image, layout, 'amd64', proxied),
    }),
  }
}

function createRow(kind: Kind): Row {
  return {
    name: kind.name,
    takesHosts: true,
    whyNot: () =>
      process.getuid?.() === 0
        ? whyMissing(kind.name, debianHint(kind.name))
        : `${kind.name} with storage of its own needs root`,
    start: (lab) => start(lab, kind),
  }
}

/** podman, with storage of its own. */
export const podman: Row = createRow(podmanKind)

/** buildah, with storage of its own. */
export const buildah: Row = createRow(buildahKind)
