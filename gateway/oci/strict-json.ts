import { OciError } from './error.ts'

/** `maxDepth`: arrays and objects inside one another; a lone `{}` is 1. `maxValueBytes`: the longest that `value` reads in one go. */
export type JsonLimits = { maxDepth: number; maxValueBytes?: number }

/**
 * Reads a JSON text part by part, in order. `value` reads the next value whole. `members` and `elements` enter an object or an
 * array and yield at each member name or element position; between two steps the caller reads exactly one value (whole, or by
 * entering it), so that a caller who reads tens of megabytes may let others run in between. `end` refuses trailing bytes.
 * @throws OciError MANIFEST_INVALID, every one of them
 */
export type JsonReader = {
  value(): unknown
  members(): Generator<string, void>
  elements(): Generator<number, void>
  end(): void
}

/**
 * RFC 8259 as strictly as a verifier needs it, so that no two parsers can read the same bytes differently: no byte order mark, no
 * trailing bytes, no member twice and none that differs from another only by case (Go folds case, `ſ` = `s` included), no lone
 * surrogate, no invalid UTF-8, no number that overflows. An integer is written with digits only: `1.0` and `1e2` are refused.
 * Integers beyond 2^53 come back rounded: callers require `Number.isSafeInteger`. @throws OciError MANIFEST_INVALID
 */
export function parseStrictJson(input: string | Uint8Array, limits: JsonLimits): unknown {
  const reader = openStrictJson(input, limits)
  const value = reader.value()
  reader.end()
  return value
}

/** The same grammar, read part by part. Given bytes, nothing of them is copied but the strings that are read. */
export function openStrictJson(input: string | Uint8Array, limits: JsonLimits): JsonReader {
  const { maxDepth, maxValueBytes = Number.POSITIVE_INFINITY } = limits
  const cursor: Cursor = { bytes: toUtf8(input), at: 0, depth: 0, maxDepth, valueEnd: Number.POSITIVE_INFINITY }
  return {
    value: () => readBounded(cursor, maxValueBytes),
    members: () => readMembers(cursor),
    elements: () => readElements(cursor),
    end: () => {
      if (peek(cursor) !== -1) throw invalid(cursor, 'bytes after the end of the value')
    },
  }
}

/** A member name as Go's encoding/json compares it: without regard to case (`LAYERS`, `layerſ` and `layers` are one). */
export function foldMemberName(name: string): string {
  return name.toUpperCase().toLowerCase()
}

/** `valueEnd`: where the value that is read whole must have ended. */
type Cursor = { bytes: Uint8Array; at: number; depth: number; readonly maxDepth: number; valueEnd: number }

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const LEFT_BRACKET = 0x5b
const RIGHT_BRACKET = 0x5d
const LEFT_BRACE = 0x7b
const RIGHT_BRACE = 0x7d

const loneSurrogate = /\p{Surrogate}/u
const numberForm = /^-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function toUtf8(input: string | Uint8Array): Uint8Array {
  if (typeof input !== 'string') return input
  if (loneSurrogate.test(input)) throw new OciError('MANIFEST_INVALID', 'JSON: a lone surrogate in the text')
  return new TextEncoder().encode(input)
}

function invalid(cursor: Cursor, what: string): OciError {
  return new OciError('MANIFEST_INVALID', `JSON: ${what} at byte ${cursor.at}`)
}

/** The next byte that is not white space, without taking it; -1 at the end. */
function peek(cursor: Cursor): number {
  const { bytes } = cursor
  for (; cursor.at < bytes.length; cursor.at++) {
    const byte = bytes[cursor.at]!
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
  }
  return -1
}

function take(cursor: Cursor, byte: number, wanted: string): void {
  if (peek(cursor) !== byte) throw invalid(cursor, `${wanted} wanted`)
  cursor.at++
}

function readBounded(cursor: Cursor, maxBytes: number): unknown {
  peek(cursor)
  cursor.valueEnd = cursor.at + maxBytes
  const value = readValue(cursor)
  checkEnd(cursor, cursor.at)
  cursor.valueEnd = Number.POSITIVE_INFINITY
  return value
}

function checkEnd(cursor: Cursor, at: number): void {
  if (at > cursor.valueEnd) throw invalid(cursor, 'a value longer than any that belongs here')
}

function readValue(cursor: Cursor): unknown {
  switch (peek(cursor)) {
    case LEFT_BRACE:
      return readObject(cursor)
    case LEFT_BRACKET:
      return readArray(cursor)
    case QUOTE:
      return readString(cursor)
    case 0x74:
      return readWord(cursor, 'true', true)
    case 0x66:
      return readWord(cursor, 'false', false)
    case 0x6e:
      return readWord(cursor, 'null', null)
    default:
      return readNumber(cursor)
  }
}

