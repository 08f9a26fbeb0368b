import type { Hex } from 'viem'
import type { Bee, PostageBatch } from '../../bee/bee.ts'

/**
 * The batch of a node that pays for what is uploaded: the one with this id, else the usable one that lasts longest and has room.
 * @throws Error saying what is wrong with it, before any byte moves; BeeError
 */
export async function choosePostageBatch(bee: Bee, postageBatchId?: Hex): Promise<PostageBatch> {
  const batches = await bee.listPostageBatches()
  if (postageBatchId === undefined) return bestOf(bee, batches)
  const batch = batches.find((known) => known.postageBatchId === postageBatchId)
  if (batch === undefined)
    throw new Error(`${bee.beeUrl} has no postage batch ${postageBatchId}: expired, or another node's`)
  const why = whyNot(batch)
  if (why === undefined) return batch
  throw new Error(`postage batch ${postageBatchId} of ${bee.beeUrl} ${why}`)
}

function bestOf({ beeUrl }: Bee, batches: readonly PostageBatch[]): PostageBatch {
  const [best] = batches
    .filter((batch) => whyNot(batch) === undefined)
    .sort((one, other) => other.remainingSeconds - one.remainingSeconds)
  if (best) return best
  const seen = batches.length === 0 ? 'none' : `${batches.length}, of which none is usable and has room`
  throw new Error(`${beeUrl} has ${seen} of the postage batches that an upload needs: buy one (mooring storage quote)`)
}

function whyNot({ isUsable, remainingSeconds, fullness }: PostageBatch): string | undefined {
  if (remainingSeconds <= 0) return 'has expired'
  if (!isUsable) return 'is not usable yet, or has expired'
  return fullness >= 1 ? 'is full: a bucket has no room left; dilute it, or take another' : undefined
}
