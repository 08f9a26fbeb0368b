import type { Address, Hex } from 'viem'

/**
 * Asks a contract account for `isValidSignature(hash, signature)` by static call at the block of the check (ERC-1271).
 * Returns the return data; undefined when the address has no code or the call fails. @throws when the chain cannot be asked.
 */
export type AskContractSignature = (signer: Address, hash: Hex, signature: Hex) => Promise<Hex | undefined>

/**
 * The signature rule of protocol.md 2.3: ECDSA first (65 bytes r|s|v, v 27 or 28, low s), then ERC-1271 if the signer has code.
 * Never true for address(0); no EIP-2098, no ERC-6492.
 */
export declare function isSignatureValid(
  signer: Address,
  hash: Hex,
  signature: Hex,
  askContract: AskContractSignature,
): Promise<boolean>
