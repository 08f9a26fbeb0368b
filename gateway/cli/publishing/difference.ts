import type { Policy } from '../../tags/authority.ts'
import { FLAG_IMMUTABLE, isTombstone, type TagEntry } from '../../tags/entry.ts'
import type { WholeList } from '../client/read-list.ts'
import type { Draft } from './draft.ts'
import type { Move } from './moves.ts'

/** What a person is asked about: everything that the new list changes, line by line. */
export function describeDifference(
  base: WholeList | null,
  draft: Draft,
  moves: readonly Move[],
  policy: Policy,
): string[] {
  const { name, version, count, owner, epoch, expiresAt } = draft.list
  const from =
    base === null ? 'nothing was published before' : `version ${base.signed.list.version} of ${name} is verified`
  const tags = count === 2n ? '1 tag' : `${count - 1n} tags`
  return [
    `${name}: ${from}; version ${version} will have ${tags}, until ${timeText(expiresAt)}`,
    ...moves.flatMap(describeMove),
    ...(moves.length === 0 ? ['  no tag changes: the list is signed anew'] : []),
    `  owner ${owner}, epoch ${epoch}; ${neededText(policy, draft)}`,
    `  list ${draft.hash}`,
  ]
}

function neededText({ publishers, threshold }: Policy, { signatures }: Draft): string {
  const so = signatures.length === 0 ? '' : `, signed by ${signatures.map(({ signer }) => signer).join(', ')}`
  return `${threshold} of ${publishers.length} publishers sign${so}`
}

function describeMove({ tag, before, after, platforms, staged }: Move): string[] {
  const kind = kindOf(before, after)
  const entry = after ?? before
  const digests = kind === 'moved' ? `${before?.digest} -> ${after?.digest}` : (entry?.digest ?? '')
  const about = [
    ...(after !== null && !isTombstone(after) ? [`${after.size} bytes`, after.mediaType] : []),
    ...(platforms.length > 0 ? [platforms.join(', ')] : []),
    ...(after === null ? [] : lastingChanges(before, after)),
    ...(staged === null ? [] : [`pushed by ${staged.by} at ${timeText(staged.at)}`]),
  ]
  const lines = [`  ${kind.padEnd(8)}${tag}  ${digests}`]
  return about.length === 0 ? lines : [...lines, `          ${about.join('; ')}`]
}

/** What stays true of a tag, or changes of it, where its digest says nothing of that. */
function lastingChanges(before: TagEntry | null, after: TagEntry): string[] {
  const isSameManifest = before?.digest === after.digest && before.swarmReference !== after.swarmReference
  const reference = isSameManifest ? [`Swarm reference ${before.swarmReference} -> ${after.swarmReference}`] : []
  if (isTombstone(after)) return ['deleted for good: the tag cannot be used again in this epoch', ...reference]
  return [...(isImmutable(after) && !isImmutable(before) ? ['immutable from now on'] : []), ...reference]
}

/** What becomes of a tag. */
export type MoveKind = 'added' | 'moved' | 'removed' | 'flagged'

/** A tombstone removes a tag, one that was never there too. */
export function kindOf(before: TagEntry | null, after: TagEntry | null): MoveKind {
  if (after === null || (isTombstone(after) && !(before !== null && isTombstone(before)))) return 'removed'
  if (before === null) return 'added'
  return before.digest === after.digest && before.mediaType === after.mediaType ? 'flagged' : 'moved'
}

function isImmutable(entry: TagEntry | null): boolean {
  return entry !== null && (entry.flags & FLAG_IMMUTABLE) !== 0
}

function timeText(unixSeconds: bigint | number): string {
  const at = new Date(Number(unixSeconds) * 1000)
  return Number.isNaN(at.getTime()) ? `${unixSeconds}` : at.toISOString()
}
