import type { Address, Hex } from 'viem'
import type { Digest } from '../oci/digest.ts'
import type { TagEntry } from '../tags/entry.ts'
import type { SignedList, SignerSignature, Timestamp } from '../tags/list.ts'
import type { Proof, Slot, TreeDelta, TreeReader } from '../tags/tree.ts'
import type { RepositoryKey, StoredManifest } from './catalog.ts'

/** One line of lists: version after version under one chain, contract, name, owner and epoch. A new owner or epoch begins anew. */
export type ListLine = { chainId: number; resolver: Address; ensName: string; owner: Address; epoch: bigint }

/** What one version changed, tag by tag. */
export type TagTransition = { tag: string; before: TagEntry | null; after: TagEntry | null }

/** A list with its tree: `slots` with the sentinel first, `levels` as `buildWellFormedTree` returns them, and what it changes. */
export type WholeList = {
  slots: readonly Slot[]
  levels: readonly (readonly Hex[])[]
  changes: readonly TagTransition[]
}

/** A list, a slot of it (undefined when absent), and its manifest where the line's repository shows that. */
export type FoundSlot = { head: SignedList; slot: Slot | undefined; manifest: StoredManifest | undefined }

/** A list and the entries it has for some tags, tombstones included; tags without a slot are left out. */
export type FoundEntries = { head: SignedList; entries: ReadonlyMap<string, TagEntry> }

/** A version of the history, and how many tags it changed. */
export type HistoryRecord = SignedList & { changeCount: number }

/**
 * The signed tag lists. Publishing is compare-and-swap: of several publishers of one version exactly one gets `true`. A header and
 * the proofs or slots read with it are always of one version. Durable when a call resolves; a crash leaves the old version or the
 * new one, whole. Drivers: memory, SQL.
 */
export type TagListStore = {
  /** The current list, undefined before the first publish. */
  findHead(line: ListLine): Promise<SignedList | undefined>
  /** The current list and the slot of exactly this key, all read at once; undefined without a list. */
  findSlot(line: ListLine, key: Hex): Promise<FoundSlot | undefined>
  /** The current list and its entries for these tags, all read at once; undefined without a list. */
  findEntries(line: ListLine, tags: readonly string[]): Promise<FoundEntries | undefined>
  /** The current list and one proof per key, in order; undefined without a list. Reads O(keys x log n) rows. */
  prove(line: ListLine, keys: readonly Hex[]): Promise<{ head: SignedList; proofs: readonly Proof[] } | undefined>
  /**
   * A reader over the slots and nodes of the list with hash `listHash`, for planning the next version; null begins a line: only the
   * sentinel. All its answers are of that version: once another publisher won, opening and reading @throws ListMoved, which means
   * the same as `commit` saying false (read the head and plan again).
   */
  openTree(line: ListLine, listHash: Hex | null): Promise<TreeReader>
  /**
   * Makes `signed` the head if the head's hash still is `signed.list.previous` (zero: there is none yet); writes the O(log n) rows of
   * `delta`. False when another list came first: nothing was written. With `manifest`, only while the line's repository shows that
   * manifest, so that no list names what was just collected or deleted. @throws ManifestGone
   */
  commit(line: ListLine, signed: SignedList, delta: TreeDelta, manifest?: Digest): Promise<boolean>
  /**
   * The same for a whole new list. Written in slices beside the current one, which stays readable until the swap.
   */
  replace(line: ListLine, signed: SignedList, whole: WholeList): Promise<boolean>
  /**
   * As `replace`, for a line that has no list yet and a list that need not be the first: what came before it is not here, and its history
   * begins with it. False when there is a list.
   */
  begin(line: ListLine, signed: SignedList, whole: WholeList): Promise<boolean>
  /** Replaces signatures of the current list (more of them came in, or a key was revoked). False when `listHash` is not the head. */
  putSignatures(line: ListLine, listHash: Hex, signatures: readonly SignerSignature[]): Promise<boolean>
  /**
   * Replaces the timestamp of the current list (protocol 2.2 `Timestamp`); a next version begins without one. False when `listHash` is not
   * the head. Never a step back: one that is not issued later than the kept one changes nothing, and is false too.
   */
  putTimestamp(line: ListLine, listHash: Hex, timestamp: Timestamp): Promise<boolean>
  /** Slots by position from `from` on, at most `limit`; undefined when `listHash` is no longer the head: begin again. */
  readSlots(line: ListLine, listHash: Hex, from: number, limit: number): Promise<readonly Slot[] | undefined>
  /** Tags in byte order after `after` ("" from the start), tombstones left out, at most `limit`; undefined without a list. */
  listTags(
    line: ListLine,
    after: string,
    limit: number,
  ): Promise<{ head: SignedList; tags: readonly string[] } | undefined>
  /** Tags whose entry has this digest, tombstones left out; empty without a list. */
  tagsOfDigest(line: ListLine, digest: string): Promise<readonly string[]>
  /** Lines that have a list, with the current one: those of one repository, or all. */
  listLines(repository?: RepositoryKey): Promise<readonly { line: ListLine; head: SignedList }[]>
  /**
   * Digests that the current list names, ascending, tombstones left out, those after `after` ("" from the start), at most `limit`. Each
   * page is of the list that is current then: what all of them name is in one page or another.
   */
  listDigests(line: ListLine, after: string, limit: number): Promise<readonly Digest[]>
  /** Versions newest first, those before the list with hash `before` when given, at most `limit`. */
  history(line: ListLine, before: Hex | null, limit: number): Promise<readonly HistoryRecord[]>
  /** What the version with hash `listHash` changed, in the order applied: at most `limit`, those before number `from` left out. */
  readChanges(line: ListLine, listHash: Hex, from: number, limit: number): Promise<readonly TagTransition[]>
}

/** The list of a reader is not the current one any more: another publisher came first. */
export class ListMoved extends Error {
  override readonly name = 'ListMoved'
  constructor(readonly listHash: Hex) {
    super(`list ${listHash} is no longer the current one`)
  }
}

/** A manifest that a list was to name is not in the repository any more. */
export class ManifestGone extends Error {
  override readonly name = 'ManifestGone'
  constructor(readonly digest: Digest) {
    super(`the repository does not show manifest ${digest} any more`)
  }
}
