import { readPending } from '../staging.ts'
import { entryToJson } from '../tags/json.ts'
import { jsonAnswer } from './answer.ts'
import { asPusher, openForRead } from './repository.ts'
import type { Route } from './route.ts'

/**
 * `GET /v2/<repository>/_mooring/staged` (protocol 5): `{name, base, changes: [{tag, entry, stagedAt, stagedBy}]}`, by tag in byte order:
 * what was pushed here and the list `base` (null where there is none) does not have. What that list has by now, or no longer allows, is
 * left out. For who may push; others get 401 or 403.
 */
export const getStaged: Route = async (context) => {
  const repository = await asPusher(context, await openForRead(context))
  const { head, changes } = await readPending(context.deps, repository.line)
  const staged = changes.map(({ tag, entry, stagedAt, stagedBy }) => {
    return { tag, entry: entry && entryToJson(entry), stagedAt, stagedBy }
  })
  const value = { name: repository.name.ensName, base: head?.hash ?? null, changes: staged }
  return jsonAnswer(200, value, { 'cache-control': 'no-store' })
}
