import { expectType, nonsense } from './answer.ts'
import { BeeError, type BeeRange } from './bee.ts'
import { type BeeAnswer, type BeeNode, type BeeRequest, callBee } from './call.ts'

/** What was asked for and what the answer's headers say of it; `length` of the body, where they say it. */
type Extent = { size: number | undefined; length: number | undefined }

/**
 * Content or a range of it. The answer's headers must fit what was asked for, and the body their length: one that is shorter or longer
 * errors. A range that starts at the first byte may come as whole content of that length, from a gateway that does not know ranges.
 */
export async function readContent(
  node: BeeNode,
  request: BeeRequest,
  range: BeeRange | undefined,
): Promise<{ size: number | undefined; body: ReadableStream<Uint8Array> }> {
  const asked = range ? { range: `bytes=${range.first}-${range.last}` } : {}
  const answer = await callBee(node, { ...request, headers: { ...request.headers, ...asked } })
  await expectType(answer, 'octet-stream')
  const extent = readExtent(answer, range)
  if (extent) return { size: extent.size, body: boundBody(answer, extent.length) }
  await answer.body.cancel().catch(() => undefined)
  const said = answer.headers.get('content-range') ?? `${answer.headers.get('content-length') ?? 'any number of'} bytes`
  throw nonsense(answer.what, `${answer.status} with ${said} for ${asked.range ?? 'the whole content'}`)
}

/** Undefined when the answer does not fit. */
function readExtent({ status, headers }: BeeAnswer, range: BeeRange | undefined): Extent | undefined {
  const length = readLength(headers.get('content-length'))
  if (!range) return status === 200 ? { size: length, length } : undefined
  const asked = range.last - range.first + 1
  if (status === 200) {
    return range.first === 0 && (length ?? asked) === asked ? { size: length, length: asked } : undefined
  }
  const found = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(headers.get('content-range') ?? '')
  if (!found || status !== 206 || (length ?? asked) !== asked) return undefined
  const [first, last, size] = found.slice(1).map(Number)
  if (first !== range.first || last !== range.last) return undefined
  return { size: Number.isNaN(size) ? undefined : size, length: asked }
}

function readLength(header: string | null): number | undefined {
  return header !== null && /^\d{1,16}$/.test(header) ? Number(header) : undefined
}

/** The body, which errors unless it has the length. */
function boundBody({ what, body }: BeeAnswer, length: number | undefined): ReadableStream<Uint8Array> {
  if (length === undefined) return body
  const reader = body.getReader()
  let came = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        const { done, value } = await reader.read()
        came += value?.byteLength ?? 0
        if (came > length) {
          const error = nonsense(what, `more than the ${length} bytes that it announced`)
          await reader.cancel(error).catch(() => undefined)
          throw error
        }
        if (!done) return sink.enqueue(value)
        if (came < length) throw new BeeError('unavailable', `${what}: ended after ${came} of ${length} bytes`)
        sink.close()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
