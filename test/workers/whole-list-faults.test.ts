import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { createD1Sql } from '../../gateway/store/d1.ts'
import { createR2Content } from '../../gateway/store/r2.ts'
import { createSqlCatalog } from '../../gateway/store/sql-catalog.ts'
import { createSqlTagLists } from '../../gateway/store/sql-tag-lists.ts'
import { sweepTrees } from '../../gateway/store/sql-trees.ts'
import { lookUpTag } from '../lookup/client.ts'
import { type AuthoredList, author, wholeUpload } from '../publish/author.ts'
import { entryOf } from '../publish/repository.ts'
import { type Registry, registryOver, send } from '../registry/client.ts'
import { createFaults, type Decide, type Fate } from './faults.ts'
import { emptyBindings } from './stores.ts'

// PUT of a whole list: it is written beside the current one in many steps, and shown by the last.

beforeEach(emptyBindings)

const listPath = '/v2/acme.eth/_mooring/list'

/** The app over the bindings, with faults between; `timeoutMs` is how long it waits for any call. */
function open(decide: Decide = () => 'pass', timeoutMs = 20_000, said?: string) {
  const faults = createFaults(decide, said)
  const sql = createD1Sql(faults.around(env.DB), timeoutMs)
  const content = createR2Content(faults.around(env.BLOBS), { timeoutMs })
  const registry = registryOver({ content, catalog: createSqlCatalog(sql), lists: createSqlTagLists(sql) })
  return { registry, faults }
}

const tagOf = (number: number) => `v${String(number).padStart(5, '0')}`

/** A list after `before`: a tag goes, another one moves, a third one comes; at first there are many. */
async function nextList(before: AuthoredList | undefined, round: number, tags: number): Promise<AuthoredList> {
  const many = Array.from({ length: tags }, (_, number) => ({ tag: tagOf(number), entry: entryOf(number) }))
  const changes = [
    { tag: tagOf(2 * round), entry: null },
    { tag: tagOf(2 * round + 1), entry: entryOf(90_000 + round) },
    { tag: `added-${round}`, entry: entryOf(round) },
  ]
  return author(before, before ? changes : many)
}

async function put(registry: Registry, list: AuthoredList) {
  return send(registry, 'PUT', listPath, { body: JSON.stringify(await wholeUpload(list)) })
}

/** Everything that anybody can read, which must be all of `one` or all of `other`; says of which. */
async function expectEither(registry: Registry, one: AuthoredList | undefined, other: AuthoredList) {
  const answer = await send(registry, 'GET', listPath)
  if (answer.status === 404) {
    expect(one).toBeUndefined()
    return 'old'
  }
  expect(answer.status).toBe(200)
  const { hash, entries } = JSON.parse(answer.text) as { hash: string; entries: { tag: string }[] }
  const seen = hash === other.hash ? other : one
  expect(hash).toBe(seen?.hash)
  expect(entries).toEqual((await wholeUpload(seen as AuthoredList)).entries)
  const tags = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/tags/list?n=1000')).text).tags as string[]
  expect(tags).toEqual(
    entries
      .map(({ tag }) => tag)
      .toSorted()
      .slice(0, 1_000),
  )
  const history = JSON.parse((await send(registry, 'GET', '/v2/acme.eth/_mooring/history?n=1')).text)
  expect(history.lists[0].hash).toBe(hash)
  for (const { tag, entry } of other.changes.slice(0, 3)) {
    const isOld = seen !== other
    const { digest } = await lookUpTag(registry, 'acme.eth', tag)
    if (!isOld) expect([tag, digest]).toEqual([tag, entry?.digest])
  }
  return seen === other ? 'new' : 'old'
}

/** How many calls one publish of the list after this makes. */
async function callsOf(before: AuthoredList | undefined, next: AuthoredList): Promise<number> {
  const { registry, faults } = open()
  if (before) expect((await put(registry, before)).status).toBe(201)
  const already = faults.decided.length
  expect((await put(registry, next)).status).toBe(201)
  return faults.decided.length - already
}

