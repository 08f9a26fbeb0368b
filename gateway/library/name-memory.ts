import type { Hex } from 'viem'
import { checkImmutable, FLAG_IMMUTABLE, type TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import type { Proof } from '../tags/tree.ts'
import { type NameMemory, verifyAgainstMemory } from '../tags/verify.ts'

/** A list that was verified, and where it was about one tag, what it said: `proof` null where the whole list was read. */
export type Witness = { signed: SignedList; proof: Proof | null }

/**
 * What a client remembers of a name under one owner (row 9), with what proves it: `signed` is the newest list seen, null where an owner
 * was accepted and no list of theirs seen yet; `witnesses` has for each entry the list that it was seen in.
 */
export type OwnerMemory = NameMemory & { signed: SignedList | null; witnesses: ReadonlyMap<string, Witness> }

/** All that is remembered of a name: under the owner that it is held to, and under those before, who may come back. */
export type NamePast = { present: OwnerMemory; others: readonly OwnerMemory[] }

/**
 * What a verified list said of the tags that were asked for, `all` where it was read whole: entries as their slots hold them, tombstones
 * too, none for what is absent; proofs where there were any.
 */
export type SeenTags = {
  tags: readonly string[] | 'all'
  entries: ReadonlyMap<string, TagEntry>
  proofs?: ReadonlyMap<string, Proof>
}

/** Two statements of one name's publishers that cannot both hold; `tag` null where the lists themselves contradict each other. */
export type Conflict = {
  reason: 'Equivocation' | 'ImmutableChanged'
  tag: string | null
  before: Witness & { entry: TagEntry | null }
  now: Witness & { entry: TagEntry | null }
}

/**
 * What is remembered after a verified list was seen; the same object when that is nothing new. A list below the newest one seen was read
 * while somebody else read that one: it changes nothing, and what it says of immutable tags must hold all the same.
 * @throws Refusal OwnerChanged, Equivocation, ImmutableChanged
 */
export function rememberList(past: NamePast | null, signed: SignedList, seen: SeenTags): NamePast {
  const { list, hash } = signed
  const before = past?.present ?? null
  if (before !== null && isLower(signed, before))
    return { ...(past as NamePast), present: addOlder(before, signed, seen) }
  verifyAgainstMemory(before, list, hash, null, undefined)
  for (const tag of tagsToCompare(before, seen)) verifyAgainstMemory(before, list, hash, tag, seen.entries.get(tag))
  const { owner, epoch, version } = list
  const isSameLine = before?.epoch === epoch
  const entries = new Map(isSameLine ? before.entries : [])
  const witnesses = new Map(isSameLine ? before.witnesses : [])
  addImmutable(entries, witnesses, signed, seen)
  return { present: { owner, epoch, version, hash, entries, signed, witnesses }, others: past?.others ?? [] }
}

/** Whole lists are held to all that is remembered of tags. */
function tagsToCompare(before: OwnerMemory | null, { tags }: SeenTags): Iterable<string> {
  return tags === 'all' ? (before?.entries.keys() ?? []) : tags
}

function isLower({ list }: SignedList, { owner, epoch, version }: OwnerMemory): boolean {
  return list.owner === owner && (list.epoch < epoch || (list.epoch === epoch && list.version < version))
}

/** An older list of the same epoch still adds what it proves: what was immutable then is so now. */
function addOlder(before: OwnerMemory, signed: SignedList, seen: SeenTags): OwnerMemory {
  if (signed.list.epoch !== before.epoch) return before
  const entries = new Map(before.entries)
  const witnesses = new Map(before.witnesses)
  const unknown = new Map<string, TagEntry>()
  for (const [tag, entry] of seen.entries) {
    const known = before.entries.get(tag)
    if (known === undefined) unknown.set(tag, entry)
    else if ((entry.flags & FLAG_IMMUTABLE) !== 0) checkImmutable(tag, entry, known)
  }
  addImmutable(entries, witnesses, signed, { ...seen, entries: unknown })
  return entries.size === before.entries.size ? before : { ...before, entries, witnesses }
}

/** An entry that is known as it is keeps its witness, which may have a proof. */
function addImmutable(
  entries: Map<string, TagEntry>,
  witnesses: Map<string, Witness>,
  signed: SignedList,
  seen: SeenTags,
): void {
  for (const [tag, entry] of seen.entries) {
    if ((entry.flags & FLAG_IMMUTABLE) === 0 || isSameEntry(entries.get(tag), entry)) continue
    entries.set(tag, entry)
    witnesses.set(tag, { signed, proof: seen.proofs?.get(tag) ?? null })
  }
}

function isSameEntry(one: TagEntry | undefined, other: TagEntry): boolean {
  if (one === undefined) return false
  const { digest, size, mediaType, swarmReference, updatedVersion, flags } = other
  const isSame = one.digest === digest && one.size === size && one.mediaType === mediaType
  const { updatedVersion: since } = one
  return isSame && one.swarmReference === swarmReference && since === updatedVersion && one.flags === flags
}

/** Whether two pasts say the same: then nothing needs to be written. */
export function isSamePast(before: NamePast | null, after: NamePast): boolean {
  if (before === null || before.others !== after.others) return false
  const [one, other] = [before.present, after.present]
  if (one === other) return true
  const isSameHead = one.owner === other.owner && one.epoch === other.epoch && one.hash === other.hash
  if (!isSameHead || one.signed === null || one.entries.size !== other.entries.size) return false
  return [...other.entries].every(([tag, entry]) => one.entries.get(tag) === entry)
}

/**
 * Holds the name to another owner from now on, at least at this epoch. What was seen of the owners before is kept for when one comes
 * back: their old lists are alive then (protocol 3).
 */
export function acceptOwner(past: NamePast | null, owner: Hex, epoch: bigint): NamePast {
  const known = past === null ? [] : [past.present, ...past.others]
  const [returning] = known.filter((each) => each.owner === owner)
  const nothing = { version: 0n, hash: noHash, entries: new Map(), signed: null, witnesses: new Map() }
  return {
    present: returning ?? { owner, epoch, ...nothing },
    others: known.filter((each) => each.owner !== owner),
  }
}

const noHash: Hex = `0x${'00'.repeat(32)}`

/** The two statements behind a refusal of row 9 that its list, which was verified otherwise, got; null for every other refusal. */
export function conflictBehind(
  refusal: Refusal,
  past: NamePast | null,
  signed: SignedList,
  seen: SeenTags,
): Conflict | null {
  const { reason } = refusal
  const before = past?.present
  if (before === undefined || before.signed === null) return null
  if (reason === 'Equivocation') {
    return { reason, tag: null, before: bare(before.signed), now: bare(signed) }
  }
  if (reason !== 'ImmutableChanged') return null
  const tags = [...tagsToCompare(before, seen)]
  const said = (tag: string) => [before.entries.get(tag), seen.entries.get(tag)] as const
  const tag =
    tags.find((each) => isMoved(each, ...said(each))) ?? tags.find((each) => isMoved(each, ...swap(said(each))))
  const witness = tag === undefined ? undefined : before.witnesses.get(tag)
  if (tag === undefined || witness === undefined) return null
  return {
    reason,
    tag,
    before: { ...witness, entry: before.entries.get(tag) ?? null },
    now: { signed, entry: seen.entries.get(tag) ?? null, proof: seen.proofs?.get(tag) ?? null },
  }
}

function bare(signed: SignedList): Conflict['before'] {
  return { signed, entry: null, proof: null }
}

/** The list that is refused may be the older one. */
function swap<One, Other>([one, other]: readonly [One, Other]): readonly [Other, One] {
  return [other, one]
}

function isMoved(tag: string, before: TagEntry | undefined, now: TagEntry | undefined): boolean {
  if (before === undefined) return false
  try {
    checkImmutable(tag, before, now)
    return false
  } catch (error) {
    if (error instanceof Refusal) return true
    throw error
  }
}
