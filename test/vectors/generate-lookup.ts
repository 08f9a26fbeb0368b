import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Case } from '../ens/vector-cases/cases.ts'
import { pastDisagreements } from '../ens/vector-cases/disagreements.ts'
import { accepted } from '../ens/vector-cases/ok.ts'
import { checkOrder } from '../ens/vector-cases/order.ts'
import { rowZero } from '../ens/vector-cases/row-0.ts'
import { rowOne } from '../ens/vector-cases/row-1.ts'
import { rowTwo } from '../ens/vector-cases/row-2.ts'
import { rowThree } from '../ens/vector-cases/row-3.ts'
import { rowFour } from '../ens/vector-cases/row-4.ts'
import { rowFive } from '../ens/vector-cases/row-5.ts'
import { rowSix } from '../ens/vector-cases/row-6.ts'
import { rowSeven } from '../ens/vector-cases/row-7.ts'
import { rowEight } from '../ens/vector-cases/row-8.ts'
import { rowNine } from '../ens/vector-cases/row-9.ts'

/**
 * Writes test/vectors/lookup/<rule>.json: `npx tsx test/vectors/generate-lookup.ts [folder]`. Outcomes are written by rule beside
 * each case, never taken from the code under test; the same cases come out on every run.
 */
const files: [string, () => Promise<Case[]>][] = [
  ['0-response', rowZero],
  ['1-name', rowOne],
  ['2-authority', rowTwo],
  ['3-binding', rowThree],
  ['4-version', rowFour],
  ['5-times', rowFive],
  ['6-signatures', rowSix],
  ['7-timestamp', rowSeven],
  ['8-proof', rowEight],
  ['9-memory', rowNine],
  ['order', checkOrder],
  ['disagreements', pastDisagreements],
  ['ok', accepted],
]

const folder = process.argv[2] ?? fileURLToPath(new URL('lookup', import.meta.url))
mkdirSync(folder, { recursive: true })

for (const [rule, casesOf] of files) {
  const cases = await casesOf()
  refuseDuplicates(cases)
  writeFileSync(`${folder}/${rule}.json`, `[\n${cases.map((each) => JSON.stringify(each)).join(',\n')}\n]\n`)
  console.log(`${rule}.json: ${cases.length} cases`)
}

function refuseDuplicates(cases: readonly Case[]) {
  const names = cases.map((each) => each.name)
  const twice = names.find((name, position) => names.indexOf(name) !== position)
  if (twice !== undefined) throw new Error(`two cases are named ${JSON.stringify(twice)}`)
}
