import { type Hex, numberToHex, stringToHex } from 'viem'
import type { Random } from './random.ts'

/** The bytes of an entry's value (protocol 2.1), field by field; each is written as it is, inside its limits or not. */
type Fields = {
  flags: number
  updatedVersion: bigint
  size: bigint
  swarmReference: Hex
  algorithm: number
  digest: Hex
  mediaType: Hex
}

const maxSize = 4_194_304
const maxUint64 = 2n ** 64n - 1n

/** An entry inside all limits, often at one of them. */
export function soundValue(random: Random, version: number): Hex {
  return encode(soundFields(random, version))
}

/** An entry with one field outside its limits, or bytes cut short. */
export function brokenValue(random: Random, version: number): Hex {
  const sound = soundFields(random, version)
  const broken: (() => Hex)[] = [
    () => encode({ ...sound, flags: random.pick([2, 4, 5, 7, 128, 255]) }),
    () => encode({ ...sound, updatedVersion: random.pick([0n, BigInt(version) + 1n, maxUint64, 1n << 53n]) }),
    () => encode({ ...sound, size: random.pick([0n, BigInt(maxSize) + 1n, maxUint64, 1n << 32n]) }),
    () => encode({ ...sound, algorithm: random.pick([0, 3, 255]) }),
    () => encode({ ...sound, mediaType: '0x' }),
    () => encode({ ...sound, mediaType: textOf(random, 256) }),
    () => encode({ ...sound, mediaType: strangerIn(random, sound.mediaType) }),
    () => cut(encode(sound), random.between(0, 50 + (sound.digest.length - 2) / 2)),
  ]
  return random.pick(broken)()
}

function soundFields(random: Random, version: number): Fields {
  const is512 = random.chance(0.25)
  return {
    flags: random.pick([0, 0, 0, 1, 3]),
    updatedVersion: BigInt(random.pick([1, version, random.between(1, version)])),
    size: BigInt(random.pick([1, maxSize, random.between(1, maxSize)])),
    swarmReference: random.chance(0.5) ? `0x${'00'.repeat(32)}` : random.bytes(32),
    algorithm: is512 ? 2 : 1,
    digest: random.bytes(is512 ? 64 : 32),
    mediaType: textOf(random, random.pick([1, 31, 32, 33, 38, 64, 254, 255])),
  }
}

function textOf(random: Random, length: number): Hex {
  const characters = Array.from({ length }, () => String.fromCharCode(random.between(0x21, 0x7e)))
  return stringToHex(characters.join(''))
}

/** One byte that may not stand in a media type. */
function strangerIn(random: Random, mediaType: Hex): Hex {
  const at = 2 + 2 * random.between(0, (mediaType.length - 2) / 2 - 1)
  return `0x${mediaType.slice(2, at)}${random.pick(['20', '00', '7f', '80', 'ff', 'a1', '0a'])}${mediaType.slice(at + 2)}`
}

function cut(value: Hex, length: number): Hex {
  return value.slice(0, 2 + 2 * length) as Hex
}

function encode({ flags, updatedVersion, size, swarmReference, algorithm, digest, mediaType }: Fields): Hex {
  const numbers = [uint(flags, 1), uint(updatedVersion, 8), uint(size, 8), swarmReference, uint(algorithm, 1)]
  return `0x${[...numbers, digest, mediaType].map((part) => part.slice(2)).join('')}`
}

function uint(value: number | bigint, size: number): Hex {
  return numberToHex(value, { size })
}
