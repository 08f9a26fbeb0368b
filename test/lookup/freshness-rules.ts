import { expect, test } from 'vitest'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'
import { openedRepository } from '../publish/repository.ts'
import { type OpenRegistry, publicGateway, pushImage, type Registry } from '../registry/client.ts'
import { ask, lookUp, lookUpTag, lookupPath, messageOf, responseOf } from './client.ts'

const owner = addressOf(testKeys.owner)
const other = addressOf(testKeys.other)
const callData = encodeTagLookup('acme.eth', 'v1', 'text')

async function statusOf(registry: Registry): Promise<string> {
  const answer = await ask(registry, lookupPath(callData))
  return answer.status === 200 ? '200' : `${answer.status} ${messageOf(answer, answer.status)}`
}

/** Counts the reads of a store that a warm lookup must not need. */
function countProofs({ deps }: Registry): { proofs: number } {
  const count = { proofs: 0 }
  const { prove } = deps.lists
  deps.lists = {
    ...deps.lists,
    prove: (line, keys) => {
      count.proofs++
      return prove(line, keys)
    },
  }
  return count
}

/** An answer is never older than the list, the chain's word of the last 15 s, and time. */
export function freshnessRules(open: OpenRegistry): void {
  test('a publish is visible at once, whichever gateway over the same stores made it', async () => {
    const registry = await open()
    const relay = publicGateway(registry)
    const first = await pushImage(registry, 'acme.eth', 'v1', 1)
    for (const gateway of [registry, relay, registry, relay]) {
      expect(await lookUpTag(gateway, 'acme.eth', 'v1')).toEqual({ digest: first.digest, version: 1n })
    }
    const second = await pushImage(registry, 'acme.eth', 'v1', 2)
    for (const gateway of [relay, registry]) {
      expect(await lookUpTag(gateway, 'acme.eth', 'v1')).toEqual({ digest: second.digest, version: 2n })
    }
    await pushImage(registry, 'acme.eth', 'v2', 3)
    expect(await lookUpTag(relay, 'acme.eth', 'v1')).toEqual({ digest: second.digest, version: 3n })
  })

  test('a warm lookup makes no proof again, and a cache of one answer stays right', async () => {
    const registry = await open({ limits: { maxCachedLookups: 1 } })
    const { digest } = await pushImage(registry, 'acme.eth', 'v1', 1)
    const count = countProofs(registry)
    for (let i = 0; i < 3; i++) expect((await lookUpTag(registry, 'acme.eth', 'v1')).digest).toBe(digest)
    expect(count.proofs).toBe(1)
    for (const tag of ['v1', 'v2', 'v1', 'v3']) {
      expect((await lookUpTag(registry, 'acme.eth', tag)).digest).toBe(tag === 'v1' ? digest : undefined)
    }
    expect(count.proofs).toBeGreaterThan(2)
  })

  test('protocol 4: no list here is 503', async () => {
    const registry = await open()
    expect(await statusOf(registry)).toBe('503 no list of acme.eth is here')
    await pushImage(registry, 'acme.eth', 'v1')
    expect(await statusOf(registry)).toBe('200')
  })

  test('row 5: an expired list is 503 from its last second on, warm or cold, until it is published again', async () => {
    const registry = await open({ limits: { listLifetimeSeconds: 1000 } })
    await pushImage(registry, 'acme.eth', 'v1')
    // One over the same stores that holds no key, and so cannot renew what it reads.
    const relay = publicGateway(registry)
    registry.deps.clock.advance(999)
    expect(await statusOf(relay)).toBe('200')
    registry.deps.clock.advance(1)
    expect(await statusOf(relay)).toMatch(/^503 refused: Expired: /)
    messageOf(await ask(relay, lookupPath(encodeTagLookup('acme.eth', 'v9', 'text'))), 503)
    await pushImage(registry, 'acme.eth', 'v2', 2)
    expect(await statusOf(relay)).toBe('200')
  })

  test('protocol 3: when a name changes hands, its epoch or its resolver, the old list stops at once', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    expect(await statusOf(registry)).toBe('200')
    const changes = [
      [{ owner: other }, '503 no list of acme.eth is here'],
      [{ owner, epoch: 1n }, '503 no list of acme.eth is here'],
      [{ owner, minVersion: 2n }, '503 refused: Rollback: '],
      [{ owner, reachable: false }, '503 refused: UnreachableName: '],
      [{ owner: null, reachable: true }, '503 refused: NoOwner: '],
    ] as const
    for (const [name, expected] of changes) {
      registry.deps.chain.setName('acme.eth', name)
      expect(await statusOf(registry)).toMatch(new RegExp(`^${expected}`))
      registry.deps.chain.setName('acme.eth', { owner })
      expect(await statusOf(registry)).toBe('200')
    }
  })

  test('a chain that cannot be asked is 503', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    expect(await statusOf(registry)).toBe('200')
    registry.deps.chain.setDown(true)
    expect(await statusOf(registry)).toMatch(/^503 the chain cannot be asked right now/)
    registry.deps.chain.setDown(false)
    expect(await statusOf(registry)).toBe('200')
  })

  test('protocol 2.3: only currently valid signatures are sent', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const { line } = await openedRepository(registry, 'acme.eth')
    const head = (await registry.deps.lists.findHead(line))!
    const second = createTestSigner(testKeys.other)
    const signature = await second.signList(registry.deps.chain.domain, head.list)
    const both = [...head.signatures, { signer: other, signature }].sort((a, b) => (a.signer < b.signer ? -1 : 1))
    expect(await registry.deps.lists.putSignatures(line, head.hash, both)).toBe(true)
    const signersWith = async (policy: object, revoked: readonly `0x${string}`[] = []) => {
      registry.deps.chain.setName('acme.eth', { owner, policy, revoked })
      const { signed } = await lookUp(registry, callData)
      return signed.signatures.map(({ signer }) => signer)
    }
    const publishers = [other, owner].sort()
    expect(await signersWith({ publishers, threshold: 2 })).toEqual(publishers)
    expect(await signersWith({ publishers: [owner] })).toEqual([owner])
    expect(await signersWith({ publishers }, [owner])).toEqual([other])
    registry.deps.chain.setName('acme.eth', { owner, policy: { publishers, threshold: 2 }, revoked: [other] })
    expect(messageOf(await ask(registry, lookupPath(callData)), 503)).toMatch(/^refused: ThresholdNotMet: /)
  })

  test('answers are not kept by anyone else without asking', async () => {
    const registry = await open()
    await pushImage(registry, 'acme.eth', 'v1')
    const answer = await ask(registry, lookupPath(callData))
    responseOf(answer)
    expect(answer.headers.get('cache-control')).toBe('no-cache')
  })
}
