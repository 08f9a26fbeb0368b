import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compare, type Explanation, type Finding } from '../../resolver-contract/script/triage.ts'

const grave: Finding = { check: 'unused-return', impact: 'medium', where: 'A.b', what: '(x,) = f()' }
const slight: Finding = { check: 'timestamp', impact: 'low', where: 'A.c', what: 'now > 1' }
const because = { tool: 'slither', reason: 'because' }
const explained: Explanation[] = [
  { ...because, check: 'unused-return', where: ['A.b: (x,) = f()'] },
  { ...because, check: 'timestamp', where: ['A.c'] },
]

test('analysis: what is explained stands with its reason, nothing is left', () => {
  expect(compare(explained, 'slither', [grave, slight])).toEqual({
    explained: [
      { ...grave, reason: 'because' },
      { ...slight, reason: 'because' },
    ],
    ...{ unexplained: [], open: [], stale: [] },
  })
})

test('analysis: a finding of high or medium impact without a reason is unexplained, a low one open', () => {
  expect(compare([], 'slither', [grave, slight])).toMatchObject({ unexplained: [grave], open: [slight] })
})

test('analysis: a grave finding is explained by statement: a second one in the same function is not', () => {
  const second = { ...grave, what: '(,y) = f()' }
  expect(compare(explained, 'slither', [grave, second, slight])).toMatchObject({ unexplained: [second], stale: [] })
})

test('analysis: a reason counts for its own tool and check alone, and is stale when nothing is found', () => {
  expect(compare(explained, 'solhint', [grave])).toMatchObject({ unexplained: [grave], stale: [] })
  expect(compare(explained, 'slither', [slight]).stale).toEqual(['A.b: (x,) = f()'])
})

test('analysis: every explanation of the repository has a reason and a place, and none stands twice', () => {
  const url = new URL('../../resolver-contract/analysis/triage.json', import.meta.url)
  const triage: Explanation[] = JSON.parse(readFileSync(url, 'utf8'))
  expect(triage.length).toBeGreaterThan(10)
  for (const { check, where, reason } of triage) {
    expect([check, where.length > 0, reason.length > 20]).toEqual([check, true, true])
  }
  const places = triage.flatMap(({ tool, check, where }) => where.map((place) => `${tool} ${check} ${place}`))
  expect(new Set(places).size).toBe(places.length)
})
