import type { TagEntry } from './entry.ts'
import type { ListHeader, SignedList, SignerSignature, Timestamp } from './list.ts'
import type { TagChange } from './tree.ts'

/** The JSON of protocol.md 5: hex with 0x in lower case, integers as numbers, members in this order. */
export type HeaderJson = Record<string, string | number>
export type EntryJson = {
  digest: string
  size: number
  mediaType: string
  swarmReference: string
  updatedVersion: number
  flags: number
}

export declare function headerToJson(list: ListHeader): HeaderJson
export declare function entryToJson(entry: TagEntry): EntryJson
export declare function timestampToJson(
  timestamp: Timestamp | null,
): { issuedAt: number; expiresAt: number; signature: string } | null
export declare function signaturesToJson(
  signatures: readonly SignerSignature[],
): { signer: string; signature: string }[]

/** A parsed `PUT /v2/<repository>/_mooring/list` body: a whole list in slot order without the sentinel, or changes to the current one. */
export type ListUpload = {
  list: ListHeader
  signatures: readonly SignerSignature[]
} & ({ entries: readonly { tag: string; entry: TagEntry }[] } | { changes: readonly TagChange[] })

/**
 * Reads the body of a PUT: unknown, missing or duplicate members, wrong types and hex in upper case are refused. A generator, so
 * that a body of tens of megabytes does not hold the event loop: it yields every few hundred entries.
 * @throws OciError MANIFEST_INVALID naming the member
 */
export declare function parseListUpload(text: string): Generator<void, ListUpload>

/** Reads a list answer (`GET _mooring/list`, `proof`, a 412's body) back; the client side of the same JSON. @throws OciError MANIFEST_INVALID */
export declare function parseSignedListJson(value: unknown): SignedList
export declare function parseEntryJson(value: unknown): TagEntry
