/** What an analyser found, told apart without line numbers. `what` is the statement, empty where the place says it all. */
export type Finding = { check: string; impact: Impact; where: string; what: string }

/** As the analysers have it; high and medium are grave. */
export type Impact = 'high' | 'medium' | 'low' | 'informational' | 'optimization'

/** Why findings of one check are no faults: `where` holds a place, with the statement for grave findings that have one. */
export type Explanation = { tool: string; check: string; where: readonly string[]; reason: string }

/** One analyser's findings against the explanations. `open` are those of low impact without a reason; `stale` explains nothing found. */
export type Comparison = {
  explained: readonly (Finding & { reason: string })[]
  unexplained: readonly Finding[]
  open: readonly Finding[]
  stale: readonly string[]
}

/** A finding in one line. */
export function idOf({ where, what }: Finding): string {
  return what === '' ? where : `${where}: ${what}`
}

/** Sorts what one tool found by whether and how it is explained. */
export function compare(triage: readonly Explanation[], tool: string, findings: readonly Finding[]): Comparison {
  const own = triage.filter((each) => each.tool === tool)
  const reasons = new Map(findings.map((finding) => [finding, own.find((each) => explains(each, finding))?.reason]))
  const without = findings.filter((finding) => reasons.get(finding) === undefined)
  return {
    explained: findings.flatMap((finding) => {
      const reason = reasons.get(finding)
      return reason === undefined ? [] : [{ ...finding, reason }]
    }),
    unexplained: without.filter(isGrave),
    open: without.filter((finding) => !isGrave(finding)),
    stale: own.flatMap((each) => each.where.filter((place) => !isFound(each, place, findings))),
  }
}

function isGrave({ impact }: Finding): boolean {
  return impact === 'high' || impact === 'medium'
}

function explains({ check, where }: Explanation, finding: Finding): boolean {
  return finding.check === check && where.some((place) => namesOf(finding).includes(place))
}

/** A grave finding is explained statement by statement, so that a second one beside it is seen. */
function namesOf(finding: Finding): string[] {
  return isGrave(finding) ? [idOf(finding)] : [idOf(finding), finding.where]
}

function isFound({ check }: Explanation, place: string, findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.check === check && namesOf(finding).includes(place))
}
