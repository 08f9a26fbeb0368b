import { OciError } from '../oci/error.ts'
import { isTag } from '../tags/entry.ts'
import { jsonAnswer } from './answer.ts'
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
  const found = await readTags(context, repository, last, limit + 1)
  const tags = found.slice(0, limit)
  const path = `/v2/${repository.name.repository}/tags/list`
  const end = tags.at(-1)
  const more = found.length > limit && end !== undefined
  const link = more ? { link: `<${path}?n=${limit}&last=${encodeURIComponent(end)}>; rel="next"` } : {}
  return jsonAnswer(200, { name: repository.name.repository, tags }, link)
}

async function readTags(context: RouteContext, repository: OpenRepository, last: string, limit: number) {
  const { lists, catalog } = context.deps
  const found = await lists.listTags(repository.line, last, limit)
  if (found) {
    await checkStanding(context.deps, repository, found.head)
    return found.tags
  }
  if (await catalog.hasContent(repository.key)) return []
  throw new OciError('NAME_UNKNOWN', `${repository.name.repository} has nothing here yet: no tags, no content`)
}
