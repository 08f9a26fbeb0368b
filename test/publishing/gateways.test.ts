import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { buildDemoImage } from '../../gateway/cli/demo/image.ts'
import { callSetGateways, callSetPolicy } from '../../gateway/cli/owner/calls.ts'
import type { Gateway } from '../../gateway/serve.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import {
  type Front,
  type PublishingWorld,
  run,
  sendAsOwner,
  setPolicy,
  stageImage,
  startFront,
  startPublishingWorld,
  startRelay,
} from './world.ts'

const names = [
  'both.eth',
  'down.eth',
  'liar.eth',
  'newer.eth',
  'lacks.eth',
  'wrong.eth',
  'inner.eth',
  'stamp.eth',
  'login.eth',
  'refused.eth',
  'turned.eth',
  'pushed.eth',
]
let world: PublishingWorld
let second: Gateway
let front: Front
let other: Front
beforeAll(async () => {
  world = await startPublishingWorld(names, { remembers: true })
  second = await startRelay(world.chain, join(world.folder, 'second'), { remembers: true })
  front = world.front
  other = await startFront(second.url)
  for (const ensName of names) await nameGateways(ensName, [front.url, other.url])
})
afterAll(async () => {
  await other.close()
  await second.close()
  await world.close()
})
beforeEach(() => {
  for (const each of [front, other]) {
    Object.assign(each, { staged: [], puts: [], authorizations: [], meddle: async () => null })
  }
})

async function nameGateways(ensName: string, urls: readonly string[]): Promise<void> {
  await sendAsOwner(world, callSetGateways({ resolver: world.chain.addresses.resolver, ensName }, urls))
}

type Stand = {
  url: string
  status: string
  version: number | null
  sent: number
  missing: number | null
  error: string | null
}

/** Runs a command for the gateways that the chain names, or for those given. */
async function command(state: string, args: readonly string[]) {
  const chainOnly = world.flags.slice(0, -2)
  const { code, err, json } = await run({ ...world, flags: chainOnly }, state, args)
  return { code, err, json, gateways: json.gateways as unknown as Stand[] }
}

const publish = (state: string, ensName: string, ...args: string[]) => {
  return command(state, ['publish', ensName, '--yes', '--key-file', world.keyFiles.owner, ...args])
}

async function publishTag(state: string, ensName: string, tag: string, ...args: string[]) {
  front.staged = [await stageImage(world, ensName, tag, `${ensName} ${tag}`)]
  const done = await publish(state, ensName, ...args)
  front.staged = []
  return done
}

/** What a gateway shows: the version and hash of its list, and its tags. */
async function shownBy(gateway: { url: string }, ensName: string) {
  const answer = await fetch(`${gateway.url}/v2/${ensName}/_mooring/list`)
  if (answer.status !== 200) return { version: null, hash: null, tags: [] }
  const { list, hash, entries } = (await answer.json()) as {
    list: { version: number }
    hash: string
    entries: { tag: string }[]
  }
  return { version: list.version, hash, tags: entries.map(({ tag }) => tag) }
}

/** The statuses with which a gateway answers for all content of an image. */
async function contentAt(gateway: { url: string }, ensName: string, text: string): Promise<Set<number>> {
  const { blobs, manifests, imageIndex } = buildDemoImage(text)
  const paths = [
    ...[...manifests, imageIndex].map(({ digest }) => `manifests/${digest}`),
    ...blobs.map(({ digest }) => `blobs/${digest}`),
  ]
  const answers = await Promise.all(paths.map((path) => fetch(`${gateway.url}/v2/${ensName}/${path}`)))
  return new Set(answers.map(({ status }) => status))
}

const down = async () => ({ status: 503, body: '' })

