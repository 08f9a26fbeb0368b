import type { Hex } from 'viem'
import { OciError } from '../oci/error.ts'
import type { HistoryRecord, TagTransition } from '../store/tag-list-store.ts'
import { entryToJson } from '../tags/json.ts'
import { jsonAnswer } from './answer.ts'
import { findList, signedListToJson } from './list-answer.ts'
import { parsePage } from './page.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'

/** Versions in one answer: each holds all that it changed. */
const maxVersions = 100
const hashPattern = /^0x[0-9a-f]{64}$/

/**
 * `GET /v2/<repository>/_mooring/history?n=&last=<hash>` (protocol 5): the versions under the present owner and epoch, newest first,
 * those before the list `last`, with what each changed; `Link` where older ones follow.
 */
export const getHistory: Route = async (context) => {
  const page = parsePage(context)
  const limit = Math.min(page.limit, maxVersions)
  const last = parseHash(page.last)
  const repository = await openForRead(context)
  await findList(context.deps, repository)
  const found = await context.deps.lists.history(repository.line, last, limit + 1)
  const records = found.slice(0, limit)
  const end = records.at(-1)?.hash
  const path = `/v2/${repository.name.repository}/_mooring/history`
  const link = found.length > limit && end ? { link: `<${path}?n=${limit}&last=${end}>; rel="next"` } : {}
  const lists = records.map(recordToJson)
  return jsonAnswer(200, { name: repository.name.ensName, lists }, { 'cache-control': 'no-cache', ...link })
}

function parseHash(last: string): Hex | null {
  if (last === '') return null
  if (hashPattern.test(last)) return last as Hex
  const seen = JSON.stringify(last.slice(0, 80))
  throw new OciError('UNSUPPORTED', `last ${seen} is not a list hash, 0x and 64 hex digits`, { status: 400 })
}

function recordToJson(record: HistoryRecord) {
  return { ...signedListToJson(record), changes: record.changes.map(transitionToJson) }
}

function transitionToJson({ tag, before, after }: TagTransition) {
  return { tag, before: before && entryToJson(before), after: after && entryToJson(after) }
}
