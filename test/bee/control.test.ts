import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BeeControl, createBeeControl } from '../../gateway/bee/control.ts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import { type FakeBee, startFakeBee } from './fake-bee.ts'
import { helloChunk, nowhere } from './golden.ts'
import { faultOf } from './suite.ts'

let fake: FakeBee
let control: BeeControl
/** 10 days at the fake's price. */
const order = { depth: 20, plurPerChunk: 24_000n * 172_800n, isImmutable: true, label: 'releases' }

beforeAll(async () => {
  fake = await startFakeBee()
  control = createBeeControl(createFetchBee({ beeUrl: fake.beeUrl }))
})
afterAll(() => fake.stop())

async function find(postageBatchId: string) {
  return (await control.listPostageBatches()).find((batch) => batch.postageBatchId === postageBatchId)
}

test('a node says how it runs', async () => {
  expect(await control.readMode()).toBe('light')
})

test('a batch is bought with its depth, its time and its kind', async () => {
  const fixed = await control.buyPostageBatch(order)
  expect(await find(fixed)).toEqual({
    postageBatchId: fixed,
    depth: 20,
    fullness: 0,
    isUsable: true,
    isImmutable: true,
    remainingSeconds: 864_000,
  })
  const mutable = await control.buyPostageBatch({ ...order, isImmutable: false })
  expect((await find(mutable))?.isImmutable).toBe(false)
  expect(fake.postage.batches.get(fixed.slice(2))?.label).toBe('releases')
})

test('topping up adds time, diluting adds room and halves the time', async () => {
  const bought = await control.buyPostageBatch(order)
  await control.topUpPostageBatch(bought, order.plurPerChunk)
  expect((await find(bought))?.remainingSeconds).toBe(2 * 864_000)
  await control.dilutePostageBatch(bought, 21)
  expect(await find(bought)).toMatchObject({ depth: 21, remainingSeconds: 864_000 })
})

test('what cannot be bought is refused before anything is spent', async () => {
  await expect(control.buyPostageBatch(order)).resolves.toMatch(/^0x[0-9a-f]{64}$/)
  expect(await faultOf(control.buyPostageBatch({ ...order, depth: 16 }))).toBe('refused')
  expect(await faultOf(control.buyPostageBatch({ ...order, plurPerChunk: 1n }))).toBe('refused')
  expect(await faultOf(control.dilutePostageBatch(nowhere, 21))).not.toBe('stalled')
})

test('an upload tag counts chunks', async () => {
  const uploadTag = await control.openUploadTag()
  expect(await control.readUploadTag(uploadTag)).toEqual({ split: 0, seen: 0, sent: 0, synced: 0 })
  const headers = { 'swarm-postage-batch-id': fake.buyBatch(), 'swarm-tag': String(uploadTag) }
  await fetch(`${fake.beeUrl}/chunks`, { method: 'POST', body: helloChunk as BodyInit, headers })
  expect((await control.readUploadTag(uploadTag)).split).toBe(1)
})

const says = (status: number, message: string) => {
  const headers = { 'Content-Type': 'application/json' }
  return { kind: 'answer', status, headers, body: JSON.stringify({ code: status, message }) } as const
}

test.each([
  [429, 'simultaneous on-chain operations not supported', 'unavailable'],
  [503, 'syncing in progress', 'syncing'],
  [500, 'cannot create batch', 'unavailable'],
  [501, 'Not Implemented', 'refused'],
  [400, 'out of funds', 'refused'],
] as const)('what a node says with %i "%s" is "%s", with its words', async (status, message, fault) => {
  await control.buyPostageBatch(order)
  const remove = fake.inject({ on: /^POST \/stamps/, damage: says(status, message) })
  expect(await faultOf(control.buyPostageBatch(order))).toBe(fault)
  await expect(control.buyPostageBatch(order)).rejects.toThrow(`buying a postage batch: ${status} ${message}`)
  remove()
})

test('every call ends: by its time, by its signal, and where nobody is there', async () => {
  const hasty = createBeeControl(createFetchBee({ beeUrl: fake.beeUrl }), 1000)
  const uploadTag = await control.openUploadTag()
  const remove = fake.inject({ on: /\/tags|chainstate/, damage: { kind: 'silence' } })
  expect(await faultOf(hasty.readUploadTag(uploadTag))).toBe('stalled')
  const stop = new AbortController()
  const buying = control.buyPostageBatch(order, stop.signal)
  stop.abort(new Error('enough'))
  await expect(buying).rejects.toThrow('enough')
  remove()
  await fake.stop()
  expect(await faultOf(control.openUploadTag())).toBe('unavailable')
  await fake.start()
})