describe('a name with several gateways', () => {
  test('the list that one took goes to the others too: the same bytes, signed once, and the content before it', async () => {
    const order: string[] = []
    other.meddle = async (method, path) => {
      if (method === 'PUT') order.push(path.replace(/^\/v2\/both\.eth\//, '').replace(/\/.*/, ''))
      return null
    }
    const { code, json, gateways, err } = await publishTag('both', 'both.eth', '1.0')
    expect([code, json.published, json.version, json.gateway]).toEqual([0, true, 1, front.url])
    expect(gateways).toEqual([
      { url: front.url, status: 'published', version: 1, sent: 0, missing: null, error: null },
      { url: other.url, status: 'published', version: 1, sent: expect.any(Number), missing: 0, error: null },
    ])
    expect(err).toContain(`published: version 1 at ${other.url}`)
    expect([front.puts.length, other.puts]).toEqual([1, front.puts])
    expect([order.at(-1), new Set(order.slice(0, -1))]).toEqual(['_mooring', new Set(['blobs', 'manifests'])])
    expect(await shownBy(second, 'both.eth')).toEqual(await shownBy(world.relay, 'both.eth'))
    expect(await contentAt(second, 'both.eth', 'both.eth 1.0')).toEqual(new Set([200]))
    const again = await publish('both', 'both.eth')
    expect([again.code, again.json.published, again.gateways.map(({ status, sent }) => [status, sent])]).toEqual([
      0,
      false,
      [
        ['current', 0],
        ['current', 0],
      ],
    ])
    expect([front.puts.length, other.puts.length]).toEqual([1, 1])
  })

  test('--dry-run sends nothing to any of them; with --gateway those are all there are, without it those of the chain', async () => {
    const shown = await publishTag('both-dry', 'both.eth', '2.0', '--dry-run')
    expect([shown.code, shown.gateways, front.puts, other.puts]).toEqual([0, [], [], []])
    await nameGateways('both.eth', ['http://127.0.0.1:1', other.url])
    const given = await publishTag('both-given', 'both.eth', '2.0', '--gateway', front.url, '--gateway', second.url)
    expect(given.gateways.map(({ url, status }) => [url, status])).toEqual([
      [front.url, 'published'],
      [second.url, 'published'],
    ])
    const one = await publishTag('both-one', 'both.eth', '3.0', '--gateway', front.url)
    expect([one.code, one.gateways.map(({ url, status }) => [url, status])]).toEqual([0, [[front.url, 'published']]])
    await nameGateways('both.eth', [front.url, 'http://127.0.0.1:1', other.url])
    const all = await publishTag('both-all', 'both.eth', '4.0')
    expect([all.code, all.gateways.map(({ url, status }) => [url, status])]).toEqual([
      0,
      [
        [front.url, 'published'],
        ['http://127.0.0.1:1', 'unavailable'],
        [other.url, 'published'],
      ],
    ])
  })

  test('one that is down is told of and is no failure; the next run brings it every version it lacks, and signs nothing', async () => {
    await publishTag('down', 'down.eth', 'a')
    const port = Number(new URL(other.url).port)
    await other.close()
    for (const tag of ['b', 'c']) {
      const { code, json, gateways, err } = await publishTag('down', 'down.eth', tag)
      expect([code, json.published, gateways[1]?.status, gateways[1]?.error]).toEqual([
        0,
        true,
        'unavailable',
        'GatewayUnavailable',
      ])
      expect(err).toMatch(new RegExp(`warning: ${other.url}: the list is not there: GatewayUnavailable`))
    }
    other = await startFront(second.url, port)
    expect((await shownBy(second, 'down.eth')).version).toBe(1)
    // A machine that has no key: nothing is signed.
    const { code, json, gateways } = await command('down-other', ['publish', 'down.eth', '--yes'])
    expect([code, json.published, json.signers]).toEqual([0, false, []])
    expect(gateways[1]).toMatchObject({ status: 'published', version: 3, missing: 0, error: null })
    expect(other.puts.map((body) => JSON.parse(body).list.version)).toEqual([2, 3])
    expect(await shownBy(second, 'down.eth')).toEqual(await shownBy(world.relay, 'down.eth'))
    for (const tag of ['a', 'b', 'c']) {
      expect(await contentAt(second, 'down.eth', `down.eth ${tag}`)).toEqual(new Set([200]))
    }
  })

  test('one that says 201 and does not show the list is found out; where no other shows it either, nothing is published (exit 1)', async () => {
    expect((await publishTag('liar', 'liar.eth', 'a')).gateways[1]?.status).toBe('published')
    const lie = async (method: string, path: string) => {
      return method === 'PUT' && path.endsWith('/_mooring/list') ? { status: 201, body: '{}' } : null
    }
    other.meddle = lie
    const one = await publishTag('liar', 'liar.eth', 'b')
    expect([one.code, one.json.published, one.gateways[0]?.status]).toEqual([0, true, 'published'])
    expect(one.gateways[1]).toMatchObject({ status: 'unconfirmed', version: 1, error: 'GatewayUnavailable' })
    expect(one.err).toMatch(/it said that it took version 2, and shows version 1/)
    other.meddle = async () => null
    expect((await publish('liar', 'liar.eth')).gateways[1]).toMatchObject({ status: 'published', version: 2 })
    front.meddle = other.meddle = lie
    const both = await publishTag('liar', 'liar.eth', 'c')
    expect([both.code, both.json.published, both.json.error]).toEqual([1, false, 'GatewayUnavailable'])
    expect(both.gateways.map(({ status }) => status)).toEqual(['unconfirmed', 'unconfirmed'])
    front.meddle = other.meddle = async () => null
    const again = await publish('liar', 'liar.eth')
    expect(again.gateways.map(({ status, version }) => [status, version])).toEqual([
      ['current', 3],
      ['published', 3],
    ])
    expect(await shownBy(second, 'liar.eth')).toMatchObject({ version: 3, hash: both.json.listHash })
  })

  test('one that another publisher left with a newer list: the first is brought up before anything is signed, by a machine without memory too', async () => {
    await publishTag('newer', 'newer.eth', 'a')
    front.meddle = down
    other.staged = [await stageImage({ ...world, relay: second }, 'newer.eth', 'b', 'newer.eth b')]
    const elsewhere = await publish('newer', 'newer.eth', '--gateway', other.url)
    expect(elsewhere.gateways.map(({ url, status }) => [url, status])).toEqual([[other.url, 'published']])
    const stopped = await publish('newer', 'newer.eth')
    expect([stopped.code, stopped.err]).toEqual([1, expect.stringContaining('--gateway URL goes through another one')])
    front.meddle = async () => null
    other.staged = []
    expect((await shownBy(world.relay, 'newer.eth')).version).toBe(1)
    front.staged = [await stageImage(world, 'newer.eth', 'c', 'newer.eth c')]
    const shown = await publish('newer-fresh', 'newer.eth', '--dry-run')
    expect([shown.code, shown.json.error, front.puts.length]).toEqual([4, 'Rollback', 1])
    const { code, json, gateways } = await publish('newer-fresh', 'newer.eth')
    expect([code, json.version, gateways.map(({ status, version }) => [status, version])]).toEqual([
      0,
      3,
      [
        ['published', 3],
        ['published', 3],
      ],
    ])
    const { tags, ...list } = await shownBy(world.relay, 'newer.eth')
    expect([tags, list]).toEqual([['a', 'b', 'c'], expect.objectContaining({ version: 3 })])
    expect((await shownBy(second, 'newer.eth')).hash).toBe(list.hash)
    expect(await contentAt(world.relay, 'newer.eth', 'newer.eth b')).toEqual(new Set([200]))
  })

  test('one that only claims a newer list is passed over and refused by name, and stops nobody', async () => {
    expect((await publishTag('forged', 'newer.eth', 'd')).code).toBe(0)
    const forge = async (path: string) => {
      const body = await (await fetch(`${second.url}${path}`)).text()
      return { status: 200, body: body.replaceAll(/"version":\d+/g, '"version":99') }
    }
    other.meddle = async (_, path) => (/_mooring\/(?:list|history)/.test(path) ? forge(path) : null)
    const { code, json, gateways } = await publishTag('forged', 'newer.eth', 'e')
    expect([code, json.published, gateways[0]?.status]).toEqual([0, true, 'published'])
    expect(gateways[1]).toMatchObject({ status: 'refused', error: 'BadSignature' })
  })

  test('one that refuses the list is told of by its error name', async () => {
    const errors = [{ code: 'DENIED', message: 'not here', detail: { reason: 'UnreachableName' } }]
    other.meddle = async (method, path) => {
      return method === 'PUT' && path.endsWith('/_mooring/list')
        ? { status: 403, body: JSON.stringify({ errors }) }
        : null
    }
    const { code, gateways } = await publishTag('refused', 'refused.eth', 'a')
    expect([code, gateways[1]]).toEqual([
      0,
      expect.objectContaining({ status: 'refused', version: null, error: 'UnreachableName' }),
    ])
    other.meddle = async () => null
    expect((await publish('refused', 'refused.eth')).gateways[1]).toMatchObject({ status: 'published', error: null })
  })
})

test('a gateway takes one version after the other: where one in between counts no more, the line says which, and why', async () => {
  const relay = await startRelay(world.chain, join(world.folder, 'turned'))
  const lead = await startFront(relay.url)
  onTestFinished(() => relay.close())
  onTestFinished(() => lead.close())
  await nameGateways('turned.eth', [lead.url, other.url])
  await setPolicy(world, 'turned.eth', [addressOf(testKeys.other)], 1)
  lead.staged = [await stageImage({ ...world, relay }, 'turned.eth', 'a', 'turned.eth a')]
  other.meddle = down
  expect((await command('turned', ['publish', 'turned.eth', '--yes', '--key-file', world.keyFiles.other])).code).toBe(0)
  await setPolicy(world, 'turned.eth', [addressOf(testKeys.owner)], 1)
  other.meddle = async () => null
  lead.staged = [await stageImage({ ...world, relay }, 'turned.eth', 'b', 'turned.eth b')]
  const { code, json, gateways, err } = await publish('turned', 'turned.eth')
  expect([code, json.published, json.version]).toEqual([0, true, 2])
  expect(gateways[1]).toMatchObject({ status: 'refused', version: null, error: 'NotPublisher' })
  expect(err).toContain('version 1 is needed before 2')
})

describe('content of a name with several gateways', () => {
  test('protocol 5: one that takes no content gets the list, and what is missing is told; the next run brings it', async () => {
    const unauthorized = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'log in' }] })
    other.meddle = async (method) => (method === 'POST' ? { status: 401, body: unauthorized } : null)
    const { code, gateways, err } = await publishTag('lacks', 'lacks.eth', 'a')
    expect([code, gateways[1]]).toEqual([
      0,
      { url: other.url, status: 'published', version: 1, sent: 0, missing: 1, error: 'UNAUTHORIZED' },
    ])
    expect(err).toMatch(/the content of a is not there: UNAUTHORIZED: log in \(mooring login logs in there\)/)
    expect(await contentAt(second, 'lacks.eth', 'lacks.eth a')).not.toContain(200)
    other.meddle = async () => null
    const again = await publish('lacks', 'lacks.eth')
    expect(again.gateways[1]).toMatchObject({ status: 'current', version: 1, missing: 0, error: null })
    expect(again.gateways[1]?.sent).toBeGreaterThan(2)
    expect(await contentAt(second, 'lacks.eth', 'lacks.eth a')).toEqual(new Set([200]))
  })

  test('protocol 6: bytes that are not those of their digest go to no other gateway', async () => {
    const { blobs } = buildDemoImage('wrong.eth a')
    const [first] = blobs
    front.meddle = async (method, path) => {
      if (method !== 'GET' || !path.endsWith(`/blobs/${first?.digest}`)) return null
      return { status: 200, body: 'x'.repeat(first?.bytes.length ?? 0) }
    }
    // What the publisher itself reads of it is in its way first: let it be read.
    const meddle = front.meddle
    let isPublished = false
    front.meddle = async (method, path, body) => {
      isPublished ||= method === 'PUT' && path.endsWith('/_mooring/list')
      return isPublished ? meddle(method, path, body) : null
    }
    const { code, gateways } = await publishTag('wrong', 'wrong.eth', 'a')
    expect([code, gateways[1]]).toEqual([
      0,
      expect.objectContaining({ status: 'published', version: 1, missing: 1, error: 'DigestMismatch' }),
    ])
    const at = await fetch(`${second.url}/v2/wrong.eth/blobs/${first?.digest}`)
    expect(at.status).toBe(404)
    front.meddle = async () => null
    expect((await publish('wrong', 'wrong.eth')).gateways[1]).toMatchObject({
      status: 'current',
      missing: 0,
      error: null,
    })
    expect(await contentAt(second, 'wrong.eth', 'wrong.eth a')).toEqual(new Set([200]))
  })
})

