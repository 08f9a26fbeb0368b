import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client, Row } from '../client.ts'
import { makeImageLayout, platformOf } from '../image.ts'
import { expectDeleted, expectPushed, expectPushedByDigest, expectSameLayout, type Lab } from '../lab.ts'
import { bindProgram, goToolHint, whyMissing } from '../run.ts'
import { expectCopiesKeepReferrers } from './copies.ts'

const repository = 'demo.eth/regctl'
const type = ['--artifact-type', 'application/vnd.example.note', '--file-media-type', 'text/plain']

async function start(lab: Lab): Promise<Client> {
  const home = lab.newFolder()
  const { host } = lab.mooring
  const regctl = bindProgram('regctl', home, { REGCTL_CONFIG: join(home, 'config.json') })
  const at = (tagOrDigest: string) => `${host}/${repository}${tagOrDigest}`
  const layoutAt = (folder: string, tagOrDigest = ':1') => `ocidir://${folder}${tagOrDigest}`
  const pull = async (from: string, ...flags: string[]): Promise<string> => {
    const copy = lab.newFolder()
    await regctl(['image', 'copy', ...flags, from, layoutAt(copy)])
    return copy
  }
  // Blobs over 64 KiB go in parts of 1 MiB, as a proxy with a limit makes regctl do.
  const inParts = ['--blob-chunk', `${2 ** 20}`, '--blob-max', `${2 ** 16}`]
  await regctl(['registry', 'set', host, '--tls', 'disabled', ...inParts])
  return {
    pushByDigest: async () => {
      const layout = await makeImageLayout(lab.newFolder(), 'by regctl, by digest')
      await regctl(['image', 'copy', layoutAt(layout.folder), at(`@${layout.digest}`)])
      await expectPushedByDigest(lab, repository, layout)
    },
    version: `regctl ${(await regctl(['version', '--format', '{{.VCSTag}}'])).trim()}`,
    cells: {
      push: async () => {
        const layout = await makeImageLayout(lab.newFolder(), 'by regctl')
        await regctl(['image', 'copy', layoutAt(layout.folder, `@${layout.amd64}`), at(':push')])
        await expectPushed(lab, repository, 'push', platformOf(layout, 'amd64'))
        assert.equal((await regctl(['image', 'digest', at(':push')])).trim(), layout.amd64)
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
        const layout = await makeImageLayout(lab.newFolder(), 'by regctl')
        await regctl(['image', 'copy', layoutAt(layout.folder), at(':index')])
        await expectPushed(lab, repository, 'index', layout)
        expectSameLayout(await pull(at(':index')), layout)
      },
      artifact: async () => {
        const file = join(lab.newFolder(), 'note.txt')
        writeFileSync(file, 'an artifact\n')
        await regctl(['artifact', 'put', ...type, '--file', file, at(':note')])
        await expectPushed(lab, repository, 'note', { text: 'an artifact\n' })
        assert.equal(await regctl(['artifact', 'get', at(':note')]), 'an artifact\n')
        await lab.seedImage(repository, 'subject')
        await regctl(['artifact', 'put', ...type, '--file', file, '--subject', at(':subject')])
        assert.equal(await regctl(['artifact', 'get', '--subject', at(':subject')]), readFileSync(file, 'utf8'))
      },
      delete: async () => {
        const tagged = await lab.seedImage(repository, 'delete-tag')
        await regctl(['tag', 'delete', at(':delete-tag')])
        await expectDeleted(lab, repository, 'delete-tag')
        assert.equal((await regctl(['image', 'digest', at(`@${tagged.digest}`)])).trim(), tagged.digest)
        const { digest } = await lab.seedImage(repository, 'delete')
        await regctl(['manifest', 'delete', at(`@${digest}`)])
        await expectDeleted(lab, repository, 'delete', digest)
      },
      'name as host': async () => {
        const there = ['--hostname', host, '--path-prefix', 'acme.eth', '--tls', 'disabled', '--skip-check']
        await regctl(['registry', 'set', 'acme.eth', ...there])
        const layout = await lab.seedImage('acme.eth/regctl', 'v1')
        expectSameLayout(await pull('acme.eth/regctl:v1'), layout)
        await regctl(['image', 'copy', layoutAt(layout.folder), 'acme.eth/regctl:v2'])
        await expectPushed(lab, 'acme.eth/regctl', 'v2', layout)
      },
      signatures: async () => {
        for (const stock of await lab.stockRegistries()) {
          await regctl(['registry', 'set', stock.host, '--tls', 'disabled'])
        }
        await expectCopiesKeepReferrers(lab, repository, (from, to) =>
          regctl(['image', 'copy', '--referrers', from, to]),
        )
      },
    },
  }
}

/** regctl of regclient. */
export const regctl: Row = { name: 'regctl', whyNot: () => whyMissing('regctl', goToolHint), start }
