import assert from 'node:assert/strict'
import { type Client, facts, type Row } from '../client.ts'
import { makeArtifactLayout, makeImageLayout, platformOf } from '../image.ts'
import { expectDeleted, expectPushed, expectPushedByDigest, expectSameLayout, type Lab } from '../lab.ts'
import { bindProgram, goToolHint, whyMissing } from '../run.ts'

const repository = 'demo.eth/crane'

async function start(lab: Lab): Promise<Client> {
  const crane = bindProgram('crane', lab.newFolder())
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`
  const pull = async (from: string, ...flags: string[]): Promise<string> => {
    const copy = lab.newFolder()
    await crane(['pull', '--format=oci', ...flags, from, copy])
    return copy
  }
  return {
    pushByDigest: async () => {
      const layout = makeArtifactLayout(lab.newFolder(), 'one manifest, by crane, by digest\n')
      await crane(['push', layout.folder, at(`@${layout.digest}`)])
      await expectPushedByDigest(lab, repository, layout)
    },
    version: `crane ${(await crane(['version'])).trim()}`,
    cells: {
      push: async () => {
        const layout = makeArtifactLayout(lab.newFolder(), 'one manifest, by crane\n')
        await crane(['push', layout.folder, at(':push')])
        await expectPushed(lab, repository, 'push', layout)
        assert.ok((await crane(['ls', at('')])).split('\n').includes('push'))
      },
      'pull by tag': async () => {
        const layout = await lab.seedImage(repository, 'tag')
        expectSameLayout(await pull(at(':tag'), '--platform', 'linux/arm64'), platformOf(layout, 'arm64'))
        await crane(['validate', '--remote', at(':tag')])
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        expectSameLayout(await pull(at(`@${layout.amd64}`)), platformOf(layout, 'amd64'))
      },
      index: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by crane')
        // crane pushes the layout's own index.json, which lists the image index, and finds that by its digest.
        await crane(['push', '--index', layout.folder, at(':layout')])
        await crane(['copy', at(`@${layout.digest}`), at(':index')])
        await expectPushed(lab, repository, 'index', layout)
        expectSameLayout(await pull(at(':index')), layout)
      },
      artifact: async () => {
        const layout = await lab.seedArtifact(repository, 'artifact')
        expectSameLayout(await pull(at(':artifact')), layout)
        await crane(['copy', at(':artifact'), `${at('')}/artifacts:1`])
        await expectPushed(lab, `${repository}/artifacts`, '1', layout)
      },
      delete: async () => {
        const { digest } = await lab.seedImage(repository, 'delete')
        await crane(['delete', at(`@${digest}`)])
        await expectDeleted(lab, repository, 'delete', digest)
      },
      'name as host': facts.noMirrors,
      signatures: facts.noReferrers,
    },
  }
}

/** crane of go-containerregistry. */
export const crane: Row = { name: 'crane', whyNot: () => whyMissing('crane', goToolHint), start }
