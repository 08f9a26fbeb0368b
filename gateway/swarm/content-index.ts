import { concat, type Hex, hexToBytes } from 'viem'
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts'
import { type Cursor, openCursor, uintBytes } from './cursor.ts'

/** One row of the content index: where on Swarm the bytes of a digest are. `mediaType` is that of a manifest; a blob has none. */
export type IndexRow = { digest: Digest; swarmReference: Hex; size: number; mediaType?: string }

/** One shard: the rows whose digests begin with the same byte, sorted; its bytes are content on Swarm of their own. */
export type IndexShard = { firstByte: number; bytes: Uint8Array }

/** Where a shard is on Swarm, as the root says it. `size` in bytes. */
export type ShardPlace = { firstByte: number; swarmReference: Hex; size: number }

/** A shard that says it is larger is not read: some 110,000 rows of one first byte, 29 million in all. */
export const MAX_SHARD_BYTES = 8 * 1024 * 1024
/** A root with all 256 shards. */
export const MAX_INDEX_ROOT_BYTES = 1 + 2 + 256 * (1 + 32 + 8)

/** A row of a blob, or of a manifest of a well-known type. */
const USUAL_ROW_BYTES = 1 + 32 + 32 + 8 + 1

/** How many bytes an index of this many sha256 digests takes, root included, when no manifest spells its media type out. */
export function indexBytesAtMost(rows: number): number {
  const shards = Math.min(256, rows)
  return rows * USUAL_ROW_BYTES + shards * (1 + 1 + 4) + 3 + shards * (1 + 32 + 8)
}

const FORMAT = 1
const ZERO_REFERENCE: Hex = `0x${'00'.repeat(32)}`
const SPELLED_OUT = 255
/** By kind byte. Most manifests are one of these; others spell their media type out. */
const kinds: readonly (string | undefined)[] = [
  undefined,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]
const mediaTypePattern = /^[\x21-\x7e]{1,255}$/

/**
 * The compact content index of a repository (protocol 6): digest, Swarm reference and size of every blob and manifest its lists need,
 * sorted by digest, in up to 256 shards so that a new blob changes few bytes. Format, all integers big-endian:
 *
 *     shard  = u8 format (1) | u8 first byte | u32 row count | rows ascending by (algorithm, digest), at least one
 *     row    = u8 algorithm (1 sha256, 2 sha512) | digest (32 or 64 bytes) | swarmReference (32 bytes) | u64 size | kind
 *     kind   = u8: 0 blob; 1 OCI manifest; 2 OCI index; 3 Docker manifest; 4 Docker manifest list;
 *              255 a manifest of another media type: u8 length | media type (1..255 bytes, each 0x21..0x7e)
 *     root   = u8 format (1) | u16 shard count | (u8 first byte | swarmReference (32 bytes) | u64 size of the shard) ascending
 *
 * Only one sequence of bytes encodes a set of rows, so the same content has the same index and the same references. The index decides
 * only what is found: content proves itself by its digest. @throws Error for a digest that stands twice, a zero reference, a media type
 * outside the form
 */
export function encodeContentIndex(rows: readonly IndexRow[]): readonly IndexShard[] {
  const shards = new Map<number, IndexRow[]>()
  for (const row of [...rows].sort((one, other) => (one.digest < other.digest ? -1 : 1))) {
    const firstByte = Number.parseInt(hexOf(row.digest).slice(0, 2), 16)
    const shard = shards.get(firstByte)
    if (shard?.at(-1)?.digest === row.digest) throw new Error(`content index: ${row.digest} stands twice`)
    if (shard) shard.push(row)
    else shards.set(firstByte, [row])
  }
  const inOrder = [...shards].sort(([one], [other]) => one - other)
  return inOrder.map(([firstByte, shard]) => ({ firstByte, bytes: encodeShard(firstByte, shard) }))
}

function encodeShard(firstByte: number, rows: readonly IndexRow[]): Uint8Array {
  const head = [uintBytes(FORMAT, 1), uintBytes(firstByte, 1), uintBytes(rows.length, 4)]
  return concat([...head, ...rows.flatMap(encodeRow)])
}

function encodeRow({ digest, swarmReference, size, mediaType }: IndexRow): readonly Uint8Array[] {
  const reference = hexToBytes(swarmReference)
  if (reference.byteLength !== 32 || swarmReference === ZERO_REFERENCE) {
    throw new Error(
      `content index: ${digest} has the reference ${swarmReference}, wanted one of 32 bytes that is not zero`,
    )
  }
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new Error(`content index: ${digest} has the size ${size}, wanted 0 to 2^53 - 1 bytes`)
  }
  const algorithm = uintBytes(algorithmOf(digest) === 'sha256' ? 1 : 2, 1)
  return [algorithm, hexToBytes(`0x${hexOf(digest)}`), reference, uintBytes(size, 8), encodeKind(digest, mediaType)]
}

