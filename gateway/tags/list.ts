import type { Address, Hex } from 'viem'

/** Which contract a signature is for: the EIP-712 domain is {name "Mooring", version "1", chainId, verifyingContract: resolver}. */
export type ListDomain = { chainId: number; resolver: Address }

/** The signed header of a tag list (protocol.md 2.2 `TagList`). Times are unix seconds; addresses and hashes lower case. */
export type ListHeader = {
  /** The ENS name in text, for instance `web.acme.eth`. */
  name: string
  node: Hex
  owner: Address
  epoch: bigint
  version: bigint
  /** The list hash of the list before; zero for the first of (node, owner, epoch). */
  previous: Hex
  root: Hex
  count: bigint
  delegations: Hex
  issuedAt: bigint
  expiresAt: bigint
}

export type SignerSignature = { signer: Address; signature: Hex }

/** A timestamper's statement that a list was current; its signature is over `hashTimestamp`. */
export type Timestamp = { issuedAt: bigint; expiresAt: bigint; signature: Hex }

/** A header with all that proves it. `hash` is the list hash: the EIP-712 signing hash. */
export type SignedList = {
  list: ListHeader
  hash: Hex
  signatures: readonly SignerSignature[]
  timestamp: Timestamp | null
}

/** keccak256(""): the only value of `delegations` in version 1. */
export const NO_DELEGATIONS: Hex = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`

/** The EIP-712 typed data of a list, for wallets and signers that show it (viem's `signTypedData` shape). */
export declare function listTypedData(domain: ListDomain, list: ListHeader): object

/** keccak256(0x1901 | domainSeparator | hashStruct(TagList)). */
export declare function hashList(domain: ListDomain, list: ListHeader): Hex

/** The signing hash of a Timestamp over the list with this hash. */
export declare function hashTimestamp(
  domain: ListDomain,
  timestamp: { node: Hex; epoch: bigint; version: bigint; list: Hex; issuedAt: bigint; expiresAt: bigint },
): Hex

/** The signing hash of a key's own revocation. */
export declare function hashRevocation(domain: ListDomain, revocation: { node: Hex; owner: Address; key: Address }): Hex
