import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Client, facts, type Row } from '../client.ts'
import { expectDeleted, type Lab } from '../lab.ts'
import { readReferrers, statusOf } from '../registry.ts'
import { bindProgram, goInstall, goToolHint, type Program, whyMissing } from '../run.ts'

const repository = 'demo.eth/cosign'

/** cosign with two key pairs and no network but the registry: no transparency log. */
type Signer = {
  cosign: Program
  sign(image: string, ...flags: string[]): Promise<unknown>
  /** The right key verifies it, another one does not. */
  expectVerifies(image: string, ...flags: readonly string[]): Promise<void>
  /** A file with no certificate authorities and no logs, which is all that keys of our own need. */
  trustedRoot: string
}

/** Where a signature is: under the tag `sha256-....sig`, or as a referrer (distribution-spec 1.1). */
const modes = {
  tag: { sign: ['--registry-referrers-mode', 'legacy'], verify: [] },
  referrer: { sign: ['--registry-referrers-mode', 'oci-1-1'], verify: ['--experimental-oci11'] },
  bundle: { sign: ['--new-bundle-format'], verify: ['--new-bundle-format'] },
} as const

async function createSigner(lab: Lab): Promise<Signer> {
  const home = lab.newFolder()
  const cosign = bindProgram('cosign', home, { COSIGN_PASSWORD: '', COSIGN_EXPERIMENTAL: '1' })
  const trustedRoot = join(home, 'trusted-root.json')
  writeFileSync(trustedRoot, JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }))
  for (const name of ['ours', 'other']) {
    await cosign(['generate-key-pair', '--output-key-prefix', name], { cwd: home })
  }
  const verify = (key: string, image: string, flags: readonly string[]) => {
    const offline = ['--insecure-ignore-tlog=true', '--allow-http-registry', '--key', join(home, key)]
    return cosign(['verify', ...offline, ...flags, image])
  }
  return {
    cosign,
    trustedRoot,
    sign: (image, ...flags) => {
      const offline = ['--tlog-upload=false', '--allow-http-registry', '--yes', '--key', join(home, 'ours.key')]
      return cosign(['sign', ...offline, ...flags, image])
    },
    async expectVerifies(image, ...flags) {
      await verify('ours.pub', image, flags)
      await assert.rejects(verify('other.pub', image, flags), `${image} verifies with a key that did not sign it`)
    },
  }
}

/** Signed here in both modes, copied to a stock registry and back under another name: the signatures verify at every stop. */
async function expectCopiesKeepSignatures(lab: Lab, { sign, expectVerifies }: Signer): Promise<void> {
  const { host } = lab.mooring
  const home = lab.newFolder()
  const regctl = bindProgram('regctl', home, { REGCTL_CONFIG: join(home, 'config.json') })
  const oras = bindProgram('oras', home)
  const { digest } = await lab.seedImage(repository, 'copied')
  await sign(`${host}/${repository}@${digest}`, ...modes.tag.sign)
  await sign(`${host}/${repository}@${digest}`, ...modes.referrer.sign)
  const stock = (await lab.stockRegistries()).find(({ hasReferrers }) => hasReferrers)
  assert.ok(stock)
  for (const registry of [host, stock.host]) await regctl(['registry', 'set', registry, '--tls', 'disabled'])
  const stops = [`${host}/${repository}:copied`, `${stock.host}/cosign:1`, `${host}/${repository}/back:1`]
  for (const [position, to] of stops.entries()) {
    const from = stops[position - 1]
    if (from !== undefined) await regctl(['image', 'copy', '--referrers', '--digest-tags', from, to])
    await expectVerifies(to, ...modes.tag.verify)
    await expectVerifies(to, ...modes.referrer.verify)
  }
  const byOras = `${host}/${repository}/oras:1`
  await oras(['copy', '--recursive', '--from-plain-http', '--to-plain-http', `${stock.host}/cosign:1`, byOras])
  await expectVerifies(byOras, ...modes.referrer.verify)
}

async function start(lab: Lab): Promise<Client> {
  const signer = await createSigner(lab)
  const { cosign, sign, expectVerifies, trustedRoot } = signer
  const at = (tagOrDigest: string) => `${lab.mooring.host}/${repository}${tagOrDigest}`
  const signatureTag = (digest: string) => `${digest.replace(':', '-')}.sig`
  return {
    version: `cosign ${/GitVersion:\s*(\S+)/.exec(await cosign(['version']))?.[1]}`,
    cells: {
      push: async () => {
        const { amd64 } = await lab.seedImage(repository, 'push')
        await sign(at(`@${amd64}`), ...modes.tag.sign)
        assert.equal(await statusOf(lab.mooring.gateway, repository, signatureTag(amd64)), 200)
      },
      'pull by tag': async () => {
        const { digest } = await lab.seedImage(repository, 'tag')
        await sign(at(`@${digest}`), ...modes.tag.sign)
        await expectVerifies(at(':tag'))
      },
      'pull by digest': async () => {
        const { digest } = await lab.seedImage(repository, 'digest')
        await sign(at(`@${digest}`), ...modes.tag.sign)
        await expectVerifies(at(`@${digest}`))
      },
      index: async () => {
        const { digest, amd64, arm64 } = await lab.seedImage(repository, 'index')
        await sign(at(`@${digest}`), '--recursive', ...modes.tag.sign)
        for (const part of [digest, amd64, arm64]) await expectVerifies(at(`@${part}`))
      },
      artifact: async () => {
        const { digest } = await lab.seedArtifact(repository, 'artifact')
        await sign(at(`@${digest}`), ...modes.referrer.sign)
        assert.equal((await readReferrers(lab.mooring.gateway, repository, digest)).length, 1)
        assert.equal(await statusOf(lab.mooring.gateway, repository, signatureTag(digest)), 404)
        await expectVerifies(at(':artifact'), ...modes.referrer.verify)
        const image = await lab.seedImage(repository, 'bundle')
        await sign(at(`@${image.digest}`), ...modes.bundle.sign)
        const [bundle] = await readReferrers(lab.mooring.gateway, repository, image.digest)
        assert.match(String(bundle?.artifactType), /sigstore\.bundle/)
        await expectVerifies(at(':bundle'), ...modes.bundle.verify, '--trusted-root', trustedRoot)
      },
      delete: async () => {
        const { digest } = await lab.seedImage(repository, 'delete')
        await sign(at(`@${digest}`), ...modes.tag.sign)
        await cosign(['clean', '--allow-http-registry', '--force', '--type', 'signature', at(':delete')])
        await expectDeleted(lab, repository, signatureTag(digest))
      },
      'name as host': facts.noMirrors,
      signatures: () => expectCopiesKeepSignatures(lab, signer),
    },
  }
}

/** cosign, which signs images and verifies them. */
export const cosign: Row = {
  name: 'cosign',
  slow: true,
  install: () => goInstall('github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5'),
  whyNot: () =>
    whyMissing('cosign', 'npm run test:interop -- --all builds it') ??
    whyMissing('regctl', goToolHint) ??
    whyMissing('oras', goToolHint),
  start,
}
