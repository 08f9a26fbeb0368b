import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Bee, BeeFault } from '../../gateway/bee/bee.ts'
import { BeeError } from '../../gateway/bee/bee.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { patternBytes } from '../swarm/naive.ts'
import type { Damage } from './fake/faults.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'
import { goldenReferences, helloAddress, helloChunk } from './golden.ts'
import { drain, faultOf, streamOf } from './suite.ts'

let fake: FakeBee
let bee: Bee
/** For what stalls; a busy machine is slow where nothing is wrong. */
let impatient: Bee
let stamp: { postageBatchId: `0x${string}` }
let removeFault = (): void => undefined
const [size, reference] = goldenReferences[6] as (typeof goldenReferences)[number]
const content = patternBytes(size)

beforeAll(async () => {
  fake = await startFakeBee()
  bee = createFetchBee({ beeUrl: fake.beeUrl })
  impatient = createFetchBee({ beeUrl: fake.beeUrl, idleTimeoutMs: 500 })
  stamp = { postageBatchId: `0x${fake.buyBatch()}` }
  await bee.writeBytes(content, size, stamp)
  await bee.writeChunk(helloChunk, stamp)
})
afterEach(() => removeFault())
afterAll(() => fake.stop())

/** The fault of a call, after the same call went well without the damage. */
async function faultUnder(on: RegExp, damage: Damage, call: (bee: Bee) => Promise<unknown>): Promise<BeeFault> {
  await call(bee)
  removeFault = fake.inject({ on, damage })
  return faultOf(call(/^(?:silence|stall|trickle)$/.test(damage.kind) ? impatient : bee))
}

const json = { 'Content-Type': 'application/json; charset=utf-8' }

function said(status: number, message: string, headers: Record<string, string> = {}): Damage {
  return { kind: 'answer', status, body: JSON.stringify({ code: status, message }), headers: { ...json, ...headers } }
}

