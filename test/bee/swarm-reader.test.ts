import { randomBytes } from 'node:crypto'
import type { Hex } from 'viem'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import {
  createSwarmReader,
  type SwarmContent,
  SwarmMisdescribed,
  type SwarmReader,
  SwarmUnavailable,
} from '../../gateway/bee/swarm-reader.ts'
import { type SwarmHash, WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import type { Damage, Fault } from './fake/faults.ts'
import { readSpan } from './fake/tree.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'
import { nowhere } from './golden.ts'

// Two nodes that hold the same content: A is asked first and has a fault, B is honest. Every test reads it from both while all is well.

const bytes = 3 * WINDOW_BYTES + 5000
const content = randomBytes(bytes)
const json = { 'Content-Type': 'application/json' }

let a: FakeBee
let b: FakeBee
let hash: SwarmHash
let whole: SwarmContent
const faults: (() => void)[] = []

beforeAll(async () => {
  hash = await openSwarmHash()
  a = await startFakeBee()
  b = await startFakeBee()
  whole = await store(content)
})
afterEach(() => {
  for (const remove of faults.splice(0)) remove()
  for (const fake of [a, b]) fake.seen.length = 0
})
afterAll(() => Promise.all([a.stop(), b.stop()]))

/** Puts content on both nodes. */
async function store(stored: Uint8Array): Promise<SwarmContent> {
  const write = (fake: FakeBee): Promise<Hex> => {
    const stamp = { postageBatchId: `0x${fake.buyBatch()}` as const }
    return createFetchBee({ beeUrl: fake.beeUrl }).writeBytes(stored, stored.byteLength, stamp)
  }
  const [swarmReference] = await Promise.all([write(a), write(b)])
  return { swarmReference, size: stored.byteLength }
}

function readerOver(fakes: readonly FakeBee[], idleTimeoutMs = 30_000, now?: () => number): SwarmReader {
  return createSwarmReader(
    fakes.map(({ beeUrl }) => createFetchBee({ beeUrl, idleTimeoutMs })),
    hash,
    now,
  )
}

function inject(fake: FakeBee, fault: Fault): void {
  faults.push(fake.inject(fault))
}

type Outcome = { bytes: Buffer; error: unknown }

/** What came out, and how it ended. */
async function collect(stream: Promise<ReadableStream<Uint8Array>>): Promise<Outcome> {
  const pieces: Uint8Array[] = []
  try {
    const reader = (await stream).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return { bytes: Buffer.concat(pieces), error: undefined }
      pieces.push(value)
    }
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error }
  }
}

function isContent({ bytes: came, error }: Outcome, first = 0, last = bytes - 1): boolean {
  if (error) throw error
  return came.equals(content.subarray(first, last + 1))
}

function sentBytes(fake: FakeBee): number {
  return fake.seen.reduce((sum, { sentBytes: sent }) => sum + sent, 0)
}

const sizes = [0, 1, 4095, 4096, 4097, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1, 2 * WINDOW_BYTES + 4097]

test.each(sizes)('content of %i bytes is read whole, verified and not', async (size) => {
  const part = content.subarray(0, size)
  const stored = await store(part)
  const reader = readerOver([a])
  expect((await collect(reader.read(stored))).bytes.equals(part)).toBe(true)
  expect((await collect(reader.readUnverified(stored))).bytes.equals(part)).toBe(true)
})

const ranges: readonly [what: string, first: number, last: number][] = [
  ['the first byte', 0, 0],
  ['the last byte', bytes - 1, bytes - 1],
  ['the border of a chunk', 4095, 4096],
  ['the border of a window', WINDOW_BYTES - 1, WINDOW_BYTES],
  ['one window exactly', WINDOW_BYTES, 2 * WINDOW_BYTES - 1],
  ['over two borders', WINDOW_BYTES - 7, 2 * WINDOW_BYTES + 9],
  ['into the ragged right edge', 3 * WINDOW_BYTES - 1, bytes - 1],
]

test.each(ranges)('a range at %s', async (_what, first, last) => {
  const outcome = await collect(readerOver([a]).read(whole, { range: { first, last } }))
  expect(isContent(outcome, first, last)).toBe(true)
})

