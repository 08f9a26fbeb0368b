import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Env } from '../../worker/env.ts'
import { createWorkerGateway } from '../../worker/gateway.ts'
import { createTestSigner } from '../fixtures.ts'
import { createFaults, type Fate } from './faults.ts'
import { openLongList } from './long-list.ts'
import { chainDomain } from './publisher.ts'
import { emptyBindings } from './stores.ts'

// Answers that are made while they are sent: workerd ends one of unknown length as if it were whole, whatever happened to it.

beforeEach(emptyBindings)

function open() {
  const after = { calls: Number.POSITIVE_INFINITY, fate: 'pass' as Fate }
  const faults = createFaults((call) => (call >= after.calls ? after.fate : 'pass'))
  const gateway = createWorkerGateway({ ...env, DB: faults.around(env.DB) } as Env)
  const get = (path: string) => gateway.fetch(new Request(`http://gateway.test/v2/acme.eth/_mooring/${path}`))
  return { get, gateway, faults, after }
}

async function publishLong(tags: number) {
  const place = { database: env.DB, domain: chainDomain(), ensName: 'acme.eth', signer: createTestSigner() }
  return openLongList(place, tags)
}

describe.each([
  ['short', 300],
  ['longer than what is collected', 20_000],
])('a list that is %s', (_, tags) => {
  test('says its length and has it; when the database fails half-way the transfer breaks, and the next try works', async () => {
    await publishLong(tags)
    const { get, faults, after } = open()
    const whole = await get('list')
    const text = await whole.text()
    expect([whole.status, whole.headers.get('content-length')]).toEqual([200, String(text.length)])
    expect(JSON.parse(text).entries).toHaveLength(tags)
    const calls = faults.decided.length
    let [refused, broken] = [0, 0]
    for (const [at, fate] of [1, 0.6, 0.4].map((left) => [Math.floor(calls * left), 'fail'] as const)) {
      after.calls = faults.decided.length + calls - at
      after.fate = fate
      const answer = await get('list')
      if (answer.status === 503) refused++
      else broken++
      if (answer.status === 503) expect(answer.headers.get('retry-after')).toBe('5')
      else expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(text.length)])
      if (answer.status === 200) await expect(answer.text()).rejects.toThrow()
      after.calls = Number.POSITIVE_INFINITY
      expect(await (await get('list')).text()).toBe(text)
    }
    // What is collected first fails before anything goes out.
    expect(refused).toBeGreaterThan(0)
    expect(broken > 0).toBe(tags > 15_000)
  })

  test('a version published while it is sent breaks it, and the next one is whole', async () => {
    const list = await publishLong(tags)
    const { get, gateway } = open()
    const answer = await get('list')
    const body = await list.change({ tag: 'v0000007', entry: null })
    const put = await gateway.fetch(
      new Request('http://gateway.test/v2/acme.eth/_mooring/list', { method: 'PUT', body }),
    )
    expect(put.status).toBe(201)
    if (tags > 15_000) await expect(answer.text()).rejects.toThrow()
    else expect(JSON.parse(await answer.text()).entries).toHaveLength(tags)
    const next = await get('list')
    expect(JSON.parse(await next.text()).entries).toHaveLength(tags - 1)
    const history = await get('history')
    const text = await history.text()
    expect([history.status, history.headers.get('content-length')]).toEqual([200, String(text.length)])
    expect(JSON.parse(text).lists).toHaveLength(2)
  })
})
