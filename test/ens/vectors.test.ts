import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { refusalNames } from '../../gateway/tags/refusal.ts'
import { type LookupCase, lookupVectors } from './vector-suite.ts'

const folder = process.env.MOORING_VECTORS ?? fileURLToPath(new URL('../vectors', import.meta.url))
const lookupFolder = join(folder, 'lookup')
const files = existsSync(lookupFolder) ? readdirSync(lookupFolder).filter((file) => file.endsWith('.json')) : []
const casesOf = new Map(files.map((file) => [file, readCases(file)]))
const cases = [...casesOf.values()].flat()

function readCases(file: string): LookupCase[] {
  return JSON.parse(readFileSync(join(lookupFolder, file), 'utf8')) as LookupCase[]
}

lookupVectors(casesOf)

if (process.env.MOORING_VECTORS === undefined) describe('protocol 3.1 lookup vectors of this repository', rulesOfOurOwn)

function rulesOfOurOwn(): void {
  const refused = ({ contract, verifier }: LookupCase) => contract.ok === undefined || verifier.ok === undefined

  test('there are at least 300, one file per row, one each of accepted cases, of the order of checks and of past disagreements', () => {
    const rows = Array.from({ length: 10 }, (_, row) => expect.stringMatching(new RegExp(`^${row}-[a-z]+\\.json$`)))
    expect(files.toSorted()).toEqual([...rows, 'disagreements.json', 'ok.json', 'order.json'])
    expect(cases.length).toBeGreaterThanOrEqual(300)
  })

  test('every refusal is followed by its accepted twin', () => {
    for (const held of casesOf.values()) {
      for (const [position, each] of held.entries()) {
        const isRefusal = !each.name.endsWith(' (twin)') && (refused(each) || each.contract.revert === true)
        if (isRefusal) expect(held[position + 1]?.name).toBe(`${each.name} (twin)`)
        if (each.name.endsWith(' (twin)')) expect([each.contract.ok, refused(each)]).toEqual([each.verifier.ok, false])
      }
    }
  })

  test.each(faultsByError())('%s: three faults at least, and there are %i', (_, count) => {
    expect(count).toBeGreaterThanOrEqual(3)
  })

  test('contract and verifier differ only in rows 0 and 9 and by the local clock', () => {
    const differing = cases.filter((each) => JSON.stringify(each.contract) !== JSON.stringify(each.verifier))
    const allowed = ({ row, localTime, chain }: LookupCase) => row === 0 || row === 9 || localTime !== chain.blockTime
    expect(differing.filter((each) => !allowed(each)).map(({ name }) => name)).toEqual([])
  })
}

/** How many cases end with each error name of rows 0 to 9; each has one fault and a name of its own. */
function faultsByError(): [string, number][] {
  const lateRows = ['RpcDisagree', 'ChainStale', 'SizeMismatch', 'DigestMismatch', 'AmbiguousManifest']
  const elsewhere = [...lateRows, 'MalformedList', 'FallbackNotOnchain']
  const names = refusalNames.filter((name) => !elsewhere.includes(name))
  const ends = ({ contract, verifier }: LookupCase, name: string) => [contract.error, verifier.error].includes(name)
  return names.map((name) => [name, new Set(cases.filter((each) => ends(each, name)).map((each) => each.name)).size])
}
