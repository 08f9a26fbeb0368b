import type { Deps } from '../deps.ts'
import { repositoryOf } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import { taggedJsonAnswer } from './answer.ts'
import { parsePage } from './page.ts'
import type { Route } from './route.ts'

const namesPerRead = 1000

/**
 * `GET /v2/_catalog?n=&last=`: the repositories whose content is here, in byte order. Off unless it was asked for: it is not in the
 * specification, and says at once what can otherwise only be asked name by name. The chain is not asked, so a name that changed hands
 * is listed although its repository is empty now.
 */
export const getCatalog: Route = async (context) => {
  const { deps, request } = context
  if (!deps.features.catalog) {
    throw new OciError('UNSUPPORTED', '/v2/_catalog is off at this gateway', { status: 404 })
  }
  const { limit, last } = parsePage(context)
  const all = (await readRepositories(deps)).filter((repository) => repository > last)
  const repositories = all.slice(0, limit)
  const end = repositories.at(-1)
  const more = all.length > limit && end !== undefined
  const link = more ? { link: `</v2/_catalog?n=${limit}&last=${encodeURIComponent(end)}>; rel="next"` } : {}
  return taggedJsonAnswer(request, { repositories }, link)
}

/** Names are kept as ENS has them; the order is that of the repositories, so all of them are read. */
async function readRepositories({ catalog, pause }: Deps): Promise<string[]> {
  const repositories: string[] = []
  for (let after = ''; ; ) {
    const names = await catalog.listNames(after, namesPerRead)
    repositories.push(...names.map(repositoryOf))
    if (names.length < namesPerRead) return repositories.sort()
    after = names.at(-1) ?? after
    await pause()
  }
}
