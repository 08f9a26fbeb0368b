import { environmentKey } from '../config.ts'
import type { Verb } from './verb.ts'

/** The page of `mooring --help`. */
export function renderTopHelp(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length))
  return [
    'mooring: container images under ENS names, every tag signed by the name and checked against the chain',
    '',
    'usage: mooring VERB [flags]',
    '',
    ...verbs.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`),
    '',
    '  mooring VERB --help   the flags of one verb',
    '  mooring --version     the version',
    '',
    'Exit codes: 0 present and verified, 3 proven absent, 4 unverified or refused, 2 usage, 1 anything else.',
  ].join('\n')
}

/** The page of `mooring VERB --help`. */
export function renderVerbHelp(verb: Verb): string {
  const shown = verb.flags.map((flag) => `--${flag.name}${flag.value === null ? '' : ` ${flag.value}`}`)
  const width = Math.max(...shown.map((text) => text.length))
  const example = environmentKey(verb.flags[0]?.name ?? 'json')
  return [
    `usage: mooring ${verb.name} ${verb.usage}`.trimEnd(),
    '',
    verb.summary,
    '',
    ...verb.flags.map((flag, position) => {
      return `  ${shown[position]?.padEnd(width)}  ${flag.help}${flag.repeatable ? ' (repeatable)' : ''}`
    }),
    ...(verb.notes === undefined ? [] : ['', ...verb.notes]),
    '',
    `Each flag also from the environment, such as ${example}; repeatable ones separated by commas.`,
  ].join('\n')
}
