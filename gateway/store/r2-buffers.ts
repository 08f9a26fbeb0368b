/** Memory for bytes on their way through this process, counted and bounded. */
export type Buffers = {
  /** Bytes taken and not given back. */
  readonly heldBytes: number
  /** The most that was ever held at a time. */
  readonly mostHeldBytes: number
  /** Counts bytes that are too few to wait for. What comes back gives them back, once. */
  hold(bytes: number): () => void
  /** Waits until there is room for this many bytes. Who has some of them already must not take more: two such could wait for ever. */
  take(bytes: number): Promise<() => void>
}

const retryMs = 10

/**
 * At most `maxTakenBytes` taken at a time by all requests of one isolate; a single taker may have more. Who waits looks again by a timer
 * of its own: in a Worker nobody can be woken by another request.
 */
export function createBuffers(maxTakenBytes: number): Buffers {
  let heldBytes = 0
  let takenBytes = 0
  let mostHeldBytes = 0
  const hold = (bytes: number) => {
    heldBytes += bytes
    mostHeldBytes = Math.max(mostHeldBytes, heldBytes)
    return once(() => {
      heldBytes -= bytes
    })
  }
  return {
    get heldBytes() {
      return heldBytes
    },
    get mostHeldBytes() {
      return mostHeldBytes
    },
    hold,
    async take(bytes) {
      while (takenBytes > 0 && takenBytes + bytes > maxTakenBytes) {
        await new Promise((resume) => setTimeout(resume, retryMs))
      }
      takenBytes += bytes
      const release = hold(bytes)
      return once(() => {
        takenBytes -= bytes
        release()
      })
    },
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) work()
    isDone = true
  }
}
