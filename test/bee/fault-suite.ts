import { randomBytes } from 'node:crypto'
import type { Hex } from 'viem'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Bee } from '../../gateway/bee/bee.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { createSwarmReader } from '../../gateway/bee/swarm-reader.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { createMemoryStores } from '../../gateway/store/memory.ts'
import { createSwarmContent } from '../../gateway/store/swarm-content.ts'
import { WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { swarmReferenceOf, testSwarmHash } from '../fixtures.ts'
import { registryOver } from '../registry/client.ts'
import { digestOf } from '../store/fixtures.ts'
import type { Damage } from './fake/faults.ts'
import type { FakeBee } from './fake-bee.ts'
import { nowhere } from './golden.ts'
import type { FaultyPair } from './node-under-test.ts'

// What a client of a gateway sees when a node fails: the rows of docs/swarm.md, "When nodes fail", that are about reading. Node A is asked
// first and has the fault; B has the same content and none.

/** Streamed while it is hashed: over 4 MiB. */
export const large = randomBytes(5 * 1024 * 1024 + 123)
/** Verified before its first byte. */
const small = randomBytes(300_000)
const owner = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266'
const batchId: Hex = `0x${'ba'.repeat(32)}`

type Outcome = { status: number; bytes: Buffer; isWhole: boolean; retryAfter: string | null; text: string }

const onBytes = /^GET \/bytes/
const onChunks = /^GET \/chunks/
const onReads = /^GET \/(?:bytes|chunks)/
const json = { 'Content-Type': 'application/json' }
const html = { kind: 'answer', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>Sorry' } as const
const saying = (status: number, message: string, headers = {}): Damage => {
  return { kind: 'answer', status, headers: { ...json, ...headers }, body: JSON.stringify({ code: status, message }) }
}

const rows: readonly [row: string, damage: Damage, on?: RegExp, onlyRanges?: boolean][] = [
  ['fault 1: connections are ended', { kind: 'reset' }, onReads],
  ['fault 2: no answer comes', { kind: 'silence' }, onReads],
  ['fault 2: a stall in the middle', { kind: 'stall', afterBytes: 2_000_000 }],
  ['fault 2: a byte now and then', { kind: 'trickle', bytes: 1, everyMs: 20 }],
  ['fault 3: a body short of its Content-Length', { kind: 'cut', afterBytes: 100_000, framing: 'length' }],
  ['fault 3: a missing chunk, 404', saying(404, 'Not Found'), onReads],
  ['fault 3: a missing chunk, 500', saying(500, 'read chunk failed'), onReads],
  ['fault 4: a chunked body that is cut off', { kind: 'cut', afterBytes: 100_000, framing: 'chunked' }],
  ['fault 4: a short chunked body, properly ended', { kind: 'cut', afterBytes: 100_000, framing: 'clean' }],
  ['fault 4: a short body without any length', { kind: 'cut', afterBytes: 100_000, framing: 'close' }],
  ['fault 5: a flipped bit in the first byte', { kind: 'flip', at: 0 }],
  ['fault 5: a flipped bit in the last byte', { kind: 'flip', at: -1 }],
  ['fault 5: a flipped bit in ranges alone', { kind: 'flip', at: 7 }, onBytes, true],
  ['fault 5: a flipped bit in the chunks above', { kind: 'flip', at: 40 }, onChunks],
  ['fault 6: right bytes for another reference', { kind: 'bytes', bytes: randomBytes(large.byteLength) }],
  ['fault 6: HTML with 200', html, onReads],
  ['fault 6: a redirect', { kind: 'answer', status: 302, headers: { Location: 'http://127.0.0.1:9/' } }, onReads],
  ['fault 10: 503 while the node is syncing', saying(503, 'syncing in progress'), onReads],
  ['fault 10: 429', saying(429, 'too many requests', { 'Retry-After': '7' }), onReads],
  ['fault 13: a span of 2^63 in the chunks above', { kind: 'bytes', bytes: Buffer.alloc(8 + 128, 128) }, onChunks],
]

/** Short bodies are made good by asking again where they ended, so alone a node with this fault still gives all of it. */
const isHealedByAsking = ({ kind }: Damage) => kind === 'cut' || kind === 'stall'

/** Runs the rows over two nodes. */
export function faultSuite(name: string, open: () => Promise<FaultyPair>): void {
  describe(name, () => {
    let pair: FaultyPair
    const faults: (() => void)[] = []

    beforeAll(async () => {
      pair = await open()
      for (const [at, { beeUrl }] of [pair.a, pair.b].entries()) {
        const postageBatchId = pair.postageBatchIds[at] as Hex
        for (const bytes of [large, small]) {
          const stored = await createFetchBee({ beeUrl }).writeBytes(bytes, bytes.byteLength, { postageBatchId })
          expect(stored).toBe(swarmReferenceOf(bytes))
        }
      }
    })
    afterEach(async () => {
      for (const remove of faults.splice(0)) remove()
      for (const node of [pair.a, pair.b]) node.seen.length = 0
    })
    afterAll(() => pair.stop())

    /** A gateway with nothing stored, which shows the contents and knows where they are on Swarm. */
    const openGateway = async (nodes: readonly FakeBee[], idleTimeoutMs = 5_000) => {
      const bees: Bee[] = nodes.map(({ beeUrl }) => createFetchBee({ beeUrl, idleTimeoutMs, leastBytes: 4096 }))
      return gatewayOver(bees)
    }
    const damage = (node: FakeBee, on: RegExp, what: Damage, onlyRanges = false) => {
      faults.push(node.inject({ on, damage: what, onlyRanges }))
    }

    test.each(rows)('%s: the other node serves it, alone it is an error; nothing bad is kept', async (...row) => {
      const [, what, on = onBytes, onlyRanges = false] = row
      const isSlow = /^(?:silence|stall|trickle)$/.test(what.kind)
      const idleTimeoutMs = isSlow ? 700 : 10_000
      expect(isRight(await (await openGateway([pair.a])).get(small), small)).toBe(true)
      damage(pair.a, on, what, onlyRanges)
      const both = await openGateway([pair.a, pair.b], idleTimeoutMs)
      expect(isRight(await both.get(small), small)).toBe(true)
      const range = await both.get(large, WINDOW_BYTES - 9, large.byteLength - 1)
      expect([range.status, range.isWhole, range.bytes.equals(large.subarray(WINDOW_BYTES - 9))]).toEqual([
        206,
        true,
        true,
      ])
      const first = await both.get(large)
      if (!isRight(first, large)) expectBroken(first, large)
      expect(isRight(await both.get(large), large), 'asked again').toBe(true)
      await expectAloneHonest(await openGateway([pair.a], idleTimeoutMs), what)
      await expect.poll(() => pair.a.openAnswers(), { timeout: 20_000 }).toBe(0)
    })

    /** Either all of it or an error, and after the node has healed all of it. */
    const expectAloneHonest = async (alone: Awaited<ReturnType<typeof gatewayOver>>, what: Damage) => {
      for (const bytes of [small, large]) {
        const outcome = await alone.get(bytes)
        if (isHealedByAsking(what) && isRight(outcome, bytes)) continue
        if (!isRight(outcome, bytes)) expectBroken(outcome, bytes)
        const part = await alone.get(bytes, 5, 250_000)
        if (part.status === 206) expect(part.bytes.equals(bytes.subarray(5, 5 + part.bytes.byteLength))).toBe(true)
        else expectUnavailable(part)
        if (part.status === 206 && part.isWhole) expect(part.bytes.byteLength).toBe(249_996)
        const kept = await alone.local(bytes)
        if (kept) expect(digestOf(kept)).toBe(digestOf(bytes))
      }
      for (const remove of faults.splice(0)) remove()
      alone.clock.advance(5)
      for (const bytes of [small, large]) expect(isRight(await alone.get(bytes), bytes)).toBe(true)
    }

    test('fault 1: nobody there: what is cached is served, the rest is 503 with Retry-After, and GET /v2/ is 200', async () => {
      const gateway = await openGateway([pair.a])
      expect(isRight(await gateway.get(small), small)).toBe(true)
      await pair.a.stop()
      expect(isRight(await gateway.get(small), small)).toBe(true)
      expectUnavailable(await gateway.get(large))
      expectUnavailable(await gateway.get(large, 0, 0))
      expect((await gateway.fetch(new Request('http://gateway.test/v2/'))).status).toBe(200)
      await pair.a.start()
      gateway.clock.advance(5)
      expect(isRight(await gateway.get(large), large)).toBe(true)
    })

    test("fault 1: a node's host that has no address is a node that is down", async () => {
      // A label of 64 letters is none: no name server is asked.
      const lost = createFetchBee({ beeUrl: `http://${'a'.repeat(64)}.invalid:1633` })
      const reachable = createFetchBee({ beeUrl: pair.b.beeUrl })
      expect(isRight(await (await gatewayOver([lost, reachable])).get(large), large)).toBe(true)
      const alone = await gatewayOver([lost])
      const outcome = await alone.get(small)
      expectUnavailable(outcome)
      expect(outcome.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
      await expect(lost.writeBytes(small, small.byteLength, { postageBatchId: batchId })).rejects.toMatchObject({
        fault: 'unavailable',
      })
    })

    test('fault 3: what the catalog shows and no node has is 503, what it does not show 404', async () => {
      const gateway = await openGateway([pair.a, pair.b])
      await gateway.show('sha256:'.concat('ab'.repeat(32)) as Digest, 5000, nowhere)
      expectUnavailable(await gateway.getDigest(`sha256:${'ab'.repeat(32)}`))
      expect((await gateway.getDigest(`sha256:${'cd'.repeat(32)}`)).status).toBe(404)
    })

    const spans: readonly [what: string, span: bigint][] = [
      ['2^63', 2n ** 63n],
      ['2^64 - 1', 2n ** 64n - 1n],
      ['that of redundancy level 1', 5000n + (0x81n << 56n)],
      ['another size', 1n],
    ]

    test.each(spans)(
      'fault 13: a root chunk that was published with a span of %s is 503, no byte of it',
      async (_, span) => {
        const chunk = Buffer.concat([Buffer.alloc(8), randomBytes(64)])
        chunk.writeBigUInt64LE(span)
        const bee = createFetchBee({ beeUrl: pair.a.beeUrl, idleTimeoutMs: 5_000 })
        const postageBatchId = pair.postageBatchIds[0]
        const swarmReference = await bee.writeChunk(chunk, { postageBatchId })
        const gateway = await gatewayOver([bee])
        const digest = digestOf(randomBytes(32))
        await gateway.show(digest, 5000, swarmReference)
        expectUnavailable(await gateway.getDigest(digest))
        expectUnavailable(await gateway.getDigest(digest, 0, 99))
        expect(isRight(await gateway.get(small), small)).toBe(true)
      },
    )

    test('hard test 4: ranges from a node that lies in ranges alone: right bytes of the other node, or a clean 503', async () => {
      const last = large.byteLength - 1
      const spans: readonly [first: number, last: number][] = [
        [0, 0],
        [last, last],
        [WINDOW_BYTES - 1, WINDOW_BYTES],
        [3 * WINDOW_BYTES - 5, 5 * WINDOW_BYTES + 5],
        [last - 122, last],
      ]
      for (const [first, end] of spans) {
        const honest = await (await openGateway([pair.a])).get(large, first, end)
        expect([honest.status, honest.bytes.equals(large.subarray(first, end + 1))]).toEqual([206, true])
        const remove = pair.a.inject({ on: onBytes, damage: { kind: 'flip', at: first }, onlyRanges: true })
        const other = await (await openGateway([pair.a, pair.b])).get(large, first, end)
        expect([other.status, other.bytes.equals(large.subarray(first, end + 1))]).toEqual([206, true])
        expectUnavailable(await (await openGateway([pair.a])).get(large, first, end))
        remove()
      }
      const suffix = await (await openGateway([pair.a])).getDigest(digestOf(large), 'bytes=-200')
      expect([suffix.status, suffix.bytes.equals(large.subarray(-200))]).toEqual([206, true])
    })

    test('hard test 5: stalled at 40 percent, the other node gives the rest: no more than one window comes twice', async () => {
      damage(pair.a, onBytes, { kind: 'stall', afterBytes: Math.floor(large.byteLength * 0.4) })
      // What stands before a busy real node has the whole answer before it passes a byte on.
      const gateway = await openGateway([pair.a, pair.b], 10_000)
      expect(isRight(await gateway.get(large), large)).toBe(true)
      const sent = [...pair.a.seen, ...pair.b.seen].reduce((sum, { sentBytes }) => sum + sentBytes, 0)
      expect(sent).toBeLessThanOrEqual(large.byteLength + WINDOW_BYTES + 65_536)
    })

    test('hard test 10: twenty cold pulls are one download; who leaves harms nobody; a failure is one for all', async () => {
      const gateway = await openGateway([pair.a])
      const url = `http://gateway.test/v2/acme.eth/blobs/${digestOf(large)}`
      const pulls = await Promise.all(Array.from({ length: 20 }, () => gateway.fetch(new Request(url))))
      await pulls.pop()?.body?.cancel()
      for (const outcome of await Promise.all(pulls.map(outcomeOf))) expect(isRight(outcome, large)).toBe(true)
      expect(pair.a.seen.filter(({ path }) => path.startsWith('/bytes'))).toHaveLength(1)
      const failing = await openGateway([pair.a])
      damage(pair.a, onReads, { kind: 'flip', at: -1 })
      const failed = await Promise.all(Array.from({ length: 20 }, () => failing.get(large)))
      for (const outcome of failed) expectBroken(outcome, large)
      expect(await failing.local(large)).toBeUndefined()
    })
  })
}

/** A gateway with nothing stored that shows `large` and a small content, which are on Swarm. */
export async function gatewayOver(bees: readonly Bee[]) {
  const stores = createMemoryStores()
  const registry = registryOver(stores, { signerKey: null })
  const { clock } = registry.deps
  const { swarmLedger: ledger, catalog, content: local } = stores
  const reader = createSwarmReader(bees, testSwarmHash)
  registry.deps.content = createSwarmContent(local, { reader, ledger, clock, noteKept: () => {} })
  const show = async (digest: Digest, size: number, swarmReference: Hex) => {
    await catalog.linkBlob({ ensName: 'acme.eth', owner }, digest, size, { now: Number(clock()), removals: 0 })
    await ledger.recordReference(digest, size, swarmReference)
    await ledger.enqueue([{ digest, size }])
    await ledger.markUploaded(digest, batchId, 0)
  }
  for (const bytes of [large, small]) await show(digestOf(bytes), bytes.byteLength, swarmReferenceOf(bytes))
  const getDigest = async (digest: Digest, range?: number | string, last?: number): Promise<Outcome> => {
    const header = typeof range === 'number' ? `bytes=${range}-${last}` : range
    const headers = header === undefined ? {} : { range: header }
    const response = await registry.fetch(new Request(`http://gateway.test/v2/acme.eth/blobs/${digest}`, { headers }))
    return outcomeOf(response)
  }
  return {
    fetch: registry.fetch,
    clock,
    show,
    getDigest,
    get: (bytes: Uint8Array, first?: number, last?: number) => getDigest(digestOf(bytes), first, last),
    async local(bytes: Uint8Array) {
      const body = await local.read(digestOf(bytes))
      return body && new Uint8Array(await new Response(body).arrayBuffer())
    },
  }
}

async function outcomeOf(response: Response): Promise<Outcome> {
  const { status, headers } = response
  const pieces: Uint8Array[] = []
  const reader = response.body?.getReader()
  let isWhole = true
  while (reader) {
    const step = await reader.read().catch(() => undefined)
    isWhole = step !== undefined
    if (!step?.value) break
    pieces.push(step.value)
  }
  const bytes = Buffer.concat(pieces)
  return { status, bytes, isWhole, retryAfter: headers.get('retry-after'), text: bytes.toString() }
}

function isRight({ status, bytes, isWhole }: Outcome, wanted: Uint8Array): boolean {
  return status === 200 && isWhole && bytes.equals(wanted)
}

/** A 503 with Retry-After, or a 200 that breaks off before its end: never a whole one with wrong bytes. */
function expectBroken(outcome: Outcome, wanted: Uint8Array): void {
  if (outcome.status !== 200) {
    expectUnavailable(outcome)
    return
  }
  expect(outcome.isWhole).toBe(false)
  expect(outcome.bytes.byteLength).toBeLessThanOrEqual(wanted.byteLength - 65_536)
}

function expectUnavailable({ status, retryAfter }: Outcome): void {
  expect([status, retryAfter]).toEqual([503, expect.stringMatching(/^\d+$/)])
}
