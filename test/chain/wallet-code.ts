import { concat, type Hex, numberToHex, pad, size, stringToHex } from 'viem'

// Contract accounts as runtime code: what `isValidSignature` of each comes to, whatever it is asked.

/** ERC-1271's answer for valid, left-aligned in a word. */
const magic = pad('0x1626ba7e', { dir: 'right' })

/** Copies `returned` from behind the code and returns it. */
function returns(returned: Hex): Hex {
  const length = numberToHex(size(returned), { size: 2 })
  return concat(['0x61', length, '0x600e60003961', length, '0x6000f3', returned])
}

/** Stores the magic word, then runs `end` with it at memory 0. */
function withMagic(end: Hex): Hex {
  return concat(['0x7f', magic, '0x600052', end])
}

const returnWord: Hex = '0x60206000f3'

/** Returns the magic word and zeros, one megabyte in all. */
export const hugeReturn = withMagic('0x621000006000f3')
/** Returns the magic word alone. */
export const approving = returns(magic)
/** Goes round until there is no gas left. */
export const burnsAllGas: Hex = '0x5b600056'
export const refusing = returns(pad('0x'))
export const reverting: Hex = '0x60006000fd'

/** Approves when `caller` asks, and reverts for everybody else. */
export function approvingOnly(caller: Hex): Hex {
  return concat(['0x3373', caller, '0x14601f57', reverting, '0x5b', withMagic(returnWord)])
}

/** One contract account per row: what it does, its code, whether it approves (protocol 2.3). */
export const wallets: readonly [what: string, code: Hex, approves: boolean][] = [
  ['returns the magic word', approving, true],
  ['returns the magic word and a word of junk', returns(concat([magic, pad(stringToHex('junk'))])), true],
  ['returns the magic word and one byte', returns(concat([magic, '0xff'])), true],
  ['returns the magic word and a megabyte', hugeReturn, true],
  ['returns nothing', '0x00', false],
  ['returns the magic in 4 bytes', returns('0x1626ba7e'), false],
  ['returns 31 bytes of the magic word', returns(`0x${magic.slice(2, 64)}`), false],
  ['returns the magic with a dirty tail', returns(concat(['0x1626ba7e', `0x${'11'.repeat(28)}`])), false],
  ['returns the magic with its last bit set', returns(concat([`0x${magic.slice(2, 64)}`, '0x01'])), false],
  ['returns the magic at the right', returns(pad('0x1626ba7e')), false],
  ['returns the magic as a dynamic value', returns(concat([pad('0x20'), magic])), false],
  ["returns the magic of Safe's older call", returns(pad('0x20c13b0b', { dir: 'right' })), false],
  ['returns true', returns(pad('0x01')), false],
  ['returns zero', refusing, false],
  ['returns a kilobyte of junk', returns(`0x${'5a'.repeat(1024)}`), false],
  ['reverts', reverting, false],
  ['reverts with the magic word', withMagic('0x60206000fd'), false],
  ['reverts with a megabyte', withMagic('0x621000006000fd'), false],
  ['is an invalid instruction', '0xfe', false],
  ['burns all gas', burnsAllGas, false],
  ['writes before it approves', withMagic(concat(['0x6001600055', returnWord])), false],
  ['logs before it approves', withMagic(concat(['0x60006000a0', returnWord])), false],
  ['has no code', '0x', false],
]
