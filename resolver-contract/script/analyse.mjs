// `npm run analyse:contract [-- --deep]`: what the analysers find, against the reasons in analysis/triage.json. Fails for a finding of
// high or medium impact without a reason, for an analyser that does not run, and for a reason whose finding is gone.
import { readFileSync } from 'node:fs'
import { buildForAnalysis, runMythril, runSlither, runSolhint } from './analysers.mjs'

const triageUrl = new URL('../analysis/triage.json', import.meta.url)
const grave = ['high', 'medium']

/** One line per finding, by which it is told apart: grave ones by the statement too. */
export function idOf({ where, what }) {
  return what === '' ? where : `${where}: ${what}`
}

/** The reason for which a finding is no fault, undefined for none. */
export function reasonOf(triage, tool, finding) {
  const names = grave.includes(finding.impact) ? [idOf(finding)] : [idOf(finding), finding.where]
  const entry = triage.find((each) => {
    return each.tool === tool && each.check === finding.check && each.where.some((where) => names.includes(where))
  })
  return entry?.reason
}

/**
 * Compares one analyser's findings with the triage.
 * @returns {{ unexplained: object[], open: object[], explained: object[], stale: string[] }} `open` are low ones without a reason
 */
export function compare(triage, tool, findings) {
  const judged = findings.map((finding) => ({ ...finding, reason: reasonOf(triage, tool, finding) }))
  const isGrave = ({ impact }) => grave.includes(impact)
  const without = judged.filter(({ reason }) => reason === undefined)
  const stale = triage
    .filter((each) => each.tool === tool)
    .flatMap(({ check, where }) => where.map((name) => ({ check, name })))
    .filter(
      ({ check, name }) => !findings.some((each) => each.check === check && [idOf(each), each.where].includes(name)),
    )
    .map(({ check, name }) => `${check} in ${name}`)
  return {
    unexplained: without.filter(isGrave),
    open: without.filter((finding) => !isGrave(finding)),
    explained: judged.filter(({ reason }) => reason !== undefined),
    stale,
  }
}

function main(deep) {
  const triage = JSON.parse(readFileSync(triageUrl, 'utf8'))
  let [passed, failed] = [0, 0]
  buildForAnalysis()
  const tools = { slither: runSlither, solhint: runSolhint, ...(deep ? { mythril: runMythril } : {}) }
  for (const [tool, run] of Object.entries(tools)) {
    const findings = run()
    const { unexplained, open, explained, stale } = compare(triage, tool, findings)
    console.log(`${tool}: ${findings.length} findings, ${explained.length} with a reason`)
    for (const each of explained)
      console.log(`  ok   ${each.impact} ${each.check} in ${idOf(each)}\n       ${each.reason}`)
    for (const each of open) console.log(`  open ${each.impact} ${each.check} in ${idOf(each)}: no reason yet`)
    for (const each of unexplained)
      console.log(`  FAIL ${each.impact} ${each.check} in ${idOf(each)}: explain or repair`)
    for (const each of stale) console.log(`  FAIL triage.json explains ${each}, which is not found any more`)
    passed += explained.length
    failed += unexplained.length + stale.length
  }
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0 ? 0 : 1
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.exit(main(process.argv.includes('--deep')))
