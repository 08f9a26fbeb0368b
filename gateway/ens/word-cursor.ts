import type { Address, Hex } from 'viem'
import { Refusal } from '../tags/refusal.ts'
import { isWholeHex } from './hex.ts'

/**
 * Reads an ABI encoding strictly from front to back: every offset must point at the very next word, every filling must be zero, so
 * that only one sequence of bytes decodes to a value. All of it throws Refusal BadResponse.
 */
export type Cursor = { readonly digits: string; at: number }

/** Offsets of the tails of one tuple or array; they count bytes from `base`, a place in the digits. */
type Offsets = { base: number; offsets: readonly number[] }

const zeros = '0'.repeat(64)
const wordDigits = 64

/** A cursor over the digits of a response of bounded length. */
export function cursorOver(response: Hex, maxBytes: number): Cursor {
  if (response.length > 2 + 2 * maxBytes) refuse(`it is longer than ${maxBytes} bytes`)
  if (!isWholeHex(response)) refuse('it is not hex of whole bytes')
  return { digits: response.slice(2).toLowerCase(), at: 0 }
}

function takeDigits(cursor: Cursor, length: number): string {
  const end = cursor.at + length
  if (end > cursor.digits.length) refuse('it ends too early')
  const digits = cursor.digits.slice(cursor.at, end)
  cursor.at = end
  return digits
}

/** The right part of a word whose left part must be zero. */
function takeRight(cursor: Cursor, digits: number): string {
  const whole = takeDigits(cursor, wordDigits)
  if (!whole.startsWith(zeros.slice(digits))) refuse('an integer or address is too large for its type')
  return whole.slice(-digits)
}

/** A whole word. */
export function takeHash(cursor: Cursor): Hex {
  return `0x${takeDigits(cursor, wordDigits)}`
}

/** An address; the twelve bytes before it must be zero. */
export function takeAddress(cursor: Cursor): Address {
  return `0x${takeRight(cursor, 40)}`
}

/** A uint64; the bytes before it must be zero. */
export function takeUint64(cursor: Cursor): bigint {
  return BigInt(`0x${takeRight(cursor, 16)}`)
}

/** A length or offset: at most 2^32 - 1. */
function takeLength(cursor: Cursor): number {
  return Number.parseInt(takeRight(cursor, 8), 16)
}

/** How many elements an array has. */
export function takeCount(cursor: Cursor, max: number): number {
  const count = takeLength(cursor)
  if (count > max) refuse(`${count} elements where at most ${max} may be`)
  return count
}

/** `bytes`: length, content, zeros up to the next word. */
export function takeBytes(cursor: Cursor, maxBytes: number): Hex {
  const length = takeLength(cursor)
  if (length > maxBytes) refuse(`${length} bytes where at most ${maxBytes} may be`)
  const content = takeDigits(cursor, length * 2)
  const filling = takeDigits(cursor, (wordDigits - (content.length % wordDigits)) % wordDigits)
  if (!zeros.startsWith(filling)) refuse('the filling behind bytes is not zero')
  return `0x${content}`
}

/** `count` offsets, behind `staticWords` words of the same tuple. */
export function takeOffsets(cursor: Cursor, count: number, staticWords: number): Offsets {
  const base = cursor.at - staticWords * wordDigits
  return { base, offsets: Array.from({ length: count }, () => takeLength(cursor)) }
}

/** The tail that offset number `position` names: it must begin where the cursor stands. */
export function takeTail<Value>(cursor: Cursor, tails: Offsets, position: number, take: () => Value): Value {
  if (tails.base + 2 * (tails.offsets[position] as number) !== cursor.at)
    refuse('an offset does not name the next word')
  return take()
}

/** The dynamic elements of an array whose length was taken. */
export function takeElements<Value>(cursor: Cursor, count: number, take: (cursor: Cursor) => Value): Value[] {
  const tails = takeOffsets(cursor, count, 0)
  return tails.offsets.map((_, position) => takeTail(cursor, tails, position, () => take(cursor)))
}

/** Nothing may follow. */
export function takeEnd(cursor: Cursor): void {
  if (cursor.at !== cursor.digits.length) refuse('there are bytes behind its end')
}

function refuse(broken: string): never {
  throw new Refusal('BadResponse', `response: ${broken}`)
}
