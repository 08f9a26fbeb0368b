import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { startContainerd, startNerdctl, writeHosts } from '../containerd.ts'
import { type Layout, makeImageLayout, platformOf } from '../image.ts'
import { expectPushed, type Lab } from '../lab.ts'
import { debianHint, nerdctlHint, run, whyMissing } from '../run.ts'
import { pullsThroughProxy } from '../through-proxy.ts'
import { decoyAddress } from '../verifying-proxy.ts'

const repository = 'demo.eth/nerdctl'

async function start(lab: Lab): Promise<Client> {
  const containerd = await startContainerd()
  const { ctr, stop } = containerd
  const nerdctl = startNerdctl(containerd, lab.newFolder())
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`
  const hosts = lab.newFolder()
  writeHosts(hosts, lab.mooring.port)
  const root = lab.newFolder()
  const installed = join(root, 'etc/containerd/certs.d')
  // What it would fall through to: it takes `_default` before the folder of a name.
  mkdirSync(join(installed, '_default'), { recursive: true })
  writeFileSync(join(installed, '_default/hosts.toml'), `server = "http://${decoyAddress}"\n`)

  /** Pulls an image, reads every blob of the layout from containerd's store, and removes all of it. */
  const expectPulls = async (image: string, layout: Layout, ...flags: string[]) => {
    await nerdctl(['pull', '--quiet', '--unpack', 'false', ...flags, image])
    const stored = (await ctr(['content', 'ls', '--quiet'])).split('\n')
    for (const digest of layout.digests) assert.ok(stored.includes(digest), `${digest} did not come`)
    await nerdctl(['rmi', '--force', image])
  }
  const push = async (image: string, layout: Layout, ...flags: string[]) => {
    const tar = join(lab.newFolder(), 'layout.tar')
    await run('tar', ['--create', '--file', tar, '--directory', layout.folder, 'oci-layout', 'index.json', 'blobs'])
    await ctr(['images', 'import', '--no-unpack', '--all-platforms', '--base-name', 'docker.io/library/imported', tar])
    await nerdctl(['tag', 'imported:1', image])
    await nerdctl(['push', '--quiet', ...flags, image])
    await nerdctl(['rmi', '--force', image, 'imported:1'])
  }
  return {
    version: (await nerdctl(['--version'])).trim(),
    cells: {
      push: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by nerdctl')
        await push(at(':push'), layout)
        await expectPushed(lab, repository, 'push', { text: layout.textOf('amd64') })
        // Where the tag is only staged, the proxy knows of no such repository.
        if (lab.mooring.publish) return
        const proxy = await lab.verifyingProxy()
        const refused = await push(`localhost:${proxy.port}/${repository}:no`, layout).catch((error: Error) => error)
        assert.match(String(refused), /405 Method Not Allowed/)
      },
      'pull by tag': async () => {
        const layout = platformOf(await lab.seedImage(repository, 'tag'), 'arm64')
        await expectPulls(at(':tag'), layout, '--platform', 'linux/arm64')
        const refused = await nerdctl(['pull', '--quiet', at(':none')]).catch((error: Error) => error)
        assert.match(String(refused), /not found/)
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        await expectPulls(at(`@${layout.amd64}`), platformOf(layout, 'amd64'))
      },
      index: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by nerdctl')
        await push(at(':index'), layout, '--all-platforms')
        await expectPushed(lab, repository, 'index', layout)
        await expectPulls(at(':index'), layout, '--all-platforms')
      },
      artifact: facts.noArtifacts,
      delete: facts.noDelete,
      'name as host': async () => {
        const pulled = await lab.seedImage('acme.eth/nerdctl', 'v1')
        await expectPulls('acme.eth/nerdctl:v1', pulled, '--all-platforms', '--hosts-dir', hosts)
        const pushed = await makeImageLayout(lab.newFolder(), 'by nerdctl')
        rmSync(join(hosts, '_default'), { recursive: true })
        await push('demo.eth/nerdctl:v2', pushed, '--all-platforms', '--hosts-dir', hosts)
        await expectPushed(lab, repository, 'v2', pushed)
        await expectPulls('demo.eth/nerdctl:v2', pushed, '--all-platforms', '--hosts-dir', hosts)
        return 'takes the file of `_default` before the one of a name, unless that is for `NAME:443`'
      },
      signatures: facts.noReferrers,
    },
    throughProxy: pullsThroughProxy(lab, {
      client: 'nerdctl',
      place: { flags: ['--containerd', '--root', root] },
      // Where no file leads elsewhere, plain HTTP will do for it, so that it would take the decoy's.
      pull: (image, layout) => {
        const flags = ['--insecure-registry', '--hosts-dir', installed]
        return expectPulls(image, layout, '--all-platforms', ...(image.startsWith('acme.eth/') ? flags : []))
      },
    }),
    stop,
  }
}

/** nerdctl, on a containerd of its own. */
export const nerdctl: Row = {
  name: 'nerdctl',
  takesHosts: true,
  whyNot: () =>
    process.getuid?.() === 0
      ? (whyMissing('containerd', debianHint('containerd')) ?? whyMissing('nerdctl', nerdctlHint))
      : 'a containerd of our own needs root',
  start,
}
