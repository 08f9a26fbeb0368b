import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** How far V8 lets the heap grow before it collects garbage again. */
export type HeapGrowth = {
  /** Much that is dropped soon is about to be read; the result is called when it is over. */
  enter(): () => void
  stop(): void
}

/** Left alone V8 lets the heap double and more on a machine with much memory: one whole list of 100,000 tags would leave several times its size. */
const tightPercent = 20
/** Up to here V8 chooses: where bodies pass through, each of their buffers counts as growth, and a small heap would be collected all the time. */
const smallHeapBytes = 48 * 1024 * 1024
const checkMs = 250

/** What `--heap-growing-percent` is to be with this much on the heap; 0 leaves it to V8. */
export function growingPercent(heapBytes: number, entered: number): number {
  return entered > 0 || heapBytes > smallHeapBytes ? tightPercent : 0
}

/**
 * Keeps V8's young generation as small as it is now. What hangs on it is given back when it is full: for a program through which only bodies
 * pass, the smaller the sooner, since their pieces lie outside of it and do not fill it.
 */
export function keepYoungSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--max-semi-space-size=1')
}

/** Keeps the heap near what lives while it is large or `enter`ed, and leaves V8 its way while only bodies pass through. */
export function watchHeapGrowth(): HeapGrowth {
  let entered = 0
  let percent = 0
  const adjust = () => {
    const wanted = growingPercent(getHeapStatistics().used_heap_size, entered)
    if (wanted !== percent) setFlagsFromString(`--heap-growing-percent=${wanted}`)
    percent = wanted
  }
  const checks = setInterval(adjust, checkMs).unref()
  return {
    enter() {
      entered += 1
      adjust()
      let isOver = false
      return () => {
        if (!isOver) entered -= 1
        isOver = true
      }
    },
    stop: () => clearInterval(checks),
  }
}
