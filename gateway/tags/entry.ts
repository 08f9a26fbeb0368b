import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'

/** What the list says of one tag (protocol.md 2.1 `value`). `swarmReference` is 32 bytes, zero for none. */
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

export const FLAG_IMMUTABLE = 1
export const FLAG_TOMBSTONE = 2
export const ZERO_REFERENCE: Hex = `0x${'00'.repeat(32)}`

/** Kind byte 0x01 and the tag in ASCII: `0x01` | tag, 2..129 bytes. @throws Refusal InvalidTag */
export declare function encodeTagKey(tag: string): Hex

/** The exact inverse of `encodeTagKey`. @throws Refusal InvalidEntry for another kind byte or a tag outside the grammar. */
export declare function decodeTagKey(key: Hex): string

/** The value bytes of protocol.md 2.1. @throws Refusal InvalidEntry when a field is outside its limits. */
export declare function encodeTagEntry(entry: TagEntry): Hex

/**
 * The exact inverse of `encodeTagEntry`, every limit of 2.1 checked (`version` is the list's: updatedVersion is 1..version).
 * @throws Refusal InvalidEntry
 */
export declare function decodeTagEntry(value: Hex, version: bigint): TagEntry
