import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Mutant } from '../mutants/mutant.ts'
import { compileForVectors, fewSteps, prepareVectors, vectorsRoot } from './mutant-compile.ts'
import { callConstants, withSwitches } from './mutant-switch.ts'

/** The first vector or test that failed; undefined when all held. */
export type Verdict = { killedBy: string | undefined }

/** A mutant that runs this long is stuck, which somebody would notice. */
const patienceMs = 600_000

type Ended = { status: number | null; output: string }

function run(folder: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: patienceMs,
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
  })
}

type VitestReport = {
  testResults: { name: string; message: string; assertionResults: { fullName: string; status: string }[] }[]
}

/** The vectors, then all tests of the two rooms that verify. */
export async function killByTypescriptTests(folder: string): Promise<Verdict> {
  const byVectors = await runVitest(folder, ['test/ens/vectors.test.ts', 'test/tags'])
  return byVectors.killedBy === undefined ? runVitest(folder, ['test/ens', 'test/lookup']) : byVectors
}

async function runVitest(folder: string, paths: readonly string[]): Promise<Verdict> {
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const { status, output } = await run(folder, [vitest, 'run', ...paths, '--bail', '1', '--reporter', 'json'])
  if (status === 0) return { killedBy: undefined }
  const start = output.indexOf('{"numTotal')
  if (start < 0) return { killedBy: status === null ? 'its patience' : 'no test can be loaded' }
  const { testResults } = JSON.parse(output.slice(start)) as VitestReport
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find((each) => each.status === 'failed')
  return {
    killedBy: failed?.fullName ?? testResults.find(({ message }) => message !== '')?.message.split('\n')[0] ?? 'vitest',
  }
}

/** Makes a copy ready for `killBySolidityTests`: few optimizer steps for forge too, and a place for the vector runner's contracts. */
export function prepareSolidity(folder: string): void {
  const path = join(folder, 'resolver-contract/foundry.toml')
  const details = `{ yul = true, yulDetails = { stackAllocation = true, optimizerSteps = "${fewSteps}" } }`
  const config = readFileSync(path, 'utf8')
  writeFileSync(path, config.replace('[profile.default]\n', `[profile.default]\noptimizer_details = ${details}\n`))
  prepareVectors(folder)
}

/** The programs' exit status for a failed test; any other but 0 is a program that is broken itself. */
const failed = 3

const vectorProgram = `
const { runVectors } = await import('./resolver-contract/script/vectors.mjs')
const { failures } = await runVectors('test/vectors', { stopAtFirst: true })
if (failures.length > 0) { console.log(failures[0]); process.exit(${failed}) }`

const testProgram = `
const { forge } = await import('./resolver-contract/script/forge.mjs')
const { status, stdout } = forge(['test', '--fail-fast', '--json', '--no-match-contract', 'Gas'], 'pipe')
if (!stdout.includes('{')) throw new Error('forge ended with ' + status + ' and said ' + JSON.stringify(stdout.slice(-500)))
const suites = JSON.parse(stdout.slice(stdout.indexOf('{')))
const results = Object.values(suites).flatMap((suite) => Object.entries(suite.test_results))
const broken = results.find(([, { status }]) => status === 'Failure')
if (results.length === 0) throw new Error('forge ran no test')
if (broken) { console.log(broken[0]); process.exit(${failed}) }`

/** The vectors through the compiled mutant, then forge's tests. @throws when it does not compile */
export async function killBySolidityTests(folder: string, withoutVectors: boolean): Promise<Verdict> {
  if (!withoutVectors) {
    compileForVectors(folder)
    const byVectors = verdictOf(await runProgram(vectorsRoot(folder), vectorProgram))
    if (byVectors.killedBy !== undefined) return byVectors
  }
  return verdictOf(await runProgram(folder, testProgram))
}

type OpenVectors = { firstFailure(pattern: RegExp, number: number): Promise<string | undefined>; stop(): void }

/**
 * Compiles all mutants that fit into one contract and asks it the vectors once for each.
 * @throws when a vector fails with none of them on
 */
export async function* killBySwitches(
  folder: string,
  mutants: readonly Mutant[],
): AsyncGenerator<{ mutant: Mutant; verdict: Verdict }> {
  const files = [...new Set(mutants.map(({ file }) => file))].filter((file) => !file.endsWith('/EnsOwnership.sol'))
  const sources = new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
  const { sources: switched, inside } = withSwitches(sources, mutants)
  callConstants(switched)
  compileForVectors(folder, switched)
  const script = pathToFileURL(join(vectorsRoot(folder), 'resolver-contract/script/mutant-vectors.mjs')).href
  const { openVectors } = (await import(script)) as { openVectors(folder: string): Promise<OpenVectors> }
  const vectors = await openVectors(join(folder, 'test/vectors'))
  try {
    const unchanged = await vectors.firstFailure(/./, 0)
    if (unchanged !== undefined) throw new Error(`without a mutant already fails: ${unchanged}`)
    for (const [position, mutant] of inside.entries()) {
      const killedBy = await vectors.firstFailure(likelyVectors(mutant), position + 1)
      yield { mutant, verdict: { killedBy: killedBy && titleOf(killedBy) } }
    }
  } finally {
    vectors.stop()
  }
}

/** The vectors of the row or section that a mutant's name begins with. */
function likelyVectors({ name }: Mutant): RegExp {
  const row = /^row (\d)/.exec(name)?.[1]
  if (row !== undefined) return new RegExp(`^lookup/${row}-`)
  if (name.startsWith('2.1')) return /^(tree|lookup\/8-)/
  return name.startsWith('2.') ? /^(list|signature|lookup\/6-)/ : /^lookup\/[12]-/
}

function runProgram(folder: string, program: string): Promise<Ended> {
  return run(folder, ['--input-type=module', '--eval', program])
}

function verdictOf({ status, output }: Ended): Verdict {
  if (status === 0) return { killedBy: undefined }
  if (status === null) return { killedBy: 'its patience' }
  if (status !== failed) throw new Error(`the tests did not run, exit ${status}: ${output.slice(-300)}`)
  return { killedBy: titleOf(output.trim().split('\n').at(-1) ?? '') }
}

/** Which vector it was, without what came of it. */
function titleOf(failure: string): string {
  return failure.split(': wanted ', 1)[0] as string
}
