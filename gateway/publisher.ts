import type { Deps } from './deps.ts'
import type { OpenRepository } from './routes/repository.ts'
import type { TagEntry } from './tags/entry.ts'
import type { SignedList } from './tags/list.ts'
import type { TagChange } from './tags/tree.ts'

/**
 * Decides, against the list that the commit will compare with, what to change: called again after a lost race. `entryOf` reads the
 * current entry of a tag, tombstones included (undefined when it has no slot). Authorisation belongs here. An empty answer publishes
 * nothing. New entries carry any `updatedVersion`: publishing sets it.
 */
export type DecideChanges = (current: {
  head: SignedList | undefined
  entryOf: (tag: string) => Promise<TagEntry | undefined>
}) => Promise<readonly TagChange[]>

/**
 * Signs and commits the next version of a repository's list: all changes or none, one signature. Publishes of one repository in this
 * process run one after another; against other processes it is compare-and-swap with a bounded number of tries. Resolves after the
 * commit is durable, with the list that holds the changes.
 * @throws OciError DENIED (immutable tag), Refusal, ChainUnavailable
 */
export declare function publishTags(
  deps: Deps,
  repository: OpenRepository,
  decide: DecideChanges,
): Promise<SignedList | undefined>
