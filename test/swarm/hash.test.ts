import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Hex } from 'viem'
import { expect, test } from 'vitest'
import { packageRoot } from '../../gateway/package-root.ts'
import { CHUNK_BYTES, type Chunk, WINDOW_BYTES } from '../../gateway/swarm/hash.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { naiveReference, patternBytes } from './naive.ts'

const swarmHash = await openSwarmHash()

function referenceOf(...pieces: readonly Uint8Array[]): Hex {
  const hasher = swarmHash.createHasher()
  for (const piece of pieces) hasher.update(piece)
  return hasher.digest()
}

/** What a real Bee node 2.8 answers with redundancy level 0 for content whose byte i is (i * 7) mod 256. */
const golden: readonly [bytes: number, reference: string][] = [
  [0, 'b34ca8c22b9e982354f9c7f50b470d66db428d880c8a904d5fe4ec9713171526'],
  [1, 'fe60ba40b87599ddfb9e8947c1c872a4a1a5b56f7d1b80f0a646005b38db52a5'],
  [4096, '4b9fc26733249a9a542879cc5469b2fb3d9edd2034358fe71a5696c6549b3833'],
  [4097, '765da3dd302693a5ceec0f6a0c7f8124f1796e6752ce080aed9d3a73879389a2'],
  [524288, '4ad0b921c082f6cb4902e7e7f60d0feeac29c69f759ddc8f0882dae1317fecc7'],
  [524289, 'e9030c61dc9aacae402df19555a821d7b278371436e184e2388a981c172e93e0'],
  [5242880, '349436c96bbdfb2e30e82dfc4f9ee868ce95a779f4f24b83a9845a20f46c053b'],
]

test.each(golden)('protocol 6: %i bytes have the reference that a Bee node gives', (bytes, wanted) => {
  expect(referenceOf(patternBytes(bytes))).toBe(`0x${wanted}`)
})

const edges = [2, 31, 32, 33, 63, 64, 65, 4095, 8191, 8192, 8193, 128 * 4096 - 1, 128 * 4096 + 4096, 129 * 4096 + 1]

test.each(edges)('%i bytes have the reference of the plain recursive definition', (bytes) => {
  expect(referenceOf(patternBytes(bytes))).toBe(naiveReference(patternBytes(bytes)))
})

test('128 x 128 chunks and one byte more: the lone last chunk is carried up two levels unhashed', () => {
  const whole = patternBytes(128 * 128 * 4096)
  const chunks: Chunk[] = []
  const hasher = swarmHash.createHasher((chunk) => chunks.push({ ...chunk, payload: chunk.payload.slice() }))
  hasher.update(whole)
  hasher.update(new Uint8Array([1]))
  const root = hasher.digest()
  const last = chunks.at(-1)
  expect([last?.span, last?.payload.byteLength]).toEqual([128 * 128 * 4096 + 1, 64])
  expect(`0x${Buffer.from(last?.address ?? []).toString('hex')}`).toBe(root)
  const [left, right] = [last?.payload.subarray(0, 32), last?.payload.subarray(32)]
  expect(`0x${Buffer.from(left ?? []).toString('hex')}`).toBe(referenceOf(whole))
  expect(`0x${Buffer.from(right ?? []).toString('hex')}`).toBe(naiveReference(new Uint8Array([1])))
})

test('the reference does not depend on how the content is cut', () => {
  const content = patternBytes(3 * CHUNK_BYTES * 128 + 777)
  const wanted = referenceOf(content)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700_000 }), { minLength: 1, maxLength: 30 }), (lengths) => {
      const hasher = swarmHash.createHasher()
      let from = 0
      for (const length of lengths) {
        hasher.update(content.subarray(from, from + length))
        from = Math.min(content.byteLength, from + length)
      }
      hasher.update(content.subarray(from))
      return hasher.digest() === wanted
    }),
    { seed: 7, numRuns: 40 },
  )
})

test('two hashers whose calls are mixed do not disturb each other', () => {
  const [a, b] = [patternBytes(70_000), patternBytes(90_001).reverse()]
  const [first, second] = [swarmHash.createHasher(), swarmHash.createHasher()]
  for (let from = 0; from < 91_000; from += 1_000) {
    first.update(a.subarray(from, from + 1_000))
    second.update(b.subarray(from, from + 1_000))
  }
  expect([first.digest(), second.digest()]).toEqual([naiveReference(a), naiveReference(b)])
})

test('every chunk is reported once, children before parents, and its address is that of its payload', () => {
  const content = patternBytes(2 * WINDOW_BYTES + 5000)
  const chunks: Chunk[] = []
  const hasher = swarmHash.createHasher((chunk) => chunks.push({ ...chunk, payload: chunk.payload.slice() }))
  hasher.update(content)
  hasher.digest()
  const leaves = chunks.filter(({ span }) => span <= CHUNK_BYTES)
  expect(Buffer.concat(leaves.map(({ payload }) => payload)).equals(Buffer.from(content))).toBe(true)
  expect(chunks.length).toBe(2 * 128 + 2 + 2 + 2)
  for (const { address, span, payload } of chunks.filter(({ span }) => span <= CHUNK_BYTES).slice(0, 5)) {
    expect([naiveReference(payload), payload.byteLength]).toEqual([`0x${Buffer.from(address).toString('hex')}`, span])
  }
})

test('the address of a chunk takes span and payload as they are', () => {
  const hello = Buffer.from('\x05\0\0\0\0\0\0\0hello', 'latin1')
  expect(swarmHash.addressOf(hello)).toBe('0xa2322ed653c075c08a7847275537b74ba9f523c55341efe3df85565a78c6bb4a')
  const root = Buffer.concat([Buffer.from('0110000000000000', 'hex'), Buffer.alloc(64, 9)])
  expect(swarmHash.addressOf(root)).not.toBe(swarmHash.addressOf(Buffer.concat([Buffer.from([2]), root.subarray(1)])))
  const leaves = [patternBytes(4096), patternBytes(4097).subarray(4096)].map((leaf) => naiveReference(leaf).slice(2))
  const parent = Buffer.from(`0110000000000000${leaves.join('')}`, 'hex')
  expect(swarmHash.addressOf(parent)).toBe(naiveReference(patternBytes(4097)))
  for (const bytes of [7, 4105]) expect(() => swarmHash.addressOf(new Uint8Array(bytes))).toThrow(`not ${bytes}`)
})

test('bmt.wasm is what its source compiles to', () => {
  const said = execFileSync(process.execPath, [join(packageRoot(), 'scripts/wasm.mjs'), '--check'], {
    encoding: 'utf8',
  })
  expect(said).toMatch(/bmt\.wasm: \d+ bytes/)
})
