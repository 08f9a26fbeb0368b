/** How long a node may be silent, and what is as good as silence. */
export type Patience = {
  /** Milliseconds of waiting in which `leastBytes` must come, or all that is left. */
  idleTimeoutMs: number
  /** A byte now and then is no progress. */
  leastBytes: number
}

/** A watch over one call. Only the time between `wait` and `came` counts: not the time that our side takes. */
export type Watch = {
  wait(): void
  /** @param bytes how many came; undefined for a step that ends all waiting so far, such as an answer's headers */
  came(bytes?: number): void
}

/** @param onSilence called once, when patience ends */
export function createWatch({ idleTimeoutMs, leastBytes }: Patience, onSilence: () => void): Watch {
  let left = idleTimeoutMs
  let bytesSince = 0
  let since = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    wait() {
      clearTimeout(timer)
      since = performance.now()
      timer = setTimeout(onSilence, left)
    },
    came(bytes) {
      clearTimeout(timer)
      bytesSince += bytes ?? 0
      left = Math.max(0, left - (performance.now() - since))
      if (bytes !== undefined && bytesSince < leastBytes) return
      left = idleTimeoutMs
      bytesSince = 0
    },
  }
}
