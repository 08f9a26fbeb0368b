import { concat, type Hex, keccak256, numberToBytes, padHex } from 'viem'

// The Swarm reference the slow and plain way, to check the fast one against: recursion over the whole content, one hash at a time.

/** The address of a chunk: its payload filled up with zeros, hashed pairwise down to one segment, behind the span. */
function chunkAddress(payload: Uint8Array, span: number): Hex {
  const filled = new Uint8Array(4096)
  filled.set(payload)
  let level: Uint8Array[] = Array.from({ length: 128 }, (_, at) => filled.subarray(at * 32, at * 32 + 32))
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, at) => {
      return keccak256(concat([level[2 * at] as Uint8Array, level[2 * at + 1] as Uint8Array]), 'bytes')
    })
  }
  const littleEndianSpan = numberToBytes(span, { size: 8 }).reverse()
  return keccak256(concat([littleEndianSpan, level[0] as Uint8Array]))
}

/** The reference of content, by the definition: the largest subtree size that is smaller splits it into at most 128 children. */
export function naiveReference(content: Uint8Array): Hex {
  if (content.byteLength <= 4096) return chunkAddress(content, content.byteLength)
  let childBytes = 4096
  while (childBytes * 128 < content.byteLength) childBytes *= 128
  const children: Hex[] = []
  for (let from = 0; from < content.byteLength; from += childBytes) {
    children.push(naiveReference(content.subarray(from, from + childBytes)))
  }
  return chunkAddress(
    Buffer.from(children.map((child) => padHex(child, { size: 32 }).slice(2)).join(''), 'hex'),
    content.byteLength,
  )
}

/** Content of the golden references: byte i is (i * 7) mod 256. */
export function patternBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < Math.min(size, 256); at += 1) bytes[at] = at * 7
  for (let filled = 256; filled < size; filled *= 2) bytes.copyWithin(filled, 0, filled)
  return bytes
}
