import type { Log } from './deps.ts'

/** Work in the background that never runs beside itself. */
export type Rounds = {
  /** Asks for a round: the one that runs is followed by another. */
  wake(): void
  /** Asks for a round and resolves when none is left to do. */
  settle(): Promise<void>
  /** Begins no more, aborts the signal of the round under way and resolves when it has come to a stop. */
  stop(): Promise<void>
}

/** Rounds of `work`, when asked and every `intervalMs`. One that fails is logged as `what` and tried again at the next interval. */
export function startRounds(
  what: string,
  work: (signal: AbortSignal) => Promise<void>,
  { intervalMs, log }: { intervalMs: number; log: Log },
): Rounds {
  const stopping = new AbortController()
  const { signal } = stopping
  let isAsked = false
  let underWay: Promise<void> | undefined
  const run = async () => {
    while (isAsked && !signal.aborted) {
      isAsked = false
      await work(signal).catch((error: unknown) => {
        if (!signal.aborted) log(`${what} failed`, { error: error instanceof Error ? error.message : String(error) })
      })
    }
    underWay = undefined
  }
  const wake = () => {
    isAsked = true
    underWay ??= run()
  }
  const timer = setInterval(wake, intervalMs)
  // Node's timers would keep the process; a Worker's are numbers and do not.
  if (typeof timer === 'object') timer.unref()
  return {
    wake,
    async settle() {
      wake()
      await underWay
    },
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await underWay
    },
  }
}
