import { unavailable } from './errors.ts'
import type { Digest } from './oci/digest.ts'
import { startRounds } from './rounds.ts'
import type { Catalog } from './store/catalog.ts'
import type { SizedContent, SwarmRecord } from './store/swarm-ledger.ts'
import { proveReference, type ReferenceDeps, shownContent } from './swarm-references.ts'
import { createUploader, type UploadDeps, type Uploader } from './swarm-upload.ts'

/** What becomes of content after it was stored: its reference is computed and, where there are nodes, it goes to Swarm. */
export type SwarmQueue = {
  /**
   * Content was stored, or a push relies on it. Resolves once a push may be acknowledged: when it is durably queued or, with `sync`, when
   * it is on Swarm. @throws OciError 503 when it cannot be put there
   */
  noteStored(contents: readonly SizedContent[]): Promise<void>
  /** Content came here from Swarm: its reference is computed when there is time. */
  noteKept(content: SizedContent): void
  /** Resolves when nothing is left that could be done now. */
  settle(): Promise<void>
  /** Lets go of what is under way: the next start finds it again. */
  stop(): Promise<void>
}

/** What the queue stands on. `content` are this gateway's own bytes. */
export type SwarmQueueDeps = ReferenceDeps &
  Pick<UploadDeps, 'clock' | 'log'> & {
    catalog: Catalog
    /** Null: references are computed, and nothing is uploaded. */
    uploads: (Pick<UploadDeps, 'bees' | 'postage'> & { sync: boolean }) | null
    /** Called after rounds that uploaded something. */
    onUploaded?: () => void
  }

const intervalMs = 5_000
const postageMs = 10 * 60 * 1000
/** Pushes wait in memory only so far: beyond that the next round looks through everything again. */
const maxWaiting = 10_000
const uploadsAtOnce = 4
/** What could not be read is tried again after this time. */
const rescanAfterSeconds = 600

/**
 * Works in the background from now on. Nothing waits in memory alone: at the start, and after anything went wrong, it looks through all
 * that repositories show for what has no proven reference or was never queued; and what is queued is in the ledger.
 */
export function startSwarmQueue(deps: SwarmQueueDeps): SwarmQueue {
  const { ledger, log, uploads } = deps
  const uploader = uploads && createUploader({ ...deps, ...uploads })
  const options = { intervalMs, log }
  const references = createReferenceWork(deps, () => rounds[1]?.wake())
  const rounds = [startRounds('computing Swarm references', references.round, options)]
  const listDue: NextDue = (state) => ledger.listDue(state, Number(deps.clock()), uploadsAtOnce)
  if (uploader) {
    rounds.push(startRounds('uploading to Swarm', (signal) => uploadDue(deps, uploader, listDue, signal), options))
  }
  if (uploads)
    rounds.push(startRounds('asking for postage batches', uploads.postage.refresh, { intervalMs: postageMs, log }))
  for (const { wake } of rounds) wake()
  const enqueue = uploads && uploader && createIntake(deps, uploads, uploader)
  return {
    async noteStored(contents) {
      await enqueue?.(contents)
      references.add(contents)
      for (const { wake } of rounds.slice(0, 2)) wake()
    },
    noteKept(content) {
      references.add([content])
      rounds[0]?.wake()
    },
    async settle() {
      for (const { settle } of rounds) await settle()
    },
    async stop() {
      await Promise.all(rounds.map(({ stop }) => stop()))
    },
  }
}

/** What takes content into the queue before a push is acknowledged, and with `sync` to Swarm. @throws OciError 503 */
export function createIntake(
  { ledger }: Pick<SwarmQueueDeps, 'ledger'>,
  { sync }: Pick<NonNullable<SwarmQueueDeps['uploads']>, 'sync'>,
  uploader: Uploader,
): SwarmQueue['noteStored'] {
  return async (contents) => {
    await ledger.enqueue(contents)
    if (sync) await uploadNow(uploader, contents)
  }
}

/** Puts all that repositories show and was never queued into the queue: what was stored before there were nodes. */
export async function enqueueShown(
  { catalog, ledger, pause }: Pick<SwarmQueueDeps, 'catalog' | 'ledger' | 'pause'>,
  signal: AbortSignal,
): Promise<void> {
  for await (const page of shownContent(catalog)) {
    signal.throwIfAborted()
    await ledger.enqueue(page)
    await pause()
  }
}

/** What one run does at most. `leaseSeconds`: longer than any run lasts. */
export type Slice = { contents: number; bytes: number; leaseSeconds: number }

