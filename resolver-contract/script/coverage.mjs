// `npm run coverage:contract`: which lines and branches of our contracts forge's tests run. Fails when a miss is neither explained in
// coverage-misses.json nor by the one rule below, and when an explanation is for a line that is no miss any more.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forge, packageRoot } from './forge.mjs'

const room = join(packageRoot, 'resolver-contract')
const ourContracts = /^resolver-contract\/src\/(?!dev\/)/

/** Lines and branches by file, from forge's lcov report; branches are those of one condition, by line and block. */
function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'coverage-'))
  try {
    const report = join(folder, 'lcov.info')
    // Gas ceilings mean nothing in code that is compiled for coverage.
    const skipped = ['--no-match-contract', 'GasTest']
    const { status, stdout } = forge(
      ['coverage', '--ir-minimum', '--report', 'lcov', '--report-file', report, ...skipped],
      'pipe',
    )
    if (status !== 0) throw new Error(`forge coverage ended with ${status}: ${stdout.slice(-2000)}`)
    return parseLcov(readFileSync(report, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @returns {Map<string, { lines: Map<number, number>, branches: Map<string, { line: number, taken: number[] }> }>} our files only */
function parseLcov(text) {
  const files = new Map()
  let current
  for (const record of text.split('\n')) {
    const [, kind, value] = /^(SF|DA|BRDA):(.*)$/.exec(record) ?? []
    if (kind === 'SF') {
      current = ourContracts.test(value) ? { lines: new Map(), branches: new Map() } : undefined
      if (current) files.set(value, current)
    } else if (current && kind === 'DA') {
      const [line, hits] = value.split(',').map(Number)
      current.lines.set(line, hits)
    } else if (current && kind === 'BRDA') {
      const [line, block, , hits] = value.split(',')
      const key = `${line}:${block}`
      if (!current.branches.has(key)) current.branches.set(key, { line: Number(line), taken: [] })
      current.branches.get(key).taken.push(hits === '-' ? 0 : Number(hits))
    }
  }
  return files
}

/** Every line that never ran and every condition with an outcome that was never seen. */
function missesOf(path, { lines, branches }) {
  const source = readFileSync(join(packageRoot, path), 'utf8').split('\n')
  const codeAt = (line) => source[line - 1].trim()
  const file = path.slice('resolver-contract/src/'.length)
  const unrun = [...lines].filter(([, hits]) => hits === 0).map(([line]) => line)
  const untaken = [...branches.values()].filter(({ taken }) => taken.includes(0)).map(({ line }) => line)
  return [
    ...unrun.map((line) => ({ what: 'line', file, line, code: codeAt(line), ran: false })),
    ...untaken.map((line) => ({ what: 'branch', file, line, code: codeAt(line), ran: lines.get(line) > 0, source })),
  ]
}

/** The names of errors that a test of forge or a vector sees refused. */
function seenRefusals() {
  const tests = readdirSync(join(room, 'test')).map((file) => readFileSync(join(room, 'test', file), 'utf8'))
  const folder = join(packageRoot, 'test/vectors/lookup')
  const vectors = readdirSync(folder).flatMap((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')))
  const named = tests.flatMap((text) => [...text.matchAll(/(\w+)\.selector/g)].map(([, name]) => name))
  return new Set([...named, ...vectors.map(({ contract }) => contract.error).filter(Boolean)])
}

/**
 * The one rule. Compiled with the least optimisation, forge attaches no outcome to a `require` with a custom error: such a line counts
 * as both ways taken when it ran and its error is one that a test or a vector sees refused.
 * @returns {string | undefined} the reason
 */
function reasonOfRequire({ what, line, ran, code, source }, refusals) {
  if (what !== 'branch' || !ran || !code.startsWith('require(')) return undefined
  const statement = source.slice(line - 1, line + 4).join(' ')
  const error = /(\w+)\([^()]*\)\s*\);/.exec(statement)?.[1]
  return error && refusals.has(error) ? `forge does not see outcomes of a require; refused as ${error}` : undefined
}

function percent(part, whole) {
  return `${whole === 0 ? '100.0' : ((100 * part) / whole).toFixed(1)} % (${part}/${whole})`
}

const kept = JSON.parse(readFileSync(join(room, 'coverage-misses.json'), 'utf8'))
const refusals = seenRefusals()
const files = measure()
if (files.size === 0) throw new Error('forge reported none of our contracts')
const used = new Set()
const unexplained = []
let requires = 0
const totals = { lines: [0, 0], branches: [0, 0] }
console.log('file, lines run, outcomes of conditions seen (by forge, or by the rule for require)')
for (const [path, file] of [...files].sort()) {
  const misses = missesOf(path, file).map((miss) => {
    const byRule = reasonOfRequire(miss, refusals)
    const entry = kept.find((one) => one.file === miss.file && one.code === miss.code && one.what === miss.what)
    if (byRule) requires += 1
    else if (entry) used.add(entry)
    else unexplained.push(miss)
    return { ...miss, byRule, reason: byRule ?? entry?.reason }
  })
  const missing = (what) => misses.filter((miss) => miss.what === what && !miss.byRule).length
  const [lines, branches] = [file.lines.size, file.branches.size]
  totals.lines = [totals.lines[0] + lines - missing('line'), totals.lines[1] + lines]
  totals.branches = [totals.branches[0] + branches - missing('branch'), totals.branches[1] + branches]
  const figures = [percent(lines - missing('line'), lines), percent(branches - missing('branch'), branches)]
  console.log(`${path}  ${figures.join('  ')}`)
  for (const { what, line, code, byRule, reason } of misses) {
    if (!byRule) console.log(`  missed ${what} ${line}: ${code}\n    ${reason ?? 'NOT EXPLAINED'}`)
  }
}
const stale = kept.filter((entry) => !used.has(entry))
for (const { file, code } of stale) console.log(`FAIL ${file} "${code}" is explained and no miss any more`)
for (const { file, line, code } of unexplained)
  console.log(`FAIL ${file}:${line} "${code}" is missed and not explained`)
console.log(
  `lines ${percent(...totals.lines)}, conditions ${percent(...totals.branches)}; ${requires} of them by the rule for require`,
)
process.exit(stale.length + unexplained.length === 0 ? 0 : 1)
