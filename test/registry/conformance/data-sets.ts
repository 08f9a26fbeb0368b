import { type Digest, type DigestAlgorithm, digestOf } from '../../../gateway/oci/digest.ts'
import { blobOf, bytesOf, configType, imageType, indexType, layerType } from '../client.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Descriptor = { mediaType: string; digest: Digest; size: number }
export type SetManifest = { digest: Digest; bytes: Bytes; mediaType: string; subject: Digest | null }

/** What one group of the suite pushes, reads and deletes. */
export type DataSet = {
  algorithm: DigestAlgorithm
  blobs: Map<Digest, Bytes>
  /** Children before what lists them. */
  manifests: SetManifest[]
  /** Pushed under the tag itself. */
  tags: Map<string, Digest>
  /** Pushed as `?tag=` of the digest (end-7b). */
  tagParameters: Map<string, Digest>
  /** What the referrers API shows of a subject. */
  referrers: Map<Digest, object[]>
}

/** A data set that nothing is in yet. */
export function emptyDataSet(algorithm: DigestAlgorithm): DataSet {
  const maps = { blobs: new Map(), tags: new Map(), tagParameters: new Map(), referrers: new Map() }
  return { algorithm, manifests: [], ...maps }
}

async function addBlob(set: DataSet, mediaType: string, bytes: Bytes): Promise<Descriptor> {
  const digest = await digestOf(set.algorithm, bytes)
  set.blobs.set(digest, bytes)
  return { mediaType, digest, size: bytes.byteLength }
}

type ManifestBody = { subject?: Descriptor; artifactType?: string; annotations?: object; config?: Descriptor } & Record<
  string,
  unknown
>

async function addManifest(set: DataSet, mediaType: string, members: ManifestBody, tag?: string): Promise<Descriptor> {
  const bytes = bytesOf(JSON.stringify({ schemaVersion: 2, mediaType, ...members }))
  const digest = await digestOf(set.algorithm, bytes)
  const { subject, annotations } = members
  set.manifests.push({ digest, bytes, mediaType, subject: subject?.digest ?? null })
  // A PUT by tag is one under sha256: a set of another algorithm is pushed by digest alone.
  if (tag !== undefined && set.algorithm === 'sha256') set.tags.set(tag, digest)
  const descriptor = { mediaType, digest, size: bytes.byteLength }
  if (subject) {
    const artifactType = members.artifactType ?? members.config?.mediaType
    const shown = { ...descriptor, ...(artifactType && { artifactType }), ...(annotations && { annotations }) }
    set.referrers.set(subject.digest, [...(set.referrers.get(subject.digest) ?? []), shown])
  }
  return descriptor
}

const emptyType = 'application/vnd.oci.empty.v1+json'
const tarType = 'application/vnd.oci.image.layer.v1.tar'
const sbomType = 'application/vnd.example.sbom'
const signatureType = 'application/vnd.example.signature'

async function addImage(set: DataSet, seed: number, tag?: string, more: object = {}): Promise<Descriptor> {
  const config = await addBlob(set, configType, bytesOf(`{"architecture":"amd64","seed":${seed}}`))
  const layers = [await addBlob(set, layerType, blobOf(900, seed)), await addBlob(set, layerType, blobOf(901, seed))]
  return addManifest(set, imageType, { config, layers, ...more }, tag)
}

async function addArtifact(set: DataSet, artifactType: string, seed: number, tag?: string, more: object = {}) {
  const config = await addBlob(set, emptyType, bytesOf('{}'))
  const layers = [await addBlob(set, 'text/plain', bytesOf(`artifact ${seed}`))]
  return addManifest(set, imageType, { artifactType, config, layers, ...more }, tag)
}

async function addIndex(set: DataSet, seed: number, tag?: string, more: object = {}): Promise<Descriptor> {
  const manifests = [await addImage(set, seed), await addImage(set, seed + 1)]
  return addManifest(set, indexType, { manifests, ...more }, tag)
}