test('a range that is not inside the content is refused before anybody is asked', async () => {
  const reader = readerOver([a])
  const read = (first: number, last: number) => reader.read(whole, { range: { first, last } })
  expect(isContent(await collect(read(0, 9)), 0, 9)).toBe(true)
  a.seen.length = 0
  for (const [first, last] of [
    [0, bytes],
    [-1, 3],
    [5, 4],
    [Number.NaN, 4],
  ] as const) {
    await expect(read(first, last)).rejects.toThrow(RangeError)
  }
  expect(a.seen).toEqual([])
})

test('one byte costs one window and the parents over it, and the parents only once', async () => {
  const reader = readerOver([a])
  const one = async (at: number) =>
    isContent(await collect(reader.read(whole, { range: { first: at, last: at } })), at, at)
  expect(await one(WINDOW_BYTES + 5)).toBe(true)
  expect(a.seen.map(({ path }) => path.split('/')[1])).toEqual(['chunks', 'bytes'])
  expect(sentBytes(a)).toBeLessThanOrEqual(WINDOW_BYTES + 8 + 4096)
  expect(await one(5)).toBe(true)
  expect(a.seen.map(({ path }) => path.split('/')[1])).toEqual(['chunks', 'bytes', 'bytes'])
})

test('content is read in one request, whatever its windows', async () => {
  expect(isContent(await collect(readerOver([a]).read(whole)))).toBe(true)
  expect(a.seen.map(({ path, headers }) => [path.split('/')[1], headers.range])).toEqual([
    ['chunks', undefined],
    ['bytes', `bytes=0-${bytes - 1}`],
  ])
})

const html = '<html><title>Sorry</title></html>'
const onBytes = /^GET \/bytes/
/** A prefix of the whole content's length, of other content that B does not have. */
const other = randomBytes(bytes)

const wrongs: readonly [what: string, damage: Damage, on?: RegExp, onlyRanges?: boolean][] = [
  ['ends connections', { kind: 'reset' }],
  ['cuts in the first window', { kind: 'cut', afterBytes: 100_000, framing: 'length' }],
  ['cuts with a Content-Length', { kind: 'cut', afterBytes: 1_200_000, framing: 'length' }],
  ['cuts a chunked body', { kind: 'cut', afterBytes: 1_200_000, framing: 'chunked' }],
  ['ends a short chunked body properly', { kind: 'cut', afterBytes: 1_200_000, framing: 'clean' }],
  ['ends a short body without length', { kind: 'cut', afterBytes: 1_200_000, framing: 'close' }],
  ['flips a bit in the first byte', { kind: 'flip', at: 0 }],
  ['flips a bit in the last byte', { kind: 'flip', at: -1 }],
  ['flips a bit in a middle window', { kind: 'flip', at: WINDOW_BYTES + 77 }],
  ['flips a bit in ranges only', { kind: 'flip', at: 2 * WINDOW_BYTES }, onBytes, true],
  ['gives right bytes for another reference', { kind: 'bytes', bytes: other }],
  ['gives fewer bytes, with headers that fit', { kind: 'bytes', bytes: content.subarray(0, 1_000_000) }],
  ['says HTML with 200', { kind: 'answer', status: 200, body: html, headers: { 'Content-Type': 'text/html' } }],
  ['redirects', { kind: 'answer', status: 302, headers: { Location: 'http://127.0.0.1:9/' } }],
  ['says 404', { kind: 'answer', status: 404, headers: json, body: '{"code":404,"message":"Not Found"}' }],
  ['says 429', { kind: 'answer', status: 429, headers: json, body: '{}' }],
  ['says 500', { kind: 'answer', status: 500, headers: json, body: '{"message":"read chunk failed"}' }],
  ['says 503, syncing', { kind: 'answer', status: 503, headers: json, body: '{"message":"syncing in progress"}' }],
  ['flips a bit in a parent', { kind: 'flip', at: 40 }, /^GET \/chunks/],
  ['flips a bit in a span', { kind: 'flip', at: 3 }, /^GET \/chunks/],
  ['gives another chunk', { kind: 'bytes', bytes: Buffer.alloc(8 + 4 * 32, 1) }, /^GET \/chunks/],
  ['gives a span of 2^63', { kind: 'bytes', bytes: Buffer.alloc(8 + 4 * 32, 128) }, /^GET \/chunks/],
  ['gives a chunk that is too long', { kind: 'bytes', bytes: Buffer.alloc(4200, 7) }, /^GET \/chunks/],
  ['cuts chunks', { kind: 'cut', afterBytes: 50, framing: 'length' }, /^GET \/chunks/],
]

