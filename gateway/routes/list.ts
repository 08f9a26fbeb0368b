import type { Deps } from '../deps.ts'
import { unavailable } from '../errors.ts'
import { type ListLine, ListMoved } from '../store/tag-list-store.ts'
import { decodeTagEntry, decodeTagKey } from '../tags/entry.ts'
import { entryToJson, timestampToJson } from '../tags/json.ts'
import type { SignedList } from '../tags/list.ts'
import type { Slot } from '../tags/tree.ts'
import { emptyAnswer, notModified } from './answer.ts'
import { findList, listEntityTag, signedListToJson } from './list-answer.ts'
import { answerInParts } from './parts-answer.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'
import { withValidSignatures } from './standing-list.ts'

export { getHistory } from './history.ts'
export { putList } from './list-upload.ts'
export { getProof } from './proof.ts'

/**
 * `GET /v2/<repository>/_mooring/list` (protocol 5): the whole list, which proves itself, so it is served even when it has expired.
 * One answer is always of one version. Up to some megabytes it is whole before the first byte goes out; a longer one is read while
 * it is sent, and breaks off where another version is published meanwhile.
 */
export const getList: Route = async (context) => {
  const { deps, request } = context
  const repository = await openForRead(context)
  for (let tries = 0; tries < maxTries; tries++) {
    const head = await findList(deps, repository)
    const sent = await withValidSignatures(repository.authority, head)
    const etag = listEntityTag(sent)
    const headers = { etag, 'cache-control': 'no-cache' }
    if (notModified(request, etag)) return emptyAnswer(304, headers)
    const answer = await startAnswer(partsOf(deps, repository.line, sent), headers)
    if (answer) return answer
  }
  throw unavailable(
    `${repository.name.repository} is published all the time: ${maxTries} tries to read one version failed`,
  )
}

/** Versions that may be published while one answer is being read. */
const maxTries = 8
const slotsPerPage = 256

/** The JSON in parts. @throws ListMoved when another version was published */
async function* partsOf(deps: Deps, line: ListLine, sent: SignedList): AsyncGenerator<string> {
  const { list, hash } = sent
  const members = { ...signedListToJson(sent), timestamp: timestampToJson(sent.timestamp) }
  yield `${JSON.stringify(members).slice(0, -1)},"entries":[`
  // Slot 0 is the sentinel.
  for (let from = 1; BigInt(from) < list.count; from += slotsPerPage) {
    const slots = await deps.lists.readSlots(line, hash, from, slotsPerPage)
    if (!slots) throw new ListMoved(hash)
    const entries = slots.map((slot) => JSON.stringify(entryOfSlot(slot, list.version)))
    yield `${from === 1 ? '' : ','}${entries.join(',')}`
    await deps.pause()
  }
  yield ']}'
}

function entryOfSlot({ key, value }: Slot, version: bigint) {
  return { tag: decodeTagKey(key), ...entryToJson(decodeTagEntry(value, version)) }
}

/** Undefined when the list moved before anything was sent: begin again. */
async function startAnswer(
  parts: AsyncGenerator<string>,
  headers: Record<string, string>,
): Promise<Response | undefined> {
  return answerInParts(parts, headers).catch((error: unknown) => {
    if (error instanceof ListMoved) return undefined
    throw error
  })
}
