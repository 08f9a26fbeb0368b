import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OciError } from '../../gateway/oci/error.ts'
import { foldMemberName, openStrictJson, parseStrictJson } from '../../gateway/oci/strict-json.ts'

const limits = { maxDepth: 32 }
const parse = (input: string | Uint8Array) => parseStrictJson(input, limits)
const bytes = (...parts: (string | number[])[]) =>
  new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)))

function refused(input: string | Uint8Array, message: RegExp, maxDepth = 32): void {
  let error: unknown
  try {
    parseStrictJson(input, { maxDepth })
  } catch (caught) {
    error = caught
  }
  expect(error, JSON.stringify(input)).toBeInstanceOf(OciError)
  expect((error as OciError).items[0]?.code).toBe('MANIFEST_INVALID')
  expect((error as OciError).message).toMatch(message)
}

describe('strict JSON accepts what RFC 8259 allows and reads it as JSON.parse does', () => {
  test.each([
    '{}',
    '[]',
    '""',
    '0',
    '-1',
    '-12.5',
    '1.5e-3',
    'true',
    'false',
    'null',
    ' \t\r\n{ "a" : [ 1 , 2 , { "b" : null } ] , "c" : "d" } \n',
    '"\\u00e9\\n\\t\\"\\\\\\/\\ud83d\\ude00"',
    '"é😀\u2028"',
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '{"":0," ":1}',
  ])('%s', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
    expect(parse(new TextEncoder().encode(text))).toEqual(JSON.parse(text))
  })

  test('a member named __proto__ is a member and not a prototype', () => {
    const object = parse('{"__proto__":{"admin":true},"a":1}') as Record<string, unknown>
    expect(Object.keys(object)).toEqual(['__proto__', 'a'])
    expect(object.admin).toBeUndefined()
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
  })

  test('a byte order mark inside a string is kept', () => {
    expect(parse(bytes('"', [0xef, 0xbb, 0xbf], 'a"'))).toBe('\ufeffa')
  })

  test('whatever JSON.stringify writes is read back (but for numbers that need an exponent)', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, depthSize: 'medium' }), (value) => {
        const text = JSON.stringify(value)
        const wellFormed = !/\\ud[89a-f]/i.test(text) && !/[0-9]e\+/.test(text)
        fc.pre(wellFormed && !hasFoldedTwins(value))
        expect(parse(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 300 },
    )
  })

  test('no input makes it do anything but return or refuse', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      '\\',
      'a',
      '1',
      '-',
      '.',
      'e',
      'true',
      ' ',
      '\u0000',
      'é',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24 }), (parts) => {
        const text = parts.join('')
        let value: unknown
        try {
          value = parse(text)
        } catch (error) {
          expect(error).toBeInstanceOf(OciError)
          return
        }
        expect(JSON.parse(text)).toEqual(value)
      }),
      { numRuns: 3000 },
    )
  })
})

function hasFoldedTwins(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const names = Array.isArray(value) ? [] : Object.keys(value).map(foldMemberName)
  return new Set(names).size < names.length || Object.values(value).some(hasFoldedTwins)
}

