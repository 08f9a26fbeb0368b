import { gzipSync } from 'node:zlib'
import type { Answer, Body } from '../lie.ts'

// What can be wrong with an answer of any kind: each takes the honest one.

/** One part of a body after another. */
export type Pieces = AsyncGenerator<Uint8Array>

/** A piece of what has no end: JSON may have it anywhere. */
const spaces = Buffer.alloc(1024 * 1024, 0x20)

/** Spaces without end. */
export function endless({ headers }: Answer): Answer {
  const { 'content-length': _, ...rest } = headers
  return { status: 200, headers: rest, body: withoutEnd(spaces) }
}

/** The honest bytes, and then more without end. */
export function endlessBehind({ headers, body }: Answer): Answer {
  const { 'content-length': _, ...rest } = headers
  const bytes = bytesOf(body)
  return { status: 200, headers: rest, body: joined(bytes, withoutEnd(spaces)) }
}

async function* joined(first: Uint8Array, rest: Pieces): Pieces {
  yield first
  yield* rest
}

async function* withoutEnd(piece: Uint8Array): Pieces {
  for (;;) yield piece
}

/** Nothing at all comes. */
export function silent(answer: Answer): Answer {
  return { ...answer, body: null }
}

/** A part of the body, and then nothing for as long as anybody waits. */
export function stalled(part: number) {
  return (answer: Answer): Answer => ({ ...answer, body: thenNothing(bytesOf(answer.body).subarray(0, part)) })
}

async function* thenNothing(first: Uint8Array): Pieces {
  yield first
  await new Promise((end) => setTimeout(end, 60_000).unref())
}

/** A byte now and then. */
export function slow(answer: Answer): Answer {
  return { ...answer, body: byteByByte(bytesOf(answer.body)) }
}

async function* byteByByte(bytes: Uint8Array): Pieces {
  for (let at = 0; at < bytes.length; at++) {
    yield bytes.subarray(at, at + 1)
    await new Promise((next) => setTimeout(next, 250).unref())
  }
}

/** A part of the body, and then the connection breaks. */
export function brokenOff(part: number) {
  return (answer: Answer): Answer => ({ ...answer, body: thenBreak(bytesOf(answer.body).subarray(0, part)) })
}

async function* thenBreak(first: Uint8Array): Pieces {
  yield first
  await new Promise((next) => setTimeout(next, 20))
  throw new Error('told to break off')
}

/** Other bytes, with the length that they have. */
export function altered(change: (bytes: Uint8Array) => Uint8Array) {
  return (answer: Answer): Answer => {
    const body = change(bytesOf(answer.body))
    return { ...answer, headers: { ...answer.headers, 'content-length': String(body.length) }, body }
  }
}

/** One bit of the last byte. */
export function lastBit(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  return changed
}

/** Some members of the head changed. */
export function headed(headers: Readonly<Record<string, string>>) {
  return (answer: Answer): Answer => ({ ...answer, headers: { ...answer.headers, ...headers } })
}

/** Another status, with a body of its own. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}, text = '{"message":"as told"}') {
  return (): Answer => ({
    status: code,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(text),
  })
}

/** A page for people. */
export function page(answer: Answer): Answer {
  const body = Buffer.from('<!doctype html><title>Please log in</title>')
  const headers = { ...answer.headers, 'content-type': 'text/html', 'content-length': String(body.length) }
  return { status: 200, headers, body }
}

/** 64 MiB of nothing, that travel as 64 KiB. */
const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))

/** A body that is small on its way and large when it is unpacked. */
export function gzipBomb({ headers }: Answer): Answer {
  return {
    status: 200,
    headers: { ...headers, 'content-encoding': 'gzip', 'content-length': `${bomb.length}` },
    body: bomb,
  }
}

/** Says that the body is packed, which it is not. */
export const falselyEncoded = headed({ 'content-encoding': 'gzip' })

/** All of an honest body. */
export function bytesOf(body: Body | null): Uint8Array {
  if (body instanceof Uint8Array) return body
  throw new Error('an honest body is whole')
}
