import { type Address, type Hex, recoverAddress } from 'viem'
import { byteLength, isLowerHex } from './bytes.ts'

/**
 * Asks a contract account for `isValidSignature(hash, signature)` by static call at the block of the check (ERC-1271).
 * Returns the return data; undefined when the address has no code or the call fails. @throws when the chain cannot be asked.
 */
export type AskContractSignature = (signer: Address, hash: Hex, signature: Hex) => Promise<Hex | undefined>

/** Protocol 2.3. */
export const MAX_SIGNATURE_BYTES = 8192
/** Protocol 2.3: signatures of one list. */
export const MAX_SIGNATURES = 8

const ZERO_ADDRESS = `0x${'00'.repeat(20)}`
/** ERC-1271's answer for valid, left-aligned in a word. */
const VALID_WORD = `0x1626ba7e${'00'.repeat(28)}`
const halfOrder = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/**
 * The signature rule of protocol 2.3: ECDSA first (65 bytes r|s|v, v 27 or 28, low s), then ERC-1271 if the signer has code.
 * Never true for address(0); no EIP-2098, no ERC-6492.
 */
export async function isSignatureValid(
  signer: Address,
  hash: Hex,
  signature: Hex,
  askContract: AskContractSignature,
): Promise<boolean> {
  if (signer === ZERO_ADDRESS || !isLowerHex(signature) || byteLength(signature) > MAX_SIGNATURE_BYTES) return false
  if ((await recoverSigner(hash, signature)) === signer) return true
  const answer = await askContract(signer, hash, signature)
  return answer?.toLowerCase().slice(0, 66) === VALID_WORD
}

/** The address that made a canonical 65-byte signature, in lower case; undefined for any other bytes. */
async function recoverSigner(hash: Hex, signature: Hex): Promise<Address | undefined> {
  if (byteLength(signature) !== 65) return undefined
  const v = signature.slice(130)
  const s = BigInt(`0x${signature.slice(66, 130)}`)
  if ((v !== '1b' && v !== '1c') || s > halfOrder) return undefined
  try {
    return (await recoverAddress({ hash, signature })).toLowerCase() as Address
  } catch {
    return undefined // r or s zero or not below the order, or no point: ecrecover answers address(0)
  }
}
