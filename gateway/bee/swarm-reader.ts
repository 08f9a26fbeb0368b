import type { Hex } from 'viem'
import { CHUNK_BYTES, type SwarmHash } from '../swarm/hash.ts'
import { type Window, windowsOf } from '../swarm/tree.ts'
import { type Bee, BeeError, type BeeRange } from './bee.ts'
import { createParents, type Parents, SwarmMisdescribed } from './parents.ts'
import { createRota, createStanding, type Rota, SwarmUnavailable, WrongBytes } from './rota.ts'
import { openRun, type Run } from './run.ts'

export { SwarmMisdescribed, SwarmUnavailable }

/** Content on Swarm as a signed list or our own index names it. */
export type SwarmContent = { swarmReference: Hex; size: number }

/**
 * Reading from several nodes of which none is believed. What broke off, stalled or was wrong goes on at the last good byte, on another
 * node or the same. A node that lied or stalled is asked after the others for a while. No stream ever ends short: it errors with
 * SwarmUnavailable when no node gives what is missing, and cancelling it or aborting the signal ends what is under way. Memory: a few
 * windows.
 */
export type SwarmReader = {
  /**
   * The bytes, or those of `range`, verified: content comes in windows of 512 KiB (one subtree whose children are leaves), and each is
   * compared with its parent chunk, which was itself checked up to the reference, before a byte of it goes out. So a range is as safe as
   * the whole.
   * @throws RangeError for a range that is not inside the content; SwarmUnavailable when not even the first window can be had;
   *   SwarmMisdescribed when the reference stands for something else
   */
  read(content: SwarmContent, options?: { range?: BeeRange; signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>
  /**
   * The whole content as nodes give it, at their speed: for a caller that holds back the end until a digest over all of it is right.
   * After a wrong digest it is `read` that finds out who lied. @throws SwarmUnavailable when not even the first byte can be had
   */
  readUnverified(content: SwarmContent, options?: { signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>
}

/** One read under way. */
type Reading = {
  content: SwarmContent
  hash: SwarmHash
  parents: Parents
  rota: Rota
  signal: AbortSignal
  run: Run | undefined
}

/**
 * @param bees at least one; asked in this order
 * @param now milliseconds, for how long nodes are put last
 */
export function createSwarmReader(bees: readonly Bee[], hash: SwarmHash, now: () => number = Date.now): SwarmReader {
  if (bees.length === 0) throw new Error('a reader of Swarm needs at least one Bee node')
  const standing = createStanding(bees, now)
  const parents = createParents(hash)
  const start = (content: SwarmContent, signal: AbortSignal): Reading => {
    const rota = createRota(standing, content.swarmReference)
    return { content, hash, parents, rota, signal, run: undefined }
  }
  return {
    async read(content, { range, signal } = {}) {
      const { size } = content
      const { first, last } = range ?? { first: 0, last: size - 1 }
      if (range && !(first >= 0 && first <= last && last < size)) {
        throw new RangeError(`bytes ${first}-${last} are not inside content of ${size} bytes`)
      }
      return openStream((own) => readVerified(start(content, own), first, last), signal)
    },
    readUnverified(content, { signal } = {}) {
      return openStream((own) => readAsItComes(start(content, own)), signal)
    },
  }
}

async function* readVerified(reading: Reading, first: number, last: number): AsyncGenerator<Uint8Array> {
  checkEmpty(reading)
  if (isLeaf(reading)) return yield* trim([await readLeaf(reading)], { offset: 0, first, last })
  for (const window of windowsOf(reading.content.size, first, last)) {
    yield* trim(await readWindow(reading, window, last), window)
  }
}

/** Content without a byte needs no node, only the right reference. */
function checkEmpty({ content, hash }: Reading): void {
  if (content.size > 0 || hash.createHasher().digest() === content.swarmReference.toLowerCase()) return
  throw new SwarmMisdescribed(`${content.swarmReference} does not stand for 0 bytes`)
}

function isLeaf({ content: { size } }: Reading): boolean {
  return size > 0 && size <= CHUNK_BYTES
}

/** Content that is a chunk is read as one. */
async function readLeaf(reading: Reading): Promise<Uint8Array> {
  for (;;) {
    try {
      return await reading.parents.readLeaf(reading.content, reading.rota.bee, reading.signal)
    } catch (error) {
      giveUpRun(reading, error)
    }
  }
}

/** A node's answer from `range` on, after its root chunk was looked at. */
async function openProvenRun({ content, parents, rota, signal }: Reading, range: BeeRange): Promise<Run> {
  await parents.proveRoot(content, rota.bee, signal)
  return openRun(rota.bee, content, range, signal)
}

/** A whole window, verified; the run that it came from goes on behind it. */
async function readWindow(reading: Reading, window: Window, last: number): Promise<readonly Uint8Array[]> {
  for (;;) {
    const { content, parents, rota, signal } = reading
    try {
      const wanted = await parents.referenceOf(content, window.offset, rota.bee, signal)
      reading.run ??= await openProvenRun(reading, rangeFrom(window, last, content.size))
      const pieces = await reading.run.take(window.bytes)
      checkWindow(reading, pieces, wanted, window)
      rota.succeeded()
      return pieces
    } catch (error) {
      giveUpRun(reading, error)
    }
  }
}

/** From a window to the end of the window with the last byte that is wanted. */
function rangeFrom({ offset, bytes }: Window, last: number, size: number): BeeRange {
  const windows = Math.ceil((last + 1 - offset) / bytes)
  return { first: offset, last: Math.min(size, offset + windows * bytes) - 1 }
}

function checkWindow(
  { hash, rota, content }: Reading,
  pieces: readonly Uint8Array[],
  wanted: Hex,
  window: Window,
): void {
  const hasher = hash.createHasher()
  for (const piece of pieces) hasher.update(piece)
  if (hasher.digest() === wanted.toLowerCase()) return
  const where = `bytes ${window.offset}-${window.offset + window.bytes - 1} of ${content.swarmReference}`
  throw new WrongBytes(`${rota.bee.beeUrl}: ${where} are wrong there`)
}

/** After what went wrong the next node is to be asked. @throws what no other node can make good */
function giveUpRun(reading: Reading, error: unknown): void {
  const { rota, signal } = reading
  reading.run?.cancel()
  reading.run = undefined
  signal.throwIfAborted()
  rota.failed(error)
}

function* trim(pieces: readonly Uint8Array[], { offset, first, last }: Omit<Window, 'bytes'>): Generator<Uint8Array> {
  let at = offset
  for (const piece of pieces) {
    const part = piece.subarray(Math.max(0, first - at), Math.max(0, last + 1 - at))
    at += piece.byteLength
    if (part.byteLength > 0) yield part
  }
}

/** Bytes without a failure after which a node has its tries again. */
const progressBytes = 65_536

async function* readAsItComes(reading: Reading): AsyncGenerator<Uint8Array> {
  checkEmpty(reading)
  if (isLeaf(reading)) return yield await readLeaf(reading)
  const { content, rota } = reading
  let since = 0
  for (let at = 0; at < content.size; ) {
    try {
      reading.run ??= await openProvenRun(reading, { first: at, last: content.size - 1 })
      const piece = await reading.run.next()
      if (!piece) throw new BeeError('unavailable', `${rota.bee.beeUrl}: ended after ${at} of ${content.size} bytes`)
      at += piece.byteLength
      since += piece.byteLength
      if (since >= progressBytes) rota.succeeded()
      yield piece
    } catch (error) {
      since = 0
      giveUpRun(reading, error)
    }
  }
}

/** A stream whose first bytes are there; each further step is taken when somebody reads. */
async function openStream(
  begin: (signal: AbortSignal) => AsyncGenerator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const follow = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', follow)
  const release = () => signal?.removeEventListener('abort', follow)
  const pieces = begin(controller.signal)
  const step = async (): Promise<IteratorResult<Uint8Array>> => {
    const result = await pieces.next().catch((error: unknown) => {
      release()
      throw error
    })
    if (result.done) release()
    return result
  }
  let first: IteratorResult<Uint8Array> | undefined = await step()
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        const { done, value } = first ?? (await step())
        first = undefined
        if (done) sink.close()
        else sink.enqueue(value)
      },
      cancel(reason) {
        release()
        controller.abort(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
