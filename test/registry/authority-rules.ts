import { expect, test } from 'vitest'
import { addressOf, testKeys, testTime } from '../fixtures.ts'
import {
  anotherGateway,
  errorOf,
  imageType,
  type OpenRegistry,
  publicGateway,
  pushImage,
  putManifest,
  type Registry,
  readTags,
  send,
} from './client.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)

/** Who may push, and whose list is shown (protocol 3 and 5). */
export function authorityRules(open: OpenRegistry): void {
  pushRules(open)
  standingRules(open)
  ownerRules(open)
}

/** Every request that writes, beside a read of the same repository. */
function writesTo(repository: string): [method: string, path: string][] {
  return [
    ['POST', `/v2/${repository}/blobs/uploads/`],
    ['POST', `/v2/${repository}/blobs/uploads/?mount=sha256:${'a'.repeat(64)}`],
    ['PATCH', `/v2/${repository}/blobs/uploads/1f`],
    ['PUT', `/v2/${repository}/blobs/uploads/1f?digest=sha256:${'a'.repeat(64)}`],
    ['DELETE', `/v2/${repository}/blobs/uploads/1f`],
    ['DELETE', `/v2/${repository}/blobs/sha256:${'a'.repeat(64)}`],
    ['PUT', `/v2/${repository}/manifests/v1`],
    ['PUT', `/v2/${repository}/manifests/sha256:${'a'.repeat(64)}`],
    ['DELETE', `/v2/${repository}/manifests/v1`],
  ]
}

function pushRules(open: OpenRegistry): void {
  test('a push to a name whose owner is not the gateway’s publisher: 403 DENIED that says who may', async () => {
    const registry = await open()
    expect((await send(registry, 'POST', '/v2/acme.eth/blobs/uploads/')).status).toBe(202)
    for (const [method, path] of writesTo('stranger.eth')) {
      const answer = await send(registry, method, path)
      expect([path, answer.status, JSON.parse(answer.text)]).toEqual([
        path,
        403,
        {
          errors: [
            {
              code: 'DENIED',
              message: `push refused: stranger.eth is owned by ${other} and only ${other} may publish it; this gateway publishes as ${owner}`,
              detail: { owner: other, publishers: [other] },
            },
          ],
        },
      ])
    }
    errorOf(await send(registry, 'GET', '/v2/stranger.eth/tags/list'), 404, 'NAME_UNKNOWN')
  })

  test('a policy decides, not the owner: its publishers may push, one of two may for the other to sign, a revoked key may not', async () => {
    const registry = await open({ signerKey: testKeys.other })
    const { chain } = registry.deps
    const begin = () => send(registry, 'POST', '/v2/acme.eth/blobs/uploads/')
    expect((await begin()).status).toBe(403)
    chain.setName('acme.eth', { owner, policy: { publishers: [other] } })
    expect((await begin()).status).toBe(202)
    chain.setName('acme.eth', { owner, policy: { publishers: [other] }, revoked: [other] })
    expect((await begin()).status).toBe(403)
    chain.setName('acme.eth', { owner, policy: { publishers: [other, owner], threshold: 2 } })
    expect((await begin()).status).toBe(202)
    chain.setName('acme.eth', { owner, policy: { publishers: [owner, `0x${'ff'.repeat(20)}`], threshold: 2 } })
    const only = `only 2 of its publishers (${owner}, 0x${'ff'.repeat(20)}) may publish`
    expect(errorOf(await begin(), 403, 'DENIED')).toContain(only)
  })

  test('a subname that is registered to another is its owner’s alone', async () => {
    const registry = await open()
    expect((await send(registry, 'POST', '/v2/acme.eth/bob/blobs/uploads/')).status).toBe(202)
    registry.deps.chain.setName('bob.acme.eth', { owner: other })
    errorOf(await send(registry, 'POST', '/v2/acme.eth/bob/blobs/uploads/'), 403, 'DENIED')
    expect((await send(registry, 'POST', '/v2/acme.eth/web/blobs/uploads/')).status).toBe(202)
  })
}

