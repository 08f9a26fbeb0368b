import { ConfigError } from '../config.ts'
import { failureOf } from './reading.ts'
import { plainText } from './terminal.ts'
import { exitCodes, type VerbContext } from './verb.ts'

/** What a command line needs of its process. */
export type CommandWorld = Pick<VerbContext, 'environment' | 'print' | 'note' | 'ask' | 'waitForStop'>

/**
 * Runs a command line to its end and resolves to the exit code; never rejects. What it throws becomes one line on stderr and, where JSON
 * is wanted and nothing was printed yet, `{ok: false, error, message}` on stdout: with `--json` there is one value whatever happens.
 * @param program what the line on stderr begins with
 */
export async function runToEnd(
  program: string,
  args: readonly string[],
  world: CommandWorld,
  body: (world: CommandWorld) => Promise<number>,
): Promise<number> {
  let hasPrinted = false
  const print = (line: string) => {
    hasPrinted = true
    world.print(plainText(line))
  }
  const note = (line: string) => world.note(plainText(line))
  try {
    return await body({ ...world, print, note })
  } catch (thrown) {
    const message = oneLine(thrown)
    const { error, code } = endingOf(thrown)
    note(`${program}: ${message}`)
    if (!hasPrinted && asksJson(args, world)) print(JSON.stringify({ ok: false, error, message }))
    return code
  }
}

/** `Usage` for a command line that cannot be followed, the name of a failure that has one, `Failed` for all others. */
function endingOf(thrown: unknown): { error: string; code: number } {
  if (thrown instanceof ConfigError) return { error: 'Usage', code: exitCodes.usage }
  try {
    return { error: failureOf(thrown).error, code: exitCodes.failed }
  } catch {
    return { error: 'Failed', code: exitCodes.failed }
  }
}

/** Read by itself: the command line may be what could not be read. */
function asksJson(args: readonly string[], { environment }: CommandWorld): boolean {
  return args.includes('--json') || /^(1|true|yes|on)$/i.test(environment.MOORING_JSON?.trim() ?? '')
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
