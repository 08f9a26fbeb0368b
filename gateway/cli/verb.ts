import type { Flag, Settings } from '../config.ts'

/** Exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, usage: 2, absent: 3, unverified: 4 } as const

/** What a verb may touch of the world around it. */
export type VerbContext = {
  positionals: readonly string[]
  settings: Settings
  environment: Readonly<Record<string, string | undefined>>
  /** One line to stdout: people's text, or with `--json` the one JSON value. */
  print(line: string): void
  /** One line to stderr: progress, warnings, errors. */
  note(line: string): void
  /** Asks a person yes or no; absent where nobody sits at a terminal. */
  ask?(question: string): Promise<boolean>
  /** Resolves on the first SIGINT or SIGTERM after the call; until it is called they end the process at once. */
  waitForStop(): Promise<void>
}

/** One command, one file. `run` resolves to the exit code; a ConfigError thrown is exit 2, anything else exit 1. */
export type Verb = {
  name: string
  /** What follows the name in the usage line. */
  usage: string
  summary: string
  /** Lines below the flags in `--help`. */
  notes?: readonly string[]
  flags: readonly Flag[]
  run(context: VerbContext): Promise<number>
}

/** `--json`, the same on every verb. */
export const jsonFlag: Flag = { name: 'json', value: null, help: 'print exactly one JSON value on stdout' }
