import type { Address, Hex } from 'viem'
import type { AskContractSignature } from './signature.ts'

/** Who may sign for a name (protocol 3). Publishers strictly ascending; without a policy the owner alone, threshold 1. */
export type Policy = {
  publishers: readonly Address[]
  threshold: number
  /** The address that signs freshness, or null for none. */
  timestamper: Address | null
  /** Seconds a timestamp stays fresh; 0 without a timestamper. */
  maxAgeSeconds: number
}

/** What the chain says about one ENS name at one block: everything rows 2 to 7 of the check order ask. */
export type NameAuthority = {
  chainId: number
  /** The resolver contract whose state this is. */
  resolver: Address
  ensName: string
  node: Hex
  blockNumber: bigint
  /** Unix seconds of that block. */
  blockTime: bigint
  /** Whether the first non-zero resolver on the path from the name upwards is `resolver`. */
  reachable: boolean
  /** The deepest suffix of two or more labels that has an owner; null when none has. */
  authorityName: string | null
  owner: Address | null
  policy: Policy
  epoch: bigint
  minVersion: bigint
  /** 0 and zero hash for no anchor. */
  anchorVersion: bigint
  anchorHash: Hex
  /** Whether the owner, or the key itself, revoked `key` for this authority. */
  isRevoked(key: Address): Promise<boolean>
  askContract: AskContractSignature
}
