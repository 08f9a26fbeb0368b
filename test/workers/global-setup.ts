import type { TestProject } from 'vitest/node'
import { type DevAddresses, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { openMemoryRegistry } from '../lookup/memory-registry.ts'
import { knownBodies, openKnownList } from '../lookup/same-bytes.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What our handler on Node answers to `knownCalls`; test/lookup/ccip-server.test.ts holds the reference server to the same. */
    nodeBodies: string[]
    /** A chain with `acme.eth` of the test owner on it. */
    chain: { rpc: string; chainId: number; addresses: DevAddresses }
  }
}

/** On Node, before the tests in workerd; ends what it started after them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  project.provide('nodeBodies', await knownBodies(await openKnownList(openMemoryRegistry)))
  const publisher = addressOf(testKeys.owner)
  const chain = await startDevChain({ gatewayUrls: [], names: ['acme.eth'], publisher })
  project.provide('chain', { rpc: chain.rpc, chainId: chain.chainId, addresses: chain.addresses })
  return chain.close
}
