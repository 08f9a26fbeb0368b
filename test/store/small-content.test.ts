import { expect, it } from 'vitest'
import { createMemoryContent } from '../../gateway/store/memory.ts'
import { rememberSmallContent } from '../../gateway/store/small-content.ts'
import { contentSuite } from '../store-suite.ts'
import { collect, digestOf, readAll, someBytes } from './fixtures.ts'

/** A store in memory that counts what is read from it. */
function countingContent() {
  const content = createMemoryContent()
  let reads = 0
  const read: typeof content.read = (digest, range) => {
    reads++
    return content.read(digest, range)
  }
  return { content: { ...content, read }, reads: () => reads }
}

contentSuite('memory, small content remembered', async () => {
  const content = rememberSmallContent(createMemoryContent(), 100_000)
  return { content, close: () => content.close() }
})

it('small content is read once, ranges included; large content every time', async () => {
  const inner = countingContent()
  const content = rememberSmallContent(inner.content, 100_000)
  for (const length of [100, 65_536, 65_537]) await content.put(digestOf(someBytes(length)), someBytes(length))
  for (const [length, reads] of [
    [100, 1],
    [65_536, 1],
    [65_537, 3],
  ] as const) {
    const before = inner.reads()
    for (let i = 0; i < 3; i++) expect(await readAll(content, digestOf(someBytes(length)))).toHaveLength(length)
    expect(inner.reads() - before).toBe(reads)
  }
  const range = await collect(await content.read(digestOf(someBytes(100)), { first: 9, last: 10 }))
  expect([...range]).toEqual([...someBytes(100).slice(9, 11)])
})

it('what was read last stays: the memory is bounded', async () => {
  const inner = countingContent()
  const content = rememberSmallContent(inner.content, 2_500)
  const digests = [1, 2, 3].map((seed) => digestOf(someBytes(1_000, seed)))
  for (const seed of [1, 2, 3]) await content.put(digests[seed - 1]!, someBytes(1_000, seed))
  for (const place of [0, 1, 0, 2, 0]) await readAll(content, digests[place]!)
  expect(inner.reads()).toBe(3)
  await readAll(content, digests[1]!)
  expect(inner.reads()).toBe(4)
})

it('removed content is not remembered, not even by a read that was under way', async () => {
  const inner = countingContent()
  const content = rememberSmallContent(inner.content, 2_500)
  const digest = digestOf(someBytes(10))
  await content.put(digest, someBytes(10))
  const [bytes] = await Promise.all([readAll(content, digest), content.remove(digest)])
  expect(bytes === undefined || bytes.byteLength === 10).toBe(true)
  expect(await content.stat(digest)).toBeUndefined()
  expect(await content.read(digest)).toBeUndefined()
})