const refusedWrites: readonly [fault: BeeFault, damage: Damage & { kind: 'answer' }][] = [
  ['batch full', said(402, 'batch is overissued')],
  ['batch unusable', said(422, 'batch not usable yet or does not exist')],
  ['batch unusable', said(400, 'invalid batch id')],
  ['batch unusable', said(404, 'batch with id not found')],
  ['refused', said(400, 'stamp signature is invalid')],
  ['refused', said(413, 'Request Entity Too Large')],
  ['refused', said(501, 'Not Implemented')],
  ['unavailable', said(429, 'simultaneous on-chain operations not supported')],
  ['unavailable', said(500, 'split write all failed')],
  ['syncing', said(503, 'syncing in progress')],
  ['unavailable', said(503, 'too busy')],
  ['nonsense', { kind: 'answer', status: 302, headers: { Location: 'http://127.0.0.1:1/' } }],
  ['nonsense', { kind: 'answer', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html></html>' }],
  ['nonsense', { kind: 'answer', status: 201, headers: json, body: '{"reference":"12"}' }],
  ['nonsense', { kind: 'answer', status: 201, headers: json, body: `{"reference":"${'ab'.repeat(64)}"}` }],
  ['nonsense', { kind: 'answer', status: 201, headers: json, body: '{"reference":' }],
  ['nonsense', { kind: 'answer', status: 201, headers: json, body: '[]' }],
] as const as readonly [BeeFault, Damage & { kind: 'answer' }][]

test.each(refusedWrites)('a write is "%s" after %o', async (fault, damage) => {
  expect(await faultUnder(/^POST \/bytes/, damage, () => bee.writeBytes(content, size, stamp))).toBe(fault)
  removeFault()
  expect(await faultUnder(/^POST \/bytes/, damage, () => bee.writeBytes(streamOf([content]), size, stamp))).toBe(fault)
  removeFault()
  const isOfChunks = !/batch with id/.test(damage.body ?? '')
  if (isOfChunks)
    expect(await faultUnder(/^POST \/chunks/, damage, () => bee.writeChunk(helloChunk, stamp))).toBe(fault)
})

test('an error says which node was asked what, what it said, and when to come again', async () => {
  removeFault = fake.inject({ on: /./, damage: said(503, 'syncing in progress', { 'Retry-After': '17' }) })
  const error = await bee.writeBytes(content, size, stamp).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(BeeError)
  expect(error).toMatchObject({
    message: `${fake.beeUrl}: POST /bytes: 503 "syncing in progress"`,
    fault: 'syncing',
    retryAfterSeconds: 17,
  })
})

const brokenReads: readonly [what: string, fault: BeeFault, damage: Damage][] = [
  ['a connection that ends without an answer', 'unavailable', { kind: 'reset' }],
  ['no answer', 'stalled', { kind: 'silence' }],
  ['nothing more after a megabyte', 'stalled', { kind: 'stall', afterBytes: 1_000_000 }],
  ['a byte now and then', 'stalled', { kind: 'trickle', bytes: 1, everyMs: 20 }],
  ['a body short of its Content-Length', 'unavailable', { kind: 'cut', afterBytes: 900_000, framing: 'length' }],
  ['a chunked body without end', 'unavailable', { kind: 'cut', afterBytes: 900_000, framing: 'chunked' }],
  ['HTML', 'nonsense', { kind: 'answer', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' }],
  ['JSON', 'nonsense', { kind: 'answer', status: 200, headers: json, body: '{}' }],
  ['a redirect', 'nonsense', { kind: 'answer', status: 301, headers: { Location: '/bytes/00' } }],
  ['404', 'absent', said(404, 'Not Found')],
  ['500', 'unavailable', said(500, 'read chunk failed')],
  [
    'compressed bytes',
    'nonsense',
    {
      kind: 'answer',
      status: 200,
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'gzip' },
    },
  ],
]

test.each(brokenReads)('a read is broken by %s: %s', async (_what, fault, damage) => {
  const whole = async (bee: Bee) => drainStrictly((await bee.readBytes(reference)).body)
  expect(await faultUnder(/^GET \/bytes/, damage, whole)).toBe(fault)
  removeFault()
  const part = async (bee: Bee) =>
    drainStrictly((await bee.readBytes(reference, { range: { first: 7, last: 2_000_000 } })).body)
  expect(await faultUnder(/^GET \/bytes/, damage, part)).toBe(fault)
})

/** As `drain`, without fetch in between, which would wrap the error. */
async function drainStrictly(body: ReadableStream<Uint8Array>): Promise<number> {
  const reader = body.getReader()
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return bytes
    bytes += value.byteLength
  }
}

test.each(['clean', 'close'] as const)(
  'a range that ends short is noticed where its framing is "%s"',
  async (framing) => {
    const damage = { kind: 'cut', afterBytes: 900_000, framing } as const
    const part = async () =>
      drainStrictly((await bee.readBytes(reference, { range: { first: 7, last: 2_000_000 } })).body)
    expect(await faultUnder(/^GET \/bytes/, damage, part)).toBe('unavailable')
  },
)

const oddRanges: readonly [what: string, answer: Partial<Damage & { kind: 'answer' }>][] = [
  ['of other bytes', { status: 206, headers: { 'Content-Range': `bytes 0-9/${size}`, 'Content-Length': '10' } }],
  ['of no bytes that it names', { status: 206, headers: { 'Content-Length': '10' } }],
  [
    'with more bytes than asked',
    { status: 206, headers: { 'Content-Range': `bytes 5-15/${size}`, 'Content-Length': '11' } },
  ],
  ['as the whole content', { status: 200, headers: { 'Content-Length': '10' } }],
]

test.each(oddRanges)('a range that comes %s is nonsense', async (_what, { status = 200, headers = {} }) => {
  const body = 'x'.repeat(Number(headers['Content-Length']))
  const damage = {
    kind: 'answer',
    status,
    body,
    headers: { 'Content-Type': 'application/octet-stream', ...headers },
  } as const
  const part = async () => drain((await bee.readBytes(reference, { range: { first: 5, last: 14 } })).body)
  expect(await faultUnder(/^GET \/bytes/, damage, part)).toBe('nonsense')
})

test('a gateway that does not know ranges may give the whole content for one that is the whole', async () => {
  const headers = { 'Content-Type': 'application/octet-stream' }
  const body = 'hello'
  removeFault = fake.inject({ on: /^GET \/bytes/, damage: { kind: 'answer', status: 200, body, headers } })
  const { size: said, body: came } = await bee.readBytes(helloAddress, { range: { first: 0, last: 4 } })
  expect([said, (await drain(came)).toString()]).toEqual([5, 'hello'])
  expect(await faultOf(bee.readBytes(helloAddress, { range: { first: 0, last: 3 } }))).toBe('nonsense')
})

test('a chunk of too many or too few bytes is nonsense', async () => {
  const octets = { 'Content-Type': 'binary/octet-stream' }
  for (const body of ['x'.repeat(4202), 'x'.repeat(7)]) {
    const damage = { kind: 'answer', status: 200, body, headers: octets } as const
    expect(await faultUnder(/^GET \/chunks/, damage, () => bee.readChunk(helloAddress))).toBe('nonsense')
    removeFault()
  }
})

test('an upload has time as long as our own side is the slow one', async () => {
  const slow = new ReadableStream<Uint8Array>({
    async start(sink) {
      for (const at of [0, 1]) {
        await new Promise((resolve) => setTimeout(resolve, 800))
        sink.enqueue(content.subarray(at * 5000, at * 5000 + 5000))
      }
      sink.close()
    },
  })
  await expect(impatient.writeBytes(slow, 10_000, stamp)).resolves.toMatch(/^0x/)
  expect(await faultUnder(/^POST \/bytes/, { kind: 'silence' }, (bee) => bee.writeBytes(content, size, stamp))).toBe(
    'stalled',
  )
})

test('a node that is not there is unavailable, on a new connection and on one kept open', async () => {
  const other = await startFakeBee()
  const gone = createFetchBee({ beeUrl: other.beeUrl })
  expect((await gone.health()).isReady).toBe(true)
  await other.stop()
  expect(await faultOf(gone.health())).toBe('unavailable')
  expect(await faultOf(gone.readBytes(reference))).toBe('unavailable')
  await other.start()
  expect((await gone.health()).isReady).toBe(true)
  await other.stop()
})

test('a syncing node is not ready, and says so to writers', async () => {
  expect((await bee.health()).isReady).toBe(true)
  fake.isSyncing = true
  expect((await bee.health()).isReady).toBe(false)
  expect(await faultOf(bee.writeBytes(content, size, stamp))).toBe('syncing')
  expect((await bee.readBytes(reference)).size).toBe(size)
  fake.isSyncing = false
})

test('a node without a chain is not ready', async () => {
  expect((await bee.health()).isReady).toBe(true)
  removeFault = fake.inject({
    on: /\/node$/,
    damage: { kind: 'answer', status: 200, headers: json, body: '{"beeMode":"ultra-light"}' },
  })
  expect((await bee.health()).isReady).toBe(false)
})

test('a node that lost its upload tags gets another one, and the chunk is stored', async () => {
  const other = await startFakeBee()
  const writer = createFetchBee({ beeUrl: other.beeUrl })
  const write = () => writer.writeChunk(helloChunk, { postageBatchId: `0x${other.buyBatch()}` })
  expect(await write()).toBe(helloAddress)
  other.forget()
  expect(await write()).toBe(helloAddress)
  const tags = other.seen.filter(({ path }) => path === '/tags')
  expect(tags).toHaveLength(2)
  await other.stop()
})

test('a full bucket of a real batch is "batch full"', async () => {
  const small = `0x${fake.buyBatch(17)}` as const
  await expect(bee.writeBytes(content.subarray(0, 4096), 4096, { postageBatchId: small })).resolves.toMatch(/^0x/)
  const buckets = fake.postage.batches.get(small.slice(2))?.buckets
  for (let bucket = 0; bucket < 65_536; bucket += 1) buckets?.set(bucket, 2)
  expect(await faultOf(bee.writeBytes(content, size, { postageBatchId: small }))).toBe('batch full')
  const [full] = (await bee.listPostageBatches()).filter(({ postageBatchId }) => postageBatchId === small)
  expect(full).toMatchObject({ fullness: 1, isUsable: true })
})

test('the remaining time shrinks with time and with the price, and ends at 0', async () => {
  const [own] = await bee.listPostageBatches()
  const before = own?.remainingSeconds ?? 0
  fake.postage.elapsedSeconds = 1000
  expect((await bee.listPostageBatches())[0]?.remainingSeconds).toBe(before - 1000)
  fake.postage.plurPerChunkAndBlock *= 2n
  expect((await bee.listPostageBatches())[0]?.remainingSeconds).toBeLessThan(before / 2)
  expect((await bee.readPrice()).plurPerChunkAndBlock).toBe(48_000n)
  fake.postage.elapsedSeconds = before
  expect((await bee.listPostageBatches())[0]).toMatchObject({ remainingSeconds: 0, isUsable: false })
  fake.postage.elapsedSeconds = 0
  fake.postage.plurPerChunkAndBlock = 24_000n
})

test('every content request asks for level 0, and no request follows what it is not told to', async () => {
  fake.seen.length = 0
  await bee.writeBytes(content, size, stamp)
  await drain((await bee.readBytes(reference)).body)
  await bee.readChunk(reference)
  const levels = fake.seen.map(({ headers }) => headers['swarm-redundancy-level'])
  expect(levels).toEqual(['0', '0', '0'])
  expect(fake.seen[0]?.headers['swarm-deferred-upload']).toBe('true')
})

test('a batch that is paid for longer than 2^53 seconds is one that lasts, and usable', async () => {
  const node = await startFakeBee({ mode: 'dev' })
  node.buyBatch(30)
  const [batch] = await createFetchBee({ beeUrl: node.beeUrl }).listPostageBatches()
  expect(batch?.remainingSeconds).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
  expect(batch?.isUsable).toBe(true)
  await node.stop()
})

const badUrls = ['bee:1633', 'ftp://127.0.0.1', 'http://127.0.0.1:1633/?key=1', 'http://me:secret@127.0.0.1', '']

test.each(badUrls)('"%s" is no address of a node, and is not repeated', (beeUrl) => {
  expect(createFetchBee({ beeUrl: 'http://127.0.0.1:1633//' }).beeUrl).toBe('http://127.0.0.1:1633')
  expect(() => createFetchBee({ beeUrl })).toThrow(/^a Bee node's address is an http or https URL/)
})
