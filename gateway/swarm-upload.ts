import type { Hex } from 'viem'
import { type Bee, BeeError, type BeeFault } from './bee/bee.ts'
import type { Log } from './deps.ts'
import type { Digest } from './oci/digest.ts'
import type { Postage } from './postage.ts'
import type { SwarmRecord } from './store/swarm-ledger.ts'
import { referenceOf } from './swarm/reference.ts'
import { proveReference, type ReferenceDeps } from './swarm-references.ts'
import { createTurns } from './turns.ts'

/** Where content goes, and what pays. */
export type UploadDeps = ReferenceDeps & { bees: readonly Bee[]; postage: Postage; clock: () => bigint; log: Log }

/** How a try ended. `resting`: no node took it, and until one has rested none is asked. */
export type UploadOutcome = { ok: true } | { ok: false; error: string; resting: boolean }

/** Content on its way through one or more nodes, each piece at most once at a time. */
export type Uploader = {
  /** Uploads queued content. `insist`: asks nodes that rest, too. Resolves with ok for what is not queued (any more). */
  upload(digest: Digest, options?: { insist?: boolean; signal?: AbortSignal }): Promise<UploadOutcome>
  /** Reads uploaded content back from a node, all of it, and hashes it. */
  verify(digest: Digest, signal?: AbortSignal): Promise<UploadOutcome>
}

/** A node answered another reference than ours. */
class ReferenceMismatch extends Error {
  override readonly name = 'ReferenceMismatch'
}

/** What says something about the node or its batch, and not about this content. */
const nodeFaults: ReadonlySet<BeeFault> = new Set(['unavailable', 'stalled', 'syncing', 'batch full', 'batch unusable'])
const leastRestSeconds = 5
const mostRestSeconds = 300
const mostBackoffSeconds = 3600
/** A node has fresh content under its own address only some time after it took it. */
export const VERIFY_AFTER_SECONDS = 60
/** Failed readings after which content is uploaded once more. */
const maxFailedReadings = 5

/** Seconds until the next try after this many failures: 5, 10, 20, and so on up to an hour. */
export function backoffSeconds(failures: number, most = mostBackoffSeconds): number {
  return Math.min(most, leastRestSeconds * 2 ** Math.min(failures, 30))
}

/** Uploads to the first of `bees` that takes it, and remembers which ones to leave alone for a while. */
export function createUploader(deps: UploadDeps): Uploader {
  const { ledger, clock } = deps
  const turns = createTurns()
  const rest = createRest(clock)
  const fail = async (record: SwarmRecord, error: string, retryAfterSeconds = 0): Promise<UploadOutcome> => {
    const waitSeconds = Math.max(backoffSeconds(record.failures), retryAfterSeconds)
    await ledger.markFailed(record.digest, error, Number(clock()) + waitSeconds)
    return { ok: false, error, resting: rest.awake(deps.bees).length === 0 }
  }
  const write = async (record: SwarmRecord, bees: readonly Bee[], signal?: AbortSignal): Promise<UploadOutcome> => {
    const isHere = (await deps.content.stat(record.digest)) !== undefined
    const swarmReference = isHere ? await proveReference(deps, record) : undefined
    if (swarmReference === undefined) {
      await ledger.dequeue(record.digest)
      return { ok: true }
    }
    const errors: Error[] = []
    for (const bee of bees) {
      try {
        const postageBatchId = await writeTo(deps, bee, record, swarmReference, signal)
        rest.wake(bee)
        await ledger.markUploaded(record.digest, postageBatchId, Number(clock()) + VERIFY_AFTER_SECONDS)
        return { ok: true }
      } catch (error) {
        if (signal?.aborted || !isOfNode(error)) throw error
        noteFault(deps, rest, bee, error)
        errors.push(error)
      }
    }
    const waits = errors.map((error) => (error instanceof BeeError ? (error.retryAfterSeconds ?? 0) : 0))
    return fail(record, errors.map(({ message }) => message).join('; '), Math.min(...waits))
  }
  return {
    upload: (digest, { insist = false, signal } = {}) =>
      turns(digest, async () => {
        const record = await ledger.find(digest)
        if (record?.state !== 'queued') return { ok: true }
        const bees = insist ? deps.bees : rest.awake(deps.bees)
        if (bees.length === 0) return { ok: false, error: 'every node rests', resting: true }
        return write(record, bees, signal).catch((error: Error) => {
          if (signal?.aborted) throw error
          return fail(record, error.message)
        })
      }),
    verify: (digest, signal) =>
      turns(digest, async () => {
        const record = await ledger.find(digest)
        if (record?.state !== 'uploaded') return { ok: true }
        const errors = await readBack(deps, record.swarmReference, signal)
        if (errors === null) {
          await ledger.markVerified(digest)
          return { ok: true }
        }
        if (record.failures + 1 < maxFailedReadings) return fail(record, errors)
        deps.log('content is uploaded again: no node gives it back', { digest, error: errors })
        await ledger.enqueue([record], true)
        return { ok: false, error: errors, resting: false }
      }),
  }
}

