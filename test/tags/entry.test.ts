import fc from 'fast-check'
import type { Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import type { Digest } from '../../gateway/oci/digest.ts'
import { decodeTagEntry, decodeTagKey, encodeTagEntry, encodeTagKey, type TagEntry } from '../../gateway/tags/entry.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { naiveKey, naiveValue } from './naive.ts'
import { sampleEntry } from './sample.ts'

function reasonOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
  return 'accepted'
}

const hexOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => Buffer.from(bytes).toString('hex'))
const digests = fc.oneof(
  hexOf(32).map((hex) => `sha256:${hex}` as Digest),
  hexOf(64).map((hex) => `sha512:${hex}` as Digest),
)
const entries: fc.Arbitrary<TagEntry> = fc.record({
  digest: digests,
  size: fc.integer({ min: 1, max: 4_194_304 }),
  mediaType: fc.stringMatching(/^[\x21-\x7e]{1,255}$/),
  swarmReference: hexOf(32).map((hex) => `0x${hex}` as Hex),
  updatedVersion: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  flags: fc.constantFrom(0, 1, 3),
})

describe('2.1 keys', () => {
  test('0x01 and the tag in ASCII, and back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/), (tag) => {
        expect(encodeTagKey(tag)).toBe(naiveKey(tag))
        expect(decodeTagKey(encodeTagKey(tag))).toBe(tag)
      }),
    )
    expect(encodeTagKey('a'.repeat(128)).length).toBe(2 + 2 * 129)
  })

  test('a tag outside the grammar is refused both ways, another kind byte too', () => {
    expect(reasonOf(() => encodeTagKey('a'))).toBe('accepted')
    for (const tag of ['', '.a', '-a', 'a b', 'a/b', 'a:b', 'é', 'a\n', 'a'.repeat(129)]) {
      expect(reasonOf(() => encodeTagKey(tag))).toBe('InvalidTag')
      expect(reasonOf(() => decodeTagKey(naiveKey(tag)))).toBe('InvalidTag')
    }
    for (const key of ['0x', '0x0261', '0x0061', '0x61', '0x016', '0x01FF'] as Hex[]) {
      expect(reasonOf(() => decodeTagKey(key))).toBe('InvalidEntry')
    }
    expect(reasonOf(() => decodeTagKey(`0x01${'61'.repeat(100_000)}`))).toBe('InvalidTag')
  })
})

describe('2.1 values', () => {
  test('encode and decode are exact inverses', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(encodeTagEntry(entry)).toBe(naiveValue(entry))
        expect(decodeTagEntry(encodeTagEntry(entry), BigInt(entry.updatedVersion))).toEqual(entry)
      }),
    )
  })

  test('any bytes decode to an entry that encodes to the same bytes, or are refused', () => {
    const mutated = fc.tuple(entries, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.integer({ min: -3, max: 3 }))
    fc.assert(
      fc.property(mutated, ([entry, at, byte, cut]) => {
        const bytes = Buffer.from(naiveValue(entry).slice(2), 'hex')
        bytes[at % bytes.length] = byte
        const value: Hex = `0x${(cut < 0 ? bytes.subarray(0, cut) : Buffer.concat([bytes, Buffer.alloc(cut, 0x7e)])).toString('hex')}`
        const reason = reasonOf(() => expect(encodeTagEntry(decodeTagEntry(value, 2n ** 53n - 1n))).toBe(value))
        expect(['accepted', 'InvalidEntry']).toContain(reason)
      }),
      { numRuns: 1000 },
    )
  })

  test('each limit: the last value inside is accepted, the first outside is InvalidEntry', () => {
    const both = (fields: Partial<TagEntry>) => {
      const entry = { ...sampleEntry('x'), ...fields }
      const decoded = reasonOf(() => decodeTagEntry(naiveValue(entry), 9n))
      expect(reasonOf(() => encodeTagEntry(entry))).toBe(decoded)
      return decoded
    }
    for (const size of [1, 4_194_304]) expect(both({ size })).toBe('accepted')
    for (const size of [0, 4_194_305, Number.MAX_SAFE_INTEGER]) expect(both({ size })).toBe('InvalidEntry')
    for (const mediaType of ['!', '~'.repeat(255)]) expect(both({ mediaType })).toBe('accepted')
    for (const mediaType of ['', 'a'.repeat(256), 'a b', 'a\u007f', 'é', 'a\u0000'])
      expect(both({ mediaType })).toBe('InvalidEntry')
    for (const flags of [0, 1, 3]) expect(both({ flags })).toBe('accepted')
    for (const flags of [2, 4, 5, 7, 128, 255]) expect(both({ flags })).toBe('InvalidEntry')
    expect(both({ updatedVersion: 1 })).toBe('accepted')
    expect(both({ updatedVersion: 0 })).toBe('InvalidEntry')
    expect(reasonOf(() => decodeTagEntry(naiveValue(sampleEntry('x', { updatedVersion: 9 })), 9n))).toBe('accepted')
    expect(reasonOf(() => decodeTagEntry(naiveValue(sampleEntry('x', { updatedVersion: 10 })), 9n))).toBe(
      'InvalidEntry',
    )
  })

  test('bytes: too short, another algorithm, a number over 2^53, hex in upper case', () => {
    const value = naiveValue(sampleEntry('x', { mediaType: 'z' }))
    const at = (position: number, bytes: string) =>
      `${value.slice(0, 2 + 2 * position)}${bytes}${value.slice(2 + 2 * position + bytes.length)}` as Hex
    expect(reasonOf(() => decodeTagEntry(value, 1n))).toBe('accepted')
    for (const odd of [
      '0x',
      '0x00',
      value.slice(0, -2),
      value.slice(0, 102),
      `${value}0`,
      at(49, '00'),
      at(49, '03'),
      at(49, '02'),
    ]) {
      expect(reasonOf(() => decodeTagEntry(odd as Hex, 1n))).toBe('InvalidEntry')
    }
    expect(reasonOf(() => decodeTagEntry(at(9, 'ffffffffffffffff'), 1n))).toBe('InvalidEntry')
    expect(reasonOf(() => decodeTagEntry(at(1, 'ffffffffffffffff'), 2n ** 64n - 1n))).toBe('InvalidEntry')
    expect(reasonOf(() => decodeTagEntry(value.toUpperCase().replace('0X', '0x') as Hex, 1n))).toBe('InvalidEntry')
  })

  test('fields of another type are refused, not written', () => {
    for (const fields of [
      { size: 1.5 },
      { size: Number.NaN },
      { digest: 'sha256:00' as Digest },
      { swarmReference: '0x' as Hex },
      { updatedVersion: -1 },
    ]) {
      expect(reasonOf(() => encodeTagEntry({ ...sampleEntry('x'), ...fields }))).toBe('InvalidEntry')
    }
  })
})
