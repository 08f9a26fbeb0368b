import { expect, test } from 'vitest'
import { collectGarbage } from '../../gateway/collector.ts'
import { expireStaged } from '../../gateway/staging.ts'
import { FLAG_IMMUTABLE } from '../../gateway/tags/entry.ts'
import { addressOf, testDomain, testKeys } from '../fixtures.ts'
import {
  errorOf,
  makeImage,
  type OpenRegistry,
  publicGateway,
  pushImage,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'
import {
  acme,
  digestAt,
  entryFor,
  openRelay,
  pathOf,
  publish,
  readStaged,
  stagedDigests,
  storedTags,
} from './client.ts'

const line = { ...testDomain, ensName: acme, owner: addressOf(testKeys.owner), epoch: 0n }
const day = 86_400

/** How staged changes end: published, overtaken, too old; and what they keep alive until then. */
export function lifeRules(open: OpenRegistry): void {
  publishRules(open)
  collectionRules(open)
  statusRules(open)
}

function publishRules(open: OpenRegistry): void {
  test('5 a list that has what was staged: those changes are gone, others stay, and `base` is that list', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await pushImage(relay, acme, 'v1', 1), await pushImage(relay, acme, 'v2', 2)]
    const first = await publish(relay, undefined, { v1: entryFor(one) })
    expect(await storedTags(relay)).toEqual(['v2'])
    expect(await readStaged(relay)).toMatchObject({ base: first.hash, changes: [{ tag: 'v2', entry: entryFor(two) }] })
    expect((await send(publicGateway(relay), 'GET', pathOf('v1'))).text).toBe(one.text)
    expect((await send(relay, 'DELETE', pathOf('v1'))).status).toBe(202)
    const second = await publish(relay, first, { v1: null, v2: entryFor(one) })
    expect(await storedTags(relay)).toEqual(['v2'])
    expect(await readStaged(relay)).toMatchObject({ base: second.hash, changes: [{ tag: 'v2', entry: entryFor(two) }] })
    expect(await digestAt(relay, 'v2')).toBe(two.digest)
  })

  test('what the list has is never shown twice, though the change is still there (a crash right after the commit)', async () => {
    const relay = await openRelay(open)
    const one = await pushImage(relay, acme, 'v1', 1)
    const { staged } = relay.deps
    const { changes } = await staged.read(line)
    const list = await publish(relay, undefined, { v1: entryFor(one) })
    const { generation } = await staged.read(line)
    expect(await staged.write(line, { generation }, { put: changes })).toBe(true)
    expect([await storedTags(relay), (await readStaged(relay)).changes]).toEqual([['v1'], []])
    for (const path of [pathOf('v1'), `/v2/${acme}/tags/list`]) {
      const answer = await send(relay, 'GET', path)
      expect([answer.status, answer.headers.get('warning')]).toEqual([200, null])
    }
    await publish(relay, list, { v2: entryFor(one) })
    expect(await storedTags(relay)).toEqual([])
  })

  test('2.1 a change that the list no longer allows is over: its tag became immutable there', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await makeImage(relay, acme, 1), await pushImage(relay, acme, 'v1', 2)]
    await putManifest(relay, acme, one.digest, one)
    expect(await stagedDigests(relay)).toEqual({ v1: two.digest })
    await publish(relay, undefined, { v1: entryFor(one, FLAG_IMMUTABLE) })
    expect([await storedTags(relay), await digestAt(relay, 'v1')]).toEqual([[], one.digest])
  })

  test('a push that loses the race against a list decides again: one that became immutable meanwhile is refused', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await makeImage(relay, acme, 1), await makeImage(relay, acme, 2)]
    for (const image of [one, two]) await putManifest(relay, acme, image.digest, image)
    const { staged } = relay.deps
    let tries = 0
    relay.deps.staged = {
      ...staged,
      write: async (...write) => {
        tries += 1
        if (tries === 1) await publish(relay, undefined, { v1: entryFor(one, FLAG_IMMUTABLE) })
        return staged.write(...write)
      },
    }
    expect(errorOf(await putManifest(relay, acme, 'v1', two), 403, 'DENIED')).toContain('is immutable')
    expect((await putManifest(relay, acme, 'v2', two)).status).toBe(201)
    expect(await stagedDigests(relay)).toEqual({ v2: two.digest })
  })

  test('races that never end: 503 with Retry-After, and nothing is staged', async () => {
    const relay = await openRelay(open)
    const one = await makeImage(relay, acme, 1)
    const { staged } = relay.deps
    relay.deps.staged = { ...staged, write: async () => false }
    const answer = await putManifest(relay, acme, 'v1', one)
    errorOf(answer, 503, 'UNKNOWN')
    expect(answer.headers.get('retry-after')).toBe('5')
    relay.deps.staged = staged
    expect(await storedTags(relay)).toEqual([])
  })
}

const nothingKept = { gcGraceSeconds: 0, historyVersions: 1, historySeconds: 0 }

async function collect({ deps }: Registry) {
  deps.clock.advance(1)
  return collectGarbage(deps, { dryRun: false })
}