describe('strict JSON refuses what two parsers could read differently', () => {
  test('a member twice, escaped or not', () => {
    expect(parse('{"a":1,"b":2}')).toEqual({ a: 1, b: 2 })
    refused('{"a":1,"a":2}', /"a" stands twice/)
    refused('{"a":1,"\\u0061":2}', /"a" stands twice/)
    refused('[{"x":{"a":1,"b":1,"a":1}}]', /"a" stands twice/)
  })

  test('members that differ only by case, as Go folds it', () => {
    expect(parse('{"layers":1,"players":2}')).toEqual({ layers: 1, players: 2 })
    refused('{"layers":1,"Layers":2}', /"Layers" stands twice/)
    refused('{"layers":1,"layer\u017f":2}', /stands twice/)
    refused('{"kind":1,"\u212aind":2}', /stands twice/)
    refused('{"é":1,"É":2}', /stands twice/)
  })

  test('nesting deeper than the limit', () => {
    expect(parseStrictJson('[{"a":[]}]', { maxDepth: 3 })).toEqual([{ a: [] }])
    refused('[{"a":[]}]', /nested deeper than 2/, 2)
    refused('['.repeat(100_000), /nested deeper than 32/)
    expect(parseStrictJson('[[],[],{}]', { maxDepth: 2 })).toEqual([[], [], {}])
  })

  test('trailing bytes, a byte order mark, nothing at all', () => {
    expect(parse('{} ')).toEqual({})
    for (const text of ['{} {}', '{},', '1 2', '{}\u0000', '{}\u00a0']) refused(text, /after the end|wanted/)
    refused('\ufeff{}', /a value wanted/)
    refused('', /a value wanted/)
    refused('  ', /a value wanted/)
  })

  test('numbers: NaN, Infinity, leading zeros, overflow, integers with a point or an exponent', () => {
    expect(parse('[10,-3,1.5]')).toEqual([10, -3, 1.5])
    for (const text of ['NaN', 'Infinity', '-Infinity', '01', '+1', '.5', '1.', '-', '1e', '0x10', '1_000', '--1'])
      refused(text, /wanted|after the end/)
    for (const text of ['1e400', '-1e400', '9'.repeat(500)]) refused(text, /beyond all bounds/)
    for (const text of ['1.0', '1e2', '100e-2', '0e0', '1e-400']) refused(text, /digits only/)
  })

  test('integers beyond 2^53 are for the caller to refuse, and can be told', () => {
    expect(Number.isSafeInteger(parse('9007199254740991'))).toBe(true)
    expect(Number.isSafeInteger(parse('9007199254740993'))).toBe(false)
  })

  test('strings: no end, control characters, unknown escapes, lone surrogates, invalid UTF-8', () => {
    expect(parse('"a\\nb"')).toBe('a\nb')
    for (const text of ['"', '"a', '"a\\', '"a\\"', '"a\nb"', '"\u0000"', "'a'"])
      refused(text, /string without its end|wanted/)
    for (const text of ['"\\x41"', '"\\u12"', '"\\u00zz"', '"\\"x'])
      refused(text, /escape|without its end|after the end/)
    refused('"\\ud800"', /lone surrogate/)
    refused('"\\ude00\\ud83d"', /lone surrogate/)
    refused('"\ud800"', /lone surrogate/)
    refused(bytes('"', [0xff], '"'), /invalid UTF-8/)
    refused(bytes('"', [0xc0, 0x80], '"'), /invalid UTF-8/)
    refused(bytes('"', [0xed, 0xa0, 0x80], '"'), /invalid UTF-8/)
  })

  test('punctuation out of place', () => {
    for (const text of [
      '{',
      '[',
      '[1',
      '[1,',
      '[1,]',
      '[,1]',
      '[1 2]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{a:1}',
      '{1:1}',
      '{"a" 1}',
      ']',
      '}',
      ',',
      'tru',
      'nulL',
      'truefalse',
      '/**/1',
    ])
      refused(text, /wanted|after the end/)
  })
})

describe('strict JSON part by part', () => {
  test('members and elements yield between values, and the rest is read whole', () => {
    const reader = openStrictJson('{"list":[{"a":1},{"a":2}],"more":[true]}', limits)
    const seen: unknown[] = []
    for (const name of reader.members()) {
      if (name === 'list') for (const position of reader.elements()) seen.push([position, reader.value()])
      else seen.push([name, reader.value()])
    }
    reader.end()
    expect(seen).toEqual([
      [0, { a: 1 }],
      [1, { a: 2 }],
      ['more', [true]],
    ])
  })

  test('a duplicate after a part was read, a wrong container and trailing bytes are refused there too', () => {
    const twice = openStrictJson('{"a":[1],"A":2}', limits)
    expect(() => {
      for (const _ of twice.members()) twice.value()
    }).toThrow('"A" stands twice')
    expect(() => openStrictJson('[]', limits).members().next()).toThrow('an object wanted')
    expect(() => openStrictJson('{}', limits).elements().next()).toThrow('an array wanted')
    const trailing = openStrictJson('[] x', limits)
    trailing.value()
    expect(() => trailing.end()).toThrow('after the end')
  })

  test('a value that is read whole ends within its limit; what is read part by part has none', () => {
    const limits = { maxDepth: 3, maxValueBytes: 8 }
    for (const text of ['"123456"', '[1,2,34]', '{"a":12}', ' \n [1,2,34] ']) {
      const reader = openStrictJson(text, limits)
      reader.value()
      expect(() => reader.end()).not.toThrow()
    }
    for (const text of ['"1234567"', '[1,2,345]', '{"a":123}', `[${'1,'.repeat(50)}`, `"${'a'.repeat(50)}`]) {
      expect(() => openStrictJson(text, limits).value()).toThrow('a value longer than')
    }
    const parts = openStrictJson(`[${'123456,'.repeat(50)}12345678]`, limits)
    for (const _ of parts.elements()) parts.value()
    expect(() => parts.end()).not.toThrow()
  })

  test('a caller who forgets to read a value is told, not looped', () => {
    const reader = openStrictJson('{"a":1,"b":2}', limits)
    const members = reader.members()
    members.next()
    expect(() => members.next()).toThrow('was not read')
  })
})
