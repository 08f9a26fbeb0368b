import type { Deps } from '../deps.ts'
import { unavailable } from '../errors.ts'
import { listBody } from '../list-body.ts'
import { ListMoved } from '../store/tag-list-store.ts'
import { withValidSignatures } from '../valid-signatures.ts'
import { emptyAnswer, notModified } from './answer.ts'
import { findList, listEntityTag } from './list-answer.ts'
import { answerInParts } from './parts-answer.ts'
import { openForRead } from './repository.ts'
import type { Route } from './route.ts'

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
    const answer = await startAnswer(deps, () => listBody(deps, repository.line, sent), headers)
    if (answer) return answer
  }
  throw unavailable(
    `${repository.name.repository} is published all the time: ${maxTries} tries to read one version failed`,
  )
}

/** Versions that may be published while one answer is being read. */
const maxTries = 8

/** Undefined when the list moved before anything was sent: begin again. */
async function startAnswer(
  deps: Deps,
  make: () => AsyncGenerator<string>,
  headers: Record<string, string>,
): Promise<Response | undefined> {
  return answerInParts(deps, make, headers).catch((error: unknown) => {
    if (error instanceof ListMoved) return undefined
    throw error
  })
}
