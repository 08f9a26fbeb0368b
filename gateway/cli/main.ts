import { createInterface } from 'node:readline/promises'
import { runCommandLine } from './run.ts'

// A reader that went away (`mooring ... | head`) is no crash.
process.stdout.on('error', () => process.exit(0))

/** The question goes to stderr: stdout may be somebody's input. */
async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim())
  } finally {
    terminal.close()
  }
}

const code = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  waitForStop: () =>
    new Promise<void>((stop) => {
      process.once('SIGINT', () => stop())
      process.once('SIGTERM', () => stop())
    }),
})
// Verbs close what they opened; what a library still holds (keep-alive sockets) must not keep the process.
process.stdout.write('', () => process.exit(code))
