import { OciError } from '../oci/error.ts'
import { isLive, readPending, withStaged } from '../staging.ts'
import type { StagedChange } from '../store/staged-tags.ts'
import { isTag } from '../tags/entry.ts'
import { emptyAnswer, jsonAnswer, notModified, taggedJsonAnswer } from './answer.ts'
import { parsePage } from './page.ts'
import { mayPush, type OpenRepository, openForRead } from './repository.ts'
import type { Route, RouteContext } from './route.ts'
import { checkStanding, warnOfStaged } from './tag-reads.ts'

/**
 * end-8 `GET /v2/<repository>/tags/list?n=&last=`: tags in byte order, tombstones left out, `Link` where more follow. To a caller who may
 * push, staged changes read as if published, with a warning (protocol 5).
 */
export const getTags: Route = async (context) => {
  const { limit, last } = parsePage(context)
  if (last !== '' && !isTag(last)) {
    throw new OciError('UNSUPPORTED', `last ${JSON.stringify(last.slice(0, 160))} is not a tag`, { status: 400 })
  }
  const repository = await openForRead(context)
  const pending = (await mayPush(context, repository)) ? (await readPending(context.deps, repository.line)).changes : []
  const { head, tags: found } = await readTags(context, repository, last, limit + 1, pending)
  const tags = found.slice(0, limit)
  const end = tags.at(-1)
  const next = `/v2/${repository.name.repository}/tags/list?n=${limit}&last=${encodeURIComponent(end ?? '')}`
  const link = found.length > limit && end !== undefined ? { link: `<${next}>; rel="next"` } : {}
  const value = { name: repository.name.repository, tags }
  if (pending.length > 0) {
    warnOfStaged(context)
    return taggedJsonAnswer(context.request, value, { ...link, 'cache-control': 'no-store' })
  }
  // The list alone decides what a page holds, and which page it is stands in the URL.
  const etag = head && `"${head.hash.slice(2)}"`
  const headers = { 'cache-control': 'no-cache', ...(etag && { etag }), ...link }
  if (etag && notModified(context.request, etag)) return emptyAnswer(304, headers)
  return jsonAnswer(200, value, headers)
}

async function readTags(
  context: RouteContext,
  repository: OpenRepository,
  last: string,
  limit: number,
  pending: readonly StagedChange[],
) {
  const { lists, catalog } = context.deps
  const later = pending.filter(({ tag }) => tag > last)
  const gone = new Set(later.filter(({ entry }) => !isLive(entry)).map(({ tag }) => tag))
  // Of the first so many at least `limit` are left when those that are to go are left out.
  const found = await lists.listTags(repository.line, last, limit + gone.size)
  if (found) await checkStanding(context, repository, found.head)
  else if (pending.length === 0 && !(await catalog.hasContent(repository.key))) {
    throw new OciError('NAME_UNKNOWN', `${repository.name.repository} has nothing here yet: no tags, no content`)
  }
  const tags = withStaged(found?.tags ?? [], later).filter((tag) => !gone.has(tag))
  return { head: found?.head, tags: tags.slice(0, limit) }
}
