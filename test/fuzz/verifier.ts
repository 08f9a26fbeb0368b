import type { Hex } from 'viem'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { type FlatChain, readFlatAuthority, readFlatFallback, readFlatGateways } from '../flat-chain.ts'
import type { Outcome } from './outcome.ts'

/** A getter that the fallback does not know, asked for alone: the contract reverts with the error that a multicall would hold. */
class Unsupported extends Error {}

const unsupportedSelector = '0x7b1c461b'

/** What the TypeScript verifier says, its clock being the block's and its memory empty. Anything but a refusal goes through. */
export async function askVerifier(chain: FlatChain, request: Hex, response: Hex): Promise<Outcome> {
  try {
    const { result } = await verifyLookup({
      callData: request,
      response,
      readAuthority: (ensName) => readFlatAuthority(chain, ensName),
      readOnChain: async ({ ensName, multicall }) => ({
        registry: (await readFlatGateways(chain, ensName)).join(' '),
        fallback: alone(await readFlatFallback(chain, ensName), multicall),
      }),
      localTime: BigInt(chain.blockTime),
      memory: null,
    })
    return { ok: result }
  } catch (thrown) {
    if (thrown instanceof Refusal) return { error: thrown.reason }
    if (thrown instanceof Unsupported) return { error: 'UnsupportedResolverProfile' }
    throw thrown
  }
}

function alone(ask: (callData: Hex) => Hex, multicall: boolean): (callData: Hex) => Hex {
  return (callData) => {
    const answer = ask(callData)
    if (!multicall && answer.startsWith(unsupportedSelector)) throw new Unsupported()
    return answer
  }
}
