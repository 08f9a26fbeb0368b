import type { Deps } from '../deps.ts'
import type { Digest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { isIndexType, type Manifest, readManifest } from '../oci/manifest.ts'
import type { RepositoryKey } from '../store/catalog.ts'

/**
 * Refuses an index inside an index inside an index, and so on: who reads it would have to follow all of them. What is stored already
 * was checked when it came, so each digest is read once and the walk is bounded.
 * @throws OciError MANIFEST_INVALID past `maxIndexDepth` indexes, or when their indexes are too many to follow
 */
export async function checkIndexDepth(deps: Deps, key: RepositoryKey, { children }: Manifest): Promise<void> {
  const { maxIndexDepth, maxIndexChildren } = deps.limits
  const seen = new Set<Digest>()
  let level = indexesIn(children, seen)
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth === maxIndexDepth) throw invalid(`it has more than ${maxIndexDepth} image indexes inside each other`)
    if (seen.size > maxIndexChildren) throw invalid(`more than ${maxIndexChildren} image indexes hang on it`)
    const below: Digest[] = []
    for (const digest of level) below.push(...indexesIn(await readChildren(deps, key, digest), seen))
    level = below
  }
}

/** The indexes among some descriptors that were not seen before. */
function indexesIn(descriptors: Manifest['children'], seen: Set<Digest>): Digest[] {
  const indexes = descriptors.filter(({ mediaType, digest }) => isIndexType(mediaType) && !seen.has(digest))
  for (const { digest } of indexes) seen.add(digest)
  return indexes.map(({ digest }) => digest)
}

/** None for a manifest that is not here: a sparse index may list it. */
async function readChildren(deps: Deps, key: RepositoryKey, digest: Digest): Promise<Manifest['children']> {
  const stored = await readStoredManifest(deps, key, digest)
  return stored?.manifest.children ?? []
}

/** A manifest of a repository, read again; undefined when it is not there. */
export async function readStoredManifest(deps: Deps, key: RepositoryKey, digest: Digest) {
  const record = await deps.catalog.findManifest(key, digest)
  const stream = record && (await deps.content.read(digest))
  if (!record || !stream) return undefined
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
  return { record, manifest: await readManifest(bytes, record.mediaType, deps.limits) }
}

function invalid(reason: string): OciError {
  return new OciError('MANIFEST_INVALID', `manifest refused: ${reason}`)
}
