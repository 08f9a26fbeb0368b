import type { Address, Hex } from 'viem'

/**
 * Raw answers of the ENS registry, the NameWrapper and the .eth registrar at one block. Pure callers bring their own: RPC in
 * production, a table in the vectors. Zero addresses come back as null.
 */
export type EnsFacts = {
  blockTime: bigint
  wrapper: Address | null
  registryOwner(node: Hex): Promise<Address | null>
  registryResolver(node: Hex): Promise<Address | null>
  wrappedOwner(node: Hex): Promise<Address | null>
  /** Registrar expiry (unix seconds) of a .eth second-level name, by its label; null when never registered. */
  expiryOf(label: string): Promise<bigint | null>
}

/** Row 2 of the check order: first non-zero resolver on the path, and the deepest owned suffix of two or more labels. */
export declare function findAuthority(
  ensName: string,
  resolver: Address,
  facts: EnsFacts,
): Promise<{ reachable: boolean; authorityName: string | null; owner: Address | null }>