function standingRules(open: OpenRegistry): void {
  const longerThanALife = 100 * 24 * 60 * 60

  async function expectRefused(registry: Registry, reason: string): Promise<void> {
    for (const path of ['/v2/acme.eth/manifests/v1', '/v2/acme.eth/tags/list']) {
      const answer = await send(registry, 'GET', path)
      expect(errorOf(answer, 403, 'DENIED')).toContain(`refused: ${reason}`)
      expect(JSON.parse(answer.text).errors[0].detail).toEqual({ reason })
    }
    expect((await send(registry, 'HEAD', '/v2/acme.eth/manifests/v1')).status).toBe(403)
  }

  test('an expired list: 403 DENIED Expired, but 200 or 404 to a caller who may push; the push repairs it', async () => {
    const publishing = await open()
    const relay = publicGateway(publishing)
    const image = await pushImage(publishing, 'acme.eth', 'v1')
    expect((await send(relay, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    publishing.deps.clock.advance(longerThanALife)
    await expectRefused(relay, 'Expired')
    expect((await send(publishing, 'HEAD', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    expect((await send(publishing, 'HEAD', '/v2/acme.eth/manifests/v2')).status).toBe(404)
    expect((await putManifest(publishing, 'acme.eth', 'v1', image)).status).toBe(201)
    expect((await send(relay, 'GET', '/v2/acme.eth/manifests/v1')).text).toBe(image.text)
    expect(await readTags(relay, 'acme.eth')).toEqual(['v1'])
  })

  test('content by digest is served without the list: it proves itself', async () => {
    const publishing = await open()
    const { digest, text } = await pushImage(publishing, 'acme.eth', 'v1')
    const relay = publicGateway(publishing)
    publishing.deps.clock.advance(longerThanALife)
    expect((await send(relay, 'GET', `/v2/acme.eth/manifests/${digest}`)).text).toBe(text)
  })

  test.each([
    ['a publisher that is one no longer', { owner, policy: { publishers: [other] } }, 'NotPublisher'],
    ['a key that was revoked', { owner, revoked: [owner] }, 'Revoked'],
    ['a version below the floor', { owner, minVersion: 5n }, 'Rollback'],
    ['a second signature wanted', { owner, policy: { publishers: [owner, other], threshold: 2 } }, 'ThresholdNotMet'],
  ])('a list of %s: 403 DENIED with the reason', async (_what, name, reason) => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const relay = publicGateway(registry)
    expect((await send(relay, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    registry.deps.chain.setName('acme.eth', name)
    await expectRefused(relay, reason)
  })

  test('a list that stood at one moment is asked again when its time is over, not at each request', async () => {
    const publishing = await open()
    await pushImage(publishing, 'acme.eth', 'v1')
    const relay = publicGateway(publishing)
    const { limits, clock } = publishing.deps
    expect((await send(relay, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    clock.advance(limits.listLifetimeSeconds - 1)
    expect(clock()).toBe(testTime + BigInt(limits.listLifetimeSeconds - 1))
    expect((await send(relay, 'GET', '/v2/acme.eth/manifests/v1')).status).toBe(200)
    clock.advance(1)
    await expectRefused(relay, 'Expired')
  })
}

function ownerRules(open: OpenRegistry): void {
  test('a name that changes hands is empty; one that comes back has what it had', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    registry.deps.chain.setName('acme.eth', { owner: other })
    for (const path of ['manifests/v1', `manifests/${digest}`, `blobs/sha256:${'a'.repeat(64)}`]) {
      expect((await send(registry, 'GET', `/v2/acme.eth/${path}`)).status).toBe(404)
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/tags/list'), 404, 'NAME_UNKNOWN')
    const theirs = anotherGateway(registry, testKeys.other)
    await pushImage(theirs, 'acme.eth', 'v2', 7)
    expect(await readTags(theirs, 'acme.eth')).toEqual(['v2'])
    registry.deps.chain.setName('acme.eth', { owner })
    expect(await readTags(registry, 'acme.eth')).toEqual(['v1'])
    const answer = await send(registry, 'GET', '/v2/acme.eth/manifests/v1')
    expect([answer.headers.get('content-type'), answer.status]).toEqual([imageType, 200])
  })

  test('a new epoch begins an empty list, and content stays', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    registry.deps.chain.setName('acme.eth', { owner, epoch: 1n })
    expect(await readTags(registry, 'acme.eth')).toEqual([])
    errorOf(await send(registry, 'GET', '/v2/acme.eth/manifests/v1'), 404, 'MANIFEST_UNKNOWN')
    expect((await send(registry, 'GET', `/v2/acme.eth/manifests/${digest}`)).status).toBe(200)
  })
}
