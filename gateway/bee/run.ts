import type { Hex } from 'viem'
import { type Bee, BeeError, type BeeRange } from './bee.ts'

/** One node's answer for a stretch of content, taken bit by bit. */
export type Run = {
  /** The next piece as it comes; undefined at the end. */
  next(): Promise<Uint8Array | undefined>
  /** The next `bytes` in pieces. @throws BeeError when it ends before */
  take(bytes: number): Promise<readonly Uint8Array[]>
  cancel(): void
}

/** @throws BeeError, `nonsense` for a node that says the content has another size */
export async function openRun(
  bee: Bee,
  { swarmReference, size }: { swarmReference: Hex; size: number },
  range: BeeRange,
  signal: AbortSignal,
): Promise<Run> {
  const answer = await bee.readBytes(swarmReference, { range, signal })
  const reader = answer.body.getReader()
  const cancel = () => void reader.cancel().catch(() => undefined)
  if (answer.size !== undefined && answer.size !== size) {
    cancel()
    throw new BeeError('nonsense', `${bee.beeUrl}: ${swarmReference} has ${answer.size} bytes there, not ${size}`)
  }
  let rest: Uint8Array | undefined
  const next = async (): Promise<Uint8Array | undefined> => {
    const piece = rest ?? (await reader.read()).value
    rest = undefined
    return piece
  }
  const take = async (bytes: number): Promise<readonly Uint8Array[]> => {
    const pieces: Uint8Array[] = []
    for (let missing = bytes; missing > 0; ) {
      const piece = await next()
      if (!piece) throw new BeeError('unavailable', `${bee.beeUrl}: ${swarmReference} ended ${missing} bytes too early`)
      pieces.push(piece.subarray(0, missing))
      if (piece.byteLength > missing) rest = piece.subarray(missing)
      missing -= Math.min(missing, piece.byteLength)
    }
    return pieces
  }
  return { next, take, cancel }
}
