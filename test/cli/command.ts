import { runCommandLine } from '../../gateway/cli/run.ts'

/** What one command line did. */
export type CommandResult = { code: number; out: string; err: string }

/** Runs a command line in this process, in the given environment and no other; it is asked to stop as soon as it waits for that. */
export function command(args: readonly string[], environment: Record<string, string> = {}): Promise<CommandResult> {
  return run(args, environment, async () => {})
}

/** As `command`, for one that ends by itself: nobody asks it to stop. */
export function commandToEnd(args: readonly string[]): Promise<CommandResult> {
  return run(args, {}, () => new Promise(() => {}))
}

async function run(
  args: readonly string[],
  environment: Record<string, string>,
  waitForStop: () => Promise<void>,
): Promise<CommandResult> {
  const out: string[] = []
  const err: string[] = []
  const code = await runCommandLine(args, {
    environment,
    print: (line) => out.push(line),
    note: (line) => err.push(line),
    waitForStop,
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
