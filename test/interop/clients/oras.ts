import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { makeImageLayout, platformOf } from '../image.ts'
import { expectDeleted, expectPushed, expectPushedByDigest, expectSameLayout, type Lab } from '../lab.ts'
import { readReferrers } from '../registry.ts'
import { bindProgram, goToolHint, whyMissing } from '../run.ts'
import { expectCopiesKeepReferrers } from './copies.ts'

const repository = 'demo.eth/oras'
const type = ['--artifact-type', 'application/vnd.example.note']

async function start(lab: Lab): Promise<Client> {
  const oras = bindProgram('oras', lab.newFolder())
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`
  const push = (from: string, to: string, ...flags: string[]) =>
    oras(['copy', '--from-oci-layout', '--to-plain-http', ...flags, `${from}:1`, to])
  const pull = async (from: string, ...flags: string[]): Promise<string> => {
    const copy = lab.newFolder()
    await oras(['copy', '--from-plain-http', '--to-oci-layout', ...flags, from, `${copy}:1`])
    return copy
  }
  /** A folder with `note.txt` in it. */
  const writeNote = (text: string): string => {
    const folder = lab.newFolder()
    writeFileSync(join(folder, 'note.txt'), text)
    return folder
  }
  return {
    pushByDigest: async () => {
      const layout = await makeImageLayout(lab.newFolder(), 'by oras, by digest')
      await push(layout.folder, at(`@${layout.digest}`))
      await expectPushedByDigest(lab, repository, layout)
    },
    version: `oras ${/Version:\s*(\S+)/.exec(await oras(['version']))?.[1]}`,
    cells: {
      push: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by oras')
        await push(layout.folder, at(':push'), '--platform', 'linux/amd64')
        await expectPushed(lab, repository, 'push', platformOf(layout, 'amd64'))
        assert.equal((await oras(['resolve', '--plain-http', at(':push')])).trim(), layout.amd64)
      },
      'pull by tag': async () => {
        const layout = await lab.seedImage(repository, 'tag')
        expectSameLayout(await pull(at(':tag'), '--platform', 'linux/arm64'), platformOf(layout, 'arm64'))
      },
      'pull by digest': async () => {
        const layout = await lab.seedImage(repository, 'digest')
        expectSameLayout(await pull(at(`@${layout.digest}`)), layout)
      },
      index: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by oras')
        await push(layout.folder, at(':index'))
        await expectPushed(lab, repository, 'index', layout)
        expectSameLayout(await pull(at(':index')), layout)
        await oras(['manifest', 'index', 'create', '--plain-http', at(':made'), layout.amd64, layout.arm64])
        await oras(['manifest', 'fetch', '--plain-http', at(':made')])
      },
      artifact: async () => {
        const subject = await lab.seedImage(repository, 'subject')
        const [source, target] = [writeNote('an artifact\n'), lab.newFolder()]
        await oras(['push', '--plain-http', ...type, at(':note'), 'note.txt:text/plain'], { cwd: source })
        await expectPushed(lab, repository, 'note', { text: 'an artifact\n' })
        await oras(['pull', '--plain-http', at(':note')], { cwd: target })
        assert.equal(readFileSync(join(target, 'note.txt'), 'utf8'), 'an artifact\n')
        await oras(['attach', '--plain-http', ...type, at(':subject'), 'note.txt:text/plain'], { cwd: source })
        const [referrer] = await readReferrers(lab.mooring.gateway, repository, subject.digest)
        const found = JSON.parse(await oras(['discover', '--plain-http', '--format', 'json', at(':subject')]))
        assert.deepEqual(
          (found.referrers ?? found.manifests).map(({ digest }: { digest: string }) => digest),
          [referrer?.digest],
        )
      },
      delete: async () => {
        const layout = await lab.seedImage(repository, 'delete')
        await oras(['manifest', 'delete', '--plain-http', '--force', at(':delete')])
        await expectDeleted(lab, repository, 'delete', layout.digest)
        const [, , layer = ''] = platformOf(layout, 'arm64').digests
        const blob = `${lab.mooring.gateway}/v2/${repository}/blobs/${layer}`
        assert.equal((await fetch(blob, { method: 'HEAD' })).status, 200)
        await oras(['blob', 'delete', '--plain-http', '--force', at(`@${layer}`)])
        assert.equal((await fetch(blob, { method: 'HEAD' })).status, 404)
      },
      'name as host': facts.noMirrors,
      signatures: () =>
        expectCopiesKeepReferrers(lab, repository, (from, to) =>
          oras(['copy', '--recursive', '--from-plain-http', '--to-plain-http', from, to]),
        ),
    },
  }
}

/** oras, for artifacts and what is attached to images. */
export const oras: Row = { name: 'oras', whyNot: () => whyMissing('oras', goToolHint), start }
