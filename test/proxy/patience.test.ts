import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { HttpFailure } from '../../gateway/cli/client/http.ts'
import { withPatience } from '../../gateway/cli/client/patience.ts'
import { createStanding } from '../../gateway/cli/proxy/standing.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const patience = { windowMs: 1_000, leastBytes: 100 }

async function* dripping(bytes: number, everyMs: number, times: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < times; sent++) {
    await new Promise((resolve) => setTimeout(resolve, everyMs))
    yield new Uint8Array(bytes)
  }
}

async function bytesIn(chunks: AsyncGenerator<Uint8Array>, readingMs = 0): Promise<number> {
  let bytes = 0
  for await (const chunk of withPatience('http://gateway/x', chunks, patience)) {
    bytes += chunk.length
    if (readingMs > 0) await new Promise((resolve) => setTimeout(resolve, readingMs))
  }
  return bytes
}

test('A11: a body that brings enough in each window goes on for ever; one that does not is given up', async () => {
  const enough = bytesIn(dripping(20, 150, 100))
  await vi.advanceTimersByTimeAsync(20_000)
  expect(await enough).toBe(2_000)
  const slow = expect(bytesIn(dripping(20, 250, 100))).rejects.toThrow(HttpFailure)
  await vi.advanceTimersByTimeAsync(20_000)
  await slow
})

test('A11: a body that stops is given up', async () => {
  const stopped = expect(bytesIn(dripping(20, 100_000, 1))).rejects.toThrow(/too slow$/)
  await vi.advanceTimersByTimeAsync(1_000)
  await stopped
})

test('the time that a slow client takes is not the gateway’s', async () => {
  const read = bytesIn(dripping(20, 150, 10), 5_000)
  await vi.advanceTimersByTimeAsync(100_000)
  expect(await read).toBe(200)
})

test('A6: a gateway that failed is asked last for a minute', () => {
  let now = 0
  const standing = createStanding(() => now)
  const urls = ['http://one', 'http://two']
  expect(standing.order(urls)).toEqual(urls)
  standing.blame('http://one')
  expect(standing.order(urls)).toEqual(['http://two', 'http://one'])
  now = 60_000
  expect(standing.order(urls)).toEqual(urls)
})
