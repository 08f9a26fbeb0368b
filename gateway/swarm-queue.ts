import { unavailable } from './errors.ts'
import type { Digest } from './oci/digest.ts'
import { startRounds } from './rounds.ts'
import type { Catalog } from './store/catalog.ts'
import type { SizedContent } from './store/swarm-ledger.ts'
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
  if (uploader) rounds.push(startRounds('uploading to Swarm', (signal) => uploadDue(deps, uploader, signal), options))
  if (uploads)
    rounds.push(startRounds('asking for postage batches', uploads.postage.refresh, { intervalMs: postageMs, log }))
  for (const { wake } of rounds) wake()
  return {
    async noteStored(contents) {
      if (uploader) await ledger.enqueue(contents)
      if (uploader && uploads.sync) await uploadNow(uploader, contents)
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

/** Everything whose time has come: uploads until the nodes rest, then readings. */
async function uploadDue(
  { ledger, clock, onUploaded }: SwarmQueueDeps,
  uploader: Uploader,
  signal: AbortSignal,
): Promise<void> {
  let isDone = false
  const eachDue = async (state: 'queued' | 'uploaded', work: (digest: Digest) => Promise<{ goOn: boolean }>) => {
    for (;;) {
      const due = await ledger.listDue(state, Number(clock()), uploadsAtOnce)
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
