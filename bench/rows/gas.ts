import { forge } from '../../resolver-contract/script/forge.mjs'
import { createRow, type Row } from '../row.ts'

/** What forge's JSON says of one test file: what each test recorded, by group and name, as decimal text. */
type Suites = Record<string, { test_results: Record<string, { status: string; gas_snapshots: Snapshots }> }>
type Snapshots = { gas?: Record<string, string> }

const peer = "ENS's offchain-resolver"
const recordedPeer = 'ENS own offchain-resolver'
const units: Record<string, string> = { 'deployed bytes': 'bytes' }

/**
 * Execution gas of the contract's callback and the size of its code, everything cold, as the contract's own tests measure them in this
 * run; beside the callback of ENS's offchain-resolver, one signature of one trusted key, measured by the same test.
 * @throws when a test fails or records nothing
 */
export function measureGas(): Row[] {
  const recorded = readRecords()
  const ofPeer = recorded.get(recordedPeer)
  if (ofPeer === undefined) throw new Error(`forge recorded nothing for ${recordedPeer}: ${[...recorded.keys()]}`)
  recorded.delete(recordedPeer)
  return [...recorded].map(([what, value]) =>
    what.endsWith(' tags')
      ? createRow(`callback, ${what}`, 'gas', 1, value, { [peer]: ofPeer })
      : createRow(what, units[what] ?? 'gas', 1, value),
  )
}

function readRecords(): Map<string, number> {
  const { status, stdout } = forge(['test', '--match-contract', 'GasTest', '--json'], 'pipe')
  const start = stdout.indexOf('{')
  if (status !== 0 || start < 0) throw new Error(`forge ended with ${status}: ${stdout.slice(0, 500)}`)
  const suites = JSON.parse(stdout.slice(start)) as Suites
  const results = Object.values(suites).flatMap((suite) => Object.values(suite.test_results))
  return new Map(
    results.flatMap(({ gas_snapshots }) =>
      Object.entries(gas_snapshots.gas ?? {}).map(([what, value]) => [what, Number(value)]),
    ),
  )
}
