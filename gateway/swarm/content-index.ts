import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'

/** One row of the content index: where on Swarm the bytes of a digest are. */
export type IndexRow = { digest: Digest; swarmReference: Hex; size: number }

/** One shard: the rows whose digests begin with the same byte, sorted; its bytes are content on Swarm of their own. */
export type IndexShard = { firstByte: number; bytes: Uint8Array }

/**
 * The compact content index of a repository (protocol 6): digest, Swarm reference and size of every blob and manifest its list needs,
 * sorted by digest, in up to 256 shards so that a new blob changes few bytes. Format, all integers big-endian:
 *
 *     shard  = u8 version (1) | u8 first byte | u32 row count | rows ascending by (algorithm, digest)
 *     row    = u8 algorithm (1 sha256, 2 sha512) | digest (32 or 64 bytes) | swarmReference (32 bytes) | u64 size
 *     root   = u8 version (1) | u16 shard count | (u8 first byte | swarmReference (32 bytes) | u64 size of the shard) ascending
 *
 * The index decides only what is found: content proves itself by its digest.
 */
export declare function encodeContentIndex(rows: readonly IndexRow[]): readonly IndexShard[]
/** @throws Error for bytes that are no shard: wrong version, rows out of order or of another first byte, trailing bytes */
export declare function decodeIndexShard(bytes: Uint8Array): readonly IndexRow[]
/** The root over shards that are on Swarm. */
export declare function encodeIndexRoot(
  shards: readonly { firstByte: number; swarmReference: Hex; size: number }[],
): Uint8Array
/** @throws Error for bytes that are no root */
export declare function decodeIndexRoot(
  bytes: Uint8Array,
): readonly { firstByte: number; swarmReference: Hex; size: number }[]
