import type { Random } from '../random.ts'

/** What changes an input may go through beside those of bytes: which structure it has. */
export type Structure = 'json' | 'abi' | 'lines' | 'jwt' | 'words'

/** One parser of bytes that others send, as the fuzz drives it. */
export type FuzzedParser = {
  name: string
  structure: Structure
  /** Inputs that it takes; all others are made from them. */
  seeds: readonly Uint8Array[]
  /** Reads one input to its end. */
  parse(input: Uint8Array): unknown
  /** Whether an error is one that the parser's doc comment names: anything else that is thrown is a fault. */
  isDocumented(error: unknown): boolean
  /** May make an input whole again where only a key holder could: else every change ends at a signature. */
  repair?(input: Uint8Array, random: Random): Promise<Uint8Array>
  /** Inputs of `n` parts, by what grows in them: 8 n parts may not take much more than 8 times the work. */
  shapes: Readonly<Record<string, (n: number) => Uint8Array | Promise<Uint8Array>>>
}

/** Bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A text of bytes as a program that believes them gets it: what is no UTF-8 becomes the replacement character. */
export function textOf(bytes: Uint8Array): string {
  return lenient.decode(bytes)
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** Bytes of a JSON value. */
export function jsonBytes(value: unknown): Uint8Array {
  return bytesOf(JSON.stringify(value))
}
