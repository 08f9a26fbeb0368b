import type { Deps } from '../deps.ts'
import { OciError, type OciErrorItem } from '../oci/error.ts'
import type { Descriptor, Manifest } from '../oci/manifest.ts'
import type { RepositoryKey } from '../store/catalog.ts'

/**
 * Checks that what a manifest points to is in its repository: config, layers and blobs but those that are fetched from elsewhere, and
 * an index's children. A missing subject is accepted, as distribution-spec demands (end-7, "subject").
 * @throws OciError MANIFEST_BLOB_UNKNOWN with one item per missing digest, MANIFEST_INVALID for a size that is not the content's
 */
export async function checkReferences(deps: Deps, key: RepositoryKey, manifest: Manifest): Promise<void> {
  const unknown = new Map<string, OciErrorItem>()
  const check = async (descriptor: Descriptor, found: { size: number } | undefined) => {
    const { digest, size } = descriptor
    if (!found) unknown.set(digest, unknownItem(descriptor))
    else if (found.size !== size) throw wrongSize(descriptor, found.size)
  }
  for (const blob of manifest.blobs) {
    if (!blob.external) await check(blob, await deps.catalog.findBlob(key, blob.digest))
  }
  for (const child of manifest.children) await check(child, await deps.catalog.findManifest(key, child.digest))
  const [first, ...more] = unknown.values()
  if (first) throw new OciError(first.code, first.message, { detail: first.detail, more })
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
