/** What a request in progress shows of itself: node's IncomingMessage. */
export type IncomingBody = {
  /** Whether all of it came. */
  readonly complete: boolean
  readonly destroyed: boolean
  /** Bytes that came and were not read yet. */
  readonly readableLength: number
  readonly socket: { readonly bytesRead: number }
  destroy(): unknown
}

/** Ends requests whose bodies come in too slowly. */
export type BodyFloor = {
  /** From now on looks at this request, until all of it came or it is forgotten. */
  watch(incoming: IncomingBody): void
  forget(incoming: IncomingBody): void
  /** To be called at even intervals. */
  check(): void
}

/**
 * A request has no time limit, since a push of many gigabytes is one; a client that sends next to nothing would hold its connection and
 * its upload for ever. Between two checks `leastBytes` must come, unless what came was not read yet: then the gateway is the slow one.
 */
export function createBodyFloor(leastBytes: number): BodyFloor {
  /** Bytes that the connection had read at the last check; undefined before the first, so that nobody is judged by half an interval. */
  const watched = new Map<IncomingBody, number | undefined>()
  return {
    watch(incoming) {
      watched.set(incoming, undefined)
    },
    forget(incoming) {
      watched.delete(incoming)
    },
    check() {
      for (const [incoming, before] of watched) {
        const { complete, destroyed, readableLength, socket } = incoming
        const isSlow = before !== undefined && readableLength === 0 && socket.bytesRead - before < leastBytes
        watched.set(incoming, socket.bytesRead)
        if (complete || destroyed || isSlow) watched.delete(incoming)
        if (isSlow && !complete) incoming.destroy()
      }
    },
  }
}
