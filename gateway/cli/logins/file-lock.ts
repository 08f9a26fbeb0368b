import { randomBytes } from 'node:crypto'
import { open, readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a lock may stay the same until whoever took it counts as gone, and how often it is looked at. */
export type LockTimes = { abandonedAfterMs: number; retryMs: number }

/** The lock could not be had, because others hold it one after the other, or because one that was abandoned cannot be removed. */
export class LockNotHad extends Error {
  override readonly name = 'LockNotHad'
}

const usualTimes: LockTimes = { abandonedAfterMs: 5000, retryMs: 20 }
/** So many times `abandonedAfterMs` somebody waits for their turn. */
const patience = 12

/**
 * Runs `work` while no other process does with the same lock: a file that is made where none is. `work` is short: a lock that stays the same
 * for `abandonedAfterMs` was left by a process that was killed, and is removed; who was only slow must therefore look again before it
 * writes. @throws LockNotHad, and the file system's errors
 */
export async function withFileLock<Result>(
  lockFile: string,
  work: () => Promise<Result>,
  times: LockTimes = usualTimes,
): Promise<Result> {
  const mark = `${process.pid}-${randomBytes(6).toString('hex')}`
  await takeLock(lockFile, mark, times)
  try {
    return await work()
  } finally {
    if ((await readMark(lockFile)) === mark) await rm(lockFile, { force: true })
  }
}

async function takeLock(lockFile: string, mark: string, { abandonedAfterMs, retryMs }: LockTimes): Promise<void> {
  let seen: string | null = null
  let sameForMs = 0
  for (let waitedMs = 0; waitedMs <= patience * abandonedAfterMs; waitedMs += retryMs) {
    if (await makeLock(lockFile, mark)) return
    const holder = await readMark(lockFile)
    sameForMs = holder === seen ? sameForMs + retryMs : 0
    seen = holder
    if (holder !== null && sameForMs >= abandonedAfterMs) await removeAbandoned(lockFile, holder)
    await sleep(retryMs)
  }
  throw new LockNotHad(`${lockFile} is still there: if no other command is running, remove ${lockFile}*`)
}

async function makeLock(lockFile: string, mark: string): Promise<boolean> {
  try {
    const handle = await open(lockFile, 'wx', 0o600)
    await handle.writeFile(mark).finally(() => handle.close())
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** One process at a time, or the second would remove the lock that a third made in the place of the abandoned one. */
async function removeAbandoned(lockFile: string, holder: string): Promise<void> {
  const turn = `${lockFile}.removing`
  if (!(await makeLock(turn, holder))) return
  try {
    if ((await readMark(lockFile)) === holder) await rm(lockFile, { force: true })
  } finally {
    await rm(turn, { force: true })
  }
}

/** Null where there is none; empty while it is being made. */
async function readMark(lockFile: string): Promise<string | null> {
  try {
    return await readFile(lockFile, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
