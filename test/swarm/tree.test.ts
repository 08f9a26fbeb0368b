import fc from 'fast-check'
import { type Hex, hexToBytes } from 'viem'
import { expect, test } from 'vitest'
import { WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { childBytesOf, parseParent, parseSpan, pathToWindow, windowsOf } from '../../gateway/swarm/tree.ts'

/** Span and `count` references, each of its own. */
function parentOf(bytes: bigint, count: number): Buffer {
  const chunk = Buffer.alloc(8 + 32 * count)
  chunk.writeBigUInt64LE(bytes)
  for (let at = 0; at < count; at += 1) chunk.fill(at + 1, 8 + 32 * at, 40 + 32 * at)
  return chunk
}

const level2 = 128 * WINDOW_BYTES

test.each([
  [4097, 4096],
  [WINDOW_BYTES, 4096],
  [WINDOW_BYTES + 1, WINDOW_BYTES],
  [level2, WINDOW_BYTES],
  [level2 + 1, level2],
  [128 * level2 + 1, 128 * level2],
])('the parent over %i bytes has children of %i', (bytes, childBytes) => {
  expect(childBytesOf(bytes)).toBe(childBytes)
})

test('content of one window has no parent on the way, one byte more has one, 64 MiB and a byte has two', () => {
  expect(pathToWindow(WINDOW_BYTES, 0)).toEqual([])
  expect(pathToWindow(WINDOW_BYTES + 1, WINDOW_BYTES)).toEqual([{ bytes: WINDOW_BYTES + 1, child: 1 }])
  expect(pathToWindow(level2 + 1, WINDOW_BYTES)).toEqual([
    { bytes: level2 + 1, child: 0 },
    { bytes: level2, child: 1 },
  ])
})

test('a lone last window is carried up: no parent over it alone is on its way', () => {
  expect(pathToWindow(level2 + 1, level2)).toEqual([{ bytes: level2 + 1, child: 1 }])
  expect(pathToWindow(128 * level2 + WINDOW_BYTES + 1, 128 * level2)).toEqual([
    { bytes: 128 * level2 + WINDOW_BYTES + 1, child: 1 },
    { bytes: WINDOW_BYTES + 1, child: 0 },
  ])
})

test('windows cover exactly the bytes that are wanted, each once and in order', () => {
  const range = fc.tuple(fc.integer({ min: 1, max: 5 * WINDOW_BYTES }), fc.nat(), fc.nat())
  fc.assert(
    fc.property(range, ([size, a, b]) => {
      const [first, last] = [a % size, b % size].sort((x, y) => x - y) as [number, number]
      let at = first
      for (const window of windowsOf(size, first, last)) {
        if (window.first !== at || window.offset % WINDOW_BYTES !== 0) return false
        if (window.last >= window.offset + window.bytes || window.offset + window.bytes > size) return false
        at = window.last + 1
      }
      return at === last + 1
    }),
    { seed: 3 },
  )
})

test('protocol 6: a parent has the span of its content and a reference for each child', () => {
  const children = parseParent(parentOf(5_242_880n, 10), 5_242_880)
  expect(children).toHaveLength(10)
  expect(hexToBytes(children[9] as Hex)).toEqual(new Uint8Array(32).fill(10))
})

const hostile: readonly [what: string, chunk: Buffer, says: string][] = [
  ['one byte more in its span', parentOf(5_242_881n, 10), 'over 5242881 bytes of content, not 5242880'],
  ['a span of 2^63 - 1', parentOf(2n ** 63n - 1n, 10), 'over 9223372036854775807 bytes'],
  ['a span of 2^63', parentOf(2n ** 63n, 10), 'over 0 bytes of content'],
  ['a span of 0', parentOf(0n, 10), 'over 0 bytes'],
  ['a redundancy level', parentOf(5_242_880n | (0x81n << 56n), 10), 'redundancy level 1, not 0'],
  ['one reference fewer', parentOf(5_242_880n, 9), '288 bytes of references, not 320'],
  ['one reference more', parentOf(5_242_880n, 11), '352 bytes'],
  ['zeros behind its references', Buffer.concat([parentOf(5_242_880n, 10), Buffer.alloc(32)]), '352 bytes'],
]

test.each(hostile)('a parent with %s is refused', (_what, chunk, says) => {
  expect(parseParent(parentOf(5_242_880n, 10), 5_242_880)).toHaveLength(10)
  expect(() => parseParent(chunk, 5_242_880)).toThrow(says)
})

test('the redundancy level stands in the last byte of the span', () => {
  expect(parseSpan(parentOf(4097n, 2))).toEqual({ bytes: 4097n, redundancyLevel: 0 })
  expect(parseSpan(parentOf(4097n | (0x84n << 56n), 2))).toEqual({ bytes: 4097n, redundancyLevel: 4 })
})
