import { readdirSync, readFileSync } from 'node:fs'

/** The workerd that this process started and that is still there. Linux only. @throws when there is none */
export function workerdPid(): number {
  const children = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '),
  )
  const pid = children.find((child) => child !== '' && /workerd/.test(readFileSync(`/proc/${child}/cmdline`, 'utf8')))
  if (pid === undefined) throw new Error('there is no workerd')
  return Number(pid)
}

/** Milliseconds of CPU of a process's threads, of those that are still there: finer than the ticks of proc(5). Linux only. */
export function threadMilliseconds(pid: number): number {
  const ofThread = (thread: string) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + ofThread(thread), 0) / 1e6
}
