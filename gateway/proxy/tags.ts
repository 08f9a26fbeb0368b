import { defaultLimits } from '../limits.ts'
import { OciError } from '../oci/error.ts'
import { jsonAnswer } from '../routes/answer.ts'
import { parsePage } from '../routes/page.ts'
import { isTag } from '../tags/entry.ts'
import type { ProxyRoute } from './app.ts'
import { openAsked } from './request.ts'

/** end-8 `GET /v2/<repository>/tags/list?n=&last=`: of the whole list, whose entries rebuild the signed root. */
export const getTags: ProxyRoute = async (context) => {
  const { limit, last } = parsePage({ url: context.url, deps: { limits: defaultLimits } })
  if (last !== '' && !isTag(last)) {
    throw new OciError('UNSUPPORTED', `last ${JSON.stringify(last.slice(0, 160))} is not a tag`, { status: 400 })
  }
  const { name, served, headers } = await openAsked(context)
  const all = await context.state.tagLists.answer(name.ensName, () => served.listTags())
  const after = all.filter((tag) => tag > last)
  const tags = after.slice(0, limit)
  const end = tags.at(-1)
  const query = new URLSearchParams(context.url.searchParams)
  query.set('n', `${limit}`)
  query.set('last', end ?? '')
  const isCut = after.length > tags.length && end !== undefined
  const path = context.url.pathname
  return jsonAnswer(
    200,
    { name: name.repository, tags },
    {
      ...headers,
      'cache-control': 'no-cache',
      ...(isCut && { link: `<${path}?${query}>; rel="next"` }),
    },
  )
}
