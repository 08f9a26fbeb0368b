import { type Hex, hexToBytes, keccak256 } from 'viem'

const digits = new TextEncoder().encode('0123456789abcdef')
const ascii = new TextDecoder()

/** Lower-case hex with 0x. One flat string: a joined one keeps every piece of it alive, which counts with 100,000 slots. */
export function hexOfBytes(bytes: Uint8Array): Hex {
  const text = new Uint8Array(2 + 2 * bytes.length)
  text[0] = 0x30
  text[1] = 0x78
  let at = 2
  for (const byte of bytes) {
    text[at++] = digits[byte >> 4]!
    text[at++] = digits[byte & 15]!
  }
  return ascii.decode(text) as Hex
}

/** Length in bytes of a hex string. */
export function byteLength(hex: Hex): number {
  return (hex.length - 2) >> 1
}

/** Whether this is whole bytes in lower-case hex with 0x, `length` of them when given. */
export function isLowerHex(text: string, length?: number): text is Hex {
  return lowerHex.test(text) && (length === undefined || text.length === 2 + 2 * length)
}

const lowerHex = /^0x(?:[0-9a-f]{2})*$/

/** keccak256. */
export function keccakOfBytes(bytes: Uint8Array): Hex {
  return hexOfBytes(keccak256(bytes, 'bytes'))
}

/** keccak256 of the bytes of two 32-byte hashes, in this order. */
export function keccakOfPair(first: Hex, second: Hex): Hex {
  const bytes = new Uint8Array(64)
  bytes.set(hexToBytes(first), 0)
  bytes.set(hexToBytes(second), 32)
  return keccakOfBytes(bytes)
}

/** Writes an unsigned integer big-endian into `length` bytes at `at`. */
export function putUint(bytes: Uint8Array, at: number, length: number, value: number | bigint): void {
  let rest = BigInt(value)
  for (let i = at + length - 1; i >= at; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
}
