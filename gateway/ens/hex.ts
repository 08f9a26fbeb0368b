import type { Hex } from 'viem'

const hexPattern = /^0x(?:[0-9a-fA-F]{2})*$/

/** Whether the text is `0x` and whole bytes of hex, in either case. */
export function isWholeHex(text: string): text is Hex {
  return hexPattern.test(text)
}

/** The bytes of checked hex. The caller has bounded its length. */
export function bytesOfHex(hex: Hex): Uint8Array {
  const bytes = new Uint8Array((hex.length - 2) / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = (nibbleOf(hex.charCodeAt(2 + i * 2)) << 4) | nibbleOf(hex.charCodeAt(3 + i * 2))
  }
  return bytes
}

/** '0'..'9' are 0x30..0x39; 'A'..'F' and 'a'..'f' end in 1..6. */
function nibbleOf(charCode: number): number {
  return charCode < 0x3a ? charCode - 0x30 : (charCode & 0x0f) + 9
}

const byteHex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hex digits of bytes, without `0x`. */
export function digitsOf(bytes: Uint8Array): string {
  let digits = ''
  for (const byte of bytes) digits += byteHex[byte]
  return digits
}

const utf8 = new TextEncoder()

/** Lower-case hex digits of a text in UTF-8, without `0x`. */
export function digitsOfText(text: string): string {
  return digitsOf(utf8.encode(text))
}
