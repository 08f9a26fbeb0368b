import { setImmediate } from 'node:timers/promises'

/** Background work that gives way to requests. */
export type GivingWay = {
  /** A request begins; the result is called when it is over. */
  enter(): () => void
  /** Awaited between pieces of background work: at once without requests or while its slice lasts, else when the last request is over. */
  pause(): Promise<void>
}

/**
 * Pushes are acknowledged before what they brought is hashed for Swarm, collected or checked; where all of it shares one processor, that
 * work would take half of it from the next push. `patienceMs`: for so long a slice of `sliceMs` waits for requests to end, so that a
 * gateway that never rests gets it done too, slowly. `now` in milliseconds.
 */
export function createGivingWay(patienceMs: number, sliceMs: number, now = () => performance.now()): GivingWay {
  let requests = 0
  let sliceEnds = Number.NEGATIVE_INFINITY
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
      if (requests === 0 || now() < sliceEnds) return
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(patience)
          waiting.delete(end)
          resolve()
        }
        const patience = setTimeout(end, patienceMs)
        waiting.add(end)
      })
      sliceEnds = now() + sliceMs
    },
  }
}
