import compiled from '../gateway/swarm/bmt.wasm'
import { createSwarmHash, type SwarmHash } from '../gateway/swarm/hash.ts'

/** Hashers in a Worker, over the compiled module that is deployed with it. Each result has a memory of its own. */
export function openSwarmHash(): Promise<SwarmHash> {
  return createSwarmHash(compiled)
}