/** What a node is to blame for, so that another one may be asked. */
export function isOfNode(error: unknown): error is BeeError | ReferenceMismatch {
  return error instanceof BeeError || error instanceof ReferenceMismatch
}

function noteFault({ log, postage }: UploadDeps, rest: Rest, bee: Bee, error: BeeError | ReferenceMismatch): void {
  const isOfBatch = error instanceof BeeError && /^batch/.test(error.fault)
  if (isOfBatch) postage.forget(bee)
  if (error instanceof BeeError && !nodeFaults.has(error.fault)) return
  rest.lay(bee, error instanceof BeeError ? error.retryAfterSeconds : undefined)
  log('upload failed', { node: bee.beeUrl, error: error.message })
}

/** Uploads to one node and compares its reference with ours. Returns the batch. @throws BeeError, ReferenceMismatch */
async function writeTo(
  { content, postage }: UploadDeps,
  bee: Bee,
  { digest, size }: SwarmRecord,
  ours: Hex,
  signal?: AbortSignal,
): Promise<Hex> {
  const postageBatchId = await postage.choose(bee, signal)
  const body = await content.read(digest)
  if (!body) throw new Error(`${digest} is not stored here any more`)
  await writeCompared(bee, { what: digest, body, size, ours }, { postageBatchId, ...(signal && { signal }) })
  return postageBatchId
}

/**
 * Stores content with a node and compares the node's reference with ours. `what` it is, for the message. @throws BeeError,
 * ReferenceMismatch
 */
export async function writeCompared(
  bee: Bee,
  content: { what: string; body: ReadableStream<Uint8Array> | Uint8Array; size: number; ours: Hex },
  options: { postageBatchId: Hex; signal?: AbortSignal },
): Promise<void> {
  const { what, body, size, ours } = content
  const theirs = await bee.writeBytes(body, size, options)
  if (theirs === ours) return
  throw new ReferenceMismatch(
    `${bee.beeUrl} stored ${what} under the reference ${theirs}, and it is ${ours}: the node adds redundancy or encryption although level 0 was asked for (a proxy that drops swarm-redundancy-level does that too), or the bytes changed on the way`,
  )
}

/** Null when a node gave the right bytes; else what each of them did instead. */
export async function readBack(
  deps: Pick<UploadDeps, 'bees' | 'hash' | 'pause'>,
  swarmReference: Hex | null,
  signal?: AbortSignal,
): Promise<string | null> {
  if (swarmReference === null) return 'it has no reference'
  const errors: string[] = []
  for (const bee of deps.bees) {
    try {
      const { body } = await bee.readBytes(swarmReference, signal ? { signal } : {})
      const seen = await referenceOf(deps.hash, body as unknown as AsyncIterable<Uint8Array>, deps.pause)
      if (seen === swarmReference) return null
      errors.push(`${bee.beeUrl} answers ${swarmReference} with other bytes, those of ${seen}`)
    } catch (error) {
      if (signal?.aborted) throw error
      errors.push((error as Error).message)
    }
  }
  return errors.join('; ')
}

/** Which nodes are left alone for a while. */
type Rest = {
  awake(bees: readonly Bee[]): readonly Bee[]
  lay(bee: Bee, retryAfterSeconds?: number): void
  wake(bee: Bee): void
}

function createRest(clock: () => bigint): Rest {
  const resting = new Map<string, { failures: number; until: number }>()
  const now = () => Number(clock())
  return {
    awake: (bees) => bees.filter(({ beeUrl }) => (resting.get(beeUrl)?.until ?? 0) <= now()),
    lay({ beeUrl }, retryAfterSeconds = 0) {
      const failures = resting.get(beeUrl)?.failures ?? 0
      const restSeconds = Math.max(backoffSeconds(failures, mostRestSeconds), retryAfterSeconds)
      resting.set(beeUrl, { failures: failures + 1, until: now() + restSeconds })
    },
    wake: ({ beeUrl }) => void resting.delete(beeUrl),
  }
}
