import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { verbs } from '../../gateway/cli/run.ts'

const page = readFileSync(new URL('../../docs/publishing.md', import.meta.url), 'utf8')
/** Command lines of the page, in code and in examples, a folded one as one line. */
const commands = [...page.replace(/\n {14}(?=\S)/g, ' ').matchAll(/\bmooring ([a-z]+)((?: [^`\n(]+)?)/g)]

test('the page on publishing names only commands and flags that exist', () => {
  const known = commands.filter(([, name]) => verbs.some((verb) => verb.name === name))
  expect(known.length).toBeGreaterThan(15)
  expect(new Set(known.map(([, name]) => name))).toEqual(
    new Set(['login', 'publish', 'push', 'anchor', 'reset', 'tags', 'timestamp']),
  )
  for (const [line, name, rest = ''] of known) {
    const flags = verbs.find((verb) => verb.name === name)?.flags.map((flag) => flag.name) ?? []
    for (const [, flag] of rest.matchAll(/--([a-z-]+)/g))
      expect([line, flags.includes(flag ?? '')]).toEqual([line, true])
  }
})

test('the page tells of every flag that chooses what publish does and who signs', () => {
  const { flags = [] } = verbs.find((verb) => verb.name === 'publish') ?? {}
  const common = /^(?:network|rpc|ens-registry|universal-resolver)$/
  const missing = flags.filter(({ name }) => !common.test(name) && !page.includes(`--${name}`))
  expect(missing).toEqual([])
})
