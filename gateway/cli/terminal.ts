import { createInterface } from 'node:readline/promises'
import type { VerbContext } from './verb.ts'

/** `ask` where a person sits at the terminal, nothing otherwise. The question goes to stderr: stdout may be somebody's input. */
export function askAtTerminal(): Pick<VerbContext, 'ask'> {
  return process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim())
  } finally {
    terminal.close()
  }
}
