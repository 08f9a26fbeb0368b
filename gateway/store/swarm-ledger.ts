import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'

/**
 * How far content is on its way to Swarm. `local`: here alone, nobody asked for more; `queued`: to be uploaded; `uploaded`: a node
 * answered with our own reference; `verified`: read back from a node and found right.
 */
export type SwarmState = 'local' | 'queued' | 'uploaded' | 'verified'

/** One content's row. */
export type SwarmRecord = {
  digest: Digest
  size: number
  /** Null until it was computed. */
  swarmReference: Hex | null
  state: SwarmState
  /** The batch that stamped it. */
  postageBatchId: Hex | null
  /** Failed tries since the last success. */
  failures: number
  /** Unix seconds: not before this. */
  nextTryAt: number
  /** What the last try said, one line; null when it went well. */
  lastError: string | null
}

/**
 * The durable queue to Swarm, and which digest has which reference: references stay when the content itself leaves this gateway, since
 * they are how it is found again. Every call is one transaction, durable when it resolves. Drivers: memory, SQL.
 */
export type SwarmLedger = {
  find(digest: Digest): Promise<SwarmRecord | undefined>
  /** Adds a row in state `local`, or the reference to one that has none. A reference never changes: another one for a digest throws. */
  recordReference(digest: Digest, size: number, swarmReference: Hex): Promise<void>
  /** Asks for content to be uploaded; what is uploaded or queued already stays as it is, unless `again` (another batch, a re-seed). */
  enqueue(contents: readonly { digest: Digest; size: number }[], again?: boolean): Promise<void>
  /** Queued rows whose time has come, those that wait longest first, at most `limit`. */
  listDue(now: number, limit: number): Promise<readonly SwarmRecord[]>
  markUploaded(digest: Digest, postageBatchId: Hex): Promise<void>
  markVerified(digest: Digest): Promise<void>
  markFailed(digest: Digest, lastError: string, nextTryAt: number): Promise<void>
  /** Rows with a reference, ascending by digest, those after `after` ("" from the start), at most `limit`. */
  list(after: string, limit: number): Promise<readonly SwarmRecord[]>
  /** How many rows are in each state. */
  count(): Promise<Readonly<Record<SwarmState, number>>>
}
