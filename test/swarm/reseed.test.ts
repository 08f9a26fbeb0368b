import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { checkRoom, reseed, type Seed, type SeedRecord, type SeedTarget } from '../../gateway/reseed.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { createTestClock, swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import { digestOf } from '../store/fixtures.ts'
import { patternBytes } from './naive.ts'

let node: FakeBee
let target: SeedTarget
let waited: number[]
let notes: string[]
let known: Map<Digest, string>
let record: SeedRecord

beforeEach(async () => {
  node = await startFakeBee()
  onTestFinished(() => node.stop())
  waited = []
  notes = []
  known = new Map()
  record = {
    find: async (digest) => known.get(digest) as `0x${string}` | undefined,
    note: async ({ digest }, swarmReference) => void known.set(digest, swarmReference),
  }
  target = {
    bee: createFetchBee({ beeUrl: node.beeUrl, idleTimeoutMs: 500 }),
    postageBatchId: `0x${node.buyBatch()}`,
    hash: testSwarmHash,
    clock: createTestClock(),
    pause: async () => {},
    wait: async (seconds) => void waited.push(seconds),
    note: (line) => notes.push(line),
  }
})

function seedOf(bytes: Uint8Array, pieces: readonly Uint8Array[] = [bytes], size = bytes.byteLength): Seed {
  const open = async () =>
    (async function* () {
      yield* pieces
    })()
  return { digest: digestOf(bytes), size, open }
}

const bytes = patternBytes(300_000)
const [head, tail] = [bytes.slice(0, 200_000), bytes.slice(200_000)]
const says = (status: number, message: string, headers = {}) => {
  const body = JSON.stringify({ code: status, message })
  return { kind: 'answer', status, body, headers: { 'Content-Type': 'application/json', ...headers } } as const
}

const passing: readonly [what: string, damage: Parameters<FakeBee['inject']>[0]['damage']][] = [
  ['429', says(429, 'too many')],
  ['503 syncing', says(503, 'syncing in progress')],
  ['500', says(500, 'split write all failed')],
  ['a connection that ends', { kind: 'reset' }],
  ['no answer', { kind: 'silence' }],
]

test.each(passing)('faults 2 and 10: after %s it is tried again, a little later each time', async (_what, damage) => {
  node.inject({ on: /^POST \/bytes/, times: 2, damage })
  const { stored, missing } = await reseed(target, [seedOf(bytes, [head, tail])], record)
  expect([stored, missing, waited]).toEqual([1, [], [1, 2]])
  expect(known.get(digestOf(bytes))).toBe(swarmReferenceOf(bytes))
})

test('a node that says when to come again is believed, and one that stays away is an error after six tries', async () => {
  node.inject({ on: /^POST \/bytes/, times: 1, damage: says(503, 'busy', { 'Retry-After': '17' }) })
  expect((await reseed(target, [seedOf(bytes)], record)).stored).toBe(1)
  expect(waited).toEqual([17])
  waited.length = 0
  await node.stop()
  await expect(reseed(target, [seedOf(tail)], record)).rejects.toThrow('(0 of 1 are stored: run this again to go on)')
  expect(waited).toEqual([1, 2, 4, 8, 16])
  await node.start()
})

const wrong: readonly [what: string, seed: Seed][] = [
  ['another digest', seedOf(bytes, [head, tail.map((byte) => byte ^ 1)])],
  ['fewer bytes than it says', seedOf(bytes, [head])],
  ['more bytes than it says', seedOf(head, [head, tail], head.byteLength)],
]

test.each(wrong)(
  'content of %s is missing: nothing of it gets a reference, and all else is stored',
  async (_, seed) => {
    const { stored, missing } = await reseed(target, [seed, seedOf(tail)], record)
    expect([stored, missing, [...known.keys()]]).toEqual([1, [seed.digest], [digestOf(tail)]])
    for (const part of [bytes, head]) expect(node.chunks.has(swarmReferenceOf(part).slice(2))).toBe(false)
    expect(notes.join('\n')).toContain(seed.digest)
  },
)

test('content that breaks off while it is read is missing, and not the fault of the node', async () => {
  const open = async () =>
    (async function* () {
      yield head
      throw new Error('the disk')
    })()
  const { missing } = await reseed(target, [{ ...seedOf(bytes), open }], record)
  expect([missing, waited]).toEqual([[digestOf(bytes)], []])
  expect(notes[0]).toContain('the disk')
})

test('a batch that cannot hold the content is refused, one that may be too small is warned of', async () => {
  const batch = node.postage.batches.get(target.postageBatchId.slice(2))
  const seeds = [{ digest: digestOf(bytes), size: 400_000_000 }]
  await checkRoom(target, seeds)
  expect(notes).toEqual([])
  if (batch) batch.depth = 17
  await checkRoom(target, seeds)
  expect(notes[0]).toMatch(/^warning: \d+ chunks need depth 20, and postage batch .* has 17; it may be full/)
  const more = [...seeds, { digest: digestOf(head), size: 400_000_000 }]
  await expect(checkRoom(target, more)).rejects.toThrow(/has 17: dilute it, or take a larger one/)
})
