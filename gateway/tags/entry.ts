import { type Hex, hexToBytes } from 'viem'
import { algorithmOf, type Digest, hexOf, isDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { byteLength, hexOfBytes, isLowerHex, putUint } from './bytes.ts'
import { Refusal } from './refusal.ts'

/** What the list says of one tag (protocol 2.1 `value`). `swarmReference` is 32 bytes, zero for none. */
export type TagEntry = {
  digest: Digest
  /** Bytes of the manifest, 1..4,194,304. */
  size: number
  mediaType: string
  swarmReference: Hex
  /** The list version that last changed this entry; 0 in staged entries only. */
  updatedVersion: number
  /** Bit 0 immutable, bit 1 tombstone (only together with bit 0). */
  flags: number
}

/** The entry is never moved or removed inside its epoch. */
export const FLAG_IMMUTABLE = 1
/** An immutable tag was deleted: it reads as absent and is not used again in its epoch. */
export const FLAG_TOMBSTONE = 2
/** `swarmReference` of content that is not on Swarm. */
export const ZERO_REFERENCE: Hex = `0x${'00'.repeat(32)}`
/** Protocol 2.1: a manifest's bytes. */
export const MAX_ENTRY_SIZE_BYTES = 4_194_304
/** Protocol 2.1: kind byte and tag. */
export const MAX_KEY_BYTES = 129
/** Protocol 2.2: the greatest list version. */
export const MAX_VERSION = 2 ** 53 - 1

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
const mediaTypePattern = /^[\x21-\x7e]{1,255}$/
const knownFlags = [0, FLAG_IMMUTABLE, FLAG_IMMUTABLE | FLAG_TOMBSTONE]

/** Bytes before the digest: flags, updatedVersion, size, swarmReference, algorithm. */
const DIGEST_OFFSET = 1 + 8 + 8 + 32 + 1

/** A tag by the grammar of protocol 1: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. */
export function isTag(text: string): boolean {
  return tagPattern.test(text)
}

/** A tag that a client sent. @throws OciError 400 MANIFEST_INVALID for a tag outside the grammar */
export function parseTag(text: string): string {
  if (isTag(text)) return text
  const seen = JSON.stringify(text.slice(0, 160))
  throw new OciError('MANIFEST_INVALID', `tag ${seen} is not [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`)
}

/** Whether the entry reads as absent: deleted, its tag never to be used again in this epoch. */
export function isTombstone(entry: TagEntry): boolean {
  return (entry.flags & FLAG_TOMBSTONE) !== 0
}

/** Kind byte 0x01 and the tag in ASCII: `0x01` | tag, 2..129 bytes. @throws Refusal InvalidTag */
export function encodeTagKey(tag: string): Hex {
  if (!isTag(tag)) throw new Refusal('InvalidTag', `${JSON.stringify(tag.slice(0, 160))} is not a tag`)
  return encodeUncheckedKey(tag)
}

/** As `encodeTagKey` for text that was not looked at yet (a body's tags are judged after its signatures). */
export function encodeUncheckedKey(tag: string): Hex {
  const text = new TextEncoder().encode(tag)
  const key = new Uint8Array(1 + text.length)
  key[0] = 0x01
  key.set(text, 1)
  return hexOfBytes(key)
}

/** The exact inverse of `encodeTagKey`. @throws Refusal InvalidEntry for another kind byte, InvalidTag for a tag outside the grammar. */
export function decodeTagKey(key: Hex): string {
  if (!isLowerHex(key) || !key.startsWith('0x01')) {
    throw new Refusal('InvalidEntry', `key ${key.slice(0, 32)} is not that of a tag: it does not begin with 0x01`)
  }
  const tag = String.fromCharCode(...hexToBytes(key).subarray(1, MAX_KEY_BYTES + 1))
  if (!isTag(tag)) throw new Refusal('InvalidTag', `${JSON.stringify(tag)} is not a tag`)
  return tag
}

/** The value bytes of protocol 2.1. @throws Refusal InvalidEntry when a field is outside its limits. */
export function encodeTagEntry(entry: TagEntry): Hex {
  checkEntry(entry, BigInt(MAX_VERSION))
  return encodeUncheckedEntry(entry)
}

/**
 * The same bytes for an entry whose fields fit their places (a digest, a 32-byte reference, u8 and u64 numbers) but whose limits
 * were not looked at yet: `decodeTagEntry` does.
 */
export function encodeUncheckedEntry(entry: TagEntry): Hex {
  const digest = hexToBytes(`0x${hexOf(entry.digest)}`)
  const mediaType = new TextEncoder().encode(entry.mediaType)
  const value = new Uint8Array(DIGEST_OFFSET + digest.length + mediaType.length)
  value[0] = entry.flags
  putUint(value, 1, 8, entry.updatedVersion)
  putUint(value, 9, 8, entry.size)
  value.set(hexToBytes(entry.swarmReference), 17)
  value[49] = algorithmOf(entry.digest) === 'sha256' ? 1 : 2
  value.set(digest, DIGEST_OFFSET)
  value.set(mediaType, DIGEST_OFFSET + digest.length)
  return hexOfBytes(value)
}

/**
 * The exact inverse of `encodeTagEntry`, every limit of 2.1 checked (`version` is the list's: updatedVersion is 1..version).
 * @throws Refusal InvalidEntry
 */
export function decodeTagEntry(value: Hex, version: bigint): TagEntry {
  if (!isLowerHex(value) || byteLength(value) <= DIGEST_OFFSET) throw invalid('is too short')
  const field = (from: number, length: number) => value.slice(2 + 2 * from, 2 + 2 * (from + length))
  const algorithm = field(DIGEST_OFFSET - 1, 1)
  if (algorithm !== '01' && algorithm !== '02') throw invalid(`names digest algorithm 0x${algorithm}, not 1 or 2`)
  const digestBytes = algorithm === '01' ? 32 : 64
  if (byteLength(value) <= DIGEST_OFFSET + digestBytes) throw invalid('is too short')
  const digest = `${algorithm === '01' ? 'sha256' : 'sha512'}:${field(DIGEST_OFFSET, digestBytes)}` as Digest
  const mediaType = String.fromCharCode(
    ...hexToBytes(value).subarray(DIGEST_OFFSET + digestBytes, DIGEST_OFFSET + digestBytes + 256),
  )
  const entry: TagEntry = {
    digest,
    size: Number(`0x${field(9, 8)}`),
    mediaType,
    swarmReference: `0x${field(17, 32)}`,
    updatedVersion: Number(`0x${field(1, 8)}`),
    flags: Number(`0x${field(0, 1)}`),
  }
  checkEntry(entry, version)
  return entry
}

/** Every limit of protocol 2.1. @throws Refusal InvalidEntry */
export function checkEntry(entry: TagEntry, version: bigint): void {
  const { size, updatedVersion, flags } = entry
  if (!isDigest(entry.digest)) throw invalid('has no sha256 or sha512 digest in lower-case hex')
  if (!Number.isInteger(size) || size < 1 || size > MAX_ENTRY_SIZE_BYTES) {
    throw invalid(`has size ${size}, not 1..${MAX_ENTRY_SIZE_BYTES}`)
  }
  if (!mediaTypePattern.test(entry.mediaType)) throw invalid('has a media type that is not 1..255 bytes of 0x21..0x7e')
  if (!isLowerHex(entry.swarmReference, 32)) throw invalid('has a swarmReference that is not 32 bytes')
  if (!Number.isSafeInteger(updatedVersion) || updatedVersion < 1 || BigInt(updatedVersion) > version) {
    throw invalid(`has updatedVersion ${updatedVersion}, not 1..${version}`)
  }
  if (!knownFlags.includes(flags)) throw invalid(`has flags ${flags}, not 0, 1 or 3`)
}

/**
 * Protocol 2.1 and row 9: an immutable entry keeps digest, size and media type and loses no flag inside its epoch; its reference and
 * `updatedVersion` may change. `after` undefined: the slot is gone. @throws Refusal ImmutableChanged
 */
export function checkImmutable(tag: string, before: TagEntry, after: TagEntry | undefined): void {
  if ((before.flags & FLAG_IMMUTABLE) === 0) return
  if (after === undefined) throw new Refusal('ImmutableChanged', `immutable tag ${tag} was removed`)
  const same = before.digest === after.digest && before.size === after.size && before.mediaType === after.mediaType
  if (!same) {
    throw new Refusal('ImmutableChanged', `immutable tag ${tag} is ${before.digest} and cannot become ${after.digest}`)
  }
  if ((before.flags & ~after.flags) !== 0) {
    throw new Refusal('ImmutableChanged', `immutable tag ${tag} cannot lose flags (${before.flags} to ${after.flags})`)
  }
}

function invalid(what: string): Refusal {
  return new Refusal('InvalidEntry', `an entry ${what}`)
}
