import { expect } from 'vitest'
import { type ListAnswer, parseListAnswer } from '../../gateway/tags/json.ts'
import { type Answer, errorsOf, type Registry, send } from '../registry/client.ts'
import type { UploadJson } from './author.ts'

export const listPath = '/v2/acme.eth/_mooring/list'

/** PUTs a list. A 412 has a body of its own (protocol 5), everything else what holds for every answer of the registry API. */
export async function put(registry: Registry, upload: UploadJson | string, path = listPath): Promise<Answer> {
  const body = typeof upload === 'string' ? upload : JSON.stringify(upload)
  const conflicts: Answer[] = []
  const watched: Registry = {
    ...registry,
    fetch: async (request) => {
      const response = await registry.fetch(request)
      if (response.status !== 412) return response
      const { status, headers } = response
      const text = await response.text()
      conflicts.push({ status, headers, text, bytes: new TextEncoder().encode(text) })
      return new Response(null, { headers: { ...Object.fromEntries(headers), 'content-length': '0' } })
    },
  }
  const answer = await send(watched, 'PUT', path, { body })
  return conflicts[0] ?? answer
}

/** A whole list as the gateway tells it, read as clients read it. */
export function readList(answer: Answer): ListAnswer {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
  const reading = parseListAnswer(answer.text)
  for (let step = reading.next(); ; step = reading.next()) if (step.done) return step.value
}

/** The error name of a verifier's refusal. */
export function reasonOf(answer: Answer): unknown {
  const [error] = errorsOf(answer, 403, 'DENIED')
  return (error?.detail as { reason?: string } | undefined)?.reason
}