/**
 * One run where work ends with a request or a timer: claims what is due one by one, uploads it or reads it back, and stops when it did
 * `slice`, of which it exceeds `bytes` by one content at most. Several run side by side; one that is cut off is made good after its
 * lease. What goes on: `more` when there was no room for the rest, `uploaded` when something is to be read back in a minute.
 */
export async function uploadSlice(
  { ledger }: Pick<SwarmQueueDeps, 'ledger'>,
  uploader: Uploader,
  clock: () => bigint,
  slice: Slice,
  signal: AbortSignal,
): Promise<{ more: boolean; uploaded: boolean }> {
  const left = { ...slice }
  let uploaded = false
  const claimNext: NextDue = async (state) => {
    if (left.contents <= 0 || left.bytes <= 0) return []
    const now = Number(clock())
    const claimed = await ledger.claimDue(state, now, 1, now + slice.leaseSeconds)
    left.contents -= claimed.length
    for (const { size } of claimed) left.bytes -= size
    return claimed
  }
  const onUploaded = () => {
    uploaded = true
  }
  const isCutShort = await uploadDue({ onUploaded }, uploader, claimNext, signal).then(
    () => false,
    (error: unknown) => {
      if (signal.aborted) return true
      throw error
    },
  )
  return { more: isCutShort || left.contents <= 0 || left.bytes <= 0, uploaded }
}

/** Computes what is missing: of what was just stored, and at first of everything. */
function createReferenceWork(deps: SwarmQueueDeps, uploadsWait: () => void) {
  const waiting = new Map<Digest, SizedContent>()
  /** Unix seconds; null: all that was there is done, or waits. */
  let nextScanAt: number | null = 0
  const now = () => Number(deps.clock())
  const prove = async (content: SizedContent, signal: AbortSignal) => {
    signal.throwIfAborted()
    await proveReference(deps, content).catch((error: Error) => {
      nextScanAt = now() + rescanAfterSeconds
      deps.log('a Swarm reference cannot be computed', { digest: content.digest, error: error.message })
    })
  }
  const scan = async (signal: AbortSignal) => {
    nextScanAt = null
    for await (const page of shownContent(deps.catalog)) {
      if (deps.uploads) await deps.ledger.enqueue(page)
      if (deps.uploads) uploadsWait()
      const missing = new Set(await deps.ledger.withoutProvenReference(page.map(({ digest }) => digest)))
      for (const content of page) if (missing.has(content.digest)) await prove(content, signal)
      await deps.pause()
    }
  }
  return {
    add(contents: readonly SizedContent[]) {
      for (const content of contents) waiting.set(content.digest, content)
      if (waiting.size <= maxWaiting) return
      waiting.clear()
      nextScanAt = 0
    },
    async round(signal: AbortSignal) {
      for (const [digest, content] of waiting) {
        waiting.delete(digest)
        await prove(content, signal)
      }
      if (nextScanAt !== null && nextScanAt <= now()) await scan(signal)
    },
  }
}

/** The next ones whose time has come; none: there are no more, or no more are to be done. */
type NextDue = (state: 'queued' | 'uploaded') => Promise<readonly SwarmRecord[]>

/** Everything whose time has come: uploads until the nodes rest, then readings. */
async function uploadDue(
  { onUploaded }: Pick<SwarmQueueDeps, 'onUploaded'>,
  uploader: Uploader,
  next: NextDue,
  signal: AbortSignal,
): Promise<void> {
  let isDone = false
  const eachDue = async (state: 'queued' | 'uploaded', work: (digest: Digest) => Promise<{ goOn: boolean }>) => {
    for (;;) {
      const due = await next(state)
      if (due.length === 0) return
      const ends = await Promise.all(due.map(({ digest }) => work(digest)))
      signal.throwIfAborted()
      if (ends.some(({ goOn }) => goOn)) isDone = true
      if (!ends.every(({ goOn }) => goOn)) return
    }
  }
  await eachDue('queued', async (digest) => {
    const outcome = await uploader.upload(digest, { signal })
    return { goOn: outcome.ok || !outcome.resting }
  })
  if (isDone) onUploaded?.()
  await eachDue('uploaded', async (digest) => {
    await uploader.verify(digest, signal)
    return { goOn: true }
  })
}

async function uploadNow(uploader: Uploader, contents: readonly SizedContent[]): Promise<void> {
  for (const { digest } of contents) {
    const outcome = await uploader.upload(digest, { insist: true })
    if (!outcome.ok) throw unavailable(`push not acknowledged: ${digest} is not on Swarm: ${outcome.error}`)
  }
}
