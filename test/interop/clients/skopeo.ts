import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { makeArtifactLayout, makeImageLayout, platformOf } from '../image.ts'
import { expectDeleted, expectPushed, expectPushedByDigest, expectSameLayout, type Lab } from '../lab.ts'
import { bindProgram, debianHint, whyMissing } from '../run.ts'
import { bindWithDecoy, pullsThroughProxy } from '../through-proxy.ts'
import { writeRegistriesConf } from './registries-conf.ts'

const repository = 'demo.eth/skopeo'
const systemDropIns = '/etc/containers/registries.conf.d'
const arm64 = ['--override-os', 'linux', '--override-arch', 'arm64']

async function start(lab: Lab): Promise<Client> {
  const home = lab.newFolder()
  const skopeo = bindProgram('skopeo', home)
  writeRegistriesConf(home, lab.mooring.port)
  const root = lab.newFolder()
  const dropIns = join(root, systemDropIns)
  mkdirSync(dropIns, { recursive: true })
  const proxied = bindWithDecoy('skopeo', lab.newFolder(), { [systemDropIns]: dropIns })
  const at = (tagOrDigest: string) => `docker://${lab.mooring.host}/${repository}${tagOrDigest}`
  const push = (from: string, to: string, ...flags: string[]) =>
    skopeo(['copy', '--dest-tls-verify=false', ...flags, `oci:${from}:1`, to])
  const pull = async (from: string, ...flags: string[]): Promise<string> => {
    const copy = lab.newFolder()
    await skopeo(['copy', '--src-tls-verify=false', ...flags, from, `oci:${copy}:1`])
    return copy
  }
  return {
    version: (await skopeo(['--version'])).trim(),
    pushByDigest: async () => {
      const layout = await makeImageLayout(lab.newFolder(), 'by skopeo, by digest')
      await push(layout.folder, at(`@${layout.digest}`), '--all')
      await expectPushedByDigest(lab, repository, layout)
    },
    cells: {
      push: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by skopeo')
        await push(layout.folder, at(':push'), ...arm64)
        await expectPushed(lab, repository, 'push', platformOf(layout, 'arm64'))
        const { Tags } = JSON.parse(await skopeo(['list-tags', '--tls-verify=false', at('')]))
        assert.ok(Tags.includes('push'), `tags: ${Tags}`)
      },
      'pull by tag': async () => {
        const layout = await lab.seedImage(repository, 'tag')
        expectSameLayout(await pull(at(':tag'), ...arm64), platformOf(layout, 'arm64'))
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        expectSameLayout(await pull(at(`@${layout.amd64}`)), platformOf(layout, 'amd64'))
      },
      index: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by skopeo')
        await push(layout.folder, at(':index'), '--all')
        await expectPushed(lab, repository, 'index', layout)
        expectSameLayout(await pull(at(':index'), '--all'), layout)
      },
      artifact: async () => {
        const layout = makeArtifactLayout(lab.newFolder(), 'by skopeo\n')
        await push(layout.folder, at(':artifact'))
        await expectPushed(lab, repository, 'artifact', layout)
        expectSameLayout(await pull(at(':artifact')), layout)
      },
      delete: async () => {
        const { digest } = await lab.seedImage(repository, 'delete')
        await skopeo(['delete', '--tls-verify=false', at(':delete')])
        await expectDeleted(lab, repository, 'delete', digest)
      },
      'name as host': async () => {
        const layout = await lab.seedImage('acme.eth/skopeo', 'v1')
        expectSameLayout(await pull('docker://acme.eth/skopeo:v1', '--all'), layout)
        return facts.pullsByName
      },
      signatures: facts.noReferrers,
    },
    throughProxy: pullsThroughProxy(lab, {
      client: 'skopeo',
      place: { flags: ['--podman', '--root', root] },
      pull: async (image, layout) => {
        const copy = lab.newFolder()
        await proxied(['copy', '--src-tls-verify=false', '--all', `docker://${image}`, `oci:${copy}:1`])
        expectSameLayout(copy, layout)
      },
    }),
  }
}

/** skopeo, which copies between a registry and folders. */
export const skopeo: Row = {
  name: 'skopeo',
  takesHosts: true,
  whyNot: () => whyMissing('skopeo', debianHint('skopeo')),
  start,
}
