import type { Hex } from 'viem'
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts'
import type { MantarayEntry } from './mantaray.ts'

/** A manifest that the layout's index names, under a tag. */
export type LayoutManifest = { digest: Digest; size: number; mediaType: string; tag: string }

const INDEX_MEDIA_TYPE = 'application/vnd.oci.image.index.v1+json'

/** Where content is in a layout: `blobs/<algorithm>/<hex>` (image-spec 1.1 "Blobs"). */
export function layoutPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
}

/**
 * The two files of an OCI image layout that are not named by their digest (image-spec 1.1, image-layout.md): the marker, and the index
 * with one descriptor for each tag. The same manifests give the same bytes.
 */
export function layoutFiles(manifests: readonly LayoutManifest[]): readonly { path: string; bytes: Uint8Array }[] {
  const descriptors = manifests.map(({ digest, size, mediaType, tag }) => {
    return { mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': tag } }
  })
  const index = { schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: descriptors }
  return [
    { path: 'index.json', bytes: renderJson(index) },
    { path: 'oci-layout', bytes: renderJson({ imageLayoutVersion: '1.0.0' }) },
  ]
}

function renderJson(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

/** A file of the layout as a mantaray names it. Blobs whose type nobody said are plain bytes. */
export function layoutEntry(path: string, swarmReference: Hex, mediaType?: string): MantarayEntry {
  const contentType = mediaType ?? (path.startsWith('blobs/') ? 'application/octet-stream' : 'application/json')
  const metadata = { 'Content-Type': contentType, Filename: path.slice(path.lastIndexOf('/') + 1) }
  return { path, swarmReference, metadata }
}
