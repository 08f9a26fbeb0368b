import { type Address, type Hex, hashTypedData } from 'viem'

/**
 * What the owners of a Safe sign so that the Safe approves a list (ERC-1271): Safe's contracts wrap the list hash, as the bytes of a
 * message, once more (`SafeMessage`, the fallback handler of Safe 1.3.0 and later). `hash` is what their signatures are over.
 */
export function safeMessageOf(chainId: number, safe: Address, listHash: Hex) {
  const typedData = {
    types: { SafeMessage: [{ name: 'message', type: 'bytes' }] },
    domain: { chainId, verifyingContract: safe },
    primaryType: 'SafeMessage',
    message: { message: listHash },
  } as const
  return { hash: hashTypedData(typedData), typedData }
}
