// `npm run analyse:contract [-- --deep]`: what the analysers find, against the reasons in analysis/triage.json. Fails for a finding of
// high or medium impact without a reason, for an analyser that does not run, and for a reason whose finding is gone.
import { readFileSync } from 'node:fs'
import { buildForAnalysis, runMythril, runSlither, runSolhint } from './analysers.ts'
import { compare, type Explanation, type Finding, idOf } from './triage.ts'

const triage: Explanation[] = JSON.parse(readFileSync(new URL('../analysis/triage.json', import.meta.url), 'utf8'))
const tools: [name: string, run: () => Finding[]][] = [
  ['slither', runSlither],
  ['solhint', runSolhint],
]
if (process.argv.includes('--deep')) tools.push(['mythril', runMythril])

function report(tool: string, findings: readonly Finding[]): { passed: number; failed: number } {
  const { explained, unexplained, open, stale } = compare(triage, tool, findings)
  console.log(`${tool}: ${findings.length} findings, ${explained.length} with a reason`)
  const line = (finding: Finding) => `${finding.impact} ${finding.check} in ${idOf(finding)}`
  for (const each of explained) console.log(`  ok   ${line(each)}\n       ${each.reason}`)
  for (const each of open) console.log(`  open ${line(each)}: no reason yet`)
  for (const each of unexplained)
    console.log(`  FAIL ${line(each)}: repair it, or say in triage.json why it is no fault`)
  for (const each of stale) console.log(`  FAIL triage.json explains ${each}, which is not found any more`)
  return { passed: explained.length, failed: unexplained.length + stale.length }
}

buildForAnalysis()
const counts = tools.map(([tool, run]) => report(tool, run()))
const sum = (count: 'passed' | 'failed') => counts.reduce((total, each) => total + each[count], 0)
console.log(`${sum('passed')} passed, ${sum('failed')} failed`)
process.exitCode = sum('failed') === 0 && sum('passed') > 0 ? 0 : 1
