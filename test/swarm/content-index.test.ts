import fc from 'fast-check'
import { bytesToHex, concat, type Hex, hexToBytes, keccak256, numberToHex, stringToBytes } from 'viem'
import { expect, test } from 'vitest'
import { type Digest, hexOf } from '../../gateway/oci/digest.ts'
import {
  decodeIndexRoot,
  decodeIndexShard,
  encodeContentIndex,
  encodeIndexRoot,
  type IndexRow,
  type IndexShard,
  indexBytesAtMost,
  MAX_INDEX_ROOT_BYTES,
  MAX_SHARD_BYTES,
} from '../../gateway/swarm/content-index.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'

const hash = await openSwarmHash()
const ociManifest = 'application/vnd.oci.image.manifest.v1+json'

function rowOf(seed: string, size = 1000, mediaType?: string): IndexRow {
  const digest: Digest = `sha256:${keccak256(stringToBytes(seed)).slice(2)}`
  const swarmReference = keccak256(stringToBytes(`${seed} on Swarm`))
  return mediaType === undefined ? { digest, swarmReference, size } : { digest, swarmReference, size, mediaType }
}

function manyRows(count: number): IndexRow[] {
  return Array.from({ length: count }, (_, at) => rowOf(`blob ${at}`, at * 12_345))
}

/** The whole index as it lies on Swarm: shards and root. */
function placeOf({ firstByte, bytes }: IndexShard) {
  return { firstByte, swarmReference: chunkAddresses(bytes).at(-1) as Hex, size: bytes.byteLength }
}

