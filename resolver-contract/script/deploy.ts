import { askAtTerminal } from '../../gateway/cli/terminal.ts'
import { deployCommand } from './deploy-contract.ts'

process.exitCode = await deployCommand(process.argv.slice(2), {
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  ...askAtTerminal(),
  waitForStop: async () => {},
})
