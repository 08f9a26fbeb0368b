import { expect, test } from 'vitest'
import type { Need } from '../../gateway/access.ts'
import { createApp } from '../../gateway/app.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { lookUpTag } from '../lookup/client.ts'
import {
  type Answer,
  errorOf,
  type OpenRegistry,
  publicGateway,
  pushImage,
  type Registry,
  readTags,
  seenBy,
  send,
} from '../registry/client.ts'
import { acme, digestAt, entryFor, openRelay, pathOf, publish, readStaged, statusOf, warning } from './client.ts'

const owner = addressOf(testKeys.owner)
const tagsPath = `/v2/${acme}/tags/list`

/** One gateway that takes whoever sends any token for its operator, and all others for nobody. */
function withTokens({ deps }: Registry): { anybody: Registry; pusher: Registry; needs: Need[] } {
  const needs: Need[] = []
  const access = {
    identify: async (authorization: string | null, need: Need) => {
      needs.push(need)
      return { kind: authorization === null ? 'anonymous' : 'operator' } as const
    },
  }
  const guarded = { ...deps, access }
  const anybody = { ...createApp(guarded), deps: guarded }
  const pusher: Registry = {
    deps: guarded,
    fetch: (request) => {
      request.headers.set('authorization', 'Bearer any')
      return anybody.fetch(request)
    },
  }
  return { anybody, pusher, needs }
}

/** Who sees what is staged, and where. */
export function readRules(open: OpenRegistry): void {
  viewRules(open)
  pageRules(open)
  keptRules(open)
}

function viewRules(open: OpenRegistry): void {
  test('5 to who may push a staged tag reads as if published, with the warning; to nobody else, nor in list, proof or lookup', async () => {
    const relay = await openRelay(open)
    const [one, two] = [await pushImage(relay, acme, 'v1', 1), await pushImage(relay, acme, 'fresh', 2)]
    await publish(relay, undefined, { v1: entryFor(one), gone: entryFor(one) })
    await pushImage(relay, acme, 'v1', 2)
    expect((await send(relay, 'DELETE', pathOf('gone'))).status).toBe(202)
    for (const tag of ['v1', 'fresh']) {
      const got = await send(relay, 'GET', pathOf(tag))
      expect([statusOf(got), got.text]).toEqual([[200, warning], two.text])
      expect([got.headers.get('content-type'), await digestAt(relay, tag)]).toEqual([two.mediaType, two.digest])
    }
    expect([await readTags(relay, acme), await digestAt(relay, 'gone')]).toEqual([['fresh', 'v1'], null])
    const others = publicGateway(relay)
    const seen = await send(others, 'GET', pathOf('v1'))
    expect([statusOf(seen), seen.text]).toEqual([[200, null], one.text])
    expect([await digestAt(others, 'fresh'), await digestAt(others, 'gone')]).toEqual([null, one.digest])
    expect(await readTags(others, acme)).toEqual(['gone', 'v1'])
    for (const registry of [relay, others]) {
      const list = JSON.parse((await send(registry, 'GET', `/v2/${acme}/_mooring/list`)).text)
      expect(list.entries.map((entry: { tag: string; digest: string }) => [entry.tag, entry.digest])).toEqual([
        ...[
          ['gone', one.digest],
          ['v1', one.digest],
        ],
      ])
      const proof = async (tag: string) =>
        JSON.parse((await send(registry, 'GET', `/v2/${acme}/_mooring/proof/${tag}`)).text).entry?.digest
      expect([await proof('v1'), await proof('gone'), await proof('fresh')]).toEqual([
        one.digest,
        one.digest,
        undefined,
      ])
      expect((await lookUpTag(registry, acme, 'v1')).digest).toBe(one.digest)
      expect((await lookUpTag(registry, acme, 'fresh')).digest).toBeUndefined()
    }
  })

  test('5 a name without a list: what is staged is there for the pusher, and the name is empty for others', async () => {
    const relay = await openRelay(open)
    const { digest, text } = await pushImage(relay, acme, 'v1')
    expect([await digestAt(relay, 'v1'), await readTags(relay, acme)]).toEqual([digest, ['v1']])
    errorOf(await send(relay, 'GET', pathOf('v2')), 404, 'MANIFEST_UNKNOWN')
    const others = publicGateway(relay)
    errorOf(await send(others, 'GET', pathOf('v1')), 404, 'MANIFEST_UNKNOWN')
    expect(await readTags(others, acme)).toEqual([])
    expect((await send(others, 'GET', pathOf(digest))).text).toBe(text)
  })

  test('5 GET staged: 401 or 403 for others, as a push would be; 404 for a name that is not served', async () => {
    const relay = await openRelay(open)
    await pushImage(relay, acme, 'v1')
    expect((await readStaged(relay)).changes).toHaveLength(1)
    const path = `/v2/${acme}/_mooring/staged`
    const { anybody, pusher, needs } = withTokens(relay)
    expect((await send(pusher, 'GET', path)).status).toBe(200)
    expect(needs).toEqual([{ repository: acme, action: 'push' }])
    expect(errorOf(await send(anybody, 'GET', path), 403, 'DENIED')).toContain('not for anonymous')
    const stranger = seenBy(relay, { kind: 'account', address: addressOf(testKeys.other) })
    expect(errorOf(await send(stranger, 'GET', path), 403, 'DENIED')).toContain(addressOf(testKeys.other))
    const user = seenBy(relay, { kind: 'account', address: owner })
    expect((await send(user, 'GET', path)).status).toBe(200)
    errorOf(await send(relay, 'GET', '/v2/nobody.eth/_mooring/staged'), 404, 'NAME_UNKNOWN')
  })

  test('5 an expired list: to who may push at a relay a tag is 200 or 404, staged ones too; others are refused', async () => {
    const relay = await openRelay(open)
    const one = await pushImage(relay, acme, 'v1')
    await publish(relay, undefined, { v1: entryFor(one) })
    relay.deps.clock.advance(2 * 86_400)
    expect((await send(relay, 'HEAD', pathOf('v1'))).headers.get('warning')).toContain('others are refused: Expired')
    expect(await digestAt(relay, 'v2')).toBeNull()
    const two = await pushImage(relay, acme, 'v2', 2)
    expect([await digestAt(relay, 'v2'), await readTags(relay, acme)]).toEqual([two.digest, ['v1', 'v2']])
    const others = publicGateway(relay)
    for (const path of [pathOf('v1'), pathOf('v2'), tagsPath]) {
      errorOf(await send(others, 'GET', path), 403, 'DENIED')
    }
  })

  test('another owner and another epoch have nothing staged', async () => {
    const relay = await openRelay(open)
    await pushImage(relay, acme, 'v1')
    relay.deps.chain.setName(acme, { owner, epoch: 1n })
    expect([(await readStaged(relay)).changes, await digestAt(relay, 'v1')]).toEqual([[], null])
    relay.deps.chain.setName(acme, { owner: addressOf(testKeys.other) })
    expect((await readStaged(relay)).changes).toEqual([])
    relay.deps.chain.setName(acme, { owner })
    expect((await readStaged(relay)).changes).toHaveLength(1)
  })
}

