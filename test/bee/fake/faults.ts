import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import type { Answer } from './answer.ts'

/** What goes wrong. Offsets of `flip` count in the whole content, those of the others in the body of the answer. */
export type Damage =
  /** The answer never begins. */
  | { kind: 'silence' }
  /** The connection ends without any answer. */
  | { kind: 'reset' }
  /** Another answer altogether: an error, a redirect, HTML. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** Nothing more after so many bytes, the connection stays. */
  | { kind: 'stall'; afterBytes: number }
  /** So many bytes at a time, with a pause before each. */
  | { kind: 'trickle'; bytes: number; everyMs: number }
  /**
   * The end after so many bytes. `length`: a Content-Length announced more; `chunked`: without the last chunk; `clean`: chunked and
   * properly ended; `close`: no length at all, the connection ends.
   */
  | { kind: 'cut'; afterBytes: number; framing: 'length' | 'chunked' | 'clean' | 'close' }
  /** One bit of the content's byte `at` (negative: from the end), when it is in the answer. */
  | { kind: 'flip'; at: number }
  /** Other bytes, with headers that fit them. */
  | { kind: 'bytes'; bytes: Uint8Array }
  /** So many positions less than the newest: of `/feeds`, and of an owner's single-owner chunks by their order of writing. */
  | { kind: 'older feed'; by: number }

/** One fault: which requests (`GET /bytes/...` matches), how often, and what happens. */
export type Fault = {
  on: RegExp
  /** For ever where absent. */
  times?: number
  /** So many requests that fit go well before. */
  after?: number
  /** Only requests for a range. */
  onlyRanges?: boolean
  damage: Damage
}

/** An answer with a fault in what it says; how it is sent is `deliver`'s. */
export function damageAnswer(answer: Answer, damage: Damage | undefined): Answer {
  if (damage?.kind === 'answer') {
    const { status, headers = {}, body = '' } = damage
    return {
      status,
      headers: { 'Content-Length': String(Buffer.byteLength(body)), ...headers },
      body: [Buffer.from(body)],
    }
  }
  if (damage?.kind === 'flip') return { ...answer, body: flip(answer, damage.at) }
  if (damage?.kind !== 'bytes') return answer
  const { from = 0, headers, status } = answer
  const asked = headers['Content-Range'] ? Number(headers['Content-Length']) : damage.bytes.byteLength
  const body = Buffer.from(damage.bytes).subarray(from, from + asked)
  const size = { 'Content-Length': String(body.byteLength) }
  const range = { 'Content-Range': `bytes ${from}-${from + body.byteLength - 1}/${damage.bytes.byteLength}` }
  return { status, headers: { ...headers, ...size, ...(headers['Content-Range'] && range) }, body: [body] }
}

function* flip({ body, from = 0, headers }: Answer, at: number): Generator<Buffer> {
  const size = Number(/\/(\d+)$/.exec(headers['Content-Range'] ?? '')?.[1] ?? headers['Content-Length'])
  let start = from
  for (const piece of body) {
    const position = (at < 0 ? size + at : at) - start
    const changed = Buffer.from(piece)
    if (position >= 0 && position < changed.byteLength) changed[position] = (changed[position] as number) ^ 1
    start += piece.byteLength
    yield changed
  }
}

/** Sends an answer with the fault in how it comes. Bytes of the body that went out. */
export async function deliver(
  response: ServerResponse,
  answer: Answer,
  damage: Damage | undefined,
  sent: (bytes: number) => void,
): Promise<void> {
  if (damage?.kind === 'silence') return
  if (damage?.kind === 'reset') return void response.destroy()
  const end = damage?.kind === 'cut' || damage?.kind === 'stall' ? damage.afterBytes : Number.POSITIVE_INFINITY
  writeHead(response, answer, damage)
  let bytes = 0
  for (const piece of slice(answer.body, damage)) {
    const part = piece.subarray(0, Math.max(0, end - bytes))
    bytes += part.byteLength
    if (damage?.kind === 'trickle') await pause(damage.everyMs)
    if (part.byteLength > 0 && !response.write(part)) await drained(response)
    sent(part.byteLength)
    if (response.destroyed) return
    if (bytes >= end) break
  }
  if (damage?.kind === 'stall' && bytes >= end) return
  if (damage?.kind === 'cut' && damage.framing !== 'clean') return flushAndDestroy(response)
  response.end()
}

function writeHead(response: ServerResponse, { status, headers }: Answer, damage: Damage | undefined): void {
  const left = { ...headers }
  if (damage?.kind === 'cut' && damage.framing !== 'length') delete left['Content-Length']
  if (damage?.kind === 'cut' && damage.framing === 'close') {
    response.useChunkedEncodingByDefault = false
    response.shouldKeepAlive = false
  }
  response.writeHead(status, left)
  response.flushHeaders()
}

function* slice(body: Iterable<Buffer>, damage: Damage | undefined): Generator<Buffer> {
  if (damage?.kind !== 'trickle') return yield* gather(body)
  for (const piece of body) {
    for (let at = 0; at < piece.byteLength; at += damage.bytes) yield piece.subarray(at, at + damage.bytes)
  }
}

/** Leaves of 4 KiB in writes of 64 KiB. */
function* gather(body: Iterable<Buffer>): Generator<Buffer> {
  let pieces: Buffer[] = []
  let bytes = 0
  for (const piece of body) {
    pieces.push(piece)
    bytes += piece.byteLength
    if (bytes < 65_536) continue
    yield Buffer.concat(pieces)
    pieces = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(pieces)
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}

/** What was written still goes out; then the connection ends. */
async function flushAndDestroy(response: ServerResponse): Promise<void> {
  await nextTurn()
  response.socket?.destroySoon()
}
