import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ParserRow, ParserWork } from './parser-process.ts'
import { parsers } from './parsers/index.ts'
import type { FuzzedParser } from './parsers/parser.ts'
import { faultOfGrowth, type Growth, inputOf, measureGrowth } from './run-parsers.ts'

/** What the parsers' part of a run found: one row each, one test for what it threw and one for how its work grows. */
export type ParserReport = {
  rows: readonly (ParserRow & { worstGrowth: number })[]
  faults: readonly string[]
  passed: number
  failed: number
}

const processes = 2

/** Measures how work grows, then feeds every parser `count` inputs of a seed, on two cores. */
export async function reportOnParsers(
  chosen: readonly FuzzedParser[],
  seed: string,
  count: number,
): Promise<ParserReport> {
  // First: what ran before a counter is started is not counted.
  const growths = await measureGrowth(chosen)
  const shares = Array.from({ length: processes }, (_, process) =>
    chosen.filter((_each, at) => at % processes === process),
  )
  const found = await Promise.all(
    shares.map((share) => askProcess({ names: share.map(({ name }) => name), seed, count })),
  )
  const rows = chosen.flatMap(({ name }) => found.flat().filter((row) => row.name === name))
  const growthFaults = growths.flatMap((growth) => faultOfGrowth(growth) ?? [])
  const faults = [...rows.flatMap((row) => row.faults), ...growthFaults]
  const slow = new Set(growths.filter((growth) => faultOfGrowth(growth) !== null).map(({ name }) => name))
  const failed = rows.filter((row) => row.faults.length > 0).length + slow.size + (chosen.length - rows.length)
  return {
    rows: rows.map((row) => ({ ...row, worstGrowth: worstOf(growths, row.name) })),
    faults,
    passed: 2 * chosen.length - failed,
    failed,
  }
}

/** In a process of its own, which reads TypeScript as this one does. */
function askProcess(work: ParserWork): Promise<ParserRow[]> {
  return new Promise((done, failed) => {
    const rows: ParserRow[] = []
    const child = fork(fileURLToPath(new URL('./parser-process.ts', import.meta.url)), [JSON.stringify(work)])
    child.on('message', (row) => rows.push(row as ParserRow))
    child.on('error', failed)
    child.on('exit', (code) =>
      code === 0 ? done(rows) : failed(new Error(`a process of the fuzz ended with ${code}`)),
    )
  })
}

function worstOf(growths: readonly Growth[], name: string): number {
  return Math.max(...growths.filter((growth) => growth.name === name).map(({ ratio }) => ratio))
}

/** A table for people; growth is that of the steps for each byte over eight times the input: 1.0 is in proportion. */
export function tableOfParsers({ rows }: ParserReport): string[] {
  const head = `${'parser'.padEnd(16)}${'inputs'.padStart(9)}${'taken'.padStart(9)}${'uncaught'.padStart(10)}${'growth'.padStart(8)}`
  return [
    head,
    ...rows.map(({ name, inputs, accepted, faults, worstGrowth }) => {
      const numbers = [`${inputs}`.padStart(9), `${accepted}`.padStart(9), `${faults.length}`.padStart(10)]
      return `${name.padEnd(16)}${numbers.join('')}${worstGrowth.toFixed(2).padStart(8)}`
    }),
  ]
}

/** The parsers of a name, or all of them. @throws for a name that none has */
export function chooseParsers(name: string | undefined): readonly FuzzedParser[] {
  const chosen = name === undefined ? parsers : parsers.filter((each) => each.name === name)
  if (chosen.length > 0) return chosen
  throw new Error(`--parser ${name}: one of ${parsers.map((each) => `'${each.name}'`).join(', ')} is wanted`)
}

/** One input again: in hex, and what the parser does with it, which may throw. */
export async function replay(parser: FuzzedParser, seed: string, position: number, print: (line: string) => void) {
  const input = await inputOf(parser, seed, position)
  print(`0x${Buffer.from(input).toString('hex')}`)
  try {
    await parser.parse(input)
    print('taken')
  } catch (error) {
    if (!parser.isDocumented(error)) throw error
    print(`refused: ${(error as Error).message}`)
  }
}
