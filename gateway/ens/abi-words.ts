import type { Hex } from 'viem'
import { digitsOfText } from './hex.ts'

/**
 * The few shapes of the Solidity ABI that answers need, as hex digits without `0x`. Written by hand because a lookup's answer is
 * put together on the cold path and slices of hex are what it is made of.
 */

/** One 32-byte word: an integer, or the digits of an address or hash, to the right. */
export function word(value: number | bigint): string {
  return value.toString(16).padStart(64, '0')
}

/** An address as a word. */
export function addressWord(address: Hex): string {
  return address.slice(2).toLowerCase().padStart(64, '0')
}

/** `bytes`: the length, then the content filled up with zeros to whole words. */
export function bytesWords(content: Hex): string {
  return padded(content.slice(2).toLowerCase())
}

/** `string`, in UTF-8. */
export function textWords(text: string): string {
  return padded(digitsOfText(text))
}

/** An array of dynamic elements: the length, the offsets (from behind the length), the elements. */
export function arrayWords(elements: readonly string[]): string {
  return word(elements.length) + offsetWords(elements.length, elements) + elements.join('')
}

/** The offsets of elements that stand behind `heads` words. */
export function offsetWords(heads: number, elements: readonly string[]): string {
  let offset = heads * 32
  let offsets = ''
  for (const element of elements) {
    offsets += word(offset)
    offset += element.length / 2
  }
  return offsets
}

function padded(digits: string): string {
  const words = Math.ceil(digits.length / 64)
  return word(digits.length / 2) + digits.padEnd(words * 64, '0')
}
