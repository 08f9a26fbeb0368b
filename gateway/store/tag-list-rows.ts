import type { Address, Hex } from 'viem'
import { algorithmOf, type Digest, hexOf, parseDigest } from '../oci/digest.ts'
import { decodeTagEntry, encodeTagEntry, type TagEntry } from '../tags/entry.ts'
import type { SignedList, SignerSignature, Timestamp } from '../tags/list.ts'
import type { Slot } from '../tags/tree.ts'
import type { SqlStatement, SqlValue } from './sql.ts'
import type { ListLine, TagTransition } from './tag-list-store.ts'

/** A row of list_version with the name, owner and epoch of its line. */
export type VersionRow = {
  ens_name: string
  owner: Address
  epoch: number
  version: number
  hash: Hex
  node: Hex
  previous: Hex
  root: Hex
  count: number
  delegations: Hex
  issued_at: number
  expires_at: number
  signatures_json: string
  timestamp_json: string | null
  tree_id: number
}
/** Bytes of a slot as bare hex. */
export type SlotRow = { position: number; key: string; next_key: string; value: string }
/** What one version changed for one tag; values as bare hex, null for none. */
export type ChangeRow = { version: number; tag: string; before: string | null; after: string | null }

/** The slot every list begins with. */
export const sentinel: Slot = { key: '0x', nextKey: '0x', value: '0x' }

/** Flags are the first byte of a value: below 2 without the tombstone bit (protocol 2.1). */
export const isShown = "substr(s.value, 1, 1) < x'02'"
/** The digest of a slot as other tables have it: sha256:<hex>. */
export const digestText = `CASE substr(s.digest, 1, 1) WHEN x'01' THEN 'sha256:' ELSE 'sha512:' END || lower(hex(substr(s.digest, 2)))`
/** A list_line row is the one of `line` when its key columns equal ?1 to ?5. */
export const isLine = 'l.chain_id = ?1 AND l.resolver = ?2 AND l.ens_name = ?3 AND l.owner = ?4 AND l.epoch = ?5'
/** The columns of a `VersionRow`. */
export const versionColumns = `l.ens_name, l.owner, l.epoch, v.version, v.hash, v.node, v.previous, v.root, v.count, v.delegations,
  v.issued_at, v.expires_at, v.signatures_json, v.timestamp_json, v.tree_id`
/** The columns of a `SlotRow`. */
export const slotColumns =
  's.position, lower(hex(s.key)) AS key, lower(hex(s.next_key)) AS next_key, lower(hex(s.value)) AS value'

/** The head's version of the line of ?1 to ?5. */
export const headOfLine = `FROM list_line l JOIN list_version v ON v.line_id = l.line_id AND v.version = l.head_version WHERE ${isLine}`
/** Reads the head of the line of ?1 to ?5 as a `VersionRow`. */
export const selectHead = `SELECT ${versionColumns} ${headOfLine}`

/** A statement about one line: ?1 to ?5 are taken, `values` are ?6 and on. */
export function ofLine(text: string, line: ListLine, ...values: (string | number)[]): SqlStatement {
  return { text, values: [...lineValues(line), ...values] }
}

/** The values ?1 to ?5 of `isLine`. */
export function lineValues(line: ListLine): SqlValue[] {
  return [line.chainId, line.resolver, line.ensName, line.owner, safeInteger(line.epoch)]
}

/** The signed list that a row holds. */
export function signedListOf(row: VersionRow): SignedList {
  return {
    list: {
      name: row.ens_name,
      node: row.node,
      owner: row.owner,
      epoch: BigInt(row.epoch),
      version: BigInt(row.version),
      previous: row.previous,
      root: row.root,
      count: BigInt(row.count),
      delegations: row.delegations,
      issuedAt: BigInt(row.issued_at),
      expiresAt: BigInt(row.expires_at),
    },
    hash: row.hash,
    signatures: JSON.parse(row.signatures_json) as SignerSignature[],
    timestamp: row.timestamp_json === null ? null : timestampOf(row.timestamp_json),
  }
}

/** The statement that records `signed` as a version of the line with this id; its changes stand under `treeId`. */
export function insertVersion(lineId: number, treeId: number, signed: SignedList): SqlStatement {
  const { list } = signed
  return {
    text: `INSERT INTO list_version (line_id, tree_id, version, hash, node, previous, root, count, delegations, issued_at, expires_at,
      signatures_json, timestamp_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    values: [
      lineId,
      treeId,
      safeInteger(list.version),
      signed.hash,
      list.node,
      list.previous,
      list.root,
      safeInteger(list.count),
      list.delegations,
      safeInteger(list.issuedAt),
      safeInteger(list.expiresAt),
      signaturesJson(signed.signatures),
      signed.timestamp && timestampJson(signed.timestamp),
    ],
  }
}

/** Signatures as the row keeps them. */
export function signaturesJson(signatures: readonly SignerSignature[]): string {
  return JSON.stringify(signatures.map(({ signer, signature }) => ({ signer, signature })))
}

/** The slot that a row holds. */
export function slotOf(row: SlotRow): Slot {
  return { key: `0x${row.key}`, nextKey: `0x${row.next_key}`, value: `0x${row.value}` }
}

/** The change that a row holds. */
export function transitionOf(row: ChangeRow): TagTransition {
  const version = BigInt(row.version)
  const entryOf = (value: string | null) => (value ? decodeTagEntry(`0x${value}`, version) : null)
  return { tag: row.tag, before: entryOf(row.before), after: entryOf(row.after) }
}

/** What `insertSlots`, `insertNodes` and `insertChanges` take, as JSON values with bytes in bare hex. */
export function slotItem(position: number, slot: Slot): unknown[] {
  return [position, bare(slot.key), bare(slot.nextKey), bare(slot.value)]
}

/** What `insertChanges` takes for one change. */
export function changeItem(ordinal: number, change: TagTransition): unknown[] {
  const valueBytes = (entry: TagEntry | null) => entry && bare(encodeTagEntry(entry))
  return [ordinal, change.tag, valueBytes(change.before), valueBytes(change.after)]
}

/** A digest as the column `slot.digest` has it, in bare hex. */
export function storedDigest(digest: Digest): string {
  return `${algorithmOf(digest) === 'sha256' ? '01' : '02'}${hexOf(digest)}`
}

/** The digest that the column `slot.digest` has, from bare hex. */
export function digestOfStored(stored: string): Digest {
  return parseDigest(`${stored.startsWith('01') ? 'sha256' : 'sha512'}:${stored.slice(2)}`)
}

/** Hex digits without 0x. */
export function bare(hex: Hex): string {
  return hex.slice(2)
}

/** @throws RangeError at 2^53 and above: such a number is in no list (protocol 2.2) and SQL would not keep it */
export function safeInteger(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is too large to be stored`)
  return number
}

/** A timestamp as its column has it: integers as text. */
export function timestampJson(timestamp: Timestamp): string {
  const { issuedAt, expiresAt, signature } = timestamp
  return JSON.stringify({ issuedAt: issuedAt.toString(), expiresAt: expiresAt.toString(), signature })
}

function timestampOf(json: string): Timestamp {
  const { issuedAt, expiresAt, signature } = JSON.parse(json) as { issuedAt: string; expiresAt: string; signature: Hex }
  return { issuedAt: BigInt(issuedAt), expiresAt: BigInt(expiresAt), signature }
}
