import { expect, test } from 'vitest'
import { inBlocks } from '../../gateway/store/file-blocks.ts'
import { someBytes } from './fixtures.ts'

const blockBytes = 512 * 1024

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let from = 0, at = 0; from < bytes.byteLength; at += 1) {
    const size = sizes[at % sizes.length] ?? 1
    yield bytes.subarray(from, from + size)
    from += size
  }
}

async function blocksOf(chunks: Iterable<Uint8Array>): Promise<{ sizes: number[]; bytes: Buffer }> {
  const copies: Uint8Array[] = []
  for await (const block of inBlocks(chunks)) copies.push(block.slice())
  return { sizes: copies.map(({ byteLength }) => byteLength), bytes: Buffer.concat(copies) }
}

test.each([
  [[65_536], 3 * blockBytes],
  [[65_536], 2 * blockBytes + 1],
  [[1, 70_000, 524_287], 5 * blockBytes - 1],
  [[3 * blockBytes + 7], 7 * blockBytes],
])('chunks of %j bytes, %d in all, come in whole blocks, byte for byte', async (sizes, length) => {
  const bytes = someBytes(length)
  const seen = await blocksOf(cut(bytes, sizes))
  expect(Buffer.compare(seen.bytes, bytes)).toBe(0)
  const whole = Math.floor(length / blockBytes)
  expect(seen.sizes.slice(0, whole)).toEqual(Array(whole).fill(blockBytes))
})

test('less than a block comes as it is', async () => {
  const chunks = [...cut(someBytes(100_000), [30_000])]
  const seen: Uint8Array[] = []
  for await (const block of inBlocks(chunks)) seen.push(block)
  expect(seen).toEqual(chunks)
})

test('a block is good until the one after the next is asked for', async () => {
  const bytes = someBytes(4 * blockBytes)
  const blocks = inBlocks(cut(bytes, [65_536]))
  const first = (await blocks.next()).value as Uint8Array
  await blocks.next()
  expect(Buffer.compare(first, bytes.subarray(0, blockBytes))).toBe(0)
  await blocks.next()
  expect(Buffer.compare(first, bytes.subarray(2 * blockBytes, 3 * blockBytes))).toBe(0)
})
