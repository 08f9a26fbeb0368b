import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addressOf, testKeys } from '../fixtures.ts'
import { type PublishingWorld, run, type Staged, setPolicy, stageImage, startPublishingWorld } from './world.ts'

const names = [
  'first.eth',
  'some.eth',
  'lies.eth',
  'asked.eth',
  'raced.eth',
  'clash.eth',
  'cut.eth',
  'lost.eth',
  'pair.eth',
]
let world: PublishingWorld
beforeAll(async () => {
  world = await startPublishingWorld(names)
})
afterAll(() => world.close())
beforeEach(() => {
  world.front.staged = []
  world.front.puts = []
  world.front.meddle = async () => null
})

const publish = (state: string, name: string, ...args: string[]) => {
  return run(world, state, ['publish', name, '--yes', '--key-file', world.keyFiles.owner, ...args])
}

/** The list that the relay holds. */
async function shown(name: string) {
  const answer = await fetch(`${world.relay.url}/v2/${name}/_mooring/list`)
  return (await answer.json()) as {
    list: { version: number }
    hash: string
    entries: { tag: string; digest: string }[]
  }
}

describe('protocol 5 relay gateway: mooring publish', () => {
  test('a brand-new name: what is staged is read, signed here, and in the list that the gateway shows', async () => {
    world.front.staged = [
      await stageImage(world, 'first.eth', '1.0', 'one'),
      await stageImage(world, 'first.eth', 'latest', 'one'),
    ]
    const shownOnly = await publish('first', 'first.eth', '--dry-run')
    expect([shownOnly.code, shownOnly.json.published, shownOnly.json.version]).toEqual([0, false, 1])
    expect(world.front.puts).toEqual([])
    const { code, json, err } = await publish('first', 'first.eth')
    expect([code, err]).toEqual([0, expect.stringContaining('added   1.0')])
    const { hash, entries } = await shown('first.eth')
    const [digest] = entries.map((entry) => entry.digest)
    expect(json).toMatchObject({ name: 'first.eth', published: true, version: 1, listHash: hash })
    expect(json.changes).toMatchObject([
      { tag: '1.0', before: null, after: { digest, updatedVersion: 1 } },
      { tag: 'latest', before: null, after: { digest, updatedVersion: 1 } },
    ])
    // The staged entry named no reference: it was computed from the bytes.
    expect(json.changes[0]?.after?.swarmReference).toMatch(/^0x(?!0{64})[0-9a-f]{64}$/)
    expect(err).toContain('linux/amd64')
    expect(err).toContain(`pushed by ${addressOf(testKeys.third)} at 2027-01-15T08:00:00.000Z`)
    const again = await publish('first', 'first.eth')
    expect([again.code, again.json.published, world.front.puts.length]).toEqual([0, false, 1])
  })

  test('--tag takes some of them; a move and a removal are shown as such, and a verified base is built on', async () => {
    const one = await stageImage(world, 'some.eth', 'v1', 'one')
    world.front.staged = [one, { ...one, tag: 'dev' }]
    expect((await publish('some', 'some.eth', '--tag', 'v*')).json.changes.map(({ tag }) => tag)).toEqual(['v1'])
    const two = await stageImage(world, 'some.eth', 'v1', 'two')
    world.front.staged = [two, { ...one, tag: 'dev' }]
    const { json, err } = await publish('some', 'some.eth')
    expect(json.changes.map(({ tag, before, after }) => [tag, before?.digest, after?.digest])).toEqual([
      ['dev', undefined, one.entry?.digest],
      ['v1', one.entry?.digest, two.entry?.digest],
    ])
    expect(err).toContain(`moved   v1  ${one.entry?.digest} -> ${two.entry?.digest}`)
    world.front.staged = [
      { ...one, tag: 'dev', entry: null },
      { ...one, tag: 'never', entry: null },
    ]
    const removed = await publish('some', 'some.eth')
    expect(removed.json.changes.map(({ tag, after }) => [tag, after])).toEqual([['dev', null]])
    expect(removed.err).toContain('removed dev')
  })

  test('bytes that are not what is staged are refused, tag by tag, and nothing is signed', async () => {
    const honest = await stageImage(world, 'lies.eth', 'good', 'honest')
    const entry = honest.entry as NonNullable<Staged['entry']>
    world.front.staged = [honest]
    expect((await publish('lies', 'lies.eth')).code).toBe(0)
    world.front.puts = []
    const lies: [string, Partial<typeof entry>][] = [
      ['SizeMismatch', { size: entry.size + 1 }],
      ['GatewayUnavailable', { digest: `sha256:${'ab'.repeat(32)}` }],
      ['AmbiguousManifest', { mediaType: 'application/vnd.oci.image.manifest.v1+json' }],
    ]
    for (const [error, lie] of lies) {
      world.front.staged = [{ ...honest, tag: 'bad', entry: { ...entry, ...lie } }]
      const { code, json, err } = await publish('lies', 'lies.eth')
      expect([json.error, err]).toEqual([error, expect.stringContaining('tag bad:')])
      expect(code).toBe(error === 'GatewayUnavailable' ? 1 : 4)
    }
    // Under the tag that names these very bytes already, too.
    world.front.staged = [{ ...honest, entry: { ...entry, size: entry.size + 1 } }]
    expect((await publish('lies', 'lies.eth')).json.error).toBe('SizeMismatch')
    world.front.staged = [{ ...honest, tag: 'bad' }]
    world.front.meddle = async (method, path) => {
      return method === 'HEAD' && path.includes('/blobs/') ? { status: 404, body: '' } : null
    }
    const missing = await publish('lies', 'lies.eth')
    expect([missing.code, missing.json.error]).toEqual([1, 'GatewayUnavailable'])
    world.front.meddle = async (method, path) => {
      return method === 'GET' && path.includes('/manifests/') ? { status: 200, body: '{"schemaVersion":2}' } : null
    }
    const other = await publish('lies', 'lies.eth')
    expect([other.code, other.json.error]).toEqual([4, 'SizeMismatch'])
    expect(world.front.puts).toEqual([])
  })

  test('a change that the gateway adds is in what is asked about; the answer no signs nothing; nobody to ask is usage', async () => {
    const wanted = await stageImage(world, 'asked.eth', 'mine', 'mine')
    world.front.staged = [
      wanted,
      { ...(await stageImage(world, 'asked.eth', 'latest', 'theirs')), stagedBy: 'mallory' },
    ]
    const args = ['publish', 'asked.eth', '--key-file', world.keyFiles.owner]
    const no = await run(world, 'asked', args, [false])
    expect([no.code, no.json.error, world.front.puts.length]).toEqual([1, 'NotConfirmed', 0])
    expect(no.err.slice(0, no.err.indexOf('NotConfirmed'))).toMatch(/added {3}latest[\s\S]*pushed by mallory/)
    expect(no.asked).toEqual([expect.stringContaining(`Sign as ${addressOf(testKeys.owner)}`)])
    expect((await run(world, 'asked', args)).code).toBe(2)
    const yes = await run(world, 'asked', [...args, '--tag', 'mine'], [true])
    expect([yes.code, yes.json.changes.map(({ tag }) => tag)]).toEqual([0, ['mine']])
  })

  test('flags that a gateway adds are said: an immutable tag, and a tombstone, which is no addition but a deletion for good', async () => {
    const staged = await stageImage(world, 'asked.eth', 'flagged', 'flagged')
    const shown = async (flags: number) => {
      world.front.staged = [{ ...staged, entry: staged.entry && { ...staged.entry, flags } }]
      return (await run(world, 'flags', ['publish', 'asked.eth', '--dry-run'])).err
    }
    expect(await shown(0)).toMatch(/added {3}flagged(?![\s\S]*(?:immutable|for good))/)
    expect(await shown(1)).toMatch(/added {3}flagged[\s\S]*immutable from now on/)
    expect(await shown(3)).toMatch(/removed {1}flagged[\s\S]*deleted for good: the tag cannot be used again/)
  })

  test('what a gateway says steers no terminal: control characters become question marks or escapes, and a refusal stays one line', async () => {
    const args = ['publish', 'asked.eth', '--dry-run']
    const error = { code: 'DENIED\u001b[2J\npublished', message: 'pl\u009bain' }
    world.front.meddle = async () => ({ status: 403, body: JSON.stringify({ errors: [error] }) })
    const refused = await run(world, 'terminal', args)
    expect([refused.code, refused.json.error]).toEqual([1, 'DENIED?[2J?published'])
    expect(refused.err).toContain('DENIED?[2J?published: pl?ain')
    const staged = JSON.stringify({ name: '\u009b2J\u202e', base: null, changes: [] })
    world.front.meddle = async (_, path) => (path.endsWith('/staged') ? { status: 200, body: staged } : null)
    const other = await run(world, 'terminal', args)
    expect([other.code, other.json.error]).toEqual([4, 'BadResponse'])
    expect(other.err).toContain('it is about "\\u009b2J\\u202e", not asked.eth')
  })

  test('who is not a publisher is refused before anything is signed, and told who is', async () => {
    world.front.staged = [await stageImage(world, 'asked.eth', 'other', 'other')]
    const args = ['publish', 'asked.eth', '--yes', '--key-file']
    const stranger = await run(world, 'stranger', [...args, world.keyFiles.other])
    expect([stranger.code, stranger.json.error]).toEqual([4, 'NotPublisher'])
    expect(stranger.err).toContain(`the publisher is ${addressOf(testKeys.owner)}`)
    expect((await run(world, 'stranger', [...args, world.keyFiles.owner])).code).toBe(0)
  })
})

