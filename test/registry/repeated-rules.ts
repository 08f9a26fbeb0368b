import { expect, test } from 'vitest'
import { collectGarbage } from '../../gateway/collector.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import {
  type Answer,
  describeManifest,
  errorOf,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  publicGateway,
  pushImage,
  putManifest,
  type Registry,
  send,
} from './client.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)
const pathOf = (tagOrDigest: string) => `/v2/acme.eth/manifests/${tagOrDigest}`

/** Manifests that are asked for again and again (end-3): answers kept ready say what a first answer would. */
export function repeatedRules(open: OpenRegistry): void {
  sameAnswerRules(open)
  changeRules(open)
  renewalRules(open)
}

/** What was kept is used from the second request on: nothing is read from the store for it. */
async function askTwice(registry: Registry, path: string): Promise<Answer> {
  const first = await send(registry, 'GET', path)
  expect([path, first.status]).toEqual([path, 200])
  const { content } = registry.deps
  registry.deps.content = {
    ...content,
    read: async () => expect.unreachable('read again'),
    stat: async () => expect.unreachable('looked for again'),
  }
  const second = await send(registry, 'GET', path)
  const head = await send(registry, 'HEAD', path)
  registry.deps.content = content
  expect([second.status, second.text, [...second.headers]]).toEqual([200, first.text, [...first.headers]])
  expect([head.status, [...head.headers]]).toEqual([200, [...first.headers]])
  return second
}

function sameAnswerRules(open: OpenRegistry): void {
  test('the same answer again, by tag and by digest, HEAD as GET, beyond ASCII too', async () => {
    const registry = await open()
    const image = await pushImage(registry, 'acme.eth', 'v1', 1, { annotations: { name: 'ü€😀' } })
    for (const path of [pathOf('v1'), pathOf(image.digest)]) {
      expect((await askTwice(registry, path)).text).toBe(image.text)
      const etag = { 'if-none-match': `"${image.digest}"` }
      for (const method of ['GET', 'HEAD']) {
        expect((await send(registry, method, path, { headers: etag })).status).toBe(304)
        expect((await send(registry, method, path, { headers: { 'if-none-match': '"x"' } })).status).toBe(200)
      }
    }
  })

  test('a query is no part of a kept answer: OCI-Namespace where ns was asked for and nowhere else', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    for (const query of ['?ns=acme.eth', '', '?ns=acme.eth', '']) {
      const { headers } = await send(registry, 'GET', pathOf('v1') + query)
      expect(headers.get('oci-namespace')).toBe(query === '' ? null : 'acme.eth')
    }
    expect((await send(registry, 'GET', `${pathOf('v1')}?ns=other.eth`)).status).toBe(400)
  })

  test('a warning is never kept, nor forgotten: an expired list, shown to a caller who may push', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    expect((await askTwice(registry, pathOf('v1'))).headers.get('warning')).toBeNull()
    registry.deps.chain.setName('acme.eth', { owner, minVersion: 5n })
    for (const method of ['GET', 'HEAD', 'GET']) {
      const { status, headers } = await send(registry, method, pathOf('v1'))
      expect([status, headers.get('warning')]).toEqual([200, expect.stringContaining('Rollback')])
    }
    registry.deps.chain.setName('acme.eth', { owner })
    expect((await send(registry, 'GET', pathOf('v1'))).headers.get('warning')).toBeNull()
  })
}

type Change = [what: string, change: (registry: Registry, image: PushedManifest) => Promise<unknown>]

