import type { Address, Hex } from 'viem'
import type { TagEntry } from './entry.ts'
import type { ListHeader, SignedList, SignerSignature, Timestamp } from './list.ts'

/** The JSON of protocol 5: hex with 0x in lower case, integers as numbers, members in this order. */
export type HeaderJson = {
  name: string
  node: Hex
  owner: Address
  epoch: number
  version: number
  previous: Hex
  root: Hex
  count: number
  delegations: Hex
  issuedAt: number
  expiresAt: number
}
/** `Entry` of protocol 5. */
export type EntryJson = {
  digest: string
  size: number
  mediaType: string
  swarmReference: string
  updatedVersion: number
  flags: number
}
/** `Timestamp` of protocol 5. */
export type TimestampJson = { issuedAt: number; expiresAt: number; signature: string }
/** `Signature` of protocol 5. */
export type SignatureJson = { signer: string; signature: string }

/** A header as the endpoints write it. */
export function headerToJson(list: ListHeader): HeaderJson {
  return {
    name: list.name,
    node: list.node,
    owner: list.owner,
    epoch: Number(list.epoch),
    version: Number(list.version),
    previous: list.previous,
    root: list.root,
    count: Number(list.count),
    delegations: list.delegations,
    issuedAt: Number(list.issuedAt),
    expiresAt: Number(list.expiresAt),
  }
}

/** An entry as the endpoints write it. */
export function entryToJson(entry: TagEntry): EntryJson {
  const { digest, size, mediaType, swarmReference, updatedVersion, flags } = entry
  return { digest, size, mediaType, swarmReference, updatedVersion, flags }
}

/** A timestamp as the endpoints write it; null for none. */
export function timestampToJson(timestamp: Timestamp | null): TimestampJson | null {
  if (timestamp === null) return null
  const { issuedAt, expiresAt, signature } = timestamp
  return { issuedAt: Number(issuedAt), expiresAt: Number(expiresAt), signature }
}

/** Signatures as the endpoints write them. */
export function signaturesToJson(signatures: readonly SignerSignature[]): SignatureJson[] {
  return signatures.map(({ signer, signature }) => ({ signer, signature }))
}

/** The members that every answer about a list begins with (protocol 5). */
export function signedListToJson({ list, hash, signatures }: SignedList) {
  return { list: headerToJson(list), hash, signatures: signaturesToJson(signatures) }
}
