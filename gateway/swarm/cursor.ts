import { bytesToHex, type Hex } from 'viem'

/**
 * Reads bytes strictly from front to back: integers big-endian, every length checked before it is used. All of it throws Error that begins
 * with what is read.
 */
export type Cursor = {
  take(length: number): Uint8Array
  /** An unsigned integer of 1, 2, 4 or 8 bytes; one above 2^53 - 1 is refused. */
  uint(length: 1 | 2 | 4 | 8): number
  /** As `uint(8)`, of any value. */
  uint64(): bigint
  /** 32 bytes. */
  hash(): Hex
  /** Bytes not taken yet. */
  left(): number
  /** Nothing may be left. */
  end(): void
  refuse(why: string): never
}

/** @param what the thing read, as messages begin: "content index shard" */
export function openCursor(bytes: Uint8Array, what: string): Cursor {
  let at = 0
  const refuse = (why: string): never => {
    throw new Error(`${what}: ${why}`)
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.byteLength - at) refuse(`it ends after ${bytes.byteLength} bytes, inside a field`)
    at += length
    return bytes.subarray(at - length, at)
  }
  const uint64 = () => take(8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  return {
    take,
    uint64,
    uint(length) {
      const value = take(length).reduce((sum, byte) => sum * 256 + byte, 0)
      return Number.isSafeInteger(value) ? value : refuse('a number is above 2^53 - 1')
    },
    hash: () => bytesToHex(take(32)),
    left: () => bytes.byteLength - at,
    end() {
      if (at !== bytes.byteLength) refuse(`${bytes.byteLength - at} bytes follow its end`)
    },
    refuse,
  }
}

/** An unsigned integer big-endian in `length` bytes. @throws RangeError for one that does not fit */
export function uintBytes(value: number | bigint, length: 1 | 2 | 4 | 8): Uint8Array {
  const bytes = new Uint8Array(length)
  let rest = BigInt(value)
  for (let at = length - 1; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  if (rest !== 0n) throw new RangeError(`${value} is no unsigned integer of ${length} bytes`)
  return bytes
}
