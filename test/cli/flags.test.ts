import { expect, test } from 'vitest'
import { parseCommandLine } from '../../gateway/cli/flags.ts'
import { verbs } from '../../gateway/cli/run.ts'
import { ConfigError, type Flag } from '../../gateway/config.ts'

const flags: readonly Flag[] = [
  { name: 'chain-id', value: 'N', help: '' },
  { name: 'rpc', value: 'URL', repeatable: true, help: '' },
  { name: 'json', value: null, help: '' },
]

function textsOf(args: readonly string[], environment: Record<string, string>, name: string) {
  return parseCommandLine(flags, args, environment)
    .settings.get(name)
    ?.map(({ text }) => text)
}

test('interfaces: each flag is taken from the environment too, and the flag wins', () => {
  expect(textsOf(['--chain-id', '1'], {}, 'chain-id')).toEqual(['1'])
  expect(textsOf(['--chain-id=1'], {}, 'chain-id')).toEqual(['1'])
  expect(textsOf([], { MOORING_CHAIN_ID: '2' }, 'chain-id')).toEqual(['2'])
  expect(textsOf(['--chain-id', '1'], { MOORING_CHAIN_ID: '2' }, 'chain-id')).toEqual(['1'])
  expect(textsOf([], { MOORING_CHAIN_ID: '' }, 'chain-id')).toBeUndefined()
  expect(textsOf(['--json'], {}, 'json')).toEqual(['true'])
})

test('interfaces: repeatable flags add up, and are separated by commas in the environment', () => {
  expect(textsOf(['--rpc', 'a', '--rpc', 'b'], {}, 'rpc')).toEqual(['a', 'b'])
  expect(textsOf([], { MOORING_RPC: 'a, b,,c' }, 'rpc')).toEqual(['a', 'b', 'c'])
  expect(textsOf(['--rpc', 'z'], { MOORING_RPC: 'a,b' }, 'rpc')).toEqual(['z'])
})

test('a name may stand before, between and after flags', () => {
  const { positionals, settings } = parseCommandLine(flags, ['acme.eth', '--json', '--rpc', 'a'], {})
  expect(positionals).toEqual(['acme.eth'])
  expect([...settings.keys()]).toEqual(['json', 'rpc'])
  expect(parseCommandLine(flags, ['--json', 'acme.eth:1'], {}).positionals).toEqual(['acme.eth:1'])
})

const refused: readonly [rule: string, good: string[], bad: string[], line: RegExp][] = [
  ['an unknown flag', ['--json'], ['--jsn'], /^--jsn: saw .*wanted one of --chain-id --rpc --json --help$/],
  ['a missing value', ['--rpc', 'a'], ['--rpc'], /^--rpc: saw nothing, wanted a value: --rpc URL$/],
  ['an empty value', ['--rpc=a'], ['--rpc='], /^--rpc: saw nothing, wanted a value/],
  ['a flag in place of a value', ['--rpc', 'a', '--json'], ['--rpc', '--json'], /^--rpc: saw "--json", wanted a value/],
  ['a switch with a value', ['--json'], ['--json=x'], /^--json: saw "x", wanted no value/],
  ['a flag given twice', ['--chain-id', '1'], ['--chain-id', '1', '--chain-id', '1'], /^--chain-id: .*wanted it once$/],
]

test.each(refused)('interfaces: %s is refused in one line that names it', (_rule, good, bad, line) => {
  expect(() => parseCommandLine(flags, good, {})).not.toThrow()
  const refusal = (() => {
    try {
      return parseCommandLine(flags, bad, {})
    } catch (error) {
      return error
    }
  })()
  expect(refusal).toBeInstanceOf(ConfigError)
  expect((refusal as ConfigError).message).toMatch(line)
})

test('no verb has two flags of one name', () => {
  for (const verb of verbs) {
    const names = verb.flags.map(({ name }) => name)
    expect(new Set(names).size, verb.name).toBe(names.length)
  }
})
