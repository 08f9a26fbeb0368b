import { getHeapStatistics, setFlagsFromString } from 'node:v8'

/** How far the heap may grow before it is collected again: by a fifth, and by this much where that is more. */
const leastPercent = 20
const leastBytes = 32 * 1024 * 1024
const checkMs = 250

/** Percent of a heap of this many bytes that V8 may add to it before it collects again, in steps of ten. */
export function growingPercent(heapBytes: number): number {
  return Math.max(leastPercent, 10 * Math.ceil((10 * leastBytes) / Math.max(leastBytes / 10, heapBytes)))
}

/**
 * Keeps this process's heap from growing to several times its size. Left alone on a machine with much memory, V8 lets a large one double
 * and more, so that checking one whole list of 100,000 tags would stay resident several times over. And a small one may not be held as
 * short: what passes through in buffers counts too, and it would be collected every few megabytes of a transfer. Returns what ends the
 * watch.
 */
export function watchHeapGrowth(): () => void {
  let last = 0
  const check = () => {
    const percent = growingPercent(getHeapStatistics().used_heap_size)
    if (percent === last) return
    last = percent
    setFlagsFromString(`--heap-growing-percent=${percent}`)
  }
  check()
  const checks = setInterval(check, checkMs).unref()
  return () => clearInterval(checks)
}
