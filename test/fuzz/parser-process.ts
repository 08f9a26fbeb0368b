import { parsers } from './parsers/index.ts'
import { faultsOf, fuzzParser } from './run-parsers.ts'

/** What a process is asked, in its one argument: which parsers, with which inputs. */
export type ParserWork = { names: readonly string[]; seed: string; count: number }

/** What it says after each parser. */
export type ParserRow = { name: string; inputs: number; accepted: number; faults: readonly string[] }

const { names, seed, count } = JSON.parse(process.argv[2] ?? '') as ParserWork
for (const parser of parsers.filter(({ name }) => names.includes(name))) {
  const result = await fuzzParser(parser, seed, count)
  const { name, inputs, accepted } = result
  process.send?.({ name, inputs, accepted, faults: faultsOf(result, seed) } satisfies ParserRow)
}
