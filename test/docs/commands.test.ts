import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { verbs } from '../../gateway/cli/run.ts'
import { mooringResolverAbi, mooringResolverEventsAbi } from '../../gateway/ens/abi.ts'

const pages = ['threat-model', 'ensip-oci-tags']
/** Of the verifier and the tools; the contract's are in its ABI. */
const otherErrors =
  'OwnerChanged Equivocation ImmutableChanged RpcDisagree ChainStale SizeMismatch DigestMismatch AmbiguousManifest MalformedList'

function read(page: string): string {
  return readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8')
}

/** What is set in code on a page. */
function codeOf(page: string): string[] {
  return [...read(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

const commands = codeOf('threat-model').filter((code) => code.startsWith('mooring '))

test('the threat model names only commands and flags that exist', () => {
  expect(commands.length).toBeGreaterThan(10)
  for (const command of commands) {
    const [, name = '', ...words] = command.split(' ')
    const verb = verbs.find((each) => each.name === name)
    expect(verb, command).toBeDefined()
    for (const word of words.filter((each) => each.startsWith('--'))) {
      expect([command, verb?.flags.some((flag) => `--${flag.name}` === word)]).toEqual([command, true])
    }
  }
})

test.each(pages)('%s names only errors and events that contract or verifier give', (page) => {
  const known = new Set([
    ...otherErrors.split(' '),
    ...[...mooringResolverAbi, ...mooringResolverEventsAbi].flatMap((each) => ('name' in each ? [each.name] : [])),
  ])
  const named = codeOf(page).filter((code) => /^[A-Z][a-z]+(?:[A-Z][a-z]+)+$/.test(code))
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((name) => !known.has(name) && name !== 'TagList')).toEqual([])
})

test('the threat model says that there was no external audit', () => {
  expect(read('threat-model')).toContain('**No external audit has been made**')
})
