import type { Digest } from '../oci/digest.ts'

/** Bytes that a client may be behind before it waits for the end and reads the rest from the store. */
const maxLagBytes = 4 * 1024 * 1024
/** The end of content that is streamed while it comes, kept until its digest is known to be right (protocol 6). */
const heldBackBytes = 64 * 1024

/** One client's view of pieces while they come. */
export type Tap = {
  /** The next piece; undefined when there are no more this way: all came, or this client is too far behind. */
  next(): Promise<Uint8Array | undefined>
  close(): void
}

/** One content on its way into the store, for as many clients as want it. */
export type Download = {
  digest: Digest
  size: number
  /** Resolves when the first bytes are there. Rejects, as `done`, when it cannot be had. */
  begun: Promise<void>
  /** Resolves when it is in the store, verified. */
  done: Promise<void>
  /** Whether pieces that went out were wrong: who has some must not get the rest. */
  isSpoiled(): boolean
  /** Whether nothing comes any more: it is all there, or was given up. */
  isOver(): boolean
  /** The pieces as they come; undefined when the first ones are gone already. */
  tap(): Tap | undefined
  /** One client more; what comes back is called once when it has what it wanted. With the last one the download ends. */
  enter(): () => void
}

/**
 * Brings content into the store. `offer` is to be called with every piece, `begin` when the first is there, and `spoil` when pieces that
 * were offered proved wrong and it begins anew: nothing is to be offered any more.
 */
export type Fetching = (steps: {
  begin: () => void
  offer: (piece: Uint8Array) => void
  spoil: () => void
  signal: AbortSignal
}) => Promise<void>

/** Starts at once. */
export function startDownload(digest: Digest, size: number, fetching: Fetching): Download {
  const stopping = new AbortController()
  const taps = new Set<OpenTap>()
  let clients = 0
  let hasPieces = false
  let isOver = false
  let isSpoiled = false
  const { promise: begun, resolve: begin, reject } = withResolvers()
  const offer = (piece: Uint8Array) => {
    hasPieces = true
    for (const tap of taps) tap.offer(piece)
  }
  const spoil = () => {
    isSpoiled = true
    for (const tap of taps) tap.close()
  }
  const end = () => {
    isOver = true
    for (const tap of taps) tap.end()
  }
  const done = fetching({ begin, offer, spoil, signal: stopping.signal }).finally(end)
  done.catch(reject)
  begun.catch(() => undefined)
  return {
    ...{ digest, size, begun, done },
    isSpoiled: () => isSpoiled,
    isOver: () => isOver,
    tap() {
      if (hasPieces || isSpoiled || isOver) return undefined
      const tap = createTap(() => taps.delete(tap))
      taps.add(tap)
      return tap
    },
    enter() {
      clients++
      let isIn = true
      return () => {
        if (isIn) clients--
        isIn = false
        if (clients > 0 || isOver) return
        isOver = true
        stopping.abort(new Error('nobody waits for it any more'))
      }
    },
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve = () => {}
  let reject = (_error: unknown) => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

type OpenTap = Tap & { offer(piece: Uint8Array): void; end(): void }

function createTap(onClose: () => void): OpenTap {
  let waiting: Uint8Array[] = []
  let waitingBytes = 0
  let isOpen = true
  let wake = () => {}
  const end = () => {
    isOpen = false
    onClose()
    wake()
  }
  const close = () => {
    waiting = []
    end()
  }
  return {
    end,
    close,
    offer(piece) {
      waiting.push(piece)
      waitingBytes += piece.byteLength
      // What it could not take is in the store later, and nothing is kept for it until then.
      if (waitingBytes > maxLagBytes) close()
      else wake()
    },
    async next() {
      while (waiting.length === 0 && isOpen) {
        await new Promise<void>((resume) => {
          wake = resume
        })
      }
      const piece = waiting.shift()
      waitingBytes -= piece?.byteLength ?? 0
      return piece
    },
  }
}

function refuseSpoiled({ digest, isSpoiled }: Download, position: number): void {
  if (position > 0 && isSpoiled()) throw new Error(`a node sent other bytes for ${digest}: ask again`)
}

/**
 * What one client gets: the pieces as they come but for the last 64 KiB, and the rest from the store (`readFrom`) once all of it is
 * verified. Errors when it is not, before the end: a client that knows the length never takes it for whole.
 */
export function followDownload(
  download: Download,
  tap: Tap | undefined,
  leave: () => void,
  readFrom: (first: number) => Promise<ReadableStream<Uint8Array>>,
): ReadableStream<Uint8Array> {
  const liveEnd = download.size - heldBackBytes
  let position = 0
  let rest: ReadableStreamDefaultReader<Uint8Array> | undefined
  const nextLive = async (): Promise<Uint8Array | undefined> => {
    const piece = await tap?.next()
    const part = piece?.subarray(0, Math.max(0, liveEnd - position))
    if (part && part.byteLength > 0) return part
    tap?.close()
    return undefined
  }
  const nextStored = async (): Promise<Uint8Array | undefined> => {
    if (!rest) refuseSpoiled(download, position)
    await download.done
    if (!rest) refuseSpoiled(download, position)
    rest ??= (await readFrom(position)).getReader()
    return (await rest.read()).value
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        try {
          const piece = (rest ? undefined : await nextLive()) ?? (await nextStored())
          position += piece?.byteLength ?? 0
          if (piece) return sink.enqueue(piece)
          leave()
          sink.close()
        } catch (error) {
          leave()
          throw error
        }
      },
      async cancel(reason) {
        tap?.close()
        leave()
        await rest?.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
