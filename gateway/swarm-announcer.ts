import { BeeError } from './bee/bee.ts'
import { startRounds } from './rounds.ts'
import type { Announcement } from './store/swarm-announcements.ts'
import { ListMoved } from './store/tag-list-store.ts'
import { type AnnouncerDeps, feedSignerOf, stepOf, type Task } from './swarm-announce-step.ts'
import { FeedAhead } from './swarm-feed.ts'
import { backoffSeconds } from './swarm-upload.ts'
import type { NameAuthority } from './tags/authority.ts'

/** How far a name's list is on its way to Swarm and into a feed. */
export type AnnouncementState = {
  /** What was put there last; undefined: nothing yet. */
  announcement: Announcement | undefined
  /** Whose feed points to it, 20 bytes; null: this gateway holds no publisher's key of the name. */
  feedOwner: Announcement['feedOwner']
  /** Why it does not go on, one line; null while it does. */
  error: string | null
  /** Whether it is not going to go on by itself. */
  needsPerson: boolean
}

/** Puts each version of a list on Swarm, its content index beside it, and lets the publisher's feed point to both (protocol 6). */
export type Announcer = {
  /** A list of this name, or what its repository has, changed. */
  note(ensName: string): void
  /** Content came to be on Swarm: lists may have waited for it. */
  wake(): void
  describe(authority: NameAuthority): Promise<AnnouncementState>
  /** Resolves when nothing is left that could be done now. */
  settle(): Promise<void>
  /** Lets go of what is under way: the next start finds it again. */
  stop(): Promise<void>
}

const intervalMs = 5_000
const mostBackoffSeconds = 300
/** Failures that are no longer a node's hiccup. */
const needsPersonAfter = 3
/** What only a person or another node changes is looked at again after this time, or with the next version. */
const restSeconds = 3600

/**
 * Works in the background from now on. What is to be done is derived from the current lists and what was announced last: at the start for
 * every name, later for those that are noted. So a crash at any point loses nothing, and a later version takes the place of one that was
 * not announced yet.
 */
export function startAnnouncer(deps: AnnouncerDeps): Announcer {
  const tasks = new Map<string, Task>()
  const now = () => Number(deps.clock())
  let isScanned = false
  const note = (ensName: string, changedAt: number | null) => {
    const task = tasks.get(ensName) ?? { ...newTask, ensName }
    tasks.set(ensName, {
      ...task,
      changedAt: changedAt ?? task.changedAt,
      nextTryAt: task.backsOff ? task.nextTryAt : 0,
    })
  }
  const round = async (signal: AbortSignal) => {
    if (!isScanned) for (const { line } of await deps.lists.listLines()) note(line.ensName, null)
    isScanned = true
    for (const [ensName, task] of tasks) {
      if (task.nextTryAt > now()) continue
      signal.throwIfAborted()
      const next = await runTask(deps, task, signal)
      const noted = tasks.get(ensName)
      // Noted again meanwhile: it begins once more.
      if (noted && noted !== task) tasks.set(ensName, { ...noted, patience: next?.patience ?? null })
      else if (next) tasks.set(ensName, next)
      else tasks.delete(ensName)
    }
  }
  const rounds = startRounds('announcing lists on Swarm', round, { intervalMs, log: deps.log })
  rounds.wake()
  return {
    note(ensName) {
      note(ensName, now())
      rounds.wake()
    },
    wake: rounds.wake,
    async describe(authority) {
      const feedOwner = (await feedSignerOf(deps, authority))?.address ?? null
      const announcement = await deps.announcements.find(authority.ensName, feedOwner)
      const { error, needsPerson } = tasks.get(authority.ensName) ?? newTask
      return { announcement, feedOwner, error, needsPerson }
    },
    settle: rounds.settle,
    stop: rounds.stop,
  }
}

/** A task of which nothing was tried, but for its ENS name. */
export const newTask: Omit<Task, 'ensName'> = {
  ...{ changedAt: null, nextTryAt: 0, failures: 0, backsOff: false },
  ...{ error: null, needsPerson: false, patience: null },
}

/** One step of a task, and the task as it is then; null when it is done. @throws the reason of an aborted signal */
export async function runTask(deps: AnnouncerDeps, task: Task, signal: AbortSignal): Promise<Task | null> {
  const now = () => Number(deps.clock())
  try {
    const step = await stepOf(deps, task, signal)
    return step && { ...task, ...step.changes, backsOff: false, nextTryAt: now() + step.waitSeconds }
  } catch (error) {
    if (signal.aborted) throw error
    // Another version was published meanwhile, which noted the name.
    if (error instanceof ListMoved) return { ...task, nextTryAt: 0 }
    const { message } = error as Error
    if (task.error !== message) deps.log('a list is not announced', { name: task.ensName, error: message })
    const backsOff = !isFinal(error)
    const waitSeconds = backsOff ? backoffSeconds(task.failures, mostBackoffSeconds) : restSeconds
    const failures = task.failures + 1
    const needsPerson = error instanceof FeedAhead || (backsOff && failures >= needsPersonAfter)
    return { ...task, backsOff, failures, error: message, needsPerson, nextTryAt: now() + waitSeconds }
  }
}

/** Whether trying again soon changes nothing. */
function isFinal(error: unknown): boolean {
  return error instanceof FeedAhead || (error instanceof BeeError && error.fault === 'refused')
}
