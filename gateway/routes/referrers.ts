import type { Deps } from '../deps.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import { ANNOTATIONS_IN_MANIFEST, type ManifestRecord, type RepositoryKey } from '../store/catalog.ts'
import { taggedJsonAnswer } from './answer.ts'
import { missing } from './content.ts'
import { readStoredManifest } from './index-depth.ts'
import { parsePage } from './page.ts'
import { type OpenRepository, openRepository } from './repository.ts'
import type { Route, RouteContext } from './route.ts'
import { readTagSchema } from './tag-schema.ts'

/** What the index says of one referrer (image-spec "Descriptor", with the referrer's own type and annotations). */
type ReferrerDescriptor = {
  mediaType: string
  digest: Digest
  size: number
  artifactType?: string
  annotations?: Record<string, unknown>
}

const indexType = 'application/vnd.oci.image.index.v1+json'

/** An index is a manifest to its readers, and those stop at 4 MiB; this leaves room for what stands around the descriptors. */
const maxDescriptorBytes = 4 * 1024 * 1024 - 1024

const utf8 = new TextEncoder()

/** Rows that are read at once: their annotations may be large. */
const rowsPerRead = 100

/**
 * end-12 `GET /v2/<repository>/referrers/<digest>`: manifests whose subject is this digest, as an image index; `artifactType` filters.
 * What nobody refers to has an empty index, and so has a repository that is not here: 404 would say that this API is not here.
 */
export const getReferrers: Route = async (context) => {
  const subject = parseDigest(context.params.digest ?? '')
  const page = parsePage(context)
  const artifactType = context.url.searchParams.get('artifactType')
  const repository = await openRepository(context)
  const found = repository
    ? await takePage(referrersOf(context, repository, subject, page.last), artifactType, page.limit)
    : { manifests: [], isCut: false }
  const headers: Record<string, string> = artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }
  const last = found.manifests.at(-1)?.digest
  if (repository && found.isCut && last) {
    const query = new URLSearchParams({ n: String(page.limit), last, ...(artifactType !== null && { artifactType }) })
    headers.link = `</v2/${repository.name.repository}/referrers/${subject}?${query}>; rel="next"`
  }
  const imageIndex = { schemaVersion: 2, mediaType: indexType, manifests: found.manifests }
  return taggedJsonAnswer(context.request, imageIndex, headers, indexType)
}

/** All referrers after a digest, ascending: those with this subject, and between them those that clients recorded under a tag. */
async function* referrersOf(
  context: RouteContext,
  repository: OpenRepository,
  subject: Digest,
  last: string,
): AsyncGenerator<ManifestRecord> {
  const tagged = await readTagSchema(context, repository, subject)
  const recorded = tagged.filter(({ digest }) => digest > last)
  for await (const row of storedReferrers(context.deps, repository.key, subject, last)) {
    while (recorded[0] && recorded[0].digest < row.digest) yield* recorded.splice(0, 1)
    yield row
  }
  yield* recorded
}

async function* storedReferrers(
  deps: Deps,
  key: RepositoryKey,
  subject: Digest,
  last: string,
): AsyncGenerator<ManifestRecord> {
  for (let after = last; ; ) {
    const rows = await deps.catalog.listReferrers(key, subject, after, rowsPerRead)
    for (const row of rows)
      yield row.annotationsJson === ANNOTATIONS_IN_MANIFEST ? await annotated(deps, key, row) : row
    if (rows.length < rowsPerRead) return
    after = rows.at(-1)?.digest ?? after
  }
}

async function annotated(deps: Deps, key: RepositoryKey, record: ManifestRecord): Promise<ManifestRecord> {
  const stored = await readStoredManifest(deps, key, record.digest)
  if (!stored) throw missing(record.digest)
  return { ...record, annotationsJson: JSON.stringify(stored.manifest.annotations) }
}

/** One page by count and by bytes; `isCut` when more follow. */
async function takePage(
  referrers: AsyncGenerator<ManifestRecord>,
  artifactType: string | null,
  limit: number,
): Promise<{ manifests: ReferrerDescriptor[]; isCut: boolean }> {
  const manifests: ReferrerDescriptor[] = []
  if (limit === 0) return { manifests, isCut: false }
  let bytes = 0
  for await (const record of referrers) {
    if (artifactType !== null && record.artifactType !== artifactType) continue
    const descriptor = descriptorOf(record)
    bytes += utf8.encode(JSON.stringify(descriptor)).byteLength + 1
    if (manifests.length > 0 && (manifests.length === limit || bytes > maxDescriptorBytes)) {
      return { manifests, isCut: true }
    }
    manifests.push(descriptor)
  }
  return { manifests, isCut: false }
}

function descriptorOf({ mediaType, digest, size, artifactType, annotationsJson }: ManifestRecord): ReferrerDescriptor {
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== null && { artifactType }),
    ...(annotationsJson !== null && { annotations: JSON.parse(annotationsJson) as Record<string, unknown> }),
  }
}
