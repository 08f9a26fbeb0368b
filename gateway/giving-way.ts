import { setImmediate } from 'node:timers/promises'

/** Background work that gives way to requests. */
export type GivingWay = {
  /** A request begins; the result is called when it is over. */
  enter(): () => void
  /** Awaited between slices of background work: at once without requests, else when the last one is over. */
  pause(): Promise<void>
}

/**
 * Pushes are acknowledged before what they brought is hashed for Swarm, collected or checked; where all of it shares one processor, that
 * work would take half of it from the next push. `patienceMs`: for so long a slice waits for requests to end, so that a gateway that
 * never rests gets it done too, slowly.
 */
export function createGivingWay(patienceMs: number): GivingWay {
  let requests = 0
  const waiting = new Set<() => void>()
  const goOn = () => {
    for (const end of waiting) end()
  }
  return {
    enter() {
      requests += 1
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        requests -= 1
        if (requests === 0) goOn()
      }
    },
    async pause() {
      await setImmediate()
      if (requests === 0) return
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(patience)
          waiting.delete(end)
          resolve()
        }
        const patience = setTimeout(end, patienceMs)
        waiting.add(end)
      })
    },
  }
}
