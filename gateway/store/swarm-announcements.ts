import type { Hex } from 'viem'

/** A version of a list as it was put on Swarm, with the content index beside it (protocol 6). */
export type Announcement = {
  ensName: string
  /** Whose feed points to it: 20 bytes in lower case; null where this gateway has no key for one. */
  feedOwner: Hex | null
  /** Position of an update of that feed that was found on Swarm some time after it was written; null: none was, or its batch ended. */
  feedEnd: number | null
  epoch: bigint
  version: bigint
  listHash: Hex
  /** Keccak of the signatures it was put there with: more may come, and keys be revoked. */
  signaturesHash: Hex
  listReference: Hex
  indexReference: Hex
  /** Of the feed's payload as content: who has it needs no feed. */
  payloadReference: Hex
  /** The root of the content index: the shards that are on Swarm already. */
  indexRoot: Hex
  /** How many contents that index has. */
  indexRows: number
  /** The batch that stamped all of it; null where that is not known, or some of it is gone. */
  postageBatchId: Hex | null
  /** Position at which the update that points to it was written; null: none was yet. */
  position: number | null
  /** Whether all of it was read back from a node, the update included. */
  isVerified: boolean
}

/**
 * What was put on Swarm last of each name's lists. What is still to be done follows from it and from the current lists, so nothing else
 * has to be queued. Every call is one transaction, durable when it resolves. Drivers: memory, SQL.
 */
export type AnnouncementStore = {
  /** The last one of a name under this owner of a feed; `null` for those under none. */
  find(ensName: string, feedOwner: Hex | null): Promise<Announcement | undefined>
  /** Takes the place of the one before. */
  record(announcement: Announcement): Promise<void>
}
