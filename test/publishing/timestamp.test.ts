import { sign } from 'viem/accounts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callSetPolicy } from '../../gateway/cli/owner/calls.ts'
import { hashTimestamp } from '../../gateway/tags/list.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { type PublishingWorld, run, sendAsOwner, setPolicy, stageImage, startPublishingWorld } from './world.ts'

const names = ['fresh.eth', 'wire.eth', 'none.eth', 'old.eth', 'both.eth', 'behind.eth']
const timestamper = addressOf(testKeys.third)
let world: PublishingWorld
beforeAll(async () => {
  world = await startPublishingWorld(names)
  for (const ensName of ['fresh.eth', 'wire.eth', 'old.eth', 'behind.eth']) await askForTimestamps(ensName)
})
afterAll(() => world.close())
beforeEach(() => {
  world.front.staged = []
  world.front.meddle = async () => null
})

async function askForTimestamps(ensName: string): Promise<void> {
  const target = { resolver: world.chain.addresses.resolver, ensName }
  const publishers = [addressOf(testKeys.owner)]
  await sendAsOwner(world, callSetPolicy(target, { publishers, threshold: 1, timestamper, maxAgeSeconds: 3600 }))
}

async function publishTag(ensName: string, tag: string): Promise<void> {
  world.front.staged = [await stageImage(world, ensName, tag, tag)]
  const { code } = await run(world, `publisher-${ensName}`, [
    'publish',
    ensName,
    '--yes',
    '--key-file',
    world.keyFiles.owner,
  ])
  expect(code).toBe(0)
}

const stamp = (state: string, ensName: string, ...args: string[]) => {
  return run(world, state, ['timestamp', ensName, '--key-file', world.keyFiles.third, ...args])
}

describe('mooring timestamp', () => {
  test('row 7: a list without one is refused, one from the policy’s timestamper makes it fresh, a next version needs its own', async () => {
    const resolve = async (tag: string) => (await run(world, 'reader', ['resolve', `fresh.eth:${tag}`])).json
    await publishTag('fresh.eth', 'a')
    expect(await resolve('a')).toMatchObject({ status: 'unverified' })
    const { code, json } = await stamp('fresh', 'fresh.eth')
    expect([code, json]).toEqual([0, expect.objectContaining({ ok: true, rounds: 1, failed: 0, error: null })])
    expect(json.gateways).toEqual([expect.objectContaining({ gateway: world.front.url, version: 1, error: null })])
    expect(await resolve('a')).toMatchObject({ status: 'present', version: 1 })
    await publishTag('fresh.eth', 'b')
    expect(await resolve('b')).toMatchObject({ status: 'unverified' })
    const later = await stamp('fresh', 'fresh.eth', '--every', '6h')
    expect([later.code, later.json.rounds]).toEqual([0, 1])
    expect(later.err).toContain('fresh for 3600 s, and the next one comes after 21600 s: nobody can pull in between')
    expect((await stamp('fresh', 'fresh.eth', '--every', '30m')).err).not.toContain('warning')
    expect(await resolve('b')).toMatchObject({ status: 'present', version: 2 })
  })

  test('a publisher who is the timestamper too publishes fresh lists; any other is told that a timestamp is wanted', async () => {
    const target = { resolver: world.chain.addresses.resolver, ensName: 'both.eth' }
    const owner = addressOf(testKeys.owner)
    const publishers = [owner, addressOf(testKeys.other)].sort()
    await sendAsOwner(
      world,
      callSetPolicy(target, { publishers, threshold: 1, timestamper: owner, maxAgeSeconds: 3600 }),
    )
    const publish = async (tag: string, keyFile: string) => {
      world.front.staged = [await stageImage(world, 'both.eth', tag, tag)]
      return run(world, 'both', ['publish', 'both.eth', '--yes', '--key-file', keyFile])
    }
    expect((await publish('a', world.keyFiles.owner)).err).toContain('timestamped')
    expect((await run(world, 'reader', ['resolve', 'both.eth:a'])).json).toMatchObject({
      status: 'present',
      version: 1,
    })
    expect((await publish('b', world.keyFiles.other)).err).toContain(`asks for a timestamp of ${owner}`)
    expect((await run(world, 'reader', ['resolve', 'both.eth:b'])).json).toMatchObject({ status: 'unverified' })
  })

  test('only the policy’s timestamper, only where a policy names one, and only what is there: exit 4', async () => {
    const refusals: [string, string, RegExp][] = [
      ['none.eth', world.keyFiles.third, /the policy of none\.eth names no timestamper/],
      ['wire.eth', world.keyFiles.other, new RegExp(`is not the timestamper of wire\\.eth: that is ${timestamper}`)],
      ['wire.eth', world.keyFiles.third, /has no list of wire\.eth: there is nothing to timestamp/],
    ]
    for (const [ensName, keyFile, message] of refusals) {
      const { code, json, err } = await run(world, 'refused', ['timestamp', ensName, '--key-file', keyFile])
      expect([code, json.error, err]).toEqual([4, 'BadTimestamp', expect.stringMatching(message)])
    }
    for (const every of ['6', '6w', '0s', '8d', '-1h']) {
      expect((await stamp('usage', 'wire.eth', '--every', every)).code).toBe(2)
    }
  })

  test('item 6: a list that is older than one seen before is not called fresh', async () => {
    await publishTag('old.eth', 'a')
    const before = await (await fetch(`${world.relay.url}/v2/old.eth/_mooring/list`)).text()
    expect((await stamp('old', 'old.eth')).code).toBe(0)
    await publishTag('old.eth', 'b')
    expect((await stamp('old', 'old.eth')).code).toBe(0)
    const sent: string[] = []
    world.front.meddle = async (method, path) => {
      if (method === 'PUT') sent.push(path)
      return path.endsWith('/_mooring/list') ? { status: 200, body: before } : null
    }
    const { code, json } = await stamp('old', 'old.eth')
    expect([code, json.error, sent]).toEqual([4, 'Rollback', []])
  })

  test('a gateway that stays behind gets no timestamp from a machine that never saw the newer list, though it is asked first', async () => {
    await publishTag('behind.eth', 'a')
    const before = await (await fetch(`${world.relay.url}/v2/behind.eth/_mooring/list`)).text()
    const both = ['--gateway', world.front.url, '--gateway', world.relay.url]
    expect((await stamp('behind-1', 'behind.eth', ...both)).code).toBe(0)
    await publishTag('behind.eth', 'b')
    const sent: string[] = []
    world.front.meddle = async (method, path) => {
      if (method === 'PUT') sent.push(path)
      return path.endsWith('/_mooring/list') ? { status: 200, body: before } : null
    }
    const { code, json } = await stamp('behind-2', 'behind.eth', ...both)
    expect([code, json.error, sent]).toEqual([4, 'Rollback', []])
    const [stale, newer] = json.gateways as unknown as object[]
    expect([stale, newer]).toEqual([
      expect.objectContaining({ gateway: world.front.url, version: null, error: 'Rollback' }),
      expect.objectContaining({ gateway: world.relay.url, version: 2, error: null }),
    ])
  })
})

