import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MemoryUnusable } from '../../gateway/cli/client/memory.ts'
import { renderHosts, renderRegistries } from '../../gateway/cli/proxy/client-files.ts'
import { verbs } from '../../gateway/cli/run.ts'
import { heldBackBytes } from '../../gateway/proxy/checked-content.ts'
import { refusalNames } from '../../gateway/tags/refusal.ts'

const page = readFileSync(new URL('../../docs/proxy.md', import.meta.url), 'utf8')
const code = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
const proxy = verbs.find(({ name }) => name === 'proxy')

test('the proxy page names only flags of the proxy, or of the clients it stands beside', () => {
  const named = code.filter((text) => text.startsWith('--')).map((text) => text.split(' ')[0])
  expect(named).toContain('--state')
  expect(named.filter((flag) => !proxy?.flags.some(({ name }) => `--${name}` === flag))).toEqual([])
})

test('the proxy page names only errors that there are', () => {
  const named = code.filter((text) => /^[A-Z][a-z]+(?:[A-Z][a-z]+)+$/.test(text))
  expect(named.length).toBeGreaterThan(3)
  const known: readonly string[] = [...refusalNames, 'VerifierSplit', MemoryUnusable.name]
  expect(named.filter((name) => !known.includes(name))).toEqual([])
})

test('the proxy page has the numbers of the program', () => {
  expect(page).toContain(`last ${heldBackBytes / 1024 / 1024} MiB held back`)
  const helpOf = (flag: string) => proxy?.flags.find(({ name }) => name === flag)?.help
  expect(helpOf('port')).toContain('5055')
  expect(page).toContain('localhost:5055')
  expect(helpOf('timeout-ms')).toContain('4000')
  expect(page).toContain('(4,000)')
})

test('the files on the proxy page are those that install writes', () => {
  for (const text of [renderHosts(5055), renderRegistries(new Map([['acme.eth', 5055]]))]) {
    expect(page).toContain(text.replace(/^(?=.)/gm, '    '))
  }
})
