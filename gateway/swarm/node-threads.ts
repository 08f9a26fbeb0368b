import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { hashThreadFile, swarmHashFile } from '../package-root.ts'
import { CHUNK_BYTES, createSwarmHash, type LeafThreads, type SwarmHash } from './hash.ts'

/** A Swarm hash with threads of its own. They begin with the first work and keep no process alive when they have none. */
export type ThreadedSwarmHash = SwarmHash & {
  threads: LeafThreads
  /** Ends the threads; what they had rejects. */
  close(): Promise<void>
}

/** How many threads there may be, which program they run, and who is told when one ends by itself. */
export type ThreadOptions = { count?: number; program?: string | URL; onCrash?: (error: Error) => void }

/** Handed over and not answered. `chunks` is the thread's copy, which outlives the thread. */
type Job = { chunks: Uint8Array; resolve(addresses: Uint8Array): void; reject(error: Error): void }
/** `batches` has room for as many jobs as a thread may have, taken in turns. */
type Thread = { worker: Worker; batches: SharedArrayBuffer; jobs: Job[]; given: number }
/** Not handed over yet, for want of room. */
type Waiting = { job: Job; begin(): void }

const mostThreads = 4
/** The one that is hashed and some tens of milliseconds more, so that a thread does not wait for the caller's on a busy machine. */
const jobsPerThread = 16
/** Hashed in 3.2 ms: shorter content is hashed before a thread would answer. */
const batchBytes = 64 * CHUNK_BYTES
/** Threads that may end one after another without an answer before no more are begun. */
const mostCrashes = 3
/** A thread has next to nothing on its heap. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 }

/**
 * Hashers whose long content is hashed on threads, one for each processor, four at most (see `createPacedHasher`). What a thread had
 * that ended by itself is hashed by the caller's thread, and so is everything where threads do not run.
 */
export async function openThreadedSwarmHash(options: ThreadOptions = {}): Promise<ThreadedSwarmHash> {
  const module = await WebAssembly.compile(await readFile(swarmHashFile()))
  const hash = await createSwarmHash(module)
  const { close, ...threads } = createThreads(module, hash, options)
  return { ...hash, threads, close }
}

function createThreads(module: WebAssembly.Module, hash: SwarmHash, options: ThreadOptions) {
  const { count = Math.min(mostThreads, availableParallelism()), program = hashThreadFile(), onCrash } = options
  const threads: Thread[] = []
  const waiting: Waiting[] = []
  let crashes = 0
  let isClosed = false
  const startThread = (): Thread => {
    const batches = new SharedArrayBuffer(jobsPerThread * batchBytes)
    const worker = new Worker(program, { workerData: { module, batches }, resourceLimits, env: {}, execArgv: [] })
    const thread: Thread = { worker, batches, jobs: [], given: 0 }
    let cause = new Error('a hashing thread ended by itself')
    worker.on('message', (addresses: Uint8Array) => {
      crashes = 0
      thread.jobs.shift()?.resolve(addresses)
      if (thread.jobs.length === 0) worker.unref()
      dispatch()
    })
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => {
      threads.splice(threads.indexOf(thread), 1)
      if (isClosed) return rejectAll(thread.jobs)
      crashes += 1
      onCrash?.(cause)
      hashHere(hash, thread.jobs).then(dispatch)
    })
    threads.push(thread)
    return thread
  }
  const findRoom = (): Thread | undefined => {
    const [least] = [...threads].sort((a, b) => a.jobs.length - b.jobs.length)
    if (least?.jobs.length === 0) return least
    if (threads.length < count && crashes < mostCrashes) return startThread()
    return least && least.jobs.length < jobsPerThread ? least : undefined
  }
  const dispatch = (): void => {
    while (waiting.length > 0) {
      const thread = findRoom()
      if (!thread && threads.length > 0) return
      const { job, begin } = waiting.shift() as Waiting
      if (!thread) hashHere(hash, [job]).then(begin)
      else {
        give(thread, job)
        begin()
      }
    }
  }
  return {
    batchBytes,
    handOver(chunks: Uint8Array): Promise<{ addresses: Promise<Uint8Array> }> {
      return new Promise((resolveBegun, rejectBegun) => {
        if (isClosed) return rejectBegun(closedError())
        const addresses = new Promise<Uint8Array>((resolve, reject) => {
          waiting.push({ job: { chunks, resolve, reject }, begin: () => resolveBegun({ addresses }) })
        })
        // Whoever gave up on its content asks for no result.
        addresses.catch(() => undefined)
        dispatch()
      })
    },
    async close(): Promise<void> {
      isClosed = true
      const left = waiting.splice(0)
      rejectAll(left.map(({ job }) => job))
      for (const { begin } of left) begin()
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

function give(thread: Thread, job: Job): void {
  const { worker, batches, jobs } = thread
  const from = (thread.given % jobsPerThread) * batchBytes
  thread.given += 1
  const shared = new Uint8Array(batches, from, job.chunks.byteLength)
  shared.set(job.chunks)
  jobs.push({ ...job, chunks: shared })
  worker.ref()
  worker.postMessage({ from, bytes: shared.byteLength })
}

/** By the caller's thread, others in between. */
async function hashHere(hash: SwarmHash, jobs: readonly Job[]): Promise<void> {
  for (const { chunks, resolve } of jobs) {
    await setImmediate()
    resolve(hash.addressLeaves(chunks))
  }
}

function rejectAll(jobs: readonly Job[]): void {
  for (const { reject } of jobs) reject(closedError())
}

function closedError(): Error {
  return new Error('the hashing threads were closed')
}
