import type { Deps } from '../deps.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError, type OciErrorItem } from '../oci/error.ts'
import type { Descriptor, Manifest } from '../oci/manifest.ts'
import type { References, RepositoryKey } from '../store/catalog.ts'
import { checkIndexDepth } from './index-depth.ts'

/**
 * Checks that what a manifest points to is in its repository: config, layers and blobs but those that are fetched from elsewhere, and
 * an index's children, which a gateway with sparse indexes may lack. A missing subject is accepted, as distribution-spec demands
 * (end-7, "subject"). Resolves with what it found, for the catalog to see again when it takes the manifest.
 * @throws OciError MANIFEST_BLOB_UNKNOWN with one item per missing digest, MANIFEST_INVALID for a size or type that is not the
 * content's, and for indexes too deep
 */
export async function checkReferences(deps: Deps, key: RepositoryKey, manifest: Manifest): Promise<References> {
  const references = { blobs: [] as Digest[], manifests: [] as Digest[] }
  const unknown = new Map<string, OciErrorItem>()
  const check = async (descriptor: Descriptor, found: { size: number } | undefined) => {
    const { digest, size } = descriptor
    if (!found) unknown.set(digest, unknownItem(descriptor))
    else if (found.size !== size) throw wrongSize(descriptor, found.size)
  }
  for (const blob of manifest.blobs) {
    if (blob.external) continue
    await check(blob, await deps.catalog.findBlob(key, blob.digest))
    references.blobs.push(blob.digest)
  }
  for (const child of manifest.children) {
    const found = await deps.catalog.findManifest(key, child.digest)
    if (found) references.manifests.push(child.digest)
    if (found || !deps.features.sparseIndexes) await check(child, found)
    if (found && found.mediaType !== child.mediaType) throw wrongType(child, found.mediaType)
  }
  const [first, ...more] = unknown.values()
  if (first) throw new OciError(first.code, first.message, { detail: first.detail, more })
  await checkIndexDepth(deps, key, manifest)
  return references
}

function unknownItem({ digest, mediaType }: Descriptor): OciErrorItem {
  const message = `the manifest names ${digest} (${mediaType}), which is not in this repository: push it first`
  return { code: 'MANIFEST_BLOB_UNKNOWN', message, detail: { digest } }
}

function wrongSize({ digest, size }: Descriptor, actual: number): OciError {
  return new OciError(
    'MANIFEST_INVALID',
    `manifest refused: ${digest} has ${actual} bytes, its descriptor says ${size}`,
  )
}

/** Who believes the descriptor would read other bytes than who believes the manifest (CVE-2021-41190). */
function wrongType({ digest, mediaType }: Descriptor, actual: string): OciError {
  return new OciError('MANIFEST_INVALID', `manifest refused: ${digest} is ${actual}, its descriptor says ${mediaType}`)
}
