import assert from 'node:assert/strict'
import type { Lab } from '../lab.ts'
import { readContent, readReferrers } from '../registry.ts'

/**
 * An image and what refers to it go from here to a stock registry and back under another name, each hop by `copy`: the image keeps its
 * bytes and the referrer its own. Registries without the referrers API keep it under the tag `sha256-...` (distribution-spec 1.1, the
 * fallback), and coming back from there it is a referrer again.
 */
export async function expectCopiesKeepReferrers(
  lab: Lab,
  repository: string,
  copy: (from: string, to: string) => Promise<unknown>,
): Promise<void> {
  const { gateway, host } = lab.mooring
  const image = await lab.seedImage(`${repository}/signed`, '1')
  const subject = { mediaType: image.mediaType, digest: image.digest, size: 0 }
  const bytes = await readContent(gateway, `${repository}/signed`, image.digest)
  subject.size = bytes.blobs.get(image.digest)?.length ?? 0
  const signature = await lab.seedArtifact(`${repository}/signed`, 'signature', subject)
  for (const [position, stock] of (await lab.stockRegistries()).entries()) {
    await copy(`${host}/${repository}/signed:1`, `${stock.host}/signed:1`)
    assert.equal((await readContent(stock.url, 'signed', '1')).digest, image.digest)
    await readContent(stock.url, 'signed', signature.digest)
    const back = `${repository}/signed${position}`
    await copy(`${stock.host}/signed:1`, `${host}/${back}:1`)
    assert.deepEqual([...(await readContent(gateway, back, '1')).blobs.keys()], [...bytes.blobs.keys()])
    const referrers = await readReferrers(gateway, back, image.digest)
    assert.deepEqual(
      referrers.map(({ digest }) => digest),
      [signature.digest],
      `from ${stock.name}`,
    )
    await readContent(gateway, back, signature.digest)
  }
}
