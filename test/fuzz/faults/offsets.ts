import { type Hex, numberToHex } from 'viem'
import type { Draft } from '../draft.ts'
import type { Random } from '../random.ts'
import { bytesIn, cutTo, type Fault, faultsOf, flipBit, joined } from './fault.ts'

/**
 * Where an offset stands, where it counts from, and the bytes it points to: `start` up to, not including, `end`. `isCounted` when those
 * begin with a length, as bytes and arrays do and tuples do not.
 */
type Pointer = { at: number; base: number; start: number; end: number; isCounted: boolean }
/** Reads what begins at a byte, notes the pointers in it, and gives its end. */
type Reader = (start: number) => number

const word = 32
/** More than any draft has. */
const mostElements = 64

/** Every offset of a response (protocol 4), outer ones first; of bytes that are none already, as many as can be followed. */
function pointersOf(response: Hex): Pointer[] {
  const pointers: Pointer[] = []
  const number = (at: number) => Number(`0x${response.slice(2 + 2 * at, 66 + 2 * at).padEnd(64, 'f')}`)
  const isInside = (at: number) => at + word <= bytesIn(response)
  const follow = (at: number, base: number, read: Reader) => {
    const start = base + number(at)
    if (!isInside(start)) return at
    const pointer = { at, base, start, end: start, isCounted: counted.has(read) }
    pointers.push(pointer)
    pointer.end = read(start)
    return pointer.end
  }
  const readBytes: Reader = (start) => start + word + word * Math.ceil(number(start) / word)
  const readHashes: Reader = (start) => start + word + word * number(start)
  const readTuple =
    (...members: (Reader | undefined)[]): Reader =>
    (start) => {
      const ends = members.map((read, position) =>
        read === undefined || !isInside(start + word * position) ? 0 : follow(start + word * position, start, read),
      )
      return Math.max(start + word * members.length, ...ends)
    }
  const readArray = (read: Reader): Reader => {
    const readElements: Reader = (start) =>
      readTuple(...Array<Reader>(Math.min(number(start), mostElements)).fill(read))(start + word)
    counted.add(readElements)
    return readElements
  }
  const counted = new Set<Reader>([readBytes, readHashes])
  const header = Array<undefined>(9).fill(undefined)
  const signature = readTuple(undefined, readBytes)
  const stamp = readTuple(undefined, undefined, readBytes)
  const proof = readTuple(readBytes, readBytes, readBytes, readHashes)
  readTuple(...header, readArray(signature), stamp, readArray(proof))(0)
  return pointers
}

/** Changes offsets of the answer. Where that changes nothing (or nothing can be followed) a byte stands behind it, which is as wrong. */
function repointed(change: (response: Hex, random: Random, pointers: Pointer[]) => Hex): Fault['apply'] {
  return ({ responseEdits }: Draft, random) =>
    responseEdits.push((response) => {
      const pointers = pointersOf(response)
      const changed = pointers.length === 0 ? response : change(response, random, pointers)
      return changed === response ? joined(response, '0x00') : changed
    }) > 0
}

function putOffset(response: Hex, { at, base }: Pointer, target: number): Hex {
  const offset = BigInt.asUintN(256, BigInt(target - base))
  return joined(
    cutTo(response, at),
    numberToHex(offset, { size: word }),
    sliceOf(response, at + word, bytesIn(response)),
  )
}

function sliceOf(hex: Hex, start: number, end: number): Hex {
  return `0x${hex.slice(2 + 2 * start, 2 + 2 * end)}`
}

/** The same bytes once more at the end, which the offset then points to. */
function moveToEnd(response: Hex, pointer: Pointer): Hex {
  const padding: Hex = `0x${'00'.repeat(-bytesIn(response) & (word - 1))}`
  const longer = joined(response, padding)
  return putOffset(joined(longer, sliceOf(response, pointer.start, pointer.end)), pointer, bytesIn(longer))
}

/** Offsets that an encoder would not write: what they point to may still be all that was signed. */
export const offsetFaults: readonly Fault[] = faultsOf('BadResponse', {
  'a part lies at the end': repointed((response, random, pointers) => moveToEnd(response, random.pick(pointers))),
  'a part lies at the end and junk where it was': repointed((response, random, pointers) => {
    const pointer = random.pick(pointers)
    const moved = moveToEnd(response, pointer)
    return moved.length === response.length
      ? moved
      : flipBit(random, moved, random.between(pointer.start, pointer.end - 1))
  }),
  'all parts lie elsewhere, inner ones first': repointed((response, _, pointers) =>
    pointers.reduceRight((moved, pointer) => moveToEnd(moved, pointer), response),
  ),
  'two offsets point to one part': repointed((response, random, pointers) =>
    putOffset(response, random.pick(pointers), random.pick(pointers).start),
  ),
  'two offsets change places': repointed((response, random, pointers) => {
    const [one, other] = [random.pick(pointers), random.pick(pointers)]
    return putOffset(putOffset(response, one, other.start), other, one.start)
  }),
  'an offset some bytes beside': repointed((response, random, pointers) => {
    const pointer = random.pick(pointers)
    return putOffset(response, pointer, pointer.start + random.pick([-64, -33, -32, -31, -1, 1, 31, 32, 33, 64]))
  }),
  'an offset to the start of what it counts from': repointed((response, random, pointers) => {
    const pointer = random.pick(pointers)
    return putOffset(response, pointer, pointer.base)
  }),
  'an offset before what it counts from': repointed((response, random, pointers) => {
    const pointer = random.pick(pointers)
    return putOffset(
      response,
      pointer,
      random.between(0, Math.max(0, pointer.base - 1)) - (pointer.base === 0 ? 32 : 0),
    )
  }),
  'an offset to the last bytes': repointed((response, random, pointers) =>
    putOffset(response, random.pick(pointers), bytesIn(response) - random.pick([0, 1, 31, 32, 33])),
  ),
  'a length that wraps round': repointed((response, random, pointers) => {
    // In a signature's place 2^64 would be a signer, and refused by another name.
    const counted = pointers.filter(({ isCounted }) => isCounted)
    if (counted.length === 0) return response
    const { start } = random.pick(counted)
    const length = random.pick([2n ** 256n - 1n, 2n ** 256n - 32n, 2n ** 256n - 31n, 2n ** 64n, 2n ** 251n, 2n ** 255n])
    return joined(
      cutTo(response, start),
      numberToHex(length, { size: word }),
      sliceOf(response, start + word, bytesIn(response)),
    )
  }),
})
