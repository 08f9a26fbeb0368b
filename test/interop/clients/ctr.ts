import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type Client, facts, nothingBut, type Row } from '../client.ts'
import { startContainerd, writeHosts } from '../containerd.ts'
import { callImageService } from '../cri.ts'
import { type ImageLayout, type Layout, makeImageLayout, platformOf } from '../image.ts'
import { expectPushed, type Lab } from '../lab.ts'
import { debianHint, run, whyMissing } from '../run.ts'
import { pullsThroughProxy } from '../through-proxy.ts'

const repository = 'demo.eth/ctr'

async function start(lab: Lab): Promise<Client> {
  const { ctr, stop } = await startContainerd()
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`
  const hosts = lab.newFolder()
  writeHosts(hosts, lab.mooring.port)
  const root = lab.newFolder()

  /** Pulls an image, reads every blob of the layout from containerd's store, and removes all of it. */
  const expectPulls = async (image: string, layout: Layout, ...flags: string[]) => {
    await ctr(['images', 'pull', '--snapshotter', 'native', ...flags, image])
    const stored = (await ctr(['content', 'ls', '--quiet'])).split('\n')
    for (const digest of layout.digests) assert.ok(stored.includes(digest), `${digest} did not come`)
    await ctr(['images', 'rm', '--sync', image])
  }
  const push = async (image: string, layout: Layout, ...flags: string[]) => {
    const tar = join(lab.newFolder(), 'layout.tar')
    await run('tar', ['--create', '--file', tar, '--directory', layout.folder, 'oci-layout', 'index.json', 'blobs'])
    await ctr(['images', 'import', '--no-unpack', '--all-platforms', '--base-name', 'imported', tar])
    await ctr(['images', 'push', ...flags, image, 'imported:1'])
    await ctr(['images', 'rm', '--sync', 'imported:1'])
  }
  return {
    version: (await ctr(['--version'])).trim(),
    cells: {
      push: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by ctr')
        await push(at(':push'), layout, '--plain-http', '--platform', 'linux/amd64')
        await expectPushed(lab, repository, 'push', platformOf(layout, 'amd64'))
      },
      'pull by tag': async () => {
        const layout = platformOf(await lab.seedImage(repository, 'tag'), 'arm64')
        await expectPulls(at(':tag'), layout, '--plain-http', '--platform', 'linux/arm64')
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        await expectPulls(at(`@${layout.amd64}`), platformOf(layout, 'amd64'), '--plain-http')
      },
      index: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by ctr')
        await push(at(':index'), layout, '--plain-http')
        await expectPushed(lab, repository, 'index', layout)
        await expectPulls(at(':index'), layout, '--plain-http', '--all-platforms')
      },
      artifact: async () => {
        const layout = await lab.seedArtifact(repository, 'artifact')
        // `images pull` would go on to unpack it as a file system.
        await ctr(['content', 'fetch', '--plain-http', at(':artifact')])
        const digests = (await ctr(['content', 'ls', '--quiet'])).split('\n')
        for (const digest of layout.digests) assert.ok(digests.includes(digest), `${digest} did not come`)
        return 'fetches and pushes; it has no command that makes one'
      },
      delete: facts.noDelete,
      'name as host': async () => {
        const pulled = await lab.seedImage('acme.eth/ctr', 'v1')
        await expectPulls('acme.eth/ctr:v1', pulled, '--all-platforms', '--hosts-dir', hosts)
        const pushed = await makeImageLayout(lab.newFolder(), 'by ctr')
        await push('demo.eth/ctr:v2', pushed, '--hosts-dir', hosts)
        await expectPushed(lab, repository, 'v2', pushed)
        await expectPulls('demo.eth/ctr:v2', pushed, '--all-platforms', '--hosts-dir', hosts)
      },
      signatures: facts.noReferrers,
    },
    throughProxy: pullsThroughProxy(lab, {
      client: 'ctr',
      place: { flags: ['--containerd', '--root', root] },
      pull: (image, layout) =>
        expectPulls(
          image,
          layout,
          '--all-platforms',
          '--plain-http',
          '--hosts-dir',
          join(root, 'etc/containerd/certs.d'),
        ),
    }),
    stop,
  }
}

/** containerd with its own `ctr`. */
export const ctr: Row = {
  name: 'containerd (ctr)',
  takesHosts: true,
  whyNot: () =>
    process.getuid?.() === 0
      ? whyMissing('containerd', debianHint('containerd'))
      : 'a containerd of our own needs root',
  start,
}

async function startCri(lab: Lab): Promise<Client> {
  const { ctr, socket, settings, stop } = await startContainerd('cri')
  const pull = async (image: string, layout: ImageLayout) => {
    await callImageService(socket, 'PullImage', image)
    const stored = (await ctr(['--namespace', 'k8s.io', 'content', 'ls', '--quiet'])).split('\n')
    for (const digest of platformOf(layout, 'amd64').digests)
      assert.ok(stored.includes(digest), `${digest} did not come`)
    await callImageService(socket, 'RemoveImage', image)
  }
  const place = { flags: ['--containerd', '--user'], env: { XDG_CONFIG_HOME: settings } }
  return {
    version: (await ctr(['--version'])).trim(),
    cells: nothingBut('only asked for images by ENS name, through the proxy'),
    throughProxy: pullsThroughProxy(lab, { client: 'cri', place, wantsTls: true, pull }),
    stop,
  }
}

/** containerd as a kubelet speaks to it. */
export const cri: Row = { ...ctr, name: 'containerd (CRI)', takesHosts: 'only', start: startCri }
