import type { Hex } from 'viem'

/** First and last byte, both inclusive, as in HTTP. */
export type BeeRange = { first: number; last: number }

/** What a node says of a postage batch. */
export type PostageBatch = {
  /** 32 bytes. */
  postageBatchId: Hex
  /** Exponent of the number of chunks it can stamp. */
  depth: number
  /** 0 empty to 1: its fullest bucket is full, and the next chunk that falls there is refused. */
  fullness: number
  /** False until the node may stamp with it, and after it expired. */
  isUsable: boolean
  isImmutable: boolean
  /** Seconds until its balance is used up at the present price. */
  remainingSeconds: number
}

/** How a node is. `isReady` false: it is still syncing, or has no access to the chain, and takes no uploads. */
export type BeeHealth = { version: string; apiVersion: string; isReady: boolean }

/**
 * One Bee node's HTTP API, as much of it as Mooring uses (Bee 2.8, API 7.4 and 8.1). Nothing it answers is believed here or later
 * because it came from a node: whoever reads checks bytes against a reference or digest, whoever writes compares the reference. Content
 * is always the plain one: unencrypted, redundancy level 0, asked for explicitly, since nodes from 2.8.1 on add redundancy by
 * themselves. References and addresses are 32 bytes. Every call ends: silence for longer than the node's idle limit is `stalled`.
 * All throw BeeError and nothing else, but for an aborted `signal` (its reason) and a `body` that throws (what it threw).
 */
export type Bee = {
  /** Without trailing slash. */
  beeUrl: string
  health(signal?: AbortSignal): Promise<BeeHealth>
  /**
   * Content, whole or a range of it, as it comes from the node: unchecked. `size` is of the whole content where the node says it
   * (Content-Length, Content-Range); undefined: `body` may end short. Where its length is known a body that ends short, stalls or goes
   * on errors with BeeError. Cancelling it ends the connection.
   */
  readBytes(
    swarmReference: Hex,
    options?: { range?: BeeRange; signal?: AbortSignal },
  ): Promise<{ size: number | undefined; body: ReadableStream<Uint8Array> }>
  /** One chunk: 8 bytes of span, little-endian, and at most 4,096 bytes of payload; unchecked. Single-owner chunks too, as stored. */
  readChunk(address: Hex, signal?: AbortSignal): Promise<Uint8Array>
  /** Stores content and returns the node's reference for it. `size` is the length of `body`. */
  writeBytes(
    body: ReadableStream<Uint8Array> | Uint8Array,
    size: number,
    options: { postageBatchId: Hex; signal?: AbortSignal },
  ): Promise<Hex>
  /** Stores one content-addressed chunk (span and payload) and returns the node's address for it. */
  writeChunk(chunk: Uint8Array, options: { postageBatchId: Hex; signal?: AbortSignal }): Promise<Hex>
  /**
   * Stores a single-owner chunk (span and payload, signed). A node keeps the first one at an address and answers the second the same:
   * read back what was written.
   */
  writeSingleOwnerChunk(
    soc: { owner: Hex; id: Hex; signature: Hex; chunk: Uint8Array },
    options: { postageBatchId: Hex; signal?: AbortSignal },
  ): Promise<void>
  /** The batches of this node. */
  listPostageBatches(signal?: AbortSignal): Promise<readonly PostageBatch[]>
  /** What one byte costs: the price of a chunk for one block, in PLUR, as this node sees the chain. */
  readPrice(signal?: AbortSignal): Promise<{ plurPerChunkAndBlock: bigint; blockTimeSeconds: number }>
}

/** What went wrong at a node, as far as a caller acts on it. */
export type BeeFault =
  /** Nobody there, a refused or broken connection, an answer that ended short, 429, 5xx: another node, or later. */
  | 'unavailable'
  /** It sent nothing, or next to nothing, for too long. */
  | 'stalled'
  /** 404: this node does not have it, which says nothing about Swarm. */
  | 'absent'
  /** What came cannot be what was asked for: HTML, a redirect, a length or type that does not fit. */
  | 'nonsense'
  /** 402: a bucket of the postage batch is full. */
  | 'batch full'
  /** 422, 400 "invalid batch id", 404 "batch with id not found": too new for this node, or expired, or not its own. */
  | 'batch unusable'
  /** 503 with those words: it is syncing the chain. */
  | 'syncing'
  /** Any other 4xx, 501 of a development node: asking again changes nothing. */
  | 'refused'

/** A node did not do what was asked. The message names the node, what was asked and what it said. */
export class BeeError extends Error {
  override readonly name = 'BeeError'
  constructor(
    readonly fault: BeeFault,
    message: string,
    /** From Retry-After, in seconds. */
    readonly retryAfterSeconds?: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
