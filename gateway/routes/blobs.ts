import { type Digest, parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { emptyAnswer } from './answer.ts'
import { answerContent } from './content.ts'
import { demandEveryTag } from './permission.ts'
import { openForPush, openForRead } from './repository.ts'
import type { Route } from './route.ts'
import { noteUse } from './storing.ts'

/** A digest names the same bytes for ever; whether this repository still shows them is asked again. */
const CACHE_CONTENT = 'max-age=31536000, immutable'

/** end-2 `GET` and `HEAD /v2/<repository>/blobs/<digest>`, with ranges. */
export const getBlob: Route = async (context) => {
  const digest = parseDigest(context.params.digest ?? '')
  const { name, key } = await openForRead(context)
  const blob = await context.deps.catalog.findBlob(key, digest)
  const renew = (now: number) => context.deps.catalog.renewBlob(key, digest, now)
  if (!blob || !(await noteUse(context.deps, blob.usedAt, renew))) throw blobUnknown(name.repository, digest)
  const content = { digest, size: blob.size, mediaType: 'application/octet-stream' }
  return answerContent(context, content, { ranges: true, cacheControl: CACHE_CONTENT })
}

/**
 * end-10 `DELETE /v2/<repository>/blobs/<digest>`: this repository stops showing it at once. The bytes go when nothing names them.
 */
export const deleteBlob: Route = async (context) => {
  const digest = parseDigest(context.params.digest ?? '')
  const repository = await openForPush(context)
  const { name, key } = repository
  await demandEveryTag(context.deps, repository, 'delete', digest)
  if (!(await context.deps.catalog.unlinkBlob(key, digest))) throw blobUnknown(name.repository, digest)
  return emptyAnswer(202)
}

function blobUnknown(repository: string, digest: Digest): OciError {
  return new OciError('BLOB_UNKNOWN', `${repository} has no blob ${digest}`, { detail: { digest } })
}
