import { callerLabel } from '../access.ts'
import type { Deps } from '../deps.ts'
import { OciError } from '../oci/error.ts'
import { publishTags, renewList } from '../publisher.ts'
import { settleStaged, stageTags, type TagStates, withdrawStaged } from '../staging.ts'
import type { StagedChange } from '../store/staged-tags.ts'
import type { SignedList } from '../tags/list.ts'
import type { TagChange } from '../tags/tree.ts'
import { type Permission, permissionOf } from './permission.ts'
import { deniedPush, type PushRepository } from './repository.ts'
import { decidePoint, decideRemoval, type TagState, type TagTarget, type Verdict } from './tag-verdicts.ts'

/** `isStaged`: some of the tags are not in the list as this request left them, but wait for a publisher's signature. */
export type TagsChanged = { isStaged: boolean }

/**
 * Makes tags point to a manifest that is stored already: all of them or none, in one signature, or staged where this gateway cannot
 * sign. Tags that point there change nothing, unless their entry has no Swarm reference or a wrong one, or the list has expired: this
 * push is what repairs it. @throws OciError DENIED for an immutable tag and for a caller who may not, ManifestGone when the collector was faster
 */
export async function pointTags(
  deps: Deps,
  repository: PushRepository,
  tags: readonly string[],
  target: TagTarget,
): Promise<TagsChanged> {
  const decide: Decide = (state, permission) => decidePoint(state, target, permission)
  const { isStaged, head } = await applyTagChanges(deps, repository, tags, decide, target.digest)
  if (head && head.list.expiresAt <= deps.clock()) await renewList(deps, repository)
  return { isStaged }
}

/**
 * Removes tags, those with `digest` alone where that is given: a mutable one loses its slot, an immutable one gets its tombstone (protocol
 * 2.1), one that is only staged is withdrawn. Those that are gone already count for nothing. @throws OciError DENIED
 */
export async function removeTags(
  deps: Deps,
  repository: PushRepository,
  tags: readonly string[],
  digest?: TagTarget['digest'],
): Promise<TagsChanged> {
  const decide: Decide = (state, permission) => decideRemoval(state, permission, digest)
  const { isStaged } = await applyTagChanges(deps, repository, tags, decide)
  return { isStaged }
}

type Decide = (state: TagState, permission: Permission) => Verdict

/** `head`: the list that a publishing gateway leaves, undefined where there is none or what was decided is staged. */
type Applied = TagsChanged & { head: SignedList | undefined }

/**
 * The one door for every change of tags that the registry API decides: a gateway that can sign it publishes it, another one stages it.
 * Whether the caller may is asked in the decision itself, against what the commit compares with.
 */
async function applyTagChanges(
  deps: Deps,
  repository: PushRepository,
  tags: readonly string[],
  decide: Decide,
  manifest?: TagTarget['digest'],
): Promise<Applied> {
  const permission = await permissionOf(deps, repository, repository.caller)
  if (!permission) throw await deniedPush(repository, callerLabel(repository.caller))
  const unique = [...new Set(tags)]
  const decideTag = (state: Omit<TagState, 'way'>) => decide({ ...state, way: repository.way }, permission)
  if (repository.way === 'publish') return publishDecided(deps, repository, unique, decideTag, manifest)
  return { isStaged: await stageDecided(deps, repository, unique, decideTag, permission, manifest), head: undefined }
}

type DecideTag = (state: Omit<TagState, 'way'>) => Verdict

/** What is staged for a tag that is published here gives way to it. */
async function publishDecided(
  deps: Deps,
  repository: PushRepository,
  tags: readonly string[],
  decide: DecideTag,
  manifest?: TagTarget['digest'],
): Promise<Applied> {
  let withdrawn: string[] = []
  const head = await publishTags(
    deps,
    repository,
    async ({ entryOf }) => {
      const { changes: staged } = await deps.staged.read(repository.line, tags)
      const changes: TagChange[] = []
      withdrawn = []
      for (const tag of tags) {
        const change = staged.find((each) => each.tag === tag)
        const verdict = decide({ tag, listed: await entryOf(tag), staged: change })
        if (verdict.entry !== undefined) changes.push({ tag, entry: verdict.entry })
        if (verdict.withdraws && change) withdrawn.push(tag)
      }
      return changes
    },
    manifest,
  )
  await withdrawStaged(deps, repository.line, withdrawn)
  await settleStaged(deps, repository.line)
  return { isStaged: false, head }
}

/** Resolves with whether any of the tags waits for a signature now. */
async function stageDecided(
  deps: Deps,
  repository: PushRepository,
  tags: readonly string[],
  decide: DecideTag,
  { label }: Permission,
  manifest?: TagTarget['digest'],
): Promise<boolean> {
  let isStaged = false
  const stagedAt = Number(deps.clock())
  const decideAll = (states: TagStates) => {
    const verdicts = tags.map((tag) => {
      return { tag, ...decide({ tag, listed: states.listed.get(tag), staged: states.staged.get(tag) }) }
    })
    isStaged = verdicts.some(({ waits }) => waits)
    const put = verdicts.flatMap(({ tag, entry, waits }) => {
      if (entry !== undefined)
        return [{ tag, entry: entry && { ...entry, updatedVersion: 0 }, stagedAt, stagedBy: label }]
      const known = states.staged.get(tag)
      return waits && known && isHalfOver(deps, known, stagedAt) ? [{ ...known, stagedAt }] : []
    })
    const added = put.filter(({ tag }) => !states.staged.has(tag)).length
    if (states.count + added > deps.limits.maxStagedChanges) throw tooManyStaged(deps, repository)
    const drop = verdicts.filter(({ tag, withdraws }) => withdraws && states.staged.has(tag)).map(({ tag }) => tag)
    return { put, drop }
  }
  await stageTags(deps, repository, tags, decideAll, manifest)
  return isStaged
}

/** What is pushed again while it waits begins to wait anew, so that it does not go an hour after a client heard that it is staged. */
function isHalfOver({ limits }: Deps, { stagedAt }: StagedChange, now: number): boolean {
  return 2 * (now - stagedAt) >= limits.stagedTtlSeconds
}

function tooManyStaged({ limits }: Deps, { name }: PushRepository): OciError {
  const message = `${limits.maxStagedChanges} tags of ${name.ensName} wait for a signature already: publish them, or delete some`
  return new OciError('DENIED', message, { detail: { limit: limits.maxStagedChanges } })
}
