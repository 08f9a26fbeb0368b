import { BeeError } from './bee.ts'
import { faultOf } from './fault.ts'
import { createWatch, type Patience, type Watch } from './patience.ts'

/** A node and how long it may be silent. */
export type BeeNode = { beeUrl: string; patience: Patience }

/** One request. `sent` says how much of a `body` stream must go out. */
export type BeeRequest = {
  method?: 'GET' | 'POST'
  /** With its leading slash and query. */
  path: string
  headers?: Readonly<Record<string, string>>
  body?: Uint8Array | ReadableStream<Uint8Array>
  /** Bytes of `body`, where it is a stream. */
  bodyBytes?: number
  /** Where the node waits for its network before it answers; otherwise it has its idle time. */
  answerTimeoutMs?: number
  signal?: AbortSignal | undefined
}

/** What came: a 2xx, its body watched and still to be read. */
export type BeeAnswer = {
  /** `node: GET /path`, for messages. */
  what: string
  status: number
  headers: Headers
  /** Errors with BeeError, or with the reason of the request's signal. */
  body: ReadableStream<Uint8Array>
}

/** What a call holds on to while it lasts. */
type Call = { what: string; controller: AbortController; watch: Watch; signal: AbortSignal | undefined; end(): void }

/**
 * One request to a node, which is not believed in anything: redirects are not followed, silence ends the call, whatever is no 2xx is a
 * BeeError. Every body that comes must be read to its end or cancelled.
 */
export async function callBee(node: BeeNode, request: BeeRequest): Promise<BeeAnswer> {
  const call = openCall(node, request)
  const source = createSource(request, call)
  const response = await send(node, request, call, source.body).catch((error: unknown) => {
    call.end()
    throw source.failure() ?? translate(call, error)
  })
  const body = watchBody(response, call)
  const answer = { what: call.what, status: response.status, headers: response.headers, body }
  if (response.ok) return answer
  throw await faultOf(answer)
}

async function send(node: BeeNode, request: BeeRequest, call: Call, body: BodyInit | undefined): Promise<Response> {
  request.signal?.throwIfAborted()
  const init: RequestInit & { duplex: 'half' } = {
    method: request.method ?? 'GET',
    headers: { 'accept-encoding': 'identity', ...request.headers },
    redirect: 'manual',
    duplex: 'half',
    signal: call.controller.signal,
    ...(body && { body }),
  }
  call.watch.wait()
  const response = await fetch(node.beeUrl + request.path, init)
  call.watch.came()
  return response
}

function openCall({ beeUrl, patience }: BeeNode, request: BeeRequest): Call {
  const what = `${beeUrl}: ${request.method ?? 'GET'} ${request.path.split('?')[0]}`
  const { signal, answerTimeoutMs = patience.idleTimeoutMs } = request
  const controller = new AbortController()
  const idleTimeoutMs = Math.max(patience.idleTimeoutMs, answerTimeoutMs)
  const watch = createWatch({ ...patience, idleTimeoutMs }, () => {
    controller.abort(new BeeError('stalled', `${what}: next to nothing came within ${idleTimeoutMs} ms`))
  })
  const follow = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', follow)
  const end = () => {
    watch.came()
    signal?.removeEventListener('abort', follow)
  }
  return { what, controller, watch, signal, end }
}

/** A request's body; while our own side has yet to give the next bytes, the node's silence does not count. */
function createSource(request: BeeRequest, { what, watch }: Call) {
  let failed: { error: unknown } | undefined
  const { body, bodyBytes } = request
  if (!(body instanceof ReadableStream)) return { body: body as BodyInit | undefined, failure: () => undefined }
  const reader = body.getReader()
  let sent = 0
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        watch.came()
        try {
          const { done, value } = await reader.read()
          sent += value?.byteLength ?? 0
          if (sent > (bodyBytes ?? sent) || (done && sent < (bodyBytes ?? sent))) {
            throw new RangeError(`${what}: ${bodyBytes} bytes were to be sent, ${sent} came`)
          }
          if (done) sink.close()
          else sink.enqueue(value)
        } catch (error) {
          failed = { error }
          throw error
        } finally {
          watch.wait()
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  return { body: stream, failure: () => failed?.error }
}

function watchBody(response: Response, call: Call): ReadableStream<Uint8Array> {
  const reader = response.body?.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(sink) {
        try {
          call.watch.wait()
          const { done, value } = (await reader?.read()) ?? { done: true as const, value: undefined }
          call.watch.came(value?.byteLength ?? 0)
          if (!done) return sink.enqueue(value)
          call.end()
          sink.close()
        } catch (error) {
          call.end()
          throw translate(call, error)
        }
      },
      cancel(reason) {
        call.end()
        call.controller.abort(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

/** What is thrown for a connection that failed: the caller's own reason, our patience, or the node. */
function translate({ what, controller, signal }: Call, error: unknown): unknown {
  if (signal?.aborted) return signal.reason
  if (controller.signal.aborted) return controller.signal.reason
  return new BeeError('unavailable', `${what}: ${firstCause(error)}`, undefined, { cause: error })
}

/** fetch says "fetch failed" or "terminated" and keeps why in `cause`. */
function firstCause(error: unknown): string {
  let deepest = error
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause
  const { code, message } = deepest as { code?: unknown; message?: string }
  return message || String(code ?? deepest)
}
