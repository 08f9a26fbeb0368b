import { parseArgs } from 'node:util'
import { forge } from '../../resolver-contract/script/forge.mjs'
import { faultErrors } from './cases.ts'
import { writeDisagreement } from './found.ts'
import { showOutcome } from './outcome.ts'
import { type FuzzResult, missedGoals, runFuzz } from './run.ts'

const usage = `npm run fuzz -- [--cases N] [--seed S] [--json]
  The resolver contract and the TypeScript verifier answer the same generated lookups; every difference is a failure.
  --cases N   how many, 10,000 if not said; from 10,000 on each error name of rows 0 to 8 must come up 100 times
  --seed S    repeats a run exactly; if not said one is chosen and printed
  --json      one JSON value on stdout`

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000_000}` },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(seed: string, cases: number): Promise<boolean> {
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
  if (values.json)
    print(JSON.stringify({ seed, ...summary(result), missed, found: found.map(({ path }) => path) }, null, 2))
  else for (const line of [...lines, ...missed.map((each) => `FAIL ${each}`), ...table(result)]) print(line)
  const failed = found.length + missed.length
  if (!values.json) print(`${cases - found.length} passed, ${failed} failed`)
  return failed === 0
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
else {
  const cases = Number(values.cases)
  if (!Number.isSafeInteger(cases) || cases < 1)
    throw new Error(`--cases ${values.cases}: a whole number above 0 is wanted`)
  process.exitCode = (await main(values.seed, cases)) ? 0 : 1
}
