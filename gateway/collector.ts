import type { Deps } from './deps.ts'
import type { Digest } from './oci/digest.ts'

/** One piece of content, or one link to it, that nothing needs any more. */
export type Garbage = {
  kind: 'manifest' | 'blob' | 'content' | 'upload'
  repository: string | null
  digest: Digest | null
  bytes: number
}

/** What a collection removed, or with `dryRun` would remove. `bytes` are those that the store gives back. */
export type Collection = { removed: readonly Garbage[]; bytes: number }

/**
 * Mark and sweep. Marked, and so kept: what current lists name, what the retained history names, whatever those refer to (image indexes,
 * configs, layers, `data` and foreign layers aside), the referrers of what is kept, transitively, parts of running uploads, and everything
 * used within `graceSeconds` (a push, a mount, or a HEAD or GET that told a client "it is here already" renews that). The sweep of a
 * repository re-reads, in one transaction with the removal, that no newer list and no newer use came in between. Safe while pushes run;
 * resumable: a crash leaves content that the next run finds.
 */
export declare function collectGarbage(deps: Deps, options: { dryRun: boolean }): Promise<Collection>
