import type { Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { TagEntry } from '../tags/entry.ts'
import type { RepositoryKey } from './catalog.ts'
import type { ListLine } from './tag-list-store.ts'

/**
 * A change of one tag that was pushed and that no list has yet (protocol 5, relay gateway). `entry` null: the slot is to go; of an immutable
 * tag the entry with its tombstone. `updatedVersion` is 0. `stagedAt` is unix seconds.
 */
export type StagedChange = { tag: string; entry: TagEntry | null; stagedAt: number; stagedBy: string }

/**
 * What is staged under a line. `generation` counts the line's writes and never falls, 0 before the first; `count` is how many changes there
 * are in all, whichever were asked for.
 */
export type StagedTags = { generation: number; count: number; changes: readonly StagedChange[] }

/** What is set, each change in the place of what was staged for its tag, and which tags' changes are taken away: published, withdrawn, too old. */
export type StagedWrite = { put?: readonly StagedChange[]; drop?: readonly string[] }

/**
 * What a write was decided on. `listHash`: the line's current list, null for none, where the decision looked at it; `manifest` as
 * `TagListStore.commit`.
 */
export type StagedBasis = { generation: number; listHash?: Hex | null; manifest?: Digest }

/**
 * Changes that wait for the publisher's signature, one at most for each tag. Writes are compare-and-swap on `generation`, so that whoever
 * decides over a tag decides over what is there. Durable when a call resolves. Drivers: memory, SQL.
 */
export type StagedTagStore = {
  /** What is staged for these tags, or everything, by tag in byte order; all read at once. */
  read(line: ListLine, tags?: readonly string[]): Promise<StagedTags>
  /** One tag's change; undefined when nothing is staged for it. One round trip. */
  find(line: ListLine, tag: string): Promise<StagedChange | undefined>
  /**
   * Writes all of it or nothing. False when `basis` is no longer what is there: nothing was written, read and decide again.
   * @throws ManifestGone
   */
  write(line: ListLine, basis: StagedBasis, write: StagedWrite): Promise<boolean>
  /** Every line that has something staged: those of one repository, or all. */
  listLines(repository?: RepositoryKey): Promise<readonly ListLine[]>
}
