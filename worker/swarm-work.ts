import type { Task } from '../gateway/swarm-announce-step.ts'
import { newTask, runTask } from '../gateway/swarm-announcer.ts'
import { type Slice, uploadSlice } from '../gateway/swarm-queue.ts'
import { createUploader, VERIFY_AFTER_SECONDS } from '../gateway/swarm-upload.ts'
import { log, type WorkerDeps } from './deps.ts'

/** Some twelve questions to D1, R2 and nodes for each content, of the 1,000 that a run may ask. */
const slice: Slice = { contents: 30, bytes: 256 * 1024 * 1024, leaseSeconds: 20 * 60 }
/** A push brings several requests: they are waited for. */
const noticeMs = 2_000
/** What waits for something else is looked at again. */
const leastWaitSeconds = 10
const afterFailureMs = 60_000
/** An alarm may run for 15 minutes. */
const mostMs = 10 * 60 * 1000

/** One run of uploads and readings. `waitSeconds`: when there is more to do; null: nothing that is known of. */
export async function uploadSome(deps: WorkerDeps, signal: AbortSignal): Promise<{ waitSeconds: number | null }> {
  const { uploads, clock } = deps
  if (!uploads) return { waitSeconds: null }
  const { more, uploaded } = await uploadSlice(deps.swarm, createUploader({ ...uploads, clock }), clock, slice, signal)
  return { waitSeconds: more ? 1 : uploaded ? VERIFY_AFTER_SECONDS + 1 : null }
}

/** What the object of a repository does for Swarm beside its requests, by its alarm: its pushes go up, and then its list. */
export type SwarmWork = {
  /** Before a request that may change what is on Swarm: something is to be done soon. Durable when it resolves. */
  note(ensName: string): Promise<void>
  run(): Promise<void>
  readTask(): Promise<Pick<Task, 'error' | 'needsPerson'>>
}

/** Its task survives in `storage`; one that was lost is derived anew when the repository changes next. */
export function createSwarmWork(storage: DurableObjectStorage, open: () => Promise<WorkerDeps>): SwarmWork {
  let notes = 0
  let isAtWork = false
  const readTask = () => storage.get<Task>('task')
  const wakeAt = async (time: number) => {
    const set = await storage.getAlarm()
    if (set === null || time < set) await storage.setAlarm(time)
  }
  const work = async (): Promise<number | null> => {
    const before = notes
    const deps = await open()
    if (!deps.uploads) return null
    const signal = AbortSignal.timeout(mostMs)
    const { waitSeconds } = await uploadSome(deps, signal)
    const task = await readTask()
    const next = task && (await announce(deps, task, signal))
    if (before === notes && next) await storage.put('task', next)
    else if (before === notes) await storage.delete('task')
    const untilNext = next ? Math.max(leastWaitSeconds, next.nextTryAt - Number(deps.clock())) : null
    return waitSeconds === null ? untilNext : Math.min(waitSeconds, untilNext ?? waitSeconds)
  }
  return {
    async note(ensName) {
      const { uploads, clock } = await open()
      if (!uploads) return
      const soon = Date.now() + noticeMs
      const set = await storage.getAlarm()
      if (!isAtWork && set !== null && set <= soon) return
      notes += 1
      const task = (await readTask()) ?? newTask
      const nextTryAt = task.backsOff ? task.nextTryAt : 0
      await storage.put('task', { ...task, ensName, changedAt: Number(clock()), nextTryAt })
      await wakeAt(soon)
    },
    async run() {
      isAtWork = true
      try {
        const waitSeconds = await work()
        if (waitSeconds !== null) await wakeAt(Date.now() + waitSeconds * 1000)
      } catch (error) {
        log('work for Swarm failed', { error: error instanceof Error ? error.message : String(error) })
        await wakeAt(Date.now() + afterFailureMs)
      } finally {
        isAtWork = false
      }
    },
    async readTask() {
      const { error, needsPerson } = (await readTask()) ?? newTask
      return { error, needsPerson }
    },
  }
}

/** The next step of the list's way to Swarm. Without a publisher's key no feed points to it. */
async function announce(deps: WorkerDeps, task: Task, signal: AbortSignal): Promise<Task | null> {
  const { uploads } = deps
  if (!uploads) return null
  return task.nextTryAt > Number(deps.clock())
    ? task
    : runTask({ ...deps, ...uploads, clock: deps.clock }, task, signal)
}
