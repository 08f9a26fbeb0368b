import { expect, inject } from 'vitest'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import { type ListAnswer, parseListAnswer } from '../../gateway/tags/json.ts'
import type { ListDomain } from '../../gateway/tags/list.ts'
import { type AuthoredList, author, changesUpload } from '../publish/author.ts'

/** A gateway as its clients see it. */
export type Gateway = { fetch(request: Request): Promise<Response> }

/** The chain of the global setup, as lists are signed for it. */
export function chainDomain(): ListDomain {
  const { chainId, addresses } = inject('chain')
  return { chainId, resolver: addresses.resolver }
}

const listUrl = 'http://gateway.test/v2/acme.eth/_mooring/list'

/** The current list; undefined when there is none. A gateway that says "later" is asked again. */
export async function readList(gateway: Gateway, tries = 100): Promise<ListAnswer | undefined> {
  const response = await gateway.fetch(new Request(listUrl))
  const text = await response.text()
  if (response.status === 404) return undefined
  if (response.status === 503) {
    expect([tries > 0, response.headers.get('retry-after')]).toEqual([true, '5'])
    await scheduler.wait(20)
    return readList(gateway, tries - 1)
  }
  expect([response.status, text.slice(0, 8)]).toEqual([200, '{"list":'])
  const reading = parseListAnswer(text)
  for (let step = reading.next(); ; step = reading.next()) if (step.done) return step.value
}

type Changes = readonly { tag: string; entry: TagEntry | null }[]

/** The next list with these changes, signed by the owner of `acme.eth`, as the body of a PUT. */
export async function nextList(gateway: Gateway, changes: Changes) {
  const current = await readList(gateway)
  const domain = chainDomain()
  const before: Omit<AuthoredList, 'changes'> | undefined = current && {
    ...{ domain, header: current.signed.list, hash: current.signed.hash, slots: current.slots },
  }
  const issuedAt = BigInt(Math.floor(Date.now() / 1000))
  const list = await author(before, changes, { issuedAt, expiresAt: issuedAt + 86_400n }, domain)
  return { list, body: JSON.stringify(await changesUpload(list)) }
}

/** One try to publish. */
export function putList(gateway: Gateway, body: string): Promise<Response> {
  return gateway.fetch(new Request(listUrl, { method: 'PUT', body }))
}

/** What a client does that others may overtake: 412, and it begins again. Resolves with the version that was published. */
export async function publish(gateway: Gateway, changes: Changes): Promise<bigint> {
  for (;;) {
    const { list, body } = await nextList(gateway, changes)
    const response = await putList(gateway, body)
    const text = await response.text()
    if (response.status === 201) return list.header.version
    expect([response.status, text.slice(0, 8)]).toEqual([412, '{"list":'])
    await scheduler.wait(Math.random() * 200)
  }
}