function pageRules(open: OpenRegistry): void {
  test.each([1, 2, 3, 7, 8])(
    'end-8b pages of %i over list and staged tags: all of them, in byte order, once each',
    async (n) => {
      const relay = await openRelay(open)
      const one = await pushImage(relay, acme, 'm')
      const listed = ['B', 'a', 'b', 'c', 'd', 'z']
      await publish(relay, undefined, Object.fromEntries(listed.map((tag) => [tag, entryFor(one)])))
      for (const tag of ['a', 'c', 'd']) expect((await send(relay, 'DELETE', pathOf(tag))).status).toBe(202)
      for (const tag of ['A', 'bb', 'zz', 'z']) await pushImage(relay, acme, tag, 2)
      const seen: string[] = []
      let path: string | undefined = `${tagsPath}?n=${n}`
      for (let page = 0; path && page < 20; page += 1) {
        const answer: Answer = await send(relay, 'GET', path)
        const found = JSON.parse(answer.text).tags as string[]
        expect([answer.headers.get('warning'), found.length <= n]).toEqual([warning, true])
        seen.push(...found)
        const link = answer.headers.get('link')
        path = link?.slice(1, link.indexOf('>'))
      }
      expect(seen).toEqual(['A', 'B', 'b', 'bb', 'm', 'z', 'zz'])
      expect(await readTags(relay, acme, '?n=2&last=b')).toEqual(['bb', 'm'])
      expect(await readTags(publicGateway(relay), acme)).toEqual(listed)
    },
  )
}

function keptRules(open: OpenRegistry): void {
  test('RFC 9110 13.1.2 entity tags: a list of tags with staged ones has another, and neither counts for the other', async () => {
    const relay = await openRelay(open)
    const one = await pushImage(relay, acme, 'v1')
    await publish(relay, undefined, { v1: entryFor(one) })
    const { anybody, pusher } = withTokens(relay)
    const etagOf = async (registry: Registry) => (await send(registry, 'GET', tagsPath)).headers.get('etag') ?? ''
    const asked = async (registry: Registry, etag: string) =>
      (await send(registry, 'GET', tagsPath, { headers: { 'if-none-match': etag } })).status
    const published = await etagOf(anybody)
    expect([await etagOf(pusher), await asked(pusher, published)]).toEqual([published, 304])
    await pushImage(relay, acme, 'v2', 2)
    const staged = await etagOf(pusher)
    expect(staged).not.toBe(published)
    expect([await asked(pusher, published), await asked(pusher, staged)]).toEqual([200, 304])
    expect([await asked(anybody, staged), await asked(anybody, published)]).toEqual([200, 304])
    await pushImage(relay, acme, 'v3', 2)
    expect(await asked(pusher, staged)).toBe(200)
    expect((await send(pusher, 'GET', tagsPath)).headers.get('cache-control')).toBe('no-store')
  })

  test('answers that are kept ready: a staged tag is never told to others, and none hides it from the pusher', async () => {
    const relay = await openRelay(open)
    const one = await pushImage(relay, acme, 'v1', 1)
    await publish(relay, undefined, { v1: entryFor(one) })
    const { anybody, pusher } = withTokens(relay)
    const ask = async (registry: Registry) => (await send(registry, 'GET', pathOf('v1'))).text
    for (const registry of [anybody, anybody, pusher, pusher]) expect(await ask(registry)).toBe(one.text)
    const two = await pushImage(relay, acme, 'v1', 2)
    const mixed = [pusher, anybody, anybody, pusher, anybody, pusher]
    for (const registry of mixed) expect(await ask(registry)).toBe(registry === pusher ? two.text : one.text)
    expect((await send(relay, 'GET', pathOf('v1'))).text).toBe(two.text)
    expect((await send(relay, 'DELETE', pathOf('v1'))).status).toBe(202)
    expect([(await send(pusher, 'GET', pathOf('v1'))).status, await ask(anybody)]).toEqual([404, one.text])
    await pushImage(relay, acme, 'v1', 1)
    for (const registry of mixed) expect(await ask(registry)).toBe(one.text)
  })
}
