import type { Address } from 'viem'
import type { AskContractSignature } from '../tags/signature.ts'
import { ChainUnavailable } from './chain-reader.ts'
import { askIsValidSignature } from './contract-signature.ts'
import { createRpc, type Rpc } from './rpc.ts'

/**
 * Asks accounts that are contracts for their signatures (ERC-1271) at the latest block, as the resolver's callback would: at the first of
 * the endpoints that can be asked. @throws ChainUnavailable from what it gives
 */
export function askAtLatestBlock(rpcUrls: readonly string[], resolver: Address): AskContractSignature {
  return async (signer, hash, signature) => {
    let fault: unknown = new ChainUnavailable('there is no RPC endpoint to ask')
    for (const url of rpcUrls) {
      try {
        const rpc: Rpc = createRpc(url)
        const { number } = await rpc.latestBlock()
        return await askIsValidSignature({ rpc, resolver, blockNumber: number }, signer, hash, signature)
      } catch (error) {
        if (!(error instanceof ChainUnavailable)) throw error
        fault = error
      }
    }
    throw fault
  }
}
