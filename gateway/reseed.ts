import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import { type Bee, BeeError, type BeeFault } from './bee/bee.ts'
import { algorithmOf, type Digest, hexOf } from './oci/digest.ts'
import { streamOf } from './piece-stream.ts'
import { createPostage, type KnownBatch } from './postage.ts'
import type { SizedContent } from './store/swarm-ledger.ts'
import type { SwarmHash } from './swarm/hash.ts'
import { countChunks, estimateDepth } from './swarm/postage.ts'

/** Content that is to be on Swarm again. `open` gives its bytes, undefined when they cannot be had; it may be called several times. */
export type Seed = SizedContent & {
  /** A manifest's. */
  mediaType?: string
  open(): Promise<AsyncIterable<Uint8Array> | undefined>
}

/** What this batch has stamped already, by an earlier run that did not come to its end. */
export type SeedRecord = {
  find(digest: Digest): Promise<Hex | undefined>
  /** Durable when it resolves: the node has it, under this reference, which is the digest's. */
  note(content: SizedContent, swarmReference: Hex): Promise<void>
}

/** Where to, what pays, and who is told. */
export type SeedTarget = {
  bee: Bee
  postageBatchId: Hex
  hash: SwarmHash
  /** Unix seconds. */
  clock: () => bigint
  pause: () => Promise<void>
  /** Waits before what a node did not take is tried again. */
  wait: (seconds: number) => Promise<void>
  note(line: string): void
}

/** What came of it. `stored` and `kept` (by an earlier run) are on Swarm; `missing` could not be had from anywhere. */
export type Reseeded = { stored: number; kept: number; bytes: number; missing: readonly Digest[] }

/** Tries of one content while the node is down, busy or syncing: half a minute in all. */
const maxTries = 6
const passing: ReadonlySet<BeeFault> = new Set(['unavailable', 'stalled', 'syncing'])

/**
 * Asks the node for the batch, before anything is read or sent. @throws BeeError `batch unusable`, `batch full`; also `batch full` for one
 * that is smaller than the content; `unavailable` for a node that takes no uploads
 */
export async function checkRoom(target: SeedTarget, seeds: readonly SizedContent[]): Promise<KnownBatch> {
  const { bee, postageBatchId, clock, note } = target
  const { isReady, version } = await bee.health()
  if (!isReady)
    throw new BeeError('unavailable', `${bee.beeUrl} (Bee ${version}) takes no uploads now: it is not ready`)
  const postage = createPostage([bee], postageBatchId, clock)
  await postage.choose(bee)
  const batch = postage.find(postageBatchId) as KnownBatch
  const chunks = seeds.reduce((sum, { size }) => sum + countChunks(size), 0)
  const depth = estimateDepth(chunks)
  const needs = `${chunks} chunks need depth ${depth}, and postage batch ${postageBatchId} has ${batch.depth}`
  if (chunks > 2 ** batch.depth) throw new BeeError('batch full', `${needs}: dilute it, or take a larger one`)
  if (depth > batch.depth) note(`warning: ${needs}; it may be full before the end`)
  return batch
}

/**
 * Puts contents on Swarm, one after another, and notes each as it is there: what is noted already is passed over. Each is checked against
 * its digest on the way and the node's reference against ours, so that what is there at the end is what was there before.
 * @throws BeeError when the node or the batch takes no more; Error for a node that answers another reference
 */
export async function reseed(target: SeedTarget, seeds: readonly Seed[], record: SeedRecord): Promise<Reseeded> {
  const missing: Digest[] = []
  let [stored, kept, bytes] = [0, 0, 0]
  for (const [position, seed] of seeds.entries()) {
    const where = `${position + 1} of ${seeds.length}  ${seed.digest}`
    if ((await record.find(seed.digest)) !== undefined) {
      kept++
      continue
    }
    const swarmReference = await storeSeed(target, seed).catch((error: unknown) => {
      throw withProgress(error, { done: stored + kept, of: seeds.length })
    })
    if (swarmReference === undefined) {
      missing.push(seed.digest)
      target.note(`${where}  missing`)
      continue
    }
    await record.note(seed, swarmReference)
    stored++
    bytes += seed.size
    target.note(`${where}  ${seed.size} bytes`)
  }
  return { stored, kept, bytes, missing }
}

/** Those of `seeds` that are still to be stored. */
export async function withoutDone(seeds: readonly Seed[], record: SeedRecord): Promise<readonly Seed[]> {
  const left: Seed[] = []
  for (const seed of seeds) if ((await record.find(seed.digest)) === undefined) left.push(seed)
  return left
}

/** A full batch is diluted, and the same command goes on where it stopped. */
function withProgress(error: unknown, { done, of }: { done: number; of: number }): unknown {
  if (!(error instanceof BeeError)) return error
  const next = error.fault === 'batch full' ? 'dilute the batch and run this again' : 'run this again'
  return new BeeError(error.fault, `${error.message} (${done} of ${of} are stored: ${next} to go on)`, undefined, {
    cause: error,
  })
}

/** Our reference, which the node answered too; undefined when nobody gives the bytes. */
async function storeSeed(target: SeedTarget, seed: Seed): Promise<Hex | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await sendSeed(target, seed)
    } catch (error) {
      const mayPass = error instanceof BeeError && passing.has(error.fault)
      if (!mayPass || tries === maxTries) throw error
      const seconds = Math.max(2 ** (tries - 1), error.retryAfterSeconds ?? 0)
      target.note(`${error.message}; again in ${seconds} s`)
      await target.wait(seconds)
    }
  }
}

/** The bytes were other ones than their digest says: nothing is stored of them. */
class WrongSeed extends Error {
  override readonly name = 'WrongSeed'
}

async function sendSeed({ bee, postageBatchId, hash, pause, note }: SeedTarget, seed: Seed): Promise<Hex | undefined> {
  const noSeed = (error: unknown) => {
    if (!(error instanceof WrongSeed)) throw error
    note(error.message)
    return undefined
  }
  const bytes = await seed.open()
  if (!bytes) return undefined
  const hasher = hash.createHasher()
  const see = async (piece: Uint8Array) => {
    hasher.update(piece)
    await pause()
  }
  const theirs = await bee.writeBytes(streamOf(checked(seed, bytes, see)), seed.size, { postageBatchId }).catch(noSeed)
  if (theirs === undefined) return undefined
  const ours = hasher.digest()
  if (theirs === ours) return ours
  const why = 'it adds redundancy or encryption although level 0 was asked for, or a proxy before it drops that header'
  throw new Error(`${bee.beeUrl} stored ${seed.digest} as ${theirs}, and its reference is ${ours}: ${why}`)
}

/** What cannot be read to its end, or is another content, is thrown as WrongSeed, so that it is not taken for the node's fault. */
async function* checked(
  { digest, size }: SizedContent,
  bytes: AsyncIterable<Uint8Array>,
  see: (piece: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const digester = createHash(algorithmOf(digest))
  let held: Uint8Array | undefined
  let length = 0
  try {
    for await (const piece of bytes) {
      if (held) yield held
      held = piece
      length += piece.byteLength
      digester.update(piece)
      await see(piece)
    }
  } catch (error) {
    throw new WrongSeed(`${digest}: ${(error as Error).message}`)
  }
  // The last piece goes when all of it is right: until then the node waits for it and stores no root.
  const actual = digester.digest('hex')
  if (length !== size || actual !== hexOf(digest)) {
    throw new WrongSeed(`${digest}: what is stored has ${length} bytes of ${size} and the digest ${actual}`)
  }
  if (held) yield held
}
