import { OciError } from '../oci/error.ts'
import { isTag } from '../tags/entry.ts'
import { emptyAnswer, jsonAnswer, notModified } from './answer.ts'
import { parsePage } from './page.ts'
import { type OpenRepository, openForRead } from './repository.ts'
import type { Route, RouteContext } from './route.ts'
import { checkStanding } from './tag-reads.ts'

/** end-8 `GET /v2/<repository>/tags/list?n=&last=`: tags in byte order, tombstones left out, `Link` where more follow. */
export const getTags: Route = async (context) => {
  const { limit, last } = parsePage(context)
  if (last !== '' && !isTag(last)) {
    throw new OciError('UNSUPPORTED', `last ${JSON.stringify(last.slice(0, 160))} is not a tag`, { status: 400 })
  }
  const repository = await openForRead(context)
  const { head, tags: found } = await readTags(context, repository, last, limit + 1)
  const tags = found.slice(0, limit)
  const end = tags.at(-1)
  const next = `/v2/${repository.name.repository}/tags/list?n=${limit}&last=${encodeURIComponent(end ?? '')}`
  const more = found.length > limit && end !== undefined
  // The list alone decides what a page holds, and which page it is stands in the URL.
  const etag = head && `"${head.hash.slice(2)}"`
  const headers = {
    'cache-control': 'no-cache',
    ...(etag && { etag }),
    ...(more && { link: `<${next}>; rel="next"` }),
  }
  if (etag && notModified(context.request, etag)) return emptyAnswer(304, headers)
  return jsonAnswer(200, { name: repository.name.repository, tags }, headers)
}

async function readTags(context: RouteContext, repository: OpenRepository, last: string, limit: number) {
  const { lists, catalog } = context.deps
  const found = await lists.listTags(repository.line, last, limit)
  if (found) {
    await checkStanding(context, repository, found.head)
    return found
  }
  if (await catalog.hasContent(repository.key)) return { head: undefined, tags: [] }
  throw new OciError('NAME_UNKNOWN', `${repository.name.repository} has nothing here yet: no tags, no content`)
}
