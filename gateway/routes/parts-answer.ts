import type { Deps } from '../deps.ts'

const jsonType = { 'content-type': 'application/json' } as const
/** Collected before the first byte: some 15,000 tags. */
const maxCollectedBytes = 4 * 1024 * 1024

/**
 * JSON that is made part by part: whole before the first byte goes out where it is short, else the rest is made as the client takes
 * it. Where an answer that fails can only be broken off when its length is known, a longer one is made twice, once to count its bytes:
 * `make` gives the same parts each time. @throws what `make` throws while nothing was sent
 */
export async function answerInParts(
  { bodyOfLength, needsLengths = false }: Pick<Deps, 'bodyOfLength' | 'needsLengths'>,
  make: () => AsyncGenerator<string>,
  headers: Record<string, string>,
): Promise<Response> {
  const utf8 = new TextEncoder()
  const collected: Uint8Array[] = []
  const parts = make()
  let bytes = 0
  for (let next = await parts.next(); !next.done; next = await parts.next()) {
    const part = utf8.encode(next.value)
    bytes += part.byteLength
    if (bytes <= maxCollectedBytes || !needsLengths) collected.push(part)
    if (bytes <= maxCollectedBytes || needsLengths) continue
    return new Response(streamOf(collected, parts), { headers: { ...headers, ...jsonType } })
  }
  const known = { ...headers, ...jsonType, 'content-length': String(bytes) }
  const whole = bytes <= maxCollectedBytes ? streamOf(collected, parts) : streamOf([], make())
  return new Response(bodyOfLength(whole, bytes), { headers: known })
}

/** What was collected, then the rest as the client takes it; an error breaks the connection, so that no cut answer looks whole. */
function streamOf(collected: Uint8Array[], rest: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const utf8 = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const part = collected.shift()
      if (part) return controller.enqueue(part)
      const next = await rest.next()
      if (next.done) controller.close()
      else controller.enqueue(utf8.encode(next.value))
    },
    async cancel() {
      await rest.return(undefined)
    },
  })
}
