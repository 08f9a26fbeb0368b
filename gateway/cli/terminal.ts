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

/**
 * Text of whatever origin as a terminal may get it: what would steer one (ECMA-48 controls) or turn the order of what is read (Unicode bidi
 * controls) becomes its JSON escape, which leaves a JSON value what it was. Line breaks and tabs stay.
 */
export function plainText(text: string): string {
  const steering = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
  return text.replace(steering, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
