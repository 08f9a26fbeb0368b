import type { Digest } from '../oci/digest.ts'
import type { TagEntry } from '../tags/entry.ts'
import type { ListLine } from './tag-list-store.ts'

/**
 * A change of one tag that was pushed and that no list has yet (protocol 5, relay gateway). `entry` null: the slot is to go; of an immutable
 * tag the entry with its tombstone. `updatedVersion` is 0. `stagedAt` is unix seconds.
 */
export type StagedChange = { tag: string; entry: TagEntry | null; stagedAt: number; stagedBy: string }

/** All that is staged under a line. `generation` counts its writes and never falls; 0 before the first. */
export type StagedTags = { generation: number; changes: readonly StagedChange[] }

/**
 * Changes that wait for the publisher's signature, one at most for each tag. Writes are compare-and-swap on `generation`, so that whoever
 * decides over a tag decides over what is there. Durable when a call resolves. Drivers: memory, SQL.
 */
export type StagedTagStore = {
  /** Everything staged, by tag in byte order. */
  read(line: ListLine): Promise<StagedTags>
  /** One tag's change; undefined when nothing is staged for it. One round trip. */
  find(line: ListLine, tag: string): Promise<StagedChange | undefined>
  /**
   * Sets these tags' changes, each in the place of what was staged for its tag, all or none. False when `generation` is no longer the
   * present one: nothing was written. With `manifest` as `TagListStore.commit`. @throws ManifestGone
   */
  put(line: ListLine, generation: number, changes: readonly StagedChange[], manifest?: Digest): Promise<boolean>
  /** Takes these tags' changes away, as `put` does: published, withdrawn or too old. */
  drop(line: ListLine, generation: number, tags: readonly string[]): Promise<boolean>
  /** Every line that has something staged. */
  listLines(): Promise<readonly ListLine[]>
}