describe('gateways that the chain names', () => {
  test('SSRF: private addresses and plain http are not asked, redirects to other hosts not followed; one beside them gets the list', async () => {
    const inner: string[] = []
    const target = await startFront(second.url)
    const redirecting = await startFront(second.url)
    onTestFinished(() => target.close())
    onTestFinished(() => redirecting.close())
    target.meddle = async (_, path) => {
      inner.push(path)
      return null
    }
    redirecting.meddle = async (_, path) => ({ status: 307, body: '', headers: { location: `${target.url}${path}` } })
    const unasked = ['http://10.1.2.3', 'https://169.254.169.254/latest', 'http://gateway.example']
    await nameGateways('inner.eth', [front.url, ...unasked, redirecting.url, other.url])
    const { code, gateways, err } = await publishTag('inner', 'inner.eth', 'a')
    expect([code, gateways.map(({ status }) => status)]).toEqual([
      0,
      ['published', 'unavailable', 'unavailable', 'unavailable', 'unavailable', 'published'],
    ])
    expect(err.match(/is not asked/g)?.length).toBe(3)
    expect([err, inner]).toEqual([expect.stringContaining('redirects to another host'), []])
  })

  test('a login of one gateway goes to no other: each is logged in to by itself, or the line says so', async () => {
    const guarded = await startRelay(world.chain, join(world.folder, 'guarded'), { logins: true, remembers: true })
    onTestFinished(() => guarded.close())
    await nameGateways('login.eth', [front.url, guarded.url, other.url])
    const { code, gateways } = await publishTag('login', 'login.eth', 'a')
    expect([code, gateways.map(({ status, missing }) => [status, missing])]).toEqual([
      0,
      [
        ['published', null],
        ['published', 0],
        ['published', 0],
      ],
    ])
    expect(gateways[1]?.sent).toBe(gateways[2]?.sent)
    expect([front.authorizations, other.authorizations]).toEqual([[], []])
  })
})

