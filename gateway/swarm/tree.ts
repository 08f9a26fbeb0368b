import { bytesToHex, type Hex } from 'viem'
import { BRANCHES, CHUNK_BYTES, REFERENCE_BYTES, SPAN_BYTES, WINDOW_BYTES } from './hash.ts'

/**
 * The arithmetic of the chunk tree over content of a known size (protocol 6; The Book of Swarm 2.2): which parents lead from the
 * reference to a window, and what a parent must look like. A window's own reference is that of its bytes as content of their own: its
 * leaves are the same, and a lone last leaf stands for itself, however far up it was carried.
 */

/** A parent on the way down: how much content is under it, and which of its children the way goes on to. */
export type Step = { bytes: number; child: number }

/** One window of content, of which the bytes `first` to `last` (in the content, inclusive) are wanted. */
export type Window = { offset: number; bytes: number; first: number; last: number }

/** Span and children of a parent as it was stored. `redundancyLevel` above 0: there are parity chunks among them. */
export type Parent = { bytes: bigint; redundancyLevel: number; children: readonly Hex[] }

/** Content under each child, but perhaps the last, of the parent over `bytes` of content, which are more than a leaf's. */
export function childBytesOf(bytes: number): number {
  let childBytes = CHUNK_BYTES
  while (childBytes * BRANCHES < bytes) childBytes *= BRANCHES
  return childBytes
}

/** The parents from the root down to the window at `offset`; none where the content is one window. */
export function pathToWindow(size: number, offset: number): readonly Step[] {
  const path: Step[] = []
  let bytes = size
  let start = offset
  while (bytes > WINDOW_BYTES) {
    const childBytes = childBytesOf(bytes)
    const child = Math.floor(start / childBytes)
    path.push({ bytes, child })
    start -= child * childBytes
    bytes = Math.min(childBytes, bytes - child * childBytes)
  }
  return path
}

/** The windows that hold the bytes `first` to `last`, in order. */
export function* windowsOf(size: number, first: number, last: number): Generator<Window> {
  for (let offset = first - (first % WINDOW_BYTES); offset <= last; offset += WINDOW_BYTES) {
    const bytes = Math.min(WINDOW_BYTES, size - offset)
    yield { offset, bytes, first: Math.max(first, offset), last: Math.min(last, offset + bytes - 1) }
  }
}

const redundancyFlag = 0x80
const redundancyBits = 0x7f

/** How much content a chunk says is under it: its span, without the redundancy level that nodes put into its last byte. */
export function parseSpan(chunk: Uint8Array): { bytes: bigint; redundancyLevel: number } {
  const span = Uint8Array.from(chunk.subarray(0, SPAN_BYTES))
  const top = span[SPAN_BYTES - 1] as number
  const hasLevel = (top & redundancyFlag) !== 0
  if (hasLevel) span[SPAN_BYTES - 1] = 0
  return {
    bytes: new DataView(span.buffer).getBigUint64(0, true),
    redundancyLevel: hasLevel ? top & redundancyBits : 0,
  }
}

/**
 * The references in a parent over `bytes` of content. @throws Error when the chunk is no such parent: another span, redundancy, or
 * more or fewer references than the span needs. Zeros at the end would not change its address.
 */
export function parseParent(chunk: Uint8Array, bytes: number): readonly Hex[] {
  const span = parseSpan(chunk)
  if (span.redundancyLevel > 0) throw new Error(`a chunk with redundancy level ${span.redundancyLevel}, not 0`)
  if (span.bytes !== BigInt(bytes)) throw new Error(`a chunk over ${span.bytes} bytes of content, not ${bytes}`)
  const count = Math.ceil(bytes / childBytesOf(bytes))
  const payload = chunk.subarray(SPAN_BYTES)
  if (payload.byteLength !== count * REFERENCE_BYTES) {
    throw new Error(`a chunk with ${payload.byteLength} bytes of references, not ${count * REFERENCE_BYTES}`)
  }
  return Array.from({ length: count }, (_, at) => {
    return bytesToHex(payload.subarray(at * REFERENCE_BYTES, (at + 1) * REFERENCE_BYTES))
  })
}
