import { describe, test } from 'vitest'
import type { DigestAlgorithm } from '../../../gateway/oci/digest.ts'
import type { OpenRegistry } from '../client.ts'
import { blobGroups } from './blob-groups.ts'
import { dataSetGroup, otherGroups } from './manifest-groups.ts'
import { type Group, openConformance } from './world.ts'

/** A group of the official suite: its name there, the hash it runs with, and the rule of ours that checks the same. */
type NamedGroup = { name: string; algorithm: DigestAlgorithm; group: Group; sparseIndexes?: boolean }

const algorithms: readonly DigestAlgorithm[] = ['sha256', 'sha512']

function grouped(name: string, group: Group | undefined, algorithm: DigestAlgorithm = 'sha256'): NamedGroup {
  if (!group) throw new Error(`no rule checks ${name}`)
  return { name, algorithm, group }
}

function ofDataSet(name: string, dataSet = name, algorithm: DigestAlgorithm = 'sha256'): NamedGroup {
  return grouped(name, dataSetGroup(dataSet), algorithm)
}

/**
 * What the official conformance suite of the distribution-spec checks (OCI_VERSION=dev, which is 1.1 and more), group by group, in its
 * order and named as there. `npm run test:conformance` runs the suite itself where it is installed; these run everywhere.
 */
export const conformanceGroups: readonly NamedGroup[] = [
  grouped('ping', otherGroups.ping),
  grouped('empty', otherGroups.empty),
  ...algorithms.flatMap((algorithm) =>
    Object.entries(blobGroups).map(([name, group]) => grouped(`${algorithm} blobs/${name}`, group, algorithm)),
  ),
  ofDataSet('image'),
  ofDataSet('image-uncompressed'),
  ofDataSet('large-manifest'),
  ofDataSet('index'),
  ofDataSet('nested-index'),
  ofDataSet('empty-index'),
  ofDataSet('artifact'),
  ofDataSet('artifact-index'),
  ofDataSet('artifact-without-layers'),
  ofDataSet('artifacts-with-subject'),
  ofDataSet('index-with-subject'),
  ofDataSet('missing-subject'),
  ofDataSet('data-field'),
  ofDataSet('non-distributable-layers'),
  ofDataSet('custom-fields'),
  ofDataSet('no-layers'),
  { ...ofDataSet('sparse'), sparseIndexes: true },
  ofDataSet('sha512', 'index', 'sha512'),
  ofDataSet('tag-param-sha256', 'tag-param'),
  ofDataSet('tag-param-sha512', 'tag-param', 'sha512'),
  grouped('bad-digest-image', otherGroups['bad-digest-image']),
  grouped('missing-manifest', otherGroups['missing-manifest']),
  grouped('invalid-digest-format', otherGroups['invalid-digest-format']),
]

/** One test per group, over any drivers and runtime. */
export function conformanceRules(open: OpenRegistry): void {
  describe('conformance suite', () => {
    for (const { name, algorithm, group, sparseIndexes = false } of conformanceGroups) {
      test(name, async () => group(await openConformance(open, algorithm, { features: { sparseIndexes } })))
    }
  })
}
