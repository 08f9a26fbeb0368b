import { parseArgs } from 'node:util'
import { forge } from '../../resolver-contract/script/forge.mjs'
import { faultErrors } from './cases.ts'
import { writeDisagreement } from './found.ts'
import { showOutcome } from './outcome.ts'
import { chooseParsers, replay, reportOnParsers, tableOfParsers } from './parser-report.ts'
import { type FuzzResult, missedGoals, runFuzz } from './run.ts'

const usage = `npm run fuzz -- [--cases N] [--seed S] [--parsers N] [--parser NAME] [--parser-seed S] [--case K] [--json]
  The resolver contract and the TypeScript verifier answer the same generated lookups; every difference is a failure.
  Then every parser of what strangers send gets inputs made from good ones: what it throws must be what it says it throws, and its work
  must grow no faster than its input, counted in steps.
  --cases N        how many lookups, 10,000 if not said; from 10,000 on each error name of rows 0 to 8 must come up 100 times
  --seed S         repeats the lookups exactly; if not said one is chosen and printed
  --parsers N      how many inputs for each parser: 100,000 if not said, none where --cases or --seed is given alone
  --parser NAME    this parser only, and no lookups
  --parser-seed S  repeats the inputs exactly; 1 if not said
  --case K         with --parser: input number K alone, in hex, and what becomes of it
  --json           one JSON value on stdout`

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    seed: { type: 'string' },
    parsers: { type: 'string' },
    parser: { type: 'string' },
    'parser-seed': { type: 'string', default: '1' },
    case: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** Lines for people, a value for programs, and how many tests went which way. */
type Part = { lines: readonly string[]; value: object; passed: number; failed: number }

async function runLookups(seed: string, cases: number): Promise<Part> {
  process.stderr.write(`fuzz: ${cases} cases of seed ${seed} (npm run fuzz -- --cases ${cases} --seed ${seed})\n`)
  if (forge(['build'], 'pipe').status !== 0) throw new Error('the contracts do not compile')
  const { startContract } = await import('./contract.ts')
  const contract = await startContract()
  const result = await runFuzz(seed, cases, contract).finally(contract.stop)
  const found = []
  for (const each of result.disagreements) found.push({ path: await writeDisagreement(each), ...each })
  const missed = missedGoals(result, faultErrors)
  const lines = found.map(
    ({ each, contract, verifier, path }) =>
      `FAIL ${each.name}: wanted ${each.wanted ?? 'the same of both'}, contract ${showOutcome(contract)}, verifier ${showOutcome(verifier)}; ${path}`,
  )
  return {
    lines: [...lines, ...missed.map((each) => `FAIL ${each}`), ...table(result)],
    value: { seed, ...summary(result), missed, found: found.map(({ path }) => path) },
    passed: cases - found.length,
    failed: found.length + missed.length,
  }
}

async function runParsers(seed: string, count: number): Promise<Part> {
  process.stderr.write(`fuzz: ${count} inputs of seed ${seed} for each parser\n`)
  const report = await reportOnParsers(chooseParsers(values.parser), seed, count)
  const lines = [...report.faults.map((fault) => `FAIL ${fault}`), ...tableOfParsers(report)]
  return { lines, value: { parserSeed: seed, parsers: report.rows }, passed: report.passed, failed: report.failed }
}

async function main(): Promise<boolean> {
  const isAboutLookups = values.cases !== undefined || values.seed !== undefined
  const cases = values.parser === undefined ? wholeNumber('cases', 10_000) : 0
  const inputs = wholeNumber('parsers', isAboutLookups && values.parser === undefined ? 0 : 100_000)
  const parts: Part[] = []
  // The parsers first: what runs before a counter is started is not counted.
  if (inputs > 0) parts.push(await runParsers(values['parser-seed'], inputs))
  if (cases > 0) parts.unshift(await runLookups(values.seed ?? `${Date.now() % 1_000_000_000}`, cases))
  const sum = (of: (part: Part) => number) => parts.reduce((all, part) => all + of(part), 0)
  const [passed, failed] = [sum((part) => part.passed), sum((part) => part.failed)]
  if (values.json) print(JSON.stringify(Object.assign({}, ...parts.map(({ value }) => value)), null, 2))
  else for (const line of [...parts.flatMap(({ lines }) => lines), `${passed} passed, ${failed} failed`]) print(line)
  return failed === 0
}

function wholeNumber(name: 'cases' | 'parsers' | 'case', absent: number): number {
  const text = values[name]
  if (text === undefined) return absent
  const number = Number(text)
  const least = name === 'cases' ? 1 : 0
  if (Number.isSafeInteger(number) && number >= least && text !== '') return number
  throw new Error(`--${name} ${text}: a whole number ${least === 1 ? 'above 0' : 'from 0 on'} is wanted`)
}

function summary({ cases, accepted, refused }: FuzzResult) {
  return { cases, accepted, refused: Object.fromEntries(faultErrors.map((error) => [error, refused.get(error) ?? 0])) }
}

function table({ cases, accepted, refused }: FuzzResult): string[] {
  const rows: [string, number][] = [
    ['accepted', accepted],
    ...faultErrors.map((error): [string, number] => [error, refused.get(error) ?? 0]),
  ]
  const others = [...refused].filter(([error]) => !rows.some(([name]) => name === error))
  return [...rows, ...others].map(
    ([name, count]) =>
      `${name.padEnd(28)}${String(count).padStart(7)}${((100 * count) / cases).toFixed(1).padStart(7)} %`,
  )
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

if (values.help) print(usage)
else if (values.case !== undefined) {
  const [parser, ...others] = chooseParsers(values.parser)
  if (parser === undefined || others.length > 0) throw new Error('--case is for one parser: --parser NAME is wanted')
  await replay(parser, values['parser-seed'], wholeNumber('case', 0), print)
} else process.exitCode = (await main()) ? 0 : 1
