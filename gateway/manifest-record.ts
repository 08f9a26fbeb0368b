import type { Digest } from './oci/digest.ts'
import type { Manifest } from './oci/manifest.ts'
import { ANNOTATIONS_IN_MANIFEST, type ManifestRecord } from './store/catalog.ts'

/** Many rows are read at once, and a database may take no longer text: what is longer stays where it came from. */
const maxKeptAnnotationsBytes = 32 * 1024

/** What the catalog keeps of a manifest. */
export function recordOf(digest: Digest, size: number, manifest: Manifest): ManifestRecord {
  const { mediaType, subject, artifactType } = manifest
  return { digest, size, mediaType, subject: subject?.digest ?? null, artifactType, annotationsJson: kept(manifest) }
}

function kept({ annotations }: Manifest): string | null {
  if (annotations === null) return null
  const json = JSON.stringify(annotations)
  return new TextEncoder().encode(json).byteLength > maxKeptAnnotationsBytes ? ANNOTATIONS_IN_MANIFEST : json
}
