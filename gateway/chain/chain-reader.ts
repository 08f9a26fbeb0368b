import type { Address } from 'viem'
import type { NameAuthority } from '../tags/authority.ts'
import type { ListDomain } from '../tags/list.ts'

/** What the gateway and the verifier ask of the chain. One reader is bound to one chain and one resolver contract. */
export type ChainReader = {
  readonly domain: ListDomain
  /**
   * What the chain says about a name now, all of it at one block. The gateway's reader may answer from at most 15 s ago
   * (protocol.md 5); the verifier's asks each time. @throws ChainUnavailable when no endpoint answers
   */
  readAuthority(ensName: string): Promise<NameAuthority>
  /** The base URLs of the gateways that the chain names for this name (the owner's, else the deployment's). @throws ChainUnavailable */
  readGateways(ensName: string): Promise<readonly string[]>
}

/** The chain could not be asked: never a statement about a name. Maps to 503. */
export class ChainUnavailable extends Error {
  override readonly name = 'ChainUnavailable'
}

/** The addresses a reader needs; on a public chain those of ENS come from viem. */
export type ChainAddresses = { ensRegistry: Address; resolver: Address }
