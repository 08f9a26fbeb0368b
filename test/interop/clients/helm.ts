import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { expectPushed, type Lab } from '../lab.ts'
import { bindProgram, goInstall, whyMissing } from '../run.ts'

/** helm puts the chart's name behind the repository it is given. */
const repository = 'demo.eth/helm/note'

async function start(lab: Lab): Promise<Client> {
  const helm = bindProgram('helm', lab.newFolder())
  const parent = `oci://${lab.mooring.host}/demo.eth/helm`
  /** A packaged chart of this version. */
  const makeChart = async (version: string): Promise<string> => {
    const folder = lab.newFolder()
    mkdirSync(join(folder, 'note/templates'), { recursive: true })
    writeFileSync(join(folder, 'note/Chart.yaml'), `apiVersion: v2\nname: note\nversion: ${version}\n`)
    const resource = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note}\ndata: {text: "from helm"}\n'
    writeFileSync(join(folder, 'note/templates/note.yaml'), resource)
    await helm(['package', '--destination', folder, join(folder, 'note')])
    return join(folder, `note-${version}.tgz`)
  }
  const push = async (chart: string) => await helm(['push', '--plain-http', chart, parent])
  const expectPulls = async (chart: string, ...what: string[]) => {
    const folder = lab.newFolder()
    await helm(['pull', '--plain-http', '--destination', folder, ...what])
    const name = readdirSync(folder)[0] ?? ''
    assert.deepEqual(readFileSync(join(folder, name)), readFileSync(chart))
  }
  return {
    version: `helm ${(await helm(['version', '--template', '{{.Version}}'])).trim()}`,
    cells: {
      push: async () => {
        await push(await makeChart('1.0.0'))
        await expectPushed(lab, repository, '1.0.0', { text: 'from helm' })
        // A tag has no `+`: helm writes `_` for it.
        await push(await makeChart('1.0.0+build'))
        await expectPushed(lab, repository, '1.0.0_build', { text: 'from helm' })
      },
      'pull by tag': async () => {
        const chart = await makeChart('1.1.0')
        await push(chart)
        await expectPulls(chart, `${parent}/note`, '--version', '1.1.0')
        await expectPulls(chart, `${parent}/note`, '--version', '~1.1')
      },
      'pull by digest': async () => {
        const chart = await makeChart('1.2.0')
        await push(chart)
        const { digest } = await expectPushed(lab, repository, '1.2.0', { text: 'from helm' })
        await expectPulls(chart, `${parent}/note@${digest}`)
      },
      index: 'a chart is one manifest: it has no platforms',
      artifact: async () => {
        await push(await makeChart('1.3.0'))
        const shown = await helm(['show', 'chart', '--plain-http', `${parent}/note`, '--version', '1.3.0'])
        assert.match(shown, /^version: 1\.3\.0$/m)
        const rendered = await helm(['template', '--plain-http', `${parent}/note`, '--version', '1.3.0'])
        assert.match(rendered, /text: "from helm"/)
      },
      delete: 'pushes and pulls charts; it has no command that deletes one',
      'name as host': facts.noMirrors,
      signatures: 'signs with OpenPGP files beside the chart, not with referrers',
    },
  }
}

/** helm, for charts. */
export const helm: Row = {
  name: 'helm',
  slow: true,
  install: () => goInstall('helm.sh/helm/v3/cmd/helm@v3.22.0'),
  whyNot: () => whyMissing('helm', 'npm run test:interop -- --all builds it'),
  start,
}
