/** What is written at once: each write costs a turn of another thread, and a socket hands out 64 KiB at most. */
const blockBytes = 512 * 1024

/**
 * The same bytes in blocks of 512 KiB, the last one shorter; of less than a block the chunks as they came. Two buffers take turns: a block
 * is good until the one after the next is asked for, so that one can be written while the next fills.
 */
export async function* inBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  const buffers: Uint8Array[] = []
  for await (const chunk of chunks) {
    waiting.push(chunk)
    waitingBytes += chunk.byteLength
    while (waitingBytes >= blockBytes) {
      const block = buffers.length < 2 ? new Uint8Array(blockBytes) : buffers.shift()!
      buffers.push(block)
      waiting = fill(block, waiting)
      waitingBytes -= blockBytes
      yield block
    }
  }
  yield* waiting
}

/** Copies as much as fits and returns the rest. */
function fill(block: Uint8Array, chunks: readonly Uint8Array[]): Uint8Array[] {
  const rest: Uint8Array[] = []
  let filled = 0
  for (const chunk of chunks) {
    const part = chunk.subarray(0, block.byteLength - filled)
    block.set(part, filled)
    filled += part.byteLength
    if (part.byteLength < chunk.byteLength) rest.push(chunk.subarray(part.byteLength))
  }
  return rest
}
