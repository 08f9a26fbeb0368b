// Keccak-256 (the original padding, as Ethereum and Swarm use it) over 64 and 40 bytes, and Swarm's binary Merkle tree of a chunk on top.
// AssemblyScript: `npm run build:wasm` compiles it into bmt.wasm. Spec: "The Keccak reference" 3.0 and "The Book of Swarm" 2.2.2.

/** Chunk payloads, 4,096 bytes each, the short one filled up with zeros. */
const CHUNKS: usize = 0x10000
const MAX_CHUNKS: usize = 256
/** How many bytes of content lie under each chunk: 8 bytes each, little-endian. */
const SPANS: usize = CHUNKS + MAX_CHUNKS * 4096
/** The addresses of the chunks: 32 bytes each. */
const ADDRESSES: usize = SPANS + MAX_CHUNKS * 8
/** One level of the tree while it is hashed: 64 nodes of 32 bytes; then span and root for the last hash. */
const LEVEL: usize = ADDRESSES + MAX_CHUNKS * 32

const roundConstants = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
  0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
  0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
  0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
  0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
])

/** Keccak-256 of `words` 8-byte words (at most 16, so one block) at `from`, 32 bytes to `to`. */
@inline
function keccak(from: usize, words: i32, to: usize): void {
  let a0: u64 = load<u64>(from, 0)
  let a1: u64 = load<u64>(from, 8)
  let a2: u64 = load<u64>(from, 16)
  let a3: u64 = load<u64>(from, 24)
  let a4: u64 = load<u64>(from, 32)
  let a5: u64 = words == 5 ? 1 : load<u64>(from, 40)
  let a6: u64 = words == 5 ? 0 : load<u64>(from, 48)
  let a7: u64 = words == 5 ? 0 : load<u64>(from, 56)
  let a8: u64 = words == 5 ? 0 : 1
  let a9: u64 = 0
  let a10: u64 = 0
  let a11: u64 = 0
  let a12: u64 = 0
  let a13: u64 = 0
  let a14: u64 = 0
  let a15: u64 = 0
  let a16: u64 = 0x8000000000000000
  let a17: u64 = 0
  let a18: u64 = 0
  let a19: u64 = 0
  let a20: u64 = 0
  let a21: u64 = 0
  let a22: u64 = 0
  let a23: u64 = 0
  let a24: u64 = 0
  for (let round: usize = 0; round < 192; round += 8) {
    const c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20
    const c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21
    const c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22
    const c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23
    const c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24
    const d0 = c4 ^ rotl<u64>(c1, 1)
    const d1 = c0 ^ rotl<u64>(c2, 1)
    const d2 = c1 ^ rotl<u64>(c3, 1)
    const d3 = c2 ^ rotl<u64>(c4, 1)
    const d4 = c3 ^ rotl<u64>(c0, 1)
    const b0 = a0 ^ d0
    const b10 = rotl<u64>(a1 ^ d1, 1)
    const b20 = rotl<u64>(a2 ^ d2, 62)
    const b5 = rotl<u64>(a3 ^ d3, 28)
    const b15 = rotl<u64>(a4 ^ d4, 27)
    const b16 = rotl<u64>(a5 ^ d0, 36)
    const b1 = rotl<u64>(a6 ^ d1, 44)
    const b11 = rotl<u64>(a7 ^ d2, 6)
    const b21 = rotl<u64>(a8 ^ d3, 55)
    const b6 = rotl<u64>(a9 ^ d4, 20)
    const b7 = rotl<u64>(a10 ^ d0, 3)
    const b17 = rotl<u64>(a11 ^ d1, 10)
    const b2 = rotl<u64>(a12 ^ d2, 43)
    const b12 = rotl<u64>(a13 ^ d3, 25)
    const b22 = rotl<u64>(a14 ^ d4, 39)
    const b23 = rotl<u64>(a15 ^ d0, 41)
    const b8 = rotl<u64>(a16 ^ d1, 45)
    const b18 = rotl<u64>(a17 ^ d2, 15)
    const b3 = rotl<u64>(a18 ^ d3, 21)
    const b13 = rotl<u64>(a19 ^ d4, 8)
    const b14 = rotl<u64>(a20 ^ d0, 18)
    const b24 = rotl<u64>(a21 ^ d1, 2)
    const b9 = rotl<u64>(a22 ^ d2, 61)
    const b19 = rotl<u64>(a23 ^ d3, 56)
    const b4 = rotl<u64>(a24 ^ d4, 14)
    a0 = b0 ^ (~b1 & b2) ^ load<u64>(roundConstants + round)
    a1 = b1 ^ (~b2 & b3)
    a2 = b2 ^ (~b3 & b4)
    a3 = b3 ^ (~b4 & b0)
    a4 = b4 ^ (~b0 & b1)
    a5 = b5 ^ (~b6 & b7)
    a6 = b6 ^ (~b7 & b8)
    a7 = b7 ^ (~b8 & b9)
    a8 = b8 ^ (~b9 & b5)
    a9 = b9 ^ (~b5 & b6)
    a10 = b10 ^ (~b11 & b12)
    a11 = b11 ^ (~b12 & b13)
    a12 = b12 ^ (~b13 & b14)
    a13 = b13 ^ (~b14 & b10)
    a14 = b14 ^ (~b10 & b11)
    a15 = b15 ^ (~b16 & b17)
    a16 = b16 ^ (~b17 & b18)
    a17 = b17 ^ (~b18 & b19)
    a18 = b18 ^ (~b19 & b15)
    a19 = b19 ^ (~b15 & b16)
    a20 = b20 ^ (~b21 & b22)
    a21 = b21 ^ (~b22 & b23)
    a22 = b22 ^ (~b23 & b24)
    a23 = b23 ^ (~b24 & b20)
    a24 = b24 ^ (~b20 & b21)
  }
  store<u64>(to, a0, 0)
  store<u64>(to, a1, 8)
  store<u64>(to, a2, 16)
  store<u64>(to, a3, 24)
}

function hashPair(from: usize, to: usize): void {
  keccak(from, 8, to)
}

function hashWithSpan(from: usize, to: usize): void {
  keccak(from, 5, to)
}

/** The address of one chunk: the root of its 128 segments of 32 bytes, hashed behind its span. */
function hashChunk(position: usize): void {
  const payload = CHUNKS + position * 4096
  for (let pair: usize = 0; pair < 64; pair++) hashPair(payload + pair * 64, LEVEL + pair * 32)
  for (let pairs: usize = 32; pairs > 0; pairs >>= 1) {
    for (let pair: usize = 0; pair < pairs; pair++) hashPair(LEVEL + pair * 64, LEVEL + pair * 32)
  }
  store<u64>(LEVEL + 64, load<u64>(SPANS + position * 8))
  memory.copy(LEVEL + 72, LEVEL, 32)
  hashWithSpan(LEVEL + 64, ADDRESSES + position * 32)
}

/** Hashes the first `count` chunks, at most 256. */
export function hashChunks(count: i32): void {
  for (let position = 0; position < count; position++) hashChunk(position)
}

/** Where chunk payloads go, where their spans go, and where their addresses come out: byte offsets in `memory`. */
export function chunksAt(): usize {
  return CHUNKS
}
export function spansAt(): usize {
  return SPANS
}
export function addressesAt(): usize {
  return ADDRESSES
}