test.each(wrongs)(
  'a node that %s: the honest one gives the rest, alone it is an error and no wrong byte',
  async (...row) => {
    const [, damage, on = onBytes, onlyRanges = false] = row
    expect(isContent(await collect(readerOver([a, b]).read(whole)))).toBe(true)
    inject(a, { on, damage, onlyRanges })
    expect(isContent(await collect(readerOver([a, b]).read(whole)))).toBe(true)
    const [first, last] = [WINDOW_BYTES + 70, bytes - 1]
    expect(isContent(await collect(readerOver([a, b]).read(whole, { range: { first, last } })), first, last)).toBe(true)
    const alone = await collect(readerOver([a]).read(whole))
    expect(alone.bytes.equals(content.subarray(0, alone.bytes.byteLength))).toBe(true)
    if (damage.kind === 'cut' && alone.error === undefined) expect(alone.bytes.byteLength).toBe(bytes)
    else expect(alone.error).toBeInstanceOf(SwarmUnavailable)
  },
)

const stalls: readonly [what: string, damage: Damage, on?: RegExp][] = [
  ['never answers', { kind: 'silence' }],
  ['stalls after a megabyte', { kind: 'stall', afterBytes: 1_000_000 }],
  ['gives a byte now and then', { kind: 'trickle', bytes: 1, everyMs: 20 }],
  ['never answers for chunks', { kind: 'silence' }, /^GET \/chunks/],
]

test.each(stalls)('a node that %s is given up, and the other one goes on', async (_what, damage, on = onBytes) => {
  expect(isContent(await collect(readerOver([a, b]).read(whole)))).toBe(true)
  inject(a, { on, damage })
  expect(isContent(await collect(readerOver([a, b], 1500).read(whole)))).toBe(true)
})

test('a stalled node costs its time once: the next read asks it last', async () => {
  let clock = 0
  const reader = readerOver([a, b], 1500, () => clock)
  inject(a, { on: onBytes, damage: { kind: 'silence' }, times: 1 })
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  const asked = a.seen.length
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  expect(a.seen.length).toBe(asked)
  clock = 61_000
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  expect(a.seen.length).toBeGreaterThan(asked)
})

test('a node that lied is asked last for ten minutes, and its honest bytes are still good when it is the only one', async () => {
  let clock = 0
  const reader = readerOver([a, b], 30_000, () => clock)
  inject(a, { on: onBytes, damage: { kind: 'flip', at: 9 }, times: 1 })
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  a.seen.length = 0
  clock = 599_000
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  expect(a.seen).toEqual([])
  inject(b, { on: /./, damage: { kind: 'reset' } })
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
})

test('stalled at 40 percent: the other node gives what is missing, and no more than one window twice', async () => {
  inject(a, { on: onBytes, damage: { kind: 'stall', afterBytes: Math.floor(bytes * 0.4) } })
  expect(isContent(await collect(readerOver([a, b], 1500).read(whole)))).toBe(true)
  expect(sentBytes(a) + sentBytes(b)).toBeLessThanOrEqual(bytes + WINDOW_BYTES + 2 * (8 + 4 * 32))
  const resumed = b.seen.find(({ path }) => path.startsWith('/bytes'))
  expect(resumed?.headers.range).toBe(`bytes=${WINDOW_BYTES}-${bytes - 1}`)
})

test('a node that cuts every answer after a window and a half is read to the end all the same', async () => {
  inject(a, { on: onBytes, damage: { kind: 'cut', afterBytes: WINDOW_BYTES * 1.5, framing: 'length' } })
  expect(isContent(await collect(readerOver([a]).read(whole)))).toBe(true)
  expect(a.seen.filter(({ path }) => path.startsWith('/bytes')).length).toBe(3)
})