/** The data sets of the official suite, by their names there; each fills an empty one. */
export const dataSets: Readonly<Record<string, (set: DataSet) => Promise<unknown>>> = {
  image: (set) => addImage(set, 1, 'image'),
  'image-uncompressed': async (set) => {
    const config = await addBlob(set, configType, bytesOf('{"architecture":"arm64"}'))
    return addManifest(set, imageType, { config, layers: [await addBlob(set, tarType, blobOf(1000))] }, 'uncompressed')
  },
  'large-manifest': (set) => {
    const entries = Array.from({ length: 390 }, (_, number) => [`org.example.${number}`, 'x'.repeat(10_000)])
    return addImage(set, 1, 'large', { annotations: Object.fromEntries(entries) })
  },
  index: (set) => addIndex(set, 1, 'index'),
  'nested-index': async (set) => {
    const manifests = [await addIndex(set, 1), await addIndex(set, 3)]
    return addManifest(set, indexType, { manifests }, 'nested')
  },
  'empty-index': (set) => addManifest(set, indexType, { manifests: [] }, 'empty'),
  artifact: (set) => addArtifact(set, sbomType, 1, 'artifact'),
  'artifact-index': async (set) => {
    const manifests = [await addArtifact(set, sbomType, 1), await addArtifact(set, signatureType, 2)]
    return addManifest(set, indexType, { artifactType: sbomType, manifests }, 'artifacts')
  },
  'artifact-without-layers': async (set) => {
    const config = await addBlob(set, emptyType, bytesOf('{}'))
    return addManifest(set, imageType, { artifactType: sbomType, config, layers: [config] }, 'no-layers-artifact')
  },
  'artifacts-with-subject': async (set) => {
    const subject = await addImage(set, 1, 'subject')
    await addArtifact(set, sbomType, 1, 'sbom', { subject, annotations: { 'org.example': 'one' } })
    await addArtifact(set, sbomType, 2, 'sbom-2', { subject, annotations: { 'org.example': 'two' } })
    return addArtifact(set, signatureType, 3, undefined, { subject })
  },
  'index-with-subject': async (set) => {
    const subject = await addImage(set, 1, 'subject')
    return addIndex(set, 3, 'index', { subject, artifactType: sbomType, annotations: { a: 'b' } })
  },
  'missing-subject': async (set) => {
    const subject = { mediaType: imageType, digest: await digestOf(set.algorithm, blobOf(33)), size: 33 }
    return addArtifact(set, sbomType, 1, 'missing-subject', { subject })
  },
  'data-field': async (set) => {
    const config = { ...(await addBlob(set, emptyType, bytesOf('{}'))), data: btoa('{}') }
    const layer = { ...(await addBlob(set, 'text/plain', bytesOf('data'))), data: btoa('data') }
    return addManifest(set, imageType, { artifactType: sbomType, config, layers: [layer] }, 'data')
  },
  'non-distributable-layers': async (set) => {
    const config = await addBlob(set, configType, bytesOf('{"os":"windows"}'))
    const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
    const foreign = {
      mediaType,
      digest: await digestOf(set.algorithm, blobOf(34)),
      size: 34,
      urls: ['https://example.org/'],
    }
    return addManifest(set, imageType, { config, layers: [foreign] }, 'foreign')
  },
  'custom-fields': (set) => addIndex(set, 1, 'custom', { 'org.example': { deep: [1, 'two', null, { three: true }] } }),
  'no-layers': async (set) => {
    const config = await addBlob(set, configType, bytesOf('{"rootfs":{}}'))
    return addManifest(set, imageType, { config, layers: [] }, 'no-layers')
  },
  'tag-param': async (set) => {
    const index = await addIndex(set, 1)
    for (let number = 0; number < 10; number += 1) set.tagParameters.set(`param-${number}`, index.digest)
  },
  sparse: async (set) => {
    const missing = { mediaType: imageType, digest: await digestOf(set.algorithm, blobOf(35)), size: 35 }
    return addManifest(set, indexType, { manifests: [await addImage(set, 1), missing] }, 'sparse')
  },
}
