import type { Hex } from 'viem'
import type { TestProject } from 'vitest/node'
import { startDevChain } from '../../gateway/cli/dev-chain.ts'
import { type FakeBee, startFakeBee } from '../bee/fake-bee.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { openMemoryRegistry } from '../lookup/memory-registry.ts'
import { knownBodies, openKnownList } from '../lookup/same-bytes.ts'
import { indexType } from '../registry/client.ts'

/** On Node, before the tests in workerd; ends what it started after them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  project.provide('nodeBodies', await knownBodies(await openKnownList(openMemoryRegistry)))
  const publisher = addressOf(testKeys.owner)
  const chain = await startDevChain({ gatewayUrls: [], names: ['acme.eth'], publisher })
  project.provide('chain', { rpc: chain.rpc, chainId: chain.chainId, addresses: chain.addresses })
  const bee = await startFakeBee()
  project.provide('bee', { beeUrl: bee.beeUrl, ...(await putManifest(bee)) })
  return async () => {
    await Promise.all([chain.close(), bee.stop()])
  }
}

async function putManifest({ beeUrl, buyBatch }: FakeBee) {
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] })
  const postageBatchId = buyBatch()
  const headers = { 'swarm-postage-batch-id': postageBatchId, 'swarm-redundancy-level': '0' }
  const response = await fetch(`${beeUrl}/bytes`, { method: 'POST', headers, body: manifest })
  const { reference } = (await response.json()) as { reference: string }
  const hex = (digits: string): Hex => `0x${digits}`
  return { swarmReference: hex(reference), manifest, postageBatchId: hex(postageBatchId) }
}