function collectionRules(open: OpenRegistry): void {
  test('what is staged is not collected; what was withdrawn is', async () => {
    const relay = await openRelay(open, { limits: nothingKept })
    const [one, two] = [await pushImage(relay, acme, 'v1', 1), await pushImage(relay, acme, 'v2', 2)]
    expect((await collect(relay)).removed).toEqual([])
    for (const [tag, { text }] of [
      ['v1', one],
      ['v2', two],
    ] as const) {
      expect((await send(relay, 'GET', pathOf(tag))).text).toBe(text)
    }
    expect((await send(relay, 'DELETE', pathOf('v1'))).status).toBe(202)
    const { removed } = await collect(relay)
    const gone = removed.filter(({ kind }) => kind === 'manifest').map(({ digest }) => digest)
    expect([gone, await digestAt(relay, 'v2')]).toEqual([[one.digest], two.digest])
  })

  test('a push that is staged between reckoning and removal is seen: the image stays', async () => {
    const relay = await openRelay(open, { limits: nothingKept })
    const image = await makeImage(relay, acme, 1)
    await putManifest(relay, acme, image.digest, image)
    const { catalog, staged } = relay.deps
    let isStaged = false
    relay.deps.catalog = {
      ...catalog,
      // The last moment: right before the sweep, and nothing of the catalog is touched with it.
      sweep: async (...sweep) => {
        const entry = entryFor(image)
        const change = { tag: 'v1', entry, stagedAt: Number(relay.deps.clock()), stagedBy: 'operator' }
        if (!isStaged) isStaged = await staged.write(line, { generation: 0, manifest: image.digest }, { put: [change] })
        return catalog.sweep(...sweep)
      },
    }
    expect([(await collect(relay)).removed, isStaged]).toEqual([[], true])
    expect((await send(relay, 'GET', pathOf('v1'))).text).toBe(image.text)
  })

  test('a manifest that is collected in the middle of its push is pushed again before the tag is staged', async () => {
    const relay = await openRelay(open, { limits: nothingKept })
    const image = await makeImage(relay, acme, 1)
    const { staged, catalog } = relay.deps
    let tries = 0
    relay.deps.staged = {
      ...staged,
      write: async (...write) => {
        tries += 1
        if (tries === 1) expect(await catalog.removeManifest(line, image.digest)).toBe(true)
        return staged.write(...write)
      },
    }
    expect((await putManifest(relay, acme, 'v1', image)).status).toBe(201)
    expect([tries, (await send(relay, 'GET', pathOf('v1'))).text]).toEqual([2, image.text])
  })

  test('what waited for 30 days is dropped and logged; a push in the second half begins to wait anew', async () => {
    const relay = await openRelay(open)
    const { clock } = relay.deps
    const image = await pushImage(relay, acme, 'old')
    await pushImage(relay, acme, 'again')
    await pushImage(relay, acme, 'early')
    clock.advance(14 * day)
    await putManifest(relay, acme, 'early', image)
    clock.advance(1 * day)
    await putManifest(relay, acme, 'again', image)
    clock.advance(15 * day - 1)
    await expireStaged(relay.deps)
    expect(await storedTags(relay)).toEqual(['again', 'early', 'old'])
    clock.advance(1)
    await expireStaged(relay.deps)
    expect(await storedTags(relay)).toEqual(['again'])
    expect(relay.deps.logged).toEqual([['staged tags expired', { name: acme, tags: ['early', 'old'] }]])
  })
}

function statusRules(open: OpenRegistry): void {
  test('5 status: per tag whether it is published and what is staged; only who may push hears of that', async () => {
    const relay = await openRelay(open)
    const read = async (registry: Registry) => {
      const answer = await send(registry, 'GET', `/v2/${acme}/_mooring/status`)
      return JSON.parse(answer.text) as { version: number | null; tags: Record<string, unknown>[] }
    }
    const one = await pushImage(relay, acme, 'v1', 1)
    const fresh = await read(relay)
    expect([fresh.version, fresh.tags]).toMatchObject([
      ...[null, [{ tag: 'v1', digest: one.digest, published: false, staged: 'create', stored: true }]],
    ])
    errorOf(await send(publicGateway(relay), 'GET', `/v2/${acme}/_mooring/status`), 404, 'NAME_UNKNOWN')
    await publish(relay, undefined, { a: entryFor(one), b: entryFor(one), v1: entryFor(one) })
    const two = await pushImage(relay, acme, 'a', 2)
    await pushImage(relay, acme, 'z', 2)
    expect((await send(relay, 'DELETE', pathOf('b'))).status).toBe(202)
    expect((await read(relay)).tags).toMatchObject([
      { tag: 'a', digest: two.digest, published: true, staged: 'update' },
      { tag: 'b', digest: one.digest, published: true, staged: 'delete' },
      { tag: 'v1', digest: one.digest, published: true, staged: null },
      { tag: 'z', digest: two.digest, published: false, staged: 'create' },
    ])
    const seen = (await read(publicGateway(relay))).tags
    expect(seen.map(({ tag, digest, staged }) => [tag, digest, staged])).toEqual(
      ['a', 'b', 'v1'].map((tag) => [tag, one.digest, null]),
    )
  })
}
