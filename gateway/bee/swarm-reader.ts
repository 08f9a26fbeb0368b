import type { Hex } from 'viem'
import type { SwarmHash } from '../swarm/hash.ts'
import type { Bee, BeeRange } from './bee.ts'

/** Content on Swarm as a signed list or our own index names it. */
export type SwarmContent = { swarmReference: Hex; size: number }

/**
 * Verified reading from several nodes of which none is believed. Content comes in windows of 512 KiB (one subtree whose children are
 * leaves): each is hashed and compared with its parent chunk, which was itself checked up to the reference, before a byte of it goes
 * out. So ranges are as safe as whole content, and a read that broke off goes on at the last verified byte, on the same node or the
 * next one. A node that lied is not asked again for a while.
 */
export type SwarmReader = {
  /**
   * The bytes, or those of `range`. The stream errors when no node gives what the reference asks for; it never ends short. Memory: a few
   * windows. Cancelling it cancels what is under way. @throws SwarmUnavailable when not even the first window can be had
   */
  read(content: SwarmContent, options?: { range?: BeeRange; signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>
}

/** What is named and could not be had: which reference, and what each node said. A caller answers 503 and says when to try again. */
export class SwarmUnavailable extends Error {
  override readonly name = 'SwarmUnavailable'
}

/** @param bees at least one; asked in this order */
export declare function createSwarmReader(bees: readonly Bee[], hash: SwarmHash): SwarmReader