test('a chunk that no node has in the middle: what comes before it, then an error, never a clean end', async () => {
  const leaf = [...a.chunks].find(([, chunk]) =>
    content.subarray(WINDOW_BYTES, WINDOW_BYTES + 4096).equals(chunk.subarray(8)),
  )
  const [address, chunk] = leaf as [string, Buffer]
  expect(readSpan(chunk).bytes).toBe(4096)
  for (const fake of [a, b]) fake.chunks.delete(address)
  const { bytes: came, error } = await collect(readerOver([a, b]).read(whole))
  expect(error).toBeInstanceOf(SwarmUnavailable)
  expect((error as Error).message).toMatch(/^0x[0-9a-f]{64} cannot be had: /)
  for (const { beeUrl } of [a, b]) expect((error as Error).message).toContain(beeUrl)
  expect(came.equals(content.subarray(0, WINDOW_BYTES))).toBe(true)
  const [first, last] = [2 * WINDOW_BYTES, bytes - 1]
  expect(isContent(await collect(readerOver([a]).read(whole, { range: { first, last } })), first, last)).toBe(true)
  b.chunks.set(address, chunk)
  expect(isContent(await collect(readerOver([a, b]).read(whole)))).toBe(true)
  a.chunks.set(address, chunk)
})

test('nobody there, or nobody has it: SwarmUnavailable at once, with what each node said and when to come again', async () => {
  const reader = readerOver([a, b])
  expect(isContent(await collect(reader.read(whole)))).toBe(true)
  const nothing = { swarmReference: nowhere, size: 700_000 }
  await expect(reader.read(nothing)).rejects.toThrow(/404 "chunk not found".*; .*404 "chunk not found"/)
  await expect(reader.readUnverified(nothing)).rejects.toThrow(SwarmUnavailable)
  const headers = { ...json, 'Retry-After': '30' }
  for (const fake of [a, b]) inject(fake, { on: /./, damage: { kind: 'answer', status: 503, body: '{}', headers } })
  await expect(reader.read(whole)).rejects.toMatchObject({ name: 'SwarmUnavailable', retryAfterSeconds: 30 })
  const gone = await startFakeBee()
  await gone.stop()
  await expect(readerOver([gone]).read(whole)).rejects.toThrow(/ECONNREFUSED/)
})

test('a reference for another size than was said is told apart from a node that lies', async () => {
  const reader = readerOver([a, b])
  const small = await store(content.subarray(0, 5000))
  expect((await collect(reader.read(small))).bytes.equals(content.subarray(0, 5000))).toBe(true)
  for (const [content, size] of [
    [whole, bytes + 1],
    [whole, bytes - 1],
    [small, 4999],
    [small, 5001],
    [whole, 5],
    [small, 0],
  ] as const) {
    await expect(reader.read({ ...content, size }), `${size}`).rejects.toBeInstanceOf(SwarmMisdescribed)
  }
  await expect(reader.readUnverified({ ...small, size: 5 })).rejects.toThrow('stands for 5000 bytes, not 5')
  await expect(reader.readUnverified({ ...small, size: 5001 })).rejects.toThrow('stands for 5000 bytes, not 5001')
})

test('a reference of content with redundancy is refused, whatever its span says', async () => {
  const headers = { 'swarm-postage-batch-id': a.buyBatch(), 'swarm-redundancy-level': '1' }
  const put = (body: Buffer) => fetch(`${a.beeUrl}/bytes`, { method: 'POST', headers, body: body as BodyInit })
  const { reference } = (await (await put(content.subarray(0, 600_000))).json()) as { reference: string }
  const redundant = { swarmReference: `0x${reference}` as const, size: 600_000 }
  const why = 'was stored with redundancy level 1, not as plain content'
  await expect(readerOver([a]).read(redundant)).rejects.toThrow(why)
})

test('no node is asked for the bytes under a root chunk that is not a plain one of that size: it may never end', async () => {
  const asked = () => a.seen.splice(0).map(({ path }) => path.split('/')[1])
  expect(isContent(await collect(readerOver([a]).read(whole)))).toBe(true)
  expect(asked()).toContain('bytes')
  const root = Buffer.concat([Buffer.alloc(8), randomBytes(64)])
  root.writeBigUInt64LE(5000n + (0x81n << 56n))
  const stamp = { postageBatchId: `0x${a.buyBatch()}` as const }
  const swarmReference = await createFetchBee({ beeUrl: a.beeUrl }).writeChunk(root, stamp)
  for (const size of [5, 4096, 4097, 5000, 600_000, 5_000_000]) {
    await expect(readerOver([a]).read({ swarmReference, size })).rejects.toBeInstanceOf(SwarmMisdescribed)
    await expect(readerOver([a]).readUnverified({ swarmReference, size })).rejects.toBeInstanceOf(SwarmMisdescribed)
  }
  expect(asked()).not.toContain('bytes')
})

