import { fetchBounded } from '../client/http.ts'
import { RegistryRefused, refusalIn } from '../push/registry-answer.ts'
import type { PublishingPlace } from './base.ts'
import { type Draft, draftBody } from './draft.ts'

const timeoutMs = 120_000
const maxAnswerBytes = 1024 * 1024

/**
 * Hands a list to a gateway (protocol 5 `PUT list`; the same one again is taken too). False where another list came first, which is then
 * read and verified anew: what the answer says of it is not believed. @throws RegistryRefused, HttpFailure
 */
export async function sendDraft({ gateway, repository, reach }: PublishingPlace, draft: Draft): Promise<boolean> {
  const url = `${gateway}/v2/${repository}/_mooring/list`
  const headers = { 'content-type': 'application/json' }
  const request = { url, reach, method: 'PUT', headers, body: draftBody(draft), timeoutMs } as const
  const answer = await fetchBounded(request, maxAnswerBytes)
  if (answer.status === 201) return true
  if (answer.status === 412) return false
  const { status, code, message, detail } = refusalIn(answer, url)
  // The list was just checked against the chain here: a gateway may remember the chain for 15 s (protocol 5).
  const advice = status === 403 ? ' (a gateway may be 15 s behind the chain: the same command sends it again)' : ''
  throw new RegistryRefused(status, code, `${message}${advice}`, detail)
}
