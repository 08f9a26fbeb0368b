import type { Hex } from 'viem'
import type { Deps } from '../deps.ts'
import { OciError } from '../oci/error.ts'
import type { HistoryRecord, ListLine, TagTransition } from '../store/tag-list-store.ts'
import { entryToJson, signedListToJson } from '../tags/json.ts'
import { emptyAnswer, notModified } from './answer.ts'
import { findList, listEntityTag } from './list-answer.ts'
import { parsePage } from './page.ts'
import { answerInParts } from './parts-answer.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'

const maxVersions = 100
/** Changes in one answer, which ends with the version that reaches them: each holds all that it changed. */
const maxChanges = 10_000
const changesPerRead = 256
const hashPattern = /^0x[0-9a-f]{64}$/

/**
 * `GET /v2/<repository>/_mooring/history?n=&last=<hash>` (protocol 5): the versions under the present owner and epoch, newest first,
 * those before the list `last`, with what each changed; `Link` where older ones follow. A page may be shorter than asked for.
 */
export const getHistory: Route = async (context) => {
  const page = parsePage(context)
  const limit = Math.min(page.limit, maxVersions)
  const last = parseHash(page.last)
  const repository = await openForRead(context)
  const head = await findList(context.deps, repository)
  const headers = { etag: listEntityTag(head), 'cache-control': 'no-cache' }
  if (notModified(context.request, headers.etag)) return emptyAnswer(304, headers)
  const found = await context.deps.lists.history(repository.line, last, limit + 1)
  const records = pageOf(found.slice(0, limit))
  const end = records.at(-1)?.hash
  const path = `/v2/${repository.name.repository}/_mooring/history`
  const link = found.length > records.length && end ? { link: `<${path}?n=${limit}&last=${end}>; rel="next"` } : {}
  const parts = () => partsOf(context.deps, repository.line, repository.name.ensName, records)
  return answerInParts(context.deps, parts, { ...headers, ...link })
}

/** The first one always, and more until there are changes enough. */
function pageOf(found: readonly HistoryRecord[]): readonly HistoryRecord[] {
  let changes = 0
  const end = found.findIndex(({ changeCount }) => {
    changes += changeCount
    return changes >= maxChanges
  })
  return end < 0 ? found : found.slice(0, end + 1)
}

function parseHash(last: string): Hex | null {
  if (last === '') return null
  if (hashPattern.test(last)) return last as Hex
  const seen = JSON.stringify(last.slice(0, 80))
  throw new OciError('UNSUPPORTED', `last ${seen} is not a list hash, 0x and 64 hex digits`, { status: 400 })
}

/** What a version changed never changes again, so it is read while it is sent. */
async function* partsOf(
  deps: Deps,
  line: ListLine,
  ensName: string,
  records: readonly HistoryRecord[],
): AsyncGenerator<string> {
  yield `{"name":${JSON.stringify(ensName)},"lists":[`
  for (const [position, record] of records.entries()) {
    yield `${position === 0 ? '' : ','}${JSON.stringify(signedListToJson(record)).slice(0, -1)},"changes":[`
    for (let from = 0; from < record.changeCount; from += changesPerRead) {
      const changes = await deps.lists.readChanges(line, record.hash, from, changesPerRead)
      const items = changes.map((change) => JSON.stringify(transitionToJson(change)))
      yield `${from === 0 ? '' : ','}${items.join(',')}`
      await deps.pause()
    }
    yield ']}'
  }
  yield ']}'
}

function transitionToJson({ tag, before, after }: TagTransition) {
  return { tag, before: before && entryToJson(before), after: after && entryToJson(after) }
}
