import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { verbs } from '../../gateway/cli/run.ts'
import { environmentKey, gatewayFlags } from '../../gateway/config.ts'
import { workerFlags } from '../../worker/config.ts'

const page = readFileSync(new URL('../../docs/logins.md', import.meta.url), 'utf8')
const code = [...page.matchAll(/`([^`\n]+)`|^ {4}(\S.*)$/gm)].map(([, inline, block]) => inline ?? block ?? '')

test('every flag of mooring on the page is one of the gateway', () => {
  const flags = new Set(verbs.find(({ name }) => name === 'serve')?.flags.map(({ name }) => `--${name}`))
  const ours = code
    .filter((text) => /^(?:mooring serve|--)/.test(text))
    .flatMap((text) => text.match(/--[a-z-]+/g) ?? [])
  expect(ours.length).toBeGreaterThan(10)
  expect(ours.filter((flag) => !flags.has(flag))).toEqual([])
})

test('every MOORING_ key on the page is one of the gateway or of a Worker', () => {
  const known = new Set([...gatewayFlags, ...workerFlags].map(({ name }) => environmentKey(name)))
  const named = page.match(/MOORING_[A-Z_]+\b/g) ?? []
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((key) => !known.has(key))).toEqual([])
})
