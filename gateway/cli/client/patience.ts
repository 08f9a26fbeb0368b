import { HttpFailure } from './http-failure.ts'

/** How long an answer may take to begin, and how slow its body may come: in each `windowMs` spent waiting for it `leastBytes` at least. */
export type Patience = { firstByteMs: number; windowMs: number; leastBytes: number }

/** A transfer of many gigabytes is one request; what it waits for is bounded by its patience. */
export const transferTimeoutMs = 24 * 60 * 60 * 1000

/** 16 KiB a second, looked at every 15 seconds of waiting. */
export const bodyPatience: Omit<Patience, 'firstByteMs'> = { windowMs: 15_000, leastBytes: 15 * 16 * 1024 }

/**
 * The same chunks, given up when they come too slowly. Only the time spent waiting for the next one counts: a client that reads slowly is
 * not its source's fault. @throws HttpFailure
 */
export async function* withPatience(
  from: string,
  chunks: AsyncGenerator<Uint8Array>,
  { windowMs, leastBytes }: Omit<Patience, 'firstByteMs'>,
): AsyncGenerator<Uint8Array> {
  let waitedMs = 0
  let received = 0
  try {
    for (;;) {
      const begun = performance.now()
      const step = await withinMs(chunks.next(), windowMs - waitedMs)
      if (step === undefined) throw new HttpFailure(`${from} sends ${received} bytes in ${windowMs} ms: too slow`)
      if (step.done) return
      waitedMs += performance.now() - begun
      received += step.value.length
      if (received >= leastBytes) received = waitedMs = 0
      yield step.value
    }
  } finally {
    // Not awaited: it waits for the chunk that does not come.
    chunks.return(undefined).catch(() => undefined)
  }
}

/** Undefined when it takes longer. */
async function withinMs<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
