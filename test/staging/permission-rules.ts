import { expect, test } from 'vitest'
import type { PushGrant } from '../../gateway/tags/permissions.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { granted } from '../publish/permission-rules.ts'
import {
  errorOf,
  errorsOf,
  makeImage,
  type OpenRegistry,
  publicGateway,
  putManifest,
  type Registry,
  seenBy,
  send,
} from '../registry/client.ts'
import { acme, entryFor, openRelay, pathOf, publish, readStaged, stagedDigests, statusOf, warning } from './client.ts'

const ci = addressOf(testKeys.third)
const none = { create: [], update: [], remove: [] }

/** Who may stage what: asked of list and staged changes together, in the decision that the write compares with. */
export function permissionRules(open: OpenRegistry): void {
  /** A relay, three images there, and the relay as an account sees it that was granted this and nothing else. */
  async function begin(grant: Partial<PushGrant>, immutableTags: string[] = []) {
    const relay = await openRelay(open)
    const account = await granted(relay, { ...none, ...grant }, immutableTags)
    const images = [await makeImage(relay, acme, 1), await makeImage(relay, acme, 2), await makeImage(relay, acme, 3)]
    for (const image of images) await putManifest(relay, acme, image.digest, image)
    return { relay, account, images: images as [(typeof images)[0], (typeof images)[0], (typeof images)[0]] }
  }

  const refused = async (answer: Promise<Awaited<ReturnType<typeof send>>>, action: string, tag: string) => {
    const [error] = errorsOf(await answer, 403, 'DENIED')
    expect(error).toMatchObject({
      message: `${ci} may not ${action} tag ${tag} here`,
      detail: { action, tag, account: ci },
    })
  }

  test('who may only create stages new tags and moves none: neither of the list nor what anybody staged, by path or parameter', async () => {
    const { relay, account, images } = await begin({ create: ['*'] })
    const [one, two] = images
    await publish(relay, undefined, { listed: entryFor(one) })
    expect(statusOf(await putManifest(account, acme, 'new', one))).toEqual([201, warning])
    expect((await readStaged(account)).changes).toMatchObject([{ tag: 'new', stagedBy: ci }])
    for (const tag of ['new', 'listed']) {
      await refused(putManifest(account, acme, tag, two), 'update', tag)
      await refused(putManifest(account, acme, `${two.digest}?tag=other&tag=${tag}`, two), 'update', tag)
      expect((await putManifest(account, acme, tag, one)).status).toBe(201)
    }
    await refused(send(account, 'DELETE', pathOf('new')), 'delete', 'new')
    errorsOf(await send(account, 'DELETE', pathOf(one.digest)), 403, 'DENIED')
    expect(await stagedDigests(relay)).toEqual({ new: one.digest })
  })

  test('a tag whose deletion is staged is created anew; taking the deletion back is creating, too', async () => {
    const { relay, account, images } = await begin({ update: ['*'] })
    const [one, two] = images
    await publish(relay, undefined, { v1: entryFor(one) })
    expect((await send(relay, 'DELETE', pathOf('v1'))).status).toBe(202)
    for (const image of [two, one]) await refused(putManifest(account, acme, 'v1', image), 'create', 'v1')
    expect((await putManifest(relay, acme, 'v1', two)).status).toBe(201)
    expect(statusOf(await putManifest(account, acme, 'v1', one))).toEqual([201, null])
  })

  test('of two who may only create, and create one tag at once, exactly one wins', async () => {
    const { relay, account, images } = await begin({ create: ['*'] })
    const pushed = await Promise.all(images.map((image) => putManifest(account, acme, 'v1', image)))
    expect(pushed.map(({ status }) => status).sort()).toEqual([201, 403, 403])
    const winner = pushed.findIndex(({ status }) => status === 201)
    expect(await stagedDigests(relay)).toEqual({ v1: images[winner]?.digest })
  })

  test('what is created under an immutable pattern is staged as immutable, and does not move', async () => {
    const { relay, account, images } = await begin({ create: ['*'], update: ['*'] }, ['v[0-9]*'])
    const [one, two] = images
    expect(statusOf(await putManifest(account, acme, `${one.digest}?tag=v1&tag=edge`, one))).toEqual([201, warning])
    expect((await readStaged(relay)).changes.map(({ tag, entry }) => [tag, entry?.flags])).toEqual([
      ...[
        ['edge', 0],
        ['v1', 1],
      ],
    ])
    expect(errorOf(await putManifest(account, acme, 'v1', two), 403, 'DENIED')).toContain('is immutable: it stays')
    expect(statusOf(await putManifest(account, acme, 'edge', two))).toEqual([201, warning])
    expect((await send(relay, 'DELETE', pathOf('v1'))).status).toBe(202)
    expect(statusOf(await putManifest(account, acme, 'v1', two))).toEqual([201, warning])
  })

  test('who may remove withdraws what is staged and stages deletions', async () => {
    const { relay, account, images } = await begin({ remove: ['*'] })
    const [one] = images
    await publish(relay, undefined, { listed: entryFor(one) })
    await putManifest(relay, acme, 'new', one)
    await refused(putManifest(account, acme, 'another', one), 'create', 'another')
    expect(statusOf(await send(account, 'DELETE', pathOf('new')))).toEqual([202, null])
    expect(statusOf(await send(account, 'DELETE', pathOf('listed')))).toEqual([202, warning])
    expect(await stagedDigests(relay)).toEqual({ listed: null })
  })

  test('who may not remove every tag takes no content away, nor gives it another type: an index or a tag may stand on it', async () => {
    const { relay, account } = await begin({ create: ['*'], update: ['ci-*'], remove: ['ci-*'] })
    const child = await makeImage(relay, acme, 7, { mediaType: undefined })
    const pushAs = (registry: Registry, mediaType: string) =>
      putManifest(registry, acme, child.digest, { ...child, mediaType })
    const docker = 'application/vnd.docker.distribution.manifest.v2+json'
    const typeNow = async () =>
      (await send(publicGateway(relay), 'HEAD', pathOf(child.digest))).headers.get('content-type')
    expect((await pushAs(account, child.mediaType)).status).toBe(201)
    expect((await pushAs(account, child.mediaType)).status).toBe(201)
    const blob = `/v2/${acme}/blobs/${JSON.parse(child.text).config.digest}`
    errorsOf(await pushAs(account, docker), 403, 'DENIED')
    for (const path of [pathOf(child.digest), blob]) {
      expect(errorOf(await send(account, 'DELETE', path), 403, 'DENIED')).toContain(`${ci} may not delete sha256:`)
      expect((await send(publicGateway(relay), 'HEAD', path)).status).toBe(200)
    }
    expect(await typeNow()).toBe(child.mediaType)
    expect((await pushAs(relay, docker)).status).toBe(201)
    expect(await typeNow()).toBe(docker)
    for (const path of [pathOf(child.digest), blob]) expect((await send(relay, 'DELETE', path)).status).toBe(202)
    const remover = await granted(relay, { ...none, remove: ['*'] }, [], 2n)
    const other = await makeImage(relay, acme, 8)
    await putManifest(relay, acme, other.digest, other)
    expect((await send(remover, 'DELETE', pathOf(other.digest))).status).toBe(202)
  })

  test('an account without any grant, and whoever sends no token, may push nothing', async () => {
    const { relay, images } = await begin({ create: ['*'] })
    const stranger = seenBy(relay, { kind: 'account', address: addressOf(testKeys.other) })
    for (const caller of [stranger, publicGateway(relay)] satisfies Registry[]) {
      for (const tagOrDigest of ['v1', images[0].digest]) {
        const message = errorOf(await putManifest(caller, acme, tagOrDigest, images[0]), 403, 'DENIED')
        expect(message).toContain(
          `push refused: ${acme} is for its owner and publishers (${addressOf(testKeys.owner)})`,
        )
      }
    }
    expect(statusOf(await putManifest(seenBy(relay, { kind: 'user', user: 'ann' }), acme, 'v1', images[0]))[0]).toBe(
      201,
    )
    expect((await readStaged(relay)).changes).toMatchObject([{ tag: 'v1', stagedBy: 'ann' }])
  })
}
