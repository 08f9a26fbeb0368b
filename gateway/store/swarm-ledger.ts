import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'

/**
 * How far content is on its way to Swarm. `local`: nobody asked for more; `queued`: to be uploaded; `uploaded`: a node answered with our
 * own reference; `verified`: read back from a node and found right.
 */
export type SwarmState = 'local' | 'queued' | 'uploaded' | 'verified'

/** Content by digest; `size` in bytes. */
export type SizedContent = { digest: Digest; size: number }

/** One content's row. */
export type SwarmRecord = SizedContent & {
  /** 32 bytes; null until somebody said or computed it. */
  swarmReference: Hex | null
  /** Whether this gateway had the bytes of both digest and reference; otherwise the reference is what a list or a content index says. */
  isProven: boolean
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
 * The durable queue to Swarm, and which digest has which reference: rows stay when the content itself leaves this gateway, since they
 * are how it is found again. Every call is one transaction, durable when it resolves. Drivers: memory, SQL.
 */
export type SwarmLedger = {
  find(digest: Digest): Promise<SwarmRecord | undefined>
  /** The rows of those that have one. */
  findMany(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, SwarmRecord>>
  /**
   * The reference that was computed from the very bytes of the digest: proven. It takes the place of one that was only said, and a row
   * whose reference changes that way is `local` again, or `queued` if it was. @throws SwarmReferenceConflict for a second proven one
   */
  recordReference(digest: Digest, size: number, swarmReference: Hex): Promise<void>
  /** References as a list or a content index says them, for contents that have none. */
  claimReferences(contents: readonly (SizedContent & { swarmReference: Hex })[]): Promise<void>
  /** Of `digests` those without a proven reference, in their order. */
  withoutProvenReference(digests: readonly Digest[]): Promise<readonly Digest[]>
  /**
   * Asks for content to be uploaded; what is queued, uploaded or verified already stays as it is, unless `again` (another batch, a
   * re-seed): then everything begins anew, without failures.
   */
  enqueue(contents: readonly SizedContent[], again?: boolean): Promise<void>
  /** Content left this gateway before it was uploaded: a queued row is `local` again. */
  dequeue(digest: Digest): Promise<void>
  /** Rows in this state whose time has come, those that wait longest first, at most `limit`. `now` in unix seconds. */
  listDue(state: 'queued' | 'uploaded', now: number, limit: number): Promise<readonly SwarmRecord[]>
  /**
   * The same for several that work side by side and may be cut off at any moment: what one claims is not due again before `until`
   * (unix seconds), unless it says how it ended. Until then its last error is `cutOff`; a queued row that has that already, and so is
   * claimed once more after nobody said anything, counts one failure more.
   */
  claimDue(state: 'queued' | 'uploaded', now: number, limit: number, until: number): Promise<readonly SwarmRecord[]>
  /** `nextTryAt`: unix seconds, not to be read back before. Only a queued row moves. */
  markUploaded(digest: Digest, postageBatchId: Hex, nextTryAt: number): Promise<void>
  /** Only an uploaded row moves. */
  markVerified(digest: Digest): Promise<void>
  /** One more failure of a row that is queued or uploaded; its state stays. `nextTryAt` in unix seconds. */
  markFailed(digest: Digest, lastError: string, nextTryAt: number): Promise<void>
  /** Rows with a reference, ascending by digest, those after `after` ("" from the start), at most `limit`. */
  list(after: string, limit: number): Promise<readonly SwarmRecord[]>
  /** How many rows are in each state. */
  count(): Promise<Readonly<Record<SwarmState, number>>>
}

/** What a row says whose try was not heard of again. */
export const cutOff = 'the last try was cut off: its time was over, or it took more than a run of this gateway may take'

/** One digest cannot have two references: the stored bytes changed, or one of the two was computed wrongly. */
export class SwarmReferenceConflict extends Error {
  override readonly name = 'SwarmReferenceConflict'
  constructor(digest: Digest, known: Hex, swarmReference: Hex) {
    super(`${digest} has the Swarm reference ${known} and cannot have ${swarmReference} too`)
  }
}