/** What is left beside the one list that is shown, once nobody writes any more. */
async function expectOneTree(): Promise<void> {
  const sql = createD1Sql(env.DB)
  await sweepTrees(sql, 0)
  const trees = await sql.all<{ state: string }>('SELECT state FROM tree')
  expect(trees.map(({ state }) => state)).toEqual(['live'])
  const [slots] = await sql.all<{ trees: number }>('SELECT count(DISTINCT tree_id) AS trees FROM slot')
  expect(slots?.trees).toBe(1)
}

const overloaded = 'D1_ERROR: D1 DB is overloaded. Too many requests queued.'

describe.each<[what: string, tags: number]>([
  ['in one slice', 60],
  ['in several slices', 1_000],
])('a whole list of which each table goes %s', (_, tags) => {
  const troubles: [what: string, fate: Fate, timeoutMs: number, said?: string][] = [
    ['refuses', 'fail', 20_000, overloaded],
    ['does it and fails', 'fail after', 20_000],
    ['is too slow', 'hang', 60],
  ]
  const isLong = tags > 100
  // It is long to write, too: of it only one kind of each.
  test.each(isLong ? troubles.slice(1, 2) : troubles)(
    'D1 %s at any one call: 503 with Retry-After, the old list or the new, and the next try works',
    async (_what, fate, timeoutMs, said) => {
      const first = await nextList(undefined, 0, tags)
      const calls = await callsOf(first, await nextList(first, 0, tags))
      expect(calls).toBeGreaterThan(isLong ? 10 : 8)
      await emptyBindings()
      const clean = open().registry
      let [current, refused]: [AuthoredList | undefined, number] = [undefined, 0]
      for (let call = 0; call < calls; call++) {
        const next: AuthoredList = await nextList(current, call, tags)
        const { registry } = open((now) => (now === call ? fate : 'pass'), timeoutMs, said)
        const answer = await put(registry, next)
        if (answer.status !== 201) expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
        if (answer.status !== 201) refused++
        const seen = await expectEither(clean, current, next)
        if (answer.status === 201) expect(seen).toBe('new')
        expect((await put(registry, next)).status).toBe(201)
        expect(await expectEither(clean, current, next)).toBe('new')
        current = next
      }
      // Only the removal of what nobody uses any more may fail unseen.
      expect(refused).toBeGreaterThan(calls / 3)
      await expectOneTree()
    },
  )

  test.each<Fate>(isLong ? ['hang'] : ['hang', 'hang after'])(
    'an object that is evicted (%s) between any two awaits: the old list or the new',
    async (fate) => {
      const first = await nextList(undefined, 0, tags)
      const calls = await callsOf(first, await nextList(first, 0, tags))
      await emptyBindings()
      const clean = open().registry
      let current: AuthoredList | undefined
      const seen = { old: 0, new: 0 }
      for (let call = 0; call < calls; call++) {
        const next: AuthoredList = await nextList(current, call, tags)
        let evict: () => void = () => undefined
        const evicted = new Promise<'evicted'>((resolve) => {
          evict = () => resolve('evicted')
        })
        const { registry } = open((now) => {
          if (now === call) evict()
          return now < call ? 'pass' : now === call ? fate : 'hang'
        })
        const ended = await Promise.race([put(registry, next), evicted])
        if (ended === 'evicted' && fate === 'hang after') await scheduler.wait(20)
        seen[await expectEither(clean, current, next)]++
        expect((await put(open().registry, next)).status).toBe(201)
        expect(await expectEither(clean, current, next)).toBe('new')
        current = next
      }
      expect(seen.old).toBeGreaterThan(3)
      expect(seen.new).toBeGreaterThan(0)
      await expectOneTree()
    },
  )
})
