import { expect, test } from 'vitest'
import { GlobError, MAX_GLOB_CHARS, matchesGlob, parseGlob } from '../../gateway/tags/glob.ts'

const cases: readonly (readonly [glob: string, fits: readonly string[], others: readonly string[]])[] = [
  ['latest', ['latest'], ['', 'lates', 'latest2', 'Latest']],
  ['*', ['', 'a', 'v1.2-rc.1'], []],
  ['v[0-9]*', ['v1', 'v10.2'], ['v', 'vx', 'xv1', 'V1']],
  ['?', ['a', '.'], ['', 'ab']],
  ['a*b*c', ['abc', 'axxbyyc', 'abcbc'], ['axxbyy', 'abcd', 'bc']],
  ['*.acme.eth', ['web.acme.eth', 'b.a.acme.eth'], ['acme.eth', 'webacme.eth']],
  ['v1.2', ['v1.2'], ['v1x2']],
  ['[a-c0.]x', ['bx', '0x', '.x'], ['dx', 'x', '-x']],
  ['[.-]', ['.', '-'], ['a']],
  ['a**', ['a', 'abc'], ['b']],
]

test.each(cases)('a pattern stands for the whole text: %s', (glob, fits, others) => {
  const parsed = parseGlob(glob)
  expect(fits.filter((text) => !matchesGlob(parsed, text))).toEqual([])
  expect(others.filter((text) => matchesGlob(parsed, text))).toEqual([])
})

test.each([
  ['', '1 to 128 characters'],
  ['a'.repeat(MAX_GLOB_CHARS + 1), '1 to 128 characters'],
  ['v[0-9', 'does not close it'],
  ['v[]', 'empty set'],
  ['v[9-0]', 'rising ranges'],
  ['v[*]', 'rising ranges'],
  ['a/b', 'in no tag and no name'],
  ['a]', 'in no tag and no name'],
  ['a\\*', 'in no tag and no name'],
  ['{a,b}', 'in no tag and no name'],
])('a pattern that cannot be read is refused, and its neighbour is not: %s', (glob, said) => {
  expect(parseGlob('a'.repeat(MAX_GLOB_CHARS)).pieces).toHaveLength(MAX_GLOB_CHARS)
  expect(() => parseGlob(glob)).toThrow(GlobError)
  expect(() => parseGlob(glob)).toThrow(said)
})

test('matching takes at most pattern length x text length looks at a character', () => {
  const pattern = `${'*a'.repeat(60)}b`
  const text = 'a'.repeat(128)
  const glob = parseGlob(pattern)
  let looks = 0
  const counted = glob.pieces.map((piece) =>
    piece === '*'
      ? piece
      : (character: string) => {
          looks += 1
          return piece(character)
        },
  )
  expect(matchesGlob({ ...glob, pieces: counted }, text)).toBe(false)
  expect(looks).toBeLessThanOrEqual(pattern.length * text.length)
})
