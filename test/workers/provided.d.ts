import type { Hex } from 'viem'
import type { DevAddresses } from '../../gateway/cli/dev-chain.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What our handler on Node answers to `knownCalls`; test/lookup/ccip-server.test.ts holds the reference server to the same. */
    nodeBodies: string[]
    /** A chain with `acme.eth` of the test owner on it. */
    chain: { rpc: string; chainId: number; addresses: DevAddresses }
    /** A Bee node that has a manifest, and a batch that pays there. */
    bee: { beeUrl: string; swarmReference: Hex; manifest: string; postageBatchId: Hex }
  }
}