const digest = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${bytesToHex(bytes).slice(2)}` as Digest),
  fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => `sha512:${bytesToHex(bytes).slice(2)}` as Digest),
)
const mediaType = fc.constantFrom(
  undefined,
  ociManifest,
  'application/vnd.oci.image.index.v1+json',
  'a/b',
  'x'.repeat(255),
)
const row = fc
  .record({ digest, reference: fc.bigInt(1n, 2n ** 256n - 1n), size: fc.maxSafeNat(), mediaType })
  .map(({ digest, reference, size, mediaType }): IndexRow => {
    const swarmReference = numberToHex(reference, { size: 32 })
    return mediaType === undefined ? { digest, swarmReference, size } : { digest, swarmReference, size, mediaType }
  })

test('protocol 6: whatever rows come back as they were, sorted by first byte, algorithm and digest, whatever their order was', () => {
  fc.assert(
    fc.property(fc.uniqueArray(row, { selector: ({ digest }) => digest, maxLength: 60 }), (rows) => {
      const shards = encodeContentIndex(rows)
      const back = shards.flatMap(({ bytes }) => decodeIndexShard(bytes))
      const sortKey = ({ digest }: IndexRow) => hexOf(digest).slice(0, 2) + digest
      expect(back).toEqual([...rows].sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1)))
      expect(encodeContentIndex([...rows].reverse())).toEqual(shards)
      expect(shards.map(({ firstByte }) => firstByte)).toEqual(
        [...new Set(back.map(({ digest }) => Number(`0x${hexOf(digest).slice(0, 2)}`)))].sort(
          (one, other) => one - other,
        ),
      )
    }),
    { seed: 6, numRuns: 60 },
  )
})

test('10,000 blobs take at most 800 kB, root included', () => {
  const shards = encodeContentIndex(manyRows(10_000))
  const root = encodeIndexRoot(shards.map(placeOf))
  expect(shards).toHaveLength(256)
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes.byteLength, root.byteLength)
  expect(bytes).toBe(10_000 * 74 + 256 * 6 + 3 + 256 * 41)
  expect(bytes).toBe(indexBytesAtMost(10_000))
  expect(bytes).toBeLessThanOrEqual(800_000)
  expect(root.byteLength).toBe(MAX_INDEX_ROOT_BYTES)
})

test('a manifest of a well-known media type takes no more room than a blob', () => {
  const [blob] = encodeContentIndex([rowOf('a')])
  const [manifest] = encodeContentIndex([rowOf('a', 1000, ociManifest)])
  expect(manifest?.bytes.byteLength).toBe(blob?.bytes.byteLength)
  expect(manifest?.bytes).not.toEqual(blob?.bytes)
})

test('a new blob changes one shard and the root, nothing else', () => {
  const rows = manyRows(2_000)
  const [before, after] = [encodeContentIndex(rows), encodeContentIndex([...rows, rowOf('new')])]
  const changed = after.filter(
    ({ bytes }, at) => bytesToHex(bytes) !== bytesToHex(before[at]?.bytes ?? new Uint8Array()),
  )
  expect(changed.map(({ firstByte }) => firstByte)).toEqual([Number(`0x${hexOf(rowOf('new').digest).slice(0, 2)}`)])
  expect(encodeIndexRoot(after.map(placeOf))).not.toEqual(encodeIndexRoot(before.map(placeOf)))
})

test('an image of three new blobs among 10,000 changes at most 10 chunks of the index', () => {
  const rows = manyRows(10_000)
  const image = [rowOf('config'), rowOf('layer 1'), rowOf('layer 2'), rowOf('manifest', 700, ociManifest)]
  const addressesOf = (of: readonly IndexRow[]) => {
    const shards = encodeContentIndex(of)
    const contents = [...shards.map(({ bytes }) => bytes), encodeIndexRoot(shards.map(placeOf))]
    return new Set(contents.flatMap(chunkAddresses))
  }
  const before = addressesOf(rows)
  const added = [...addressesOf([...rows, ...image])].filter((address) => !before.has(address))
  expect(added.length).toBeGreaterThan(4)
  expect(added.length).toBeLessThanOrEqual(10)
})

function chunkAddresses(content: Uint8Array): Hex[] {
  const addresses: Hex[] = []
  const hasher = hash.createHasher(({ address }) => addresses.push(bytesToHex(address)))
  hasher.update(content)
  hasher.digest()
  return addresses
}

const rowBytes = (digest: number, rest: Hex = '0x') => [
  ...['0x01', `0x${digest.toString(16).padStart(64, 'a')}`, `0x${'bb'.repeat(32)}`].map((hex) =>
    hexToBytes(hex as Hex),
  ),
  ...[hexToBytes('0x0000000000000007'), rest === '0x' ? new Uint8Array(1) : hexToBytes(rest)],
]
const shardBytes = (...parts: readonly Uint8Array[]) => concat([hexToBytes('0x01aa00000002'), ...parts])
const goodShard = shardBytes(...rowBytes(1), ...rowBytes(2))

function changedAt(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice()
  changed[at] = value
  return changed
}

const badShards: readonly [rule: string, bytes: Uint8Array, message: RegExp][] = [
  ['no bytes', new Uint8Array(), /inside a field/],
  ['another format', changedAt(goodShard, 0, 2), /format 2, wanted 1/],
  ['rows of another first byte', changedAt(goodShard, 1, 0xab), /does not begin with ab/],
  ['a row count too high', changedAt(goodShard, 5, 3), /inside a field/],
  ['a row count of four billion', changedAt(goodShard, 2, 0xff), /inside a field/],
  ['a row count too low', changedAt(goodShard, 5, 1), /74 bytes follow its end/],
  ['no rows', hexToBytes('0x01aa00000000'), /it has no rows/],
  ['rows that descend', shardBytes(...rowBytes(2), ...rowBytes(1)), /does not ascend/],
  ['a row that stands twice', shardBytes(...rowBytes(2), ...rowBytes(2)), /does not ascend/],
  ['an unknown algorithm', changedAt(goodShard, 6, 3), /algorithm 3/],
  ['algorithm zero', changedAt(goodShard, 6, 0), /algorithm 0/],
  [
    'sha512 before sha256',
    shardBytes(hexToBytes(`0x02${'aa'.repeat(64)}${'bb'.repeat(32)}${'00'.repeat(9)}`), ...rowBytes(1)),
    /does not ascend/,
  ],
  [
    'a zero reference',
    concat([goodShard.subarray(0, 39), new Uint8Array(32), goodShard.subarray(71)]),
    /reference is zero/,
  ],
  ['a size above 2^53 - 1', changedAt(goodShard, 71, 0x80), /above 2\^53 - 1/],
  ['an unknown kind', changedAt(goodShard, 79, 5), /kind 5/],
  ['an empty media type', shardBytes(...rowBytes(1, '0xff00'), ...rowBytes(2)), /media type is outside/],
  ['a media type with a space', shardBytes(...rowBytes(1, '0xff0120'), ...rowBytes(2)), /media type is outside/],
  [
    'a well-known media type spelled out',
    shardBytes(...rowBytes(1, bytesToHex(concat([hexToBytes('0xff2a'), stringToBytes(ociManifest)]))), ...rowBytes(2)),
    /spelled out where a kind byte says it/,
  ],
  ['a byte too many', concat([goodShard, new Uint8Array(1)]), /1 bytes follow its end/],
  ['a byte too few', goodShard.subarray(0, -1), /inside a field/],
]

test.each(badShards)('content index: a shard with %s is refused', (_rule, bytes, message) => {
  expect(decodeIndexShard(goodShard)).toHaveLength(2)
  expect(encodeContentIndex(decodeIndexShard(goodShard))).toEqual([{ firstByte: 0xaa, bytes: goodShard }])
  expect(() => decodeIndexShard(bytes)).toThrow(message)
})

test('content index: a shard that is cut anywhere is refused', () => {
  expect(decodeIndexShard(goodShard)).toHaveLength(2)
  for (let length = 0; length < goodShard.byteLength; length += 1) {
    expect(() => decodeIndexShard(goodShard.subarray(0, length))).toThrow(/content index shard: /)
  }
})

const place = (firstByte: number): Uint8Array[] => [
  ...[Uint8Array.of(firstByte), hexToBytes(`0x${'cc'.repeat(32)}`), hexToBytes('0x0000000000000050')],
]
const goodRoot = concat([hexToBytes('0x010002'), ...place(3), ...place(9)])

const badRoots: readonly [rule: string, bytes: Uint8Array, message: RegExp][] = [
  ['no bytes', new Uint8Array(), /inside a field/],
  ['another format', changedAt(goodRoot, 0, 0), /format 0/],
  ['a shard count too high', changedAt(goodRoot, 2, 3), /inside a field/],
  ['a shard count too low', changedAt(goodRoot, 2, 1), /41 bytes follow its end/],
  ['shards that descend', changedAt(goodRoot, 3, 10), /shard 9 does not ascend/],
  ['a shard that stands twice', changedAt(goodRoot, 3, 9), /shard 9 does not ascend/],
  [
    'a zero reference',
    concat([goodRoot.subarray(0, 4), new Uint8Array(32), goodRoot.subarray(36)]),
    /reference is zero/,
  ],
  ['a shard of no bytes', changedAt(goodRoot, 43, 0), /shard 3 has 0 bytes/],
  ['a shard too large to read', changedAt(goodRoot, 40, 0x80), /shard 3 has \d+ bytes, wanted 1 to 8388608/],
  ['a size above 2^53 - 1', changedAt(goodRoot, 36, 0xff), /above 2\^53 - 1/],
]

test.each(badRoots)('content index: a root with %s is refused', (_rule, bytes, message) => {
  expect(encodeIndexRoot(decodeIndexRoot(goodRoot))).toEqual(goodRoot)
  expect(() => decodeIndexRoot(bytes)).toThrow(message)
})

const good = rowOf('good')
const badRows: readonly [rule: string, rows: readonly IndexRow[], message: RegExp][] = [
  ['a digest twice', [good, good], /stands twice/],
  ['a zero reference', [{ ...good, swarmReference: `0x${'00'.repeat(32)}` }], /not zero/],
  ['an encrypted reference', [{ ...good, swarmReference: `0x${'11'.repeat(64)}` }], /wanted one of 32 bytes/],
  ['a negative size', [{ ...good, size: -1 }], /size -1/],
  ['a size that is no whole number', [{ ...good, size: 1.5 }], /size 1.5/],
  ['an empty media type', [{ ...good, mediaType: '' }], /media type/],
  ['a media type of 256 bytes', [{ ...good, mediaType: 'x'.repeat(256) }], /media type/],
]

test.each(badRows)('content index: rows with %s are not encoded', (_rule, rows, message) => {
  expect(encodeContentIndex([good])).toHaveLength(1)
  expect(() => encodeContentIndex(rows)).toThrow(message)
})

test('content index: a root is written only as it can be read', () => {
  const shard = { firstByte: 1, swarmReference: good.swarmReference, size: 80 }
  expect(
    decodeIndexRoot(encodeIndexRoot([{ ...shard, firstByte: 7 }, shard])).map(({ firstByte }) => firstByte),
  ).toEqual([1, 7])
  expect(decodeIndexRoot(encodeIndexRoot([]))).toEqual([])
  expect(() => encodeIndexRoot([shard, shard])).toThrow(/shard 1 does not ascend/)
  expect(() => encodeIndexRoot([{ ...shard, size: MAX_SHARD_BYTES + 1 }])).toThrow(/wanted 1 to/)
  expect(() => encodeIndexRoot([{ ...shard, firstByte: 256 }])).toThrow(/no unsigned integer of 1 bytes/)
})
