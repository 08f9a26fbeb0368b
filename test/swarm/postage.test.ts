import { hexToBytes, keccak256, numberToHex } from 'viem'
import { describe, expect, test } from 'vitest'
import { CHUNK_BYTES, WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import {
  bucketOf,
  costOfBatch,
  countChunks,
  createBucketCount,
  depthForFullest,
  estimateDepth,
  formatBzz,
  MAX_DEPTH,
  secondsLeft,
} from '../../gateway/swarm/postage.ts'
import { patternBytes } from './naive.ts'

const hash = await openSwarmHash()

const sizes = [
  ...[0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 1],
  ...[WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1, WINDOW_BYTES + CHUNK_BYTES + 1, 5 * WINDOW_BYTES, 5_242_881],
]

test.each(sizes)('content of %i bytes has as many chunks as hashing it makes', (size) => {
  let made = 0
  const hasher = hash.createHasher(() => {
    made += 1
  })
  hasher.update(patternBytes(size))
  hasher.digest()
  expect(countChunks(size)).toBe(made)
})

test('content on the edge of a third level counts the chunk that is carried up unhashed once', () => {
  expect(countChunks(128 * WINDOW_BYTES)).toBe(128 * 128 + 128 + 1)
  expect(countChunks(128 * WINDOW_BYTES + 1)).toBe(128 * 128 + 128 + 1 + 1 + 1)
  expect(countChunks(128 * WINDOW_BYTES + CHUNK_BYTES + 1)).toBe(128 * 128 + 128 + 1 + 2 + 1 + 1)
})

test('a chunk falls into the bucket of the first two bytes of its address', () => {
  expect(bucketOf(hexToBytes(`0xab01${'ff'.repeat(30)}`))).toBe(0xab01)
  expect(bucketOf(hexToBytes(`0x00ff${'00'.repeat(30)}`))).toBe(0x00ff)
})

function address(bucket: number, rest: number): Uint8Array {
  return hexToBytes(`${numberToHex(bucket, { size: 2 })}${numberToHex(rest, { size: 30 }).slice(2)}`)
}

describe('the depth that known addresses need', () => {
  test('is that of the fullest bucket, and a chunk that comes twice takes one place', () => {
    const count = createBucketCount()
    for (const rest of [1, 2, 3, 2, 1]) count.add(address(0xabcd, rest))
    for (const bucket of [1, 2, 3]) count.add(address(bucket, 9))
    expect([count.chunks, count.fullest]).toEqual([6, 3])
    expect(depthForFullest(count.fullest)).toBe(18)
  })

  test.each([
    [0, 17],
    [1, 17],
    [2, 17],
    [3, 18],
    [4, 18],
    [5, 19],
    [2 ** 24, 40],
  ])('%i chunks in one bucket need depth %i', (fullest, depth) => {
    expect(depthForFullest(fullest)).toBe(depth)
  })

  test('what no batch can take is refused', () => {
    expect(depthForFullest(2 ** (MAX_DEPTH - 16))).toBe(MAX_DEPTH)
    expect(() => depthForFullest(2 ** (MAX_DEPTH - 16) + 1)).toThrow('no batch of depth 40 or less')
  })
})

/** "Effective Utilisation" of Swarm's documentation: bytes at which a bucket is full one time in a thousand, unencrypted, no erasure coding. */
const documented: readonly [depth: number, bytes: number][] = [
  [17, 44.7e3],
  [18, 6.66e6],
  [19, 112.06e6],
  [20, 687.62e6],
  [21, 2.6e9],
  [22, 7.73e9],
  [23, 19.94e9],
  [24, 47.06e9],
]

test.each(documented)('an estimate goes beyond depth %i where the documentation says', (depth, bytes) => {
  const chunks = bytes / CHUNK_BYTES
  expect(estimateDepth(Math.floor(chunks * 0.93))).toBe(depth)
  expect(estimateDepth(Math.ceil(chunks * 1.07))).toBe(depth + 1)
})

test('an estimate is not smaller than what evenly spread addresses need', () => {
  for (const chunks of [10, 1_000, 20_000]) {
    const count = createBucketCount()
    for (let at = 0; at < chunks; at += 1) count.add(keccak256(numberToHex(at, { size: 4 }), 'bytes'))
    expect(depthForFullest(count.fullest)).toBeLessThanOrEqual(estimateDepth(chunks))
  }
  expect(estimateDepth(0)).toBe(17)
  expect(() => estimateDepth(2 ** 41)).toThrow('no batch of depth 40 or less')
})

describe('what a batch costs', () => {
  const price = { plurPerChunkAndBlock: 24_000n, blockTimeSeconds: 5 }
  const day = 86_400

  test('is price x blocks for each chunk, times 2^depth', () => {
    const { plurPerChunk, plur } = costOfBatch(17, day, price)
    expect(plurPerChunk).toBe(24_000n * 17_280n)
    expect(plur).toBe(24_000n * 17_280n * 131_072n)
    expect(formatBzz(plur)).toBe('0.005435817984')
    expect(costOfBatch(18, day, price).plur).toBe(2n * plur)
  })

  test('a block that has begun is paid', () => {
    expect(costOfBatch(17, 5, price).plurPerChunk).toBe(24_000n)
    expect(costOfBatch(17, 6, price).plurPerChunk).toBe(48_000n)
    expect(costOfBatch(17, 0, price).plurPerChunk).toBe(0n)
  })

  test('what was bought lasts as long as was asked for, and half as long when the price doubles', () => {
    const { plurPerChunk } = costOfBatch(20, 30 * day, price)
    expect(secondsLeft(plurPerChunk, price)).toBe(30 * day)
    expect(secondsLeft(plurPerChunk, { ...price, plurPerChunkAndBlock: 48_000n })).toBe(15 * day)
    expect(secondsLeft(23_999n, price)).toBe(0)
    expect(secondsLeft(-5n, price)).toBe(0)
    expect(secondsLeft(1n, { ...price, plurPerChunkAndBlock: 0n })).toBe(Number.POSITIVE_INFINITY)
  })

  test('BZZ has 16 digits behind the point', () => {
    expect(formatBzz(10n ** 16n)).toBe('1')
    expect(formatBzz(124n * 10n ** 15n)).toBe('12.4')
  })
})
