import { withPatience } from './r2-bucket.ts'

/** A stream that is read into memory of ours. */
export type Source = {
  /**
   * Fills `target` from its first byte on; comes back shorter at the end of the stream only. The memory of `target` moves into what comes
   * back, as BYOB readers have it: `target` itself must not be used afterwards.
   */
  fill(target: Uint8Array): Promise<Uint8Array>
  cancel(reason: unknown): Promise<void>
}

/** The same, of which every step ends: what fails or takes longer than `timeoutMs` @throws ContentUnavailable. For bodies of R2. */
export function patientSource(source: Source, timeoutMs: number): Source {
  return { ...source, fill: (target) => withPatience('body', () => source.fill(target), timeoutMs) }
}

/** Byte streams, which all bodies of requests and of R2 are, are read without a copy; others by copying their pieces. */
export function openSource(stream: ReadableStream<Uint8Array>): Source {
  const reader = byteReaderOf(stream)
  return reader ? byteSource(reader) : pieceSource(stream.getReader())
}

function byteReaderOf(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return stream.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

function byteSource(reader: ReadableStreamBYOBReader): Source {
  return {
    async fill(target) {
      if (target.byteLength === 0) return target
      const { value } = await reader.readAtLeast(target.byteLength, target)
      return value ?? new Uint8Array()
    },
    cancel: (reason) => reader.cancel(reason).catch(() => undefined),
  }
}

function pieceSource(reader: ReadableStreamDefaultReader<Uint8Array>): Source {
  let rest: Uint8Array = new Uint8Array()
  return {
    async fill(target) {
      let filled = 0
      while (filled < target.byteLength) {
        if (rest.byteLength === 0) {
          const { done, value } = await reader.read()
          if (done) break
          rest = value
        }
        const taken = rest.subarray(0, target.byteLength - filled)
        target.set(taken, filled)
        filled += taken.byteLength
        rest = rest.subarray(taken.byteLength)
      }
      return target.subarray(0, filled)
    },
    cancel: (reason) => reader.cancel(reason).catch(() => undefined),
  }
}