function readObject(cursor: Cursor): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const name of readMembers(cursor)) {
    const value = readValue(cursor)
    if (name !== '__proto__') object[name] = value
    else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return object
}

function readArray(cursor: Cursor): unknown[] {
  const array: unknown[] = []
  for (const _ of readElements(cursor)) array.push(readValue(cursor))
  return array
}

function* readMembers(cursor: Cursor): Generator<string, void> {
  enter(cursor, LEFT_BRACE, 'an object')
  const seen = new Set<string>()
  for (let more = peek(cursor) !== RIGHT_BRACE; more; more = takeSeparator(cursor)) {
    if (peek(cursor) !== QUOTE) throw invalid(cursor, 'a member name wanted')
    const name = readString(cursor)
    if (seen.size === seen.add(foldMemberName(name)).size) throw invalid(cursor, `member ${quote(name)} stands twice`)
    take(cursor, COLON, `":" after member ${quote(name)}`)
    const at = cursor.at
    yield name
    if (cursor.at === at) throw new Error(`the value of ${name} was not read`)
  }
  leave(cursor, RIGHT_BRACE, '"," or "}"')
}

function* readElements(cursor: Cursor): Generator<number, void> {
  enter(cursor, LEFT_BRACKET, 'an array')
  let position = 0
  for (let more = peek(cursor) !== RIGHT_BRACKET; more; more = takeSeparator(cursor)) {
    const at = cursor.at
    yield position++
    if (cursor.at === at) throw new Error(`element ${position - 1} was not read`)
  }
  leave(cursor, RIGHT_BRACKET, '"," or "]"')
}

function enter(cursor: Cursor, bracket: number, wanted: string): void {
  take(cursor, bracket, wanted)
  if (++cursor.depth > cursor.maxDepth) throw invalid(cursor, `nested deeper than ${cursor.maxDepth}`)
}

function takeSeparator(cursor: Cursor): boolean {
  if (peek(cursor) !== COMMA) return false
  cursor.at++
  checkEnd(cursor, cursor.at)
  return true
}

function leave(cursor: Cursor, bracket: number, wanted: string): void {
  take(cursor, bracket, wanted)
  cursor.depth--
}

function readWord<T>(cursor: Cursor, word: string, value: T): T {
  for (const [i, letter] of [...word].entries()) {
    if (cursor.bytes[cursor.at + i] !== letter.charCodeAt(0)) throw invalid(cursor, 'a value wanted')
  }
  cursor.at += word.length
  return value
}

/** Strings without escapes are decoded as they stand; the platform's own reader undoes the escapes of the others. */
function readString(cursor: Cursor): string {
  const { bytes } = cursor
  const start = cursor.at + 1
  let escaped = false
  let end = start
  while (end < bytes.length && bytes[end] !== QUOTE) {
    if (bytes[end]! < 0x20 || end > cursor.valueEnd) break
    if (bytes[end] === BACKSLASH) {
      escaped = true
      end++
    }
    end++
  }
  checkEnd(cursor, end)
  if (bytes[end] !== QUOTE) throw invalid(cursor, 'a string without its end, or with a control character,')
  const text = decodeText(cursor, bytes.subarray(start, end), escaped)
  cursor.at = end + 1
  return text
}

function decodeText(cursor: Cursor, raw: Uint8Array, escaped: boolean): string {
  try {
    const text = utf8.decode(raw)
    if (!escaped) return text
    const unescaped = JSON.parse(`"${text}"`) as string
    if (!loneSurrogate.test(unescaped)) return unescaped
  } catch {
    throw invalid(cursor, 'a string with an unknown escape or invalid UTF-8')
  }
  throw invalid(cursor, 'a lone surrogate in the string')
}

function readNumber(cursor: Cursor): number {
  const { bytes } = cursor
  let end = cursor.at
  while (end < bytes.length && isNumberByte(bytes[end]!)) end++
  const text = String.fromCharCode(...bytes.subarray(cursor.at, Math.min(end, cursor.at + 400)))
  const form = numberForm.exec(text)
  if (form === null) throw invalid(cursor, 'a value wanted')
  const value = Number(text)
  const notDigitsOnly = form[1] !== undefined || form[2] !== undefined
  if (!Number.isFinite(value) || end - cursor.at > text.length) throw invalid(cursor, 'a number beyond all bounds')
  if (notDigitsOnly && Number.isInteger(value)) throw invalid(cursor, 'an integer not written with digits only')
  cursor.at = end
  return value
}

/** Digits, sign, point and exponent. */
function isNumberByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65
  )
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 80))
}