function changeRules(open: OpenRegistry): void {
  const remove = (registry: Registry, tagOrDigest: string) => send(registry, 'DELETE', pathOf(tagOrDigest))
  const setName =
    (name: Parameters<Registry['deps']['chain']['setName']>[1]): Change[1] =>
    async ({ deps }) =>
      deps.chain.setName('acme.eth', name)
  const changes: [...Change, byTag: number, byDigest: number][] = [
    ['nothing', async () => undefined, 200, 200],
    ['the tag is deleted', (registry) => remove(registry, 'v1'), 404, 200],
    ['the manifest is deleted', (registry, { digest }) => remove(registry, digest), 404, 404],
    ['the name has another owner', setName({ owner: other }), 404, 404],
    ['the name has no owner', setName({ owner: null }), 404, 404],
    ['the name has another resolver', setName({ owner, reachable: false }), 404, 404],
    ['the epoch rises', setName({ owner, epoch: 1n }), 404, 200],
    ['the publisher is one no longer', setName({ owner, policy: { publishers: [other] } }), 403, 200],
    ['the publisher is revoked', setName({ owner, revoked: [owner] }), 403, 200],
    ['the floor rises', setName({ owner, minVersion: 5n }), 403, 200],
    ['the list expires', async ({ deps }) => deps.clock.advance(deps.limits.listLifetimeSeconds), 403, 200],
    ['the chain cannot be asked', async ({ deps }) => deps.chain.setDown(true), 503, 503],
  ]
  test.each(changes)('%s: seen at the next request, by tag and by digest', async (_what, change, byTag, byDigest) => {
    const publishing = await open()
    const relay = publicGateway(publishing)
    const image = await pushImage(publishing, 'acme.eth', 'v1')
    for (const path of [pathOf('v1'), pathOf(image.digest)]) await askTwice(relay, path)
    await change(publishing, image)
    for (const method of ['GET', 'HEAD']) {
      const tag = await send(relay, method, pathOf('v1'))
      const digest = await send(relay, method, pathOf(image.digest))
      expect([method, tag.status, digest.status]).toEqual([method, byTag, byDigest])
    }
  })

  test('a tag that moves, and a manifest pushed again under another type', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    await askTwice(registry, pathOf('v1'))
    const moved = await pushImage(registry, 'acme.eth', 'v1', 2)
    expect((await askTwice(registry, pathOf('v1'))).text).toBe(moved.text)
    const plain = await describeManifest({ layers: [] }, 'application/vnd.example.one+json')
    for (const mediaType of [plain.mediaType, 'application/vnd.example.two+json']) {
      expect((await putManifest(registry, 'acme.eth', 'v1', { ...plain, mediaType })).status).toBe(201)
      for (const path of [pathOf('v1'), pathOf(plain.digest)]) {
        expect((await askTwice(registry, path)).headers.get('content-type')).toBe(mediaType)
      }
    }
  })

  test('requests that are too many are refused, however ready the answer', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    await askTwice(registry, pathOf('v1'))
    registry.deps.throttle = { admit: () => 7 }
    const refused = await send(registry, 'GET', pathOf('v1'))
    errorOf(refused, 429, 'TOOMANYREQUESTS')
    expect(refused.headers.get('retry-after')).toBe('7')
  })
}

function renewalRules(open: OpenRegistry): void {
  test.each([8, 64, 3600])(
    'a grace time of %i s: what is asked for stays, what is asked for no more is collected and 404',
    async (gcGraceSeconds) => {
      const registry = await open({ limits: { gcGraceSeconds } })
      const { digest } = await untagged(registry)
      for (let asked = 0; asked < 24; asked += 1) {
        registry.deps.clock.advance(gcGraceSeconds / 8 + 1)
        const { status } = await send(registry, 'HEAD', pathOf(digest))
        await collectGarbage(registry.deps, { dryRun: false })
        expect([asked, status]).toEqual([asked, 200])
      }
      registry.deps.clock.advance(gcGraceSeconds + 1)
      await collectGarbage(registry.deps, { dryRun: false })
      errorOf(await send(registry, 'GET', pathOf(digest)), 404, 'MANIFEST_UNKNOWN')
    },
  )

  async function untagged(registry: Registry): Promise<PushedManifest> {
    const image = await makeImage(registry, 'acme.eth')
    expect((await putManifest(registry, 'acme.eth', image.digest, image)).status).toBe(201)
    return image
  }
}