describe('protocol 5 PUT timestamp', () => {
  type Body = { issuedAt: number; expiresAt: number; signature: string }
  const put = async (body: unknown, ensName = 'wire.eth') => {
    const url = `${world.relay.url}/v2/${ensName}/_mooring/timestamp`
    const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(body) })
    return {
      status: answer.status,
      json: (await answer.json()) as Record<string, unknown> & { errors?: [{ code: string; detail: unknown }] },
    }
  }

  test('201 and again; 412 with the one that stands for an earlier one; 403, 404 and 400 for all else', async () => {
    const now = Math.floor(Date.now() / 1000)
    const nobody = { issuedAt: now, expiresAt: now + 60, signature: '0x' }
    expect((await put(nobody)).json.errors?.[0].code).toBe('NAME_UNKNOWN')
    await publishTag('wire.eth', 'a')
    const answer = await fetch(`${world.relay.url}/v2/wire.eth/_mooring/list`)
    const { list, hash } = (await answer.json()) as { list: { node: `0x${string}` }; hash: `0x${string}` }
    const { chainId, addresses } = world.chain
    const made = async (issuedAt: number, privateKey: `0x${string}` = testKeys.third): Promise<Body> => {
      const times = { issuedAt: BigInt(issuedAt), expiresAt: BigInt(issuedAt + 3600) }
      const claim = { node: list.node, epoch: 0n, version: 1n, list: hash, ...times }
      const signingHash = hashTimestamp({ chainId, resolver: addresses.resolver }, claim)
      return {
        issuedAt,
        expiresAt: issuedAt + 3600,
        signature: await sign({ privateKey, hash: signingHash, to: 'hex' }),
      }
    }
    const fresh = await made(now)
    expect(await put(fresh)).toMatchObject({ status: 201, json: { hash, timestamp: fresh } })
    expect(await put(fresh)).toMatchObject({ status: 201, json: { timestamp: fresh } })
    expect(await put(await made(now - 1))).toMatchObject({ status: 412, json: { timestamp: fresh } })
    const refused = async (body: unknown) => {
      const { status, json } = await put(body)
      return [status, json.errors?.[0].code, (json.errors?.[0].detail as { reason?: string } | null)?.reason]
    }
    expect(await refused(await made(now + 1, testKeys.owner))).toEqual([403, 'DENIED', 'BadTimestamp'])
    expect(await refused({ ...fresh, issuedAt: now + 1 })).toEqual([403, 'DENIED', 'BadTimestamp'])
    expect(await refused(await made(now - 4000))).toEqual([403, 'DENIED', 'StaleTimestamp'])
    expect(await refused(await made(now + 4000))).toEqual([403, 'DENIED', 'BadTimestamp'])
    for (const body of [null, {}, { ...fresh, more: 1 }, { ...fresh, signature: '0xABCD' }]) {
      expect((await put(body)).status).toBe(400)
    }
    expect(await put(await made(now + 1))).toMatchObject({ status: 201 })
    await setPolicy(world, 'wire.eth', [addressOf(testKeys.owner)], 1)
    expect(await refused(await made(now + 2))).toEqual([403, 'DENIED', 'BadTimestamp'])
  })
})
