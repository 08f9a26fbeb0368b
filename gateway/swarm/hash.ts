import { bytesToHex, type Hex } from 'viem'

/** Bytes in a chunk's payload, and in a reference without encryption. */
export const CHUNK_BYTES = 4096
/** Bytes of a chunk before its payload: how much content is under it, little-endian. */
export const SPAN_BYTES = 8
/** Bytes of a reference and of a chunk's address. */
export const REFERENCE_BYTES = 32
/** References in the payload of an intermediate chunk, so children of a node of the tree. */
export const BRANCHES = CHUNK_BYTES / REFERENCE_BYTES
/** Bytes under one node whose children are leaves: what a range of content is checked by. */
export const WINDOW_BYTES = BRANCHES * CHUNK_BYTES

const MAX_CHUNKS_AT_ONCE = 256

/** One chunk of a tree as Swarm stores it: its address is the hash of span and payload. `payload` is only valid during the call. */
export type Chunk = { address: Uint8Array; span: number; payload: Uint8Array }

/**
 * The Swarm reference of content, computed as it comes: binary Merkle tree chunks of 4,096 bytes in a tree of 128 branches, unencrypted,
 * redundancy level 0 (protocol 6; The Book of Swarm 2.2). Memory does not grow with the content.
 */
export type SwarmHasher = {
  update(bytes: Uint8Array): void
  /** Whole chunks of which only the addresses are needed any more, 32 bytes each. @throws Error when bytes before them fill no chunk */
  addLeaves(addresses: Uint8Array): void
  /** The 32-byte reference. The hasher is spent afterwards. */
  digest(): Hex
}

/** Makes hashers. Each is independent of the others, however their calls are interleaved. */
export type SwarmHash = {
  createHasher(onChunk?: (chunk: Chunk) => void): SwarmHasher
  /**
   * The address of one chunk as nodes give it: 8 bytes of span, whatever they say, then 0 to 4,096 bytes of payload.
   * @throws RangeError for more or fewer bytes
   */
  addressOf(chunk: Uint8Array): Hex
  /** The addresses of whole chunks, one after another, 32 bytes each. @throws RangeError for what is no multiple of 4,096 bytes */
  addressLeaves(chunks: Uint8Array): Uint8Array
  /** Where this runtime has threads: what computes the same beside the caller's. */
  threads?: LeafThreads
}

/** Computes addresses of whole chunks on other threads. */
export type LeafThreads = {
  /** What is handed over at once, at most: a multiple of 4,096. */
  batchBytes: number
  /** Resolves when a thread has a copy. @throws Error when the threads were closed, and so does `addresses` */
  handOver(chunks: Uint8Array): Promise<{ addresses: Promise<Uint8Array> }>
}

type BmtExports = {
  memory: WebAssembly.Memory
  hashChunks(count: number): void
  chunksAt(): number
  spansAt(): number
  addressesAt(): number
}

/** A view of the module's memory and its one function: hash what stands there. Used synchronously only. */
type Engine = { chunks: Uint8Array; spans: DataView; addresses: Uint8Array; hash(count: number): void }

/**
 * Hashers over the compiled module bmt.wasm, which the entry gives: Node compiles the file, a Worker may only use a module that it was
 * deployed with. @throws when the module is another one
 */
export async function createSwarmHash(module: WebAssembly.Module): Promise<SwarmHash> {
  const engine = openEngine((await WebAssembly.instantiate(module, {})).exports as unknown as BmtExports)
  return {
    createHasher: (onChunk) => createHasher(engine, onChunk),
    addressLeaves: (chunks) => addressLeaves(engine, chunks),
    addressOf(chunk) {
      if (chunk.byteLength < SPAN_BYTES || chunk.byteLength > SPAN_BYTES + CHUNK_BYTES) {
        throw new RangeError(`a chunk is 8 to 4104 bytes, not ${chunk.byteLength}`)
      }
      const span = new DataView(chunk.buffer, chunk.byteOffset, SPAN_BYTES).getBigUint64(0, true)
      return bytesToHex(hashChunk(engine, chunk.subarray(SPAN_BYTES), span))
    },
  }
}

function addressLeaves(engine: Engine, chunks: Uint8Array): Uint8Array {
  const count = chunks.byteLength / CHUNK_BYTES
  if (!Number.isInteger(count)) throw new RangeError(`${chunks.byteLength} bytes are not whole chunks of 4096`)
  const addresses = new Uint8Array(count * REFERENCE_BYTES)
  for (let from = 0; from < count; from += MAX_CHUNKS_AT_ONCE) {
    const slice = chunks.subarray(from * CHUNK_BYTES, (from + MAX_CHUNKS_AT_ONCE) * CHUNK_BYTES)
    engine.chunks.set(slice)
    addresses.set(hashLeaves(engine, slice.byteLength / CHUNK_BYTES), from * REFERENCE_BYTES)
  }
  return addresses
}

/** The first `count` whole chunks in the module's memory. What comes back is overwritten by the next call. */
function hashLeaves(engine: Engine, count: number): Uint8Array {
  for (let at = 0; at < count; at += 1) engine.spans.setBigUint64(at * 8, BigInt(CHUNK_BYTES), true)
  engine.hash(count)
  return engine.addresses.subarray(0, count * REFERENCE_BYTES)
}

