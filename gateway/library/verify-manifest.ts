import { algorithmOf, digestOf } from '../oci/digest.ts'
import { type Manifest, readManifest } from '../oci/manifest.ts'
import type { TagEntry } from '../tags/entry.ts'
import { Refusal } from '../tags/refusal.ts'

/** As a gateway has them. */
const limits = { maxJsonDepth: 32, maxManifestDescriptors: 10_000, maxIndexChildren: 1_000 }

/**
 * The rest of row 10: bytes from anywhere are the manifest that a verified entry names, and say one thing only. Returns what is in it.
 * @throws Refusal SizeMismatch, DigestMismatch, AmbiguousManifest
 */
export async function verifyManifest(
  entry: Pick<TagEntry, 'digest' | 'size' | 'mediaType'>,
  bytes: Uint8Array,
): Promise<Manifest> {
  const { digest, size, mediaType } = entry
  if (bytes.length !== size) throw new Refusal('SizeMismatch', `${bytes.length} bytes, ${digest} has ${size}`)
  const actual = await digestOf(algorithmOf(digest), bytes)
  if (actual !== digest) throw new Refusal('DigestMismatch', `the bytes are ${actual}, not ${digest}`)
  try {
    return await readManifest(bytes, mediaType, limits)
  } catch (error) {
    throw new Refusal('AmbiguousManifest', `${digest}: ${(error as Error).message}`)
  }
}
