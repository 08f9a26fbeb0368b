import { parseArgs } from 'node:util'
import { ConfigError, type Flag, type Setting, type Settings, settingsFromEnvironment } from '../config.ts'

/** A command line taken apart: what stands alone, and the settings, those of the environment included. */
export type CommandLine = { positionals: readonly string[]; settings: Settings; help: boolean }

/**
 * Reads arguments against a table of flags; a flag wins over its environment key. `--help` and `-h` are always known.
 * @throws ConfigError for an unknown flag, a missing value, a value that a switch does not take, a flag given twice
 */
export function parseCommandLine(
  flags: readonly Flag[],
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: optionsOf(flags),
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const settings = settingsFromEnvironment(flags, environment)
  const given = new Map<string, Setting[]>()
  const positionals: string[] = []
  let help = false
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    else if (token.kind === 'option' && token.name === 'help') help = true
    else if (token.kind === 'option') addOption(flags, given, token.rawName, token.name, token.value, token.inlineValue)
  }
  for (const [name, values] of given) settings.set(name, values)
  return { positionals, settings, help }
}

function optionsOf(flags: readonly Flag[]): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  }
  for (const flag of flags) options[flag.name] = { type: flag.value === null ? 'boolean' : 'string' }
  return options
}

function addOption(
  flags: readonly Flag[],
  given: Map<string, Setting[]>,
  rawName: string,
  name: string,
  value: string | undefined,
  inlineValue: boolean | undefined,
): void {
  const flag = flags.find((candidate) => candidate.name === name)
  if (flag === undefined) {
    throw new ConfigError(rawName, rawName, `one of ${flags.map((known) => `--${known.name}`).join(' ')} --help`)
  }
  const before = given.get(name)
  if (before !== undefined && !flag.repeatable) throw new ConfigError(rawName, 'it twice', 'it once')
  given.set(name, [...(before ?? []), { from: rawName, text: textOf(flag, rawName, value, inlineValue) }])
}

function textOf(flag: Flag, rawName: string, value: string | undefined, inlineValue: boolean | undefined): string {
  if (flag.value === null) {
    if (value === undefined) return 'true'
    throw new ConfigError(rawName, value, 'no value: it is a switch')
  }
  const swallowedFlag = value?.startsWith('--') === true && inlineValue !== true
  if (value === undefined || value === '' || swallowedFlag) {
    throw new ConfigError(rawName, swallowedFlag ? (value ?? null) : null, `a value: ${rawName} ${flag.value}`)
  }
  return value
}
