import { knownLengthOf } from '../gateway/store/r2-read.ts'

/** A body that workerd sends with its length, and breaks off when it fails: it would end an answer of unknown length as if it were whole. */
export function bodyOfLength(body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  return knownLengthOf(body) !== undefined ? body : body.pipeThrough(new FixedLengthStream(bytes))
}
