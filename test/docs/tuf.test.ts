import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync(new URL('../../docs/tuf.md', import.meta.url), 'utf8')
/** Functions of tuf-conformance when the page was written. */
const functions = 53

type Named = { file: string; name: string }

/** Tests that the page names: a file in code, a colon, the test's name to the end of the cell, the line break or the remark behind it. */
function namedIn(text: string): Named[] {
  return [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)`: (.+?)(?= \||<br>| \(stricter)/g)].map(
    ([, file = '', name = '']) => {
      return { file, name }
    },
  )
}

/** Names of the tests of a file, as its source has them. */
function testsOf(file: string): Set<string> {
  const url = new URL(`../../${file}`, import.meta.url)
  const source = existsSync(url) ? readFileSync(url, 'utf8') : ''
  const calls = source.matchAll(
    /^\s*(?:test\b[^\n]*?|\]\s*(?:as [^\n]*)?)?\(?\s*(['"`])((?:(?!\1).)+)\1,\s*(?:async\b|\(|$)/gm,
  )
  return new Set([...calls].map(([, , name = '']) => name))
}

const rows = page.split('\n').filter((line) => line.startsWith('| '))
const ofFunctions = rows.filter((line) => /^\| `test_\w+` \|/.test(line))
const ofAttacks = rows.filter((line) => /^\| A\d+ /.test(line))

test('docs/tuf.md has a row for each function of tuf-conformance, once, and for each of the fifteen attacks', () => {
  const names = ofFunctions.map((line) => /`(test_\w+)`/.exec(line)?.[1])
  expect([names.length, new Set(names).size]).toEqual([functions, functions])
  expect(ofAttacks.map((line) => /A\d+/.exec(line)?.[0])).toEqual(Array.from({ length: 15 }, (_, at) => `A${at + 1}`))
})

test('docs/tuf.md: each row names a test or says why there is none', () => {
  const without = [...ofFunctions, ...ofAttacks].filter((line) => namedIn(line).length === 0)
  expect(without.filter((line) => !/\| not applicable, because .{20,} \|$/.test(line))).toEqual([])
  expect(page).toContain(`${functions} of them, by file. ${functions - without.length} have a test here`)
  expect(page).toContain(`; ${without.length} ask for what it has not got`)
})

test('docs/tuf.md: every test that it names exists', () => {
  const named = namedIn(page)
  expect(named.length).toBeGreaterThan(70)
  expect(named.filter(({ file, name }) => !testsOf(file).has(name))).toEqual([])
  const [first] = named
  expect(testsOf(first?.file ?? '').has(`${first?.name} not`)).toBe(false)
})

test('docs/tuf.md: every test of the attacks is in it', () => {
  const named = new Set(namedIn(page).map(({ file, name }) => `${file}: ${name}`))
  const files = ['arbitrary', 'basic', 'freeze', 'keys', 'rollback'].map((room) => `test/tuf/${room}.test.ts`)
  const all = files.flatMap((file) => [...testsOf(file)].map((name) => `${file}: ${name}`))
  expect(all.length).toBeGreaterThan(40)
  expect(all.filter((each) => !named.has(each))).toEqual([])
})