/** Hashes one chunk, filled up with zeros, at the start of the module's memory; `payload` may stand there already. */
function hashChunk(engine: Engine, payload: Uint8Array, span: bigint): Uint8Array {
  engine.chunks.set(payload)
  engine.chunks.fill(0, payload.byteLength, CHUNK_BYTES)
  engine.spans.setBigUint64(0, span, true)
  engine.hash(1)
  return engine.addresses.slice(0, REFERENCE_BYTES)
}

function openEngine({ memory, chunksAt, spansAt, addressesAt, hashChunks }: BmtExports): Engine {
  return {
    chunks: new Uint8Array(memory.buffer, chunksAt(), MAX_CHUNKS_AT_ONCE * CHUNK_BYTES),
    spans: new DataView(memory.buffer, spansAt(), MAX_CHUNKS_AT_ONCE * 8),
    addresses: new Uint8Array(memory.buffer, addressesAt(), MAX_CHUNKS_AT_ONCE * REFERENCE_BYTES),
    hash: hashChunks,
  }
}

/** References that wait for their parent, one level of the tree. `span` is the content under them, in bytes. */
type Level = { payload: Uint8Array; count: number; span: number }

function createHasher(engine: Engine, onChunk: ((chunk: Chunk) => void) | undefined): SwarmHasher {
  const rest = new Uint8Array(CHUNK_BYTES)
  let restBytes = 0
  const tree = createTree(engine, onChunk)
  const takeWhole = (bytes: Uint8Array): Uint8Array => {
    const count = Math.min(MAX_CHUNKS_AT_ONCE, Math.floor(bytes.byteLength / CHUNK_BYTES))
    engine.chunks.set(bytes.subarray(0, count * CHUNK_BYTES))
    tree.addLeaves(count)
    return bytes.subarray(count * CHUNK_BYTES)
  }
  const fillRest = (bytes: Uint8Array): Uint8Array => {
    const taken = Math.min(bytes.byteLength, CHUNK_BYTES - restBytes)
    rest.set(bytes.subarray(0, taken), restBytes)
    restBytes += taken
    return bytes.subarray(taken)
  }
  return {
    update(bytes) {
      let left = restBytes > 0 ? fillRest(bytes) : bytes
      if (restBytes === CHUNK_BYTES) {
        takeWhole(rest)
        restBytes = 0
      }
      while (left.byteLength >= CHUNK_BYTES) left = takeWhole(left)
      if (left.byteLength > 0) fillRest(left)
    },
    addLeaves(addresses) {
      if (restBytes > 0) throw new Error(`a leaf cannot follow ${restBytes} bytes that fill no chunk`)
      tree.append(addresses)
    },
    digest() {
      return bytesToHex(tree.finish(rest.subarray(0, restBytes)))
    },
  }
}

function createTree(engine: Engine, onChunk: ((chunk: Chunk) => void) | undefined) {
  const levels: Level[] = []
  const hashOne = (payload: Uint8Array, span: number): Uint8Array => {
    const address = hashChunk(engine, payload, BigInt(span))
    onChunk?.({ address, span, payload })
    return address
  }
  const add = (depth: number, address: Uint8Array, span: number): void => {
    levels[depth] ??= { payload: new Uint8Array(CHUNK_BYTES), count: 0, span: 0 }
    const level = levels[depth]
    level.payload.set(address, level.count * REFERENCE_BYTES)
    level.count += 1
    level.span += span
    if (level.count === BRANCHES) close(depth, level)
  }
  const close = (depth: number, level: Level): void => {
    const { count, span } = level
    const payload = level.payload.subarray(0, count * REFERENCE_BYTES)
    const address = hashOne(payload, span)
    level.count = 0
    level.span = 0
    add(depth + 1, address, span)
  }
  /** A lone last child stands for itself one level up; several get a parent, until one is left at the top. */
  const closeAll = (): Uint8Array => {
    for (let depth = 0; ; depth += 1) {
      const level = levels[depth]
      if (!level || level.count === 0) continue
      const isTop = levels.slice(depth + 1).every((above) => above.count === 0)
      const first = level.payload.slice(0, REFERENCE_BYTES)
      if (level.count === 1 && isTop) return first
      if (level.count === 1) add(depth + 1, first, level.span)
      else close(depth, level)
    }
  }
  const append = (addresses: Uint8Array): void => {
    for (let at = 0; at < addresses.byteLength; at += REFERENCE_BYTES) {
      add(0, addresses.subarray(at, at + REFERENCE_BYTES), CHUNK_BYTES)
    }
  }
  return {
    append,
    /** The first `count` whole chunks in the module's memory are the next leaves. */
    addLeaves(count: number): void {
      const addresses = hashLeaves(engine, count).slice()
      if (onChunk) reportLeaves(engine, addresses, onChunk)
      append(addresses)
    },
    /** The root over all leaves and a last short one; content without any byte is one empty chunk. */
    finish(last: Uint8Array): Uint8Array {
      if (last.byteLength > 0 || levels.length === 0) add(0, hashOne(last, last.byteLength), last.byteLength)
      return closeAll()
    },
  }
}

function reportLeaves({ chunks }: Engine, addresses: Uint8Array, onChunk: (chunk: Chunk) => void): void {
  for (let at = 0; at * REFERENCE_BYTES < addresses.byteLength; at += 1) {
    const address = addresses.subarray(at * REFERENCE_BYTES, (at + 1) * REFERENCE_BYTES)
    onChunk({ address, span: CHUNK_BYTES, payload: chunks.slice(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES) })
  }
}