describe('item 6: the publisher’s memory', () => {
  test('412: another publisher was first; what is published is made anew on their list', async () => {
    const mine = await stageImage(world, 'raced.eth', 'mine', 'mine')
    const theirs = await stageImage(world, 'raced.eth', 'theirs', 'theirs')
    world.front.staged = [mine]
    let isFirst = true
    world.front.meddle = async (method, path) => {
      if (method !== 'PUT' || !path.endsWith('/list') || !isFirst) return null
      isFirst = false
      world.front.staged = [theirs]
      expect((await publish('raced-other', 'raced.eth')).json).toMatchObject({ published: true, version: 1 })
      world.front.staged = [mine]
      return null
    }
    const { code, json } = await publish('raced', 'raced.eth')
    expect([code, json.published, json.version]).toEqual([0, true, 2])
    expect((await shown('raced.eth')).entries.map(({ tag }) => tag)).toEqual(['theirs', 'mine'])
  })

  test('412 over the same tag: without a person it is a conflict (exit 4), with one it is asked again', async () => {
    const mine = await stageImage(world, 'clash.eth', 'latest', 'mine')
    const theirs = await stageImage(world, 'clash.eth', 'latest', 'theirs')
    const meddleOnce = () => {
      let isFirst = true
      world.front.meddle = async (method, path) => {
        if (method !== 'PUT' || !path.endsWith('/list') || !isFirst) return null
        isFirst = false
        world.front.staged = [theirs]
        await publish('clash-other', 'clash.eth')
        world.front.staged = [mine]
        return null
      }
    }
    world.front.staged = [mine]
    meddleOnce()
    const refused = await publish('clash', 'clash.eth')
    expect([refused.code, refused.json.error]).toEqual([4, 'Conflict'])
    expect((await shown('clash.eth')).entries[0]?.digest).toBe(theirs.entry?.digest)
    const args = ['publish', 'clash.eth', '--key-file', world.keyFiles.owner]
    const asked = await run(world, 'clash', args, [true, true])
    expect([asked.code, asked.json.published]).toEqual([0, true])
    expect((await shown('clash.eth')).entries[0]?.digest).toBe(mine.entry?.digest)
  })

  test('cut off between signing and sending: the next run sends the very same list, and then what is new', async () => {
    world.front.staged = [await stageImage(world, 'cut.eth', 'a', 'a')]
    world.front.meddle = async (method, path) => {
      return method === 'PUT' && path.endsWith('/list') ? { status: 500, body: '' } : null
    }
    const cut = await publish('cut', 'cut.eth')
    expect([cut.code, cut.json.published]).toEqual([1, false])
    const [signed = ''] = world.front.puts
    world.front.meddle = async () => null
    world.front.staged = [await stageImage(world, 'cut.eth', 'b', 'b')]
    const { code, json } = await publish('cut', 'cut.eth')
    expect([code, json.version, json.changes.map(({ tag }) => tag)]).toEqual([0, 2, ['a', 'b']])
    expect(world.front.puts.slice(0, 2)).toEqual([signed, signed])
    expect(world.front.puts).toHaveLength(3)
  })

  test('a gateway that has lost its list is not begun again at version 1', async () => {
    world.front.staged = [await stageImage(world, 'lost.eth', 'a', 'a')]
    expect((await publish('lost', 'lost.eth')).json).toMatchObject({ published: true, version: 1 })
    world.front.puts = []
    world.front.staged = [await stageImage(world, 'lost.eth', 'b', 'b')]
    const unknown = JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'nothing here', detail: null }] })
    world.front.meddle = async (method, path) => {
      return method === 'GET' && path.endsWith('/_mooring/list') ? { status: 404, body: unknown } : null
    }
    const { code, json } = await publish('lost', 'lost.eth')
    expect([code, json.error, world.front.puts]).toEqual([4, 'Rollback', []])
  })

  test('a second list of a version that was signed here is refused (exit 4) until the first one has come', async () => {
    await setPolicy(world, 'pair.eth', [addressOf(testKeys.owner), addressOf(testKeys.other)], 2)
    world.front.staged = [await stageImage(world, 'pair.eth', 'a', 'a')]
    const short = await publish('pair', 'pair.eth')
    expect([short.code, short.json.error]).toEqual([4, 'ThresholdNotMet'])
    const file = `${world.folder}/pair-a.json`
    const first = await publish('pair', 'pair.eth', '--export', file)
    expect([first.code, first.json]).toEqual([
      0,
      expect.objectContaining({ published: false, version: 1, exported: file }),
    ])
    world.front.staged = [await stageImage(world, 'pair.eth', 'b', 'b')]
    const other = `${world.folder}/pair-b.json`
    const made = await run(world, 'pair-other', [
      'publish',
      'pair.eth',
      '--yes',
      '--key-file',
      world.keyFiles.other,
      '--export',
      other,
    ])
    expect(made.code).toBe(0)
    const second = await publish('pair', 'pair.eth', '--import', other)
    expect([second.code, second.json.error]).toEqual([4, 'Equivocation'])
    expect(second.err).toContain('mooring reset pair.eth begins anew')
    expect(world.front.puts).toEqual([])
    const finished = await run(world, 'pair-third', [
      'publish',
      'pair.eth',
      '--yes',
      '--key-file',
      world.keyFiles.other,
      '--import',
      file,
    ])
    expect([finished.code, finished.json.published, finished.json.signers]).toEqual([
      0,
      true,
      [addressOf(testKeys.owner), addressOf(testKeys.other)].sort(),
    ])
  })
})