test('content of one chunk is read as a chunk: it has its address and its size, or another node is asked', async () => {
  const leaf = await store(content.subarray(0, 4096))
  for (const size of [4096, 1]) {
    const { swarmReference } = size === 1 ? await store(content.subarray(0, 1)) : leaf
    const { bytes } = await collect(readerOver([a]).readUnverified({ swarmReference, size }))
    expect(bytes.equals(content.subarray(0, size))).toBe(true)
  }
  for (const { seen } of [a, b]) seen.length = 0
  inject(a, { on: /^GET \/chunks/, damage: { kind: 'flip', at: 4103 } })
  const part = await collect(readerOver([a, b]).read(leaf, { range: { first: 5, last: 4095 } }))
  expect([part.error, part.bytes.equals(content.subarray(5, 4096))]).toEqual([undefined, true])
  expect([...a.seen, ...b.seen].map(({ path }) => path.split('/')[1])).toEqual(['chunks', 'chunks'])
  expect((await collect(readerOver([a]).read(leaf))).error).toBeInstanceOf(SwarmUnavailable)
})

test('a parent that is filled up with zeros has its address, and is refused all the same', async () => {
  const root = a.chunks.get(whole.swarmReference.slice(2)) as Buffer
  inject(a, { on: /^GET \/chunks/, damage: { kind: 'bytes', bytes: Buffer.concat([root, Buffer.alloc(64)]) } })
  const { error } = await collect(readerOver([a]).read(whole))
  expect(error).toBeInstanceOf(SwarmUnavailable)
  expect((error as Error).message).toContain('192 bytes of references, not 128')
})

test('unverified: goes on at the last byte on the other node, and never ends short', async () => {
  expect(isContent(await collect(readerOver([a, b]).readUnverified(whole)))).toBe(true)
  for (const framing of ['length', 'chunked', 'clean', 'close'] as const) {
    const remove = a.inject({ on: onBytes, damage: { kind: 'cut', afterBytes: 700_001, framing } })
    b.seen.length = 0
    expect(isContent(await collect(readerOver([a, b]).readUnverified(whole)))).toBe(true)
    expect(b.seen.map(({ headers }) => headers.range)).toEqual([`bytes=700001-${bytes - 1}`])
    remove()
  }
  inject(a, { on: onBytes, damage: { kind: 'cut', afterBytes: 5000, framing: 'clean' } })
  const { error } = await collect(readerOver([a]).readUnverified(whole))
  expect(error).toBeInstanceOf(SwarmUnavailable)
})

test.each(['read', 'readUnverified'] as const)(
  '%s: cancelling and aborting end the connection to the node',
  async (method) => {
    const big = await store(randomBytes(12_000_000))
    const reader = readerOver([a])
    const first = (await reader[method](big)).getReader()
    expect((await first.read()).value?.byteLength).toBeGreaterThan(0)
    expect(a.openAnswers()).toBe(1)
    await first.cancel()
    await expect.poll(() => a.openAnswers(), { timeout: 20_000 }).toBe(0)
    const stop = new AbortController()
    const second = await collectUntil(await reader[method](big, { signal: stop.signal }), () =>
      stop.abort(new Error('enough')),
    )
    expect(second).toEqual(new Error('enough'))
    await expect.poll(() => a.openAnswers(), { timeout: 20_000 }).toBe(0)
    await expect(reader[method](big, { signal: stop.signal })).rejects.toThrow('enough')
  },
)

/** The error that a stream ends with when something happens after its first bytes. */
async function collectUntil(stream: ReadableStream<Uint8Array>, then: () => void): Promise<unknown> {
  const reader = stream.getReader()
  await reader.read()
  then()
  for (;;) {
    const step = await reader.read().catch((error: unknown) => ({ error }))
    if ('error' in step) return step.error
    if (step.done) return undefined
  }
}

test('a reader that is not read from asks for no more than a few windows', async () => {
  const big = await store(randomBytes(40_000_000))
  a.seen.length = 0
  const stream = await readerOver([a]).read(big)
  const reader = stream.getReader()
  await reader.read()
  let before = -1
  while (before !== sentBytes(a)) {
    before = sentBytes(a)
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  // What the sockets of both sides hold comes on top of what the reader asked for.
  expect(before).toBeLessThan(20_000_000)
  await reader.cancel()
})
