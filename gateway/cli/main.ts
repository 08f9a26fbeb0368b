import { runCommandLine } from './run.ts'
import { askAtTerminal } from './terminal.ts'

// A reader that went away (`mooring ... | head`) is no crash.
process.stdout.on('error', () => process.exit(0))

const code = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  ...askAtTerminal(),
  waitForStop: () =>
    new Promise<void>((stop) => {
      process.once('SIGINT', () => stop())
      process.once('SIGTERM', () => stop())
    }),
})
// Verbs close what they opened; what a library still holds (keep-alive sockets) must not keep the process.
process.stdout.write('', () => process.exit(code))
