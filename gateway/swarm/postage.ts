import { formatUnits } from 'viem'
import { BRANCHES, CHUNK_BYTES } from './hash.ts'

/** A batch has 2^16 buckets; a chunk falls into that of the first two bytes of its address. */
export const BUCKET_DEPTH = 16
/** The least depth that Bee sells. */
export const MIN_DEPTH = 17
/** Deeper ones no node could fill: 2^40 chunks are 4.5 PB. */
export const MAX_DEPTH = 40
/** Digits of BZZ behind the point: one BZZ is 10^16 PLUR. */
const BZZ_DECIMALS = 16

/** How many chunks content of `size` bytes has: leaves and the chunks above them (a lone last child has no parent of its own). */
export function countChunks(size: number): number {
  let level = Math.max(1, Math.ceil(size / CHUNK_BYTES))
  let total = level
  while (level > 1) {
    const isLastAlone = level % BRANCHES === 1
    level = Math.ceil(level / BRANCHES)
    total += level - (isLastAlone ? 1 : 0)
  }
  return total
}

/** The bucket that a chunk of this address (32 bytes) falls into: 0..65,535. */
export function bucketOf(address: Uint8Array): number {
  return (address[0]! << 8) | address[1]!
}

/** Collects chunk addresses, each counted once: a node stamps what it stamped before with the same stamp. */
export type BucketCount = {
  /** @param address 32 bytes */
  add(address: Uint8Array): void
  /** Different chunks. */
  readonly chunks: number
  /** Chunks in the fullest bucket. */
  readonly fullest: number
}

/** Some 75 bytes of memory for each chunk, so 20 MB for a gigabyte of content. */
export function createBucketCount(): BucketCount {
  const seen = new Set<string>()
  const buckets = new Uint32Array(2 ** BUCKET_DEPTH)
  let fullest = 0
  return {
    add(address) {
      const known = seen.size
      if (seen.add(String.fromCharCode(...address)).size === known) return
      const bucket = bucketOf(address)
      buckets[bucket]! += 1
      fullest = Math.max(fullest, buckets[bucket]!)
    },
    get chunks() {
      return seen.size
    },
    get fullest() {
      return fullest
    },
  }
}

/** The least depth whose buckets have room for `fullest` chunks each, in a batch that is empty. @throws RangeError beyond MAX_DEPTH */
export function depthForFullest(fullest: number): number {
  return leastDepth((depth) => slotsOf(depth) >= fullest)
}

/** Chunks that one bucket of a batch can take. */
function slotsOf(depth: number): number {
  return 2 ** (depth - BUCKET_DEPTH)
}

function leastDepth(suffices: (depth: number) => boolean): number {
  for (let depth = MIN_DEPTH; depth <= MAX_DEPTH; depth += 1) if (suffices(depth)) return depth
  throw new RangeError(`no batch of depth ${MAX_DEPTH} or less has room for this`)
}

/** The chance that a bucket is full, at which Swarm's documentation sets the effective capacity of a depth. */
const ACCEPTED_RISK = 0.001

/**
 * The least depth of an empty batch in which `chunks` chunks of addresses not known yet leave no bucket full, but for one time in a
 * thousand. Addresses are evenly spread, so a bucket's chunks are Poisson-distributed; the figures are those of Swarm's documentation
 * ("Effective Utilisation", unencrypted, no erasure coding). @throws RangeError beyond MAX_DEPTH
 */
export function estimateDepth(chunks: number): number {
  const perBucket = chunks / 2 ** BUCKET_DEPTH
  return leastDepth((depth) => 2 ** BUCKET_DEPTH * chanceOfAtLeast(slotsOf(depth), perBucket) <= ACCEPTED_RISK)
}

/** P(X >= count) of a Poisson distribution of this mean. */
function chanceOfAtLeast(count: number, mean: number): number {
  if (mean === 0) return 0
  if (mean >= count) return 1
  let term = Math.exp(count * Math.log(mean) - mean - logFactorial(count))
  let sum = 0
  for (let at = count; term > sum * 1e-15; at += 1) {
    sum += term
    term *= mean / (at + 1)
  }
  return sum
}

/** ln(n!) by Stirling's series, to 10 digits from n = 2 on. */
function logFactorial(n: number): number {
  const x = n + 1
  return (
    (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5)
  )
}

/** The price as a node sees it on the chain. */
export type PostagePrice = { plurPerChunkAndBlock: bigint; blockTimeSeconds: number }

/**
 * What a batch costs: `plurPerChunk` is the amount that `POST /stamps/<amount>/<depth>` takes, `plur` the whole. The price moves with the
 * chain's oracle: when it rises, the batch ends earlier.
 */
export function costOfBatch(
  depth: number,
  seconds: number,
  { plurPerChunkAndBlock, blockTimeSeconds }: PostagePrice,
): { plurPerChunk: bigint; plur: bigint } {
  const plurPerChunk = plurPerChunkAndBlock * BigInt(Math.ceil(seconds / blockTimeSeconds))
  return { plurPerChunk, plur: plurPerChunk << BigInt(depth) }
}

/** Whole seconds until a balance of `plurPerChunk` is used up; 0 when it is, Infinity where storing is free. */
export function secondsLeft(plurPerChunk: bigint, { plurPerChunkAndBlock, blockTimeSeconds }: PostagePrice): number {
  if (plurPerChunkAndBlock === 0n) return Number.POSITIVE_INFINITY
  const blocks = plurPerChunk / plurPerChunkAndBlock
  return blocks > 0n ? Math.floor(Number(blocks) * blockTimeSeconds) : 0
}

/** PLUR as people read it: "12.4" BZZ. */
export function formatBzz(plur: bigint): string {
  return formatUnits(plur, BZZ_DECIMALS)
}