function encodeKind(digest: Digest, mediaType: string | undefined): Uint8Array {
  const kind = kinds.indexOf(mediaType)
  if (kind >= 0) return uintBytes(kind, 1)
  if (mediaType === undefined || !mediaTypePattern.test(mediaType)) {
    throw new Error(`content index: ${digest} has a media type outside 1..255 bytes of 0x21..0x7e`)
  }
  return concat([uintBytes(SPELLED_OUT, 1), uintBytes(mediaType.length, 1), new TextEncoder().encode(mediaType)])
}

/**
 * The rows of one shard, and which shard it is. @throws Error for bytes that `encodeContentIndex` would not have written: another format,
 * rows out of order, twice or of another first byte, none, trailing bytes
 */
export function decodeIndexShard(bytes: Uint8Array): readonly IndexRow[] {
  const cursor = openCursor(bytes, 'content index shard')
  checkFormat(cursor)
  const prefix = cursor.take(1)[0]!.toString(16).padStart(2, '0')
  const count = cursor.uint(4)
  const rows: IndexRow[] = []
  // A row has at least 74 bytes, so a count that lies ends at the end of the bytes.
  for (let before = ''; rows.length < count; before = rows.at(-1)!.digest) {
    const row = decodeRow(cursor)
    if (row.digest <= before) cursor.refuse(`${row.digest} does not ascend`)
    if (!hexOf(row.digest).startsWith(prefix)) cursor.refuse(`${row.digest} does not begin with ${prefix}`)
    rows.push(row)
  }
  if (count === 0) cursor.refuse('it has no rows')
  cursor.end()
  return rows
}

function checkFormat(cursor: Cursor): void {
  const format = cursor.uint(1)
  if (format !== FORMAT) cursor.refuse(`format ${format}, wanted ${FORMAT}`)
}

function decodeRow(cursor: Cursor): IndexRow {
  const digest = decodeDigest(cursor)
  const swarmReference = takeReference(cursor)
  const size = cursor.uint(8)
  const mediaType = decodeKind(cursor)
  return mediaType === undefined ? { digest, swarmReference, size } : { digest, swarmReference, size, mediaType }
}

function decodeDigest(cursor: Cursor): Digest {
  const algorithm = cursor.uint(1)
  if (algorithm === 1) return `sha256:${hexDigits(cursor.take(32))}`
  if (algorithm === 2) return `sha512:${hexDigits(cursor.take(64))}`
  return cursor.refuse(`algorithm ${algorithm}, wanted 1 (sha256) or 2 (sha512)`)
}

function hexDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function takeReference(cursor: Cursor): Hex {
  const reference = cursor.hash()
  return reference === ZERO_REFERENCE ? cursor.refuse('a reference is zero') : reference
}

function decodeKind(cursor: Cursor): string | undefined {
  const kind = cursor.uint(1)
  if (kind < kinds.length) return kinds[kind]
  if (kind !== SPELLED_OUT) cursor.refuse(`kind ${kind}, wanted 0 to ${kinds.length - 1} or ${SPELLED_OUT}`)
  const mediaType = String.fromCharCode(...cursor.take(cursor.uint(1)))
  if (!mediaTypePattern.test(mediaType)) cursor.refuse('a media type is outside 1..255 bytes of 0x21..0x7e')
  if (kinds.includes(mediaType)) cursor.refuse(`${mediaType} is spelled out where a kind byte says it`)
  return mediaType
}

/** The root over shards that are on Swarm, in whatever order. @throws Error for one that stands twice, a reference or size outside the form */
export function encodeIndexRoot(shards: readonly ShardPlace[]): Uint8Array {
  const inOrder = [...shards].sort((one, other) => one.firstByte - other.firstByte)
  const rows = inOrder.map(({ firstByte, swarmReference, size }) => {
    return concat([uintBytes(firstByte, 1), hexToBytes(swarmReference), uintBytes(size, 8)])
  })
  const root = concat([uintBytes(FORMAT, 1), uintBytes(shards.length, 2), ...rows])
  decodeIndexRoot(root)
  return root
}

/** @throws Error for bytes that are no root: another format, shards out of order or twice, one larger than MAX_SHARD_BYTES, trailing bytes */
export function decodeIndexRoot(bytes: Uint8Array): readonly ShardPlace[] {
  const cursor = openCursor(bytes, 'content index root')
  checkFormat(cursor)
  const count = cursor.uint(2)
  const shards: ShardPlace[] = []
  for (let before = -1; shards.length < count; before = shards.at(-1)!.firstByte) {
    const firstByte = cursor.uint(1)
    if (firstByte <= before) cursor.refuse(`shard ${firstByte} does not ascend`)
    const swarmReference = takeReference(cursor)
    const size = cursor.uint(8)
    if (size === 0 || size > MAX_SHARD_BYTES)
      cursor.refuse(`shard ${firstByte} has ${size} bytes, wanted 1 to ${MAX_SHARD_BYTES}`)
    shards.push({ firstByte, swarmReference, size })
  }
  cursor.end()
  return shards
}
