// `npm run test:contract`: the committed generated files are what the contracts say, forge's tests, then every vector.
import { join } from 'node:path'
import { forge, packageRoot } from './forge.mjs'
import { staleFiles } from './generate.mjs'

const vectorFolder = process.env.MOORING_VECTORS ?? join(packageRoot, 'test/vectors')
const failures = []
let passed = 0

/** Prints one test's result; failures are counted and listed again at the end. */
function report(title, problem) {
  if (problem === undefined) passed += 1
  else failures.push(`${title}: ${problem}`)
}

function runForgeTests() {
  const { status, stdout } = forge(['test', '--json'], 'pipe')
  const suites = JSON.parse(stdout.slice(stdout.indexOf('{')))
  let tests = 0
  for (const [suite, { test_results: results }] of Object.entries(suites)) {
    for (const [name, { status: outcome, reason }] of Object.entries(results)) {
      tests += 1
      const title = `${suite.split(':').at(-1)} ${name}`
      const held = outcome === 'Success'
      console.log(`${held ? 'ok  ' : 'FAIL'} ${title}`)
      report(title, held ? undefined : (reason ?? outcome))
    }
  }
  if (tests === 0) report('forge', 'ran no test')
  if (status !== 0 && failures.length === 0) report('forge', `ended with ${status}`)
}

if (forge(['build']).status !== 0) {
  console.log('FAIL the contracts do not compile\n0 passed, 1 failed')
  process.exit(1)
}
const stale = staleFiles()
report('generated files are what the contracts say', stale.length === 0 ? undefined : `stale: ${stale.join(', ')}`)
runForgeTests()
try {
  const { runVectors } = await import('./vectors.mjs')
  const vectors = await runVectors(vectorFolder)
  console.log(`vectors below ${vectorFolder}: ${vectors.passed} held, ${vectors.failures.length} did not`)
  passed += vectors.passed
  failures.push(...vectors.failures)
} catch (error) {
  report('vectors', error instanceof Error ? error.message : String(error))
}
for (const failure of failures) console.log(`FAIL ${failure}`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exit(failures.length === 0 ? 0 : 1)