describe('mooring timestamp for several gateways', () => {
  test('one that stayed behind gets the versions it lacks, and all the same timestamp: one signature', async () => {
    const { resolver } = world.chain.addresses
    const policy = {
      publishers: [addressOf(testKeys.owner)],
      threshold: 1,
      timestamper: addressOf(testKeys.third),
      maxAgeSeconds: 3600,
    }
    await sendAsOwner(world, callSetPolicy({ resolver, ensName: 'stamp.eth' }, policy))
    other.meddle = down
    await publishTag('stamp', 'stamp.eth', 'a')
    other.meddle = async () => null
    const { code, json } = await command('stamper', ['timestamp', 'stamp.eth', '--key-file', world.keyFiles.third])
    expect([code, json.ok, json.gateways]).toEqual([
      0,
      true,
      [
        expect.objectContaining({ gateway: front.url, version: 1, error: null }),
        expect.objectContaining({ gateway: other.url, version: 1, error: null }),
      ],
    ])
    const stamps = await Promise.all(
      [world.relay, second].map(async ({ url }) => {
        const answer = await fetch(`${url}/v2/stamp.eth/_mooring/list`)
        return ((await answer.json()) as { timestamp: object }).timestamp
      }),
    )
    expect(stamps[0]).toEqual({
      issuedAt: expect.any(Number),
      expiresAt: expect.any(Number),
      signature: expect.any(String),
    })
    expect(stamps[1]).toEqual(stamps[0])
  })

  test('publish hands on the timestamp that stands: the one that was brought up answers lookups at once', async () => {
    const third = await startRelay(world.chain, join(world.folder, 'third'), { remembers: true })
    onTestFinished(() => third.close())
    await nameGateways('stamp.eth', [front.url, third.url])
    const { gateways } = await command('stamp-other', ['publish', 'stamp.eth', '--yes'])
    expect(gateways[1]).toMatchObject({ status: 'published', version: 1, missing: 0, error: null })
    const found = await command('stamp-reader', ['resolve', 'stamp.eth:a', '--gateway', third.url])
    expect([found.code, found.json.status]).toEqual([0, 'present'])
  })
})
