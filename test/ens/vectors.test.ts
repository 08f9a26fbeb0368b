import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Address, Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { type EntryJson, parseEntryJson } from '../../gateway/tags/json.ts'
import { Refusal, refusalNames } from '../../gateway/tags/refusal.ts'
import type { NameMemory } from '../../gateway/tags/verify.ts'
import { type FlatChain, readFlatAuthority, readFlatFallback, readFlatGateways } from '../flat-chain.ts'

type Outcome = { ok?: Hex; error?: string; revert?: true }
type MemoryJson = {
  owner: Address
  epoch: number
  version: number
  hash: Hex
  entries: ({ tag: string } & EntryJson)[]
}
type LookupCase = {
  name: string
  row: number | null
  chain: FlatChain
  localTime: number
  memory: MemoryJson | null
  request: Hex
  response: Hex
  contract: Outcome
  verifier: Outcome
}

const folder = process.env.MOORING_VECTORS ?? fileURLToPath(new URL('../vectors', import.meta.url))
const lookupFolder = join(folder, 'lookup')
const files = existsSync(lookupFolder) ? readdirSync(lookupFolder).filter((file) => file.endsWith('.json')) : []
const cases = files.flatMap((file) => readCases(file).map((each) => ({ file, each })))

function readCases(file: string): LookupCase[] {
  return JSON.parse(readFileSync(join(lookupFolder, file), 'utf8')) as LookupCase[]
}

const outcomeMembers = new Set(['ok', 'error', 'revert'])
const caseMembers = ['name', 'row', 'chain', 'localTime', 'memory', 'request', 'response', 'contract', 'verifier']
const chainMembers = [
  'chainId',
  'resolver',
  'blockTime',
  'wrapper',
  'owners',
  'resolvers',
  'wrapped',
  'expiries',
  'epochs',
]
const ownerMembers = ['policies', 'floors', 'revoked', 'gateways', 'fallbacks', 'code']

/** A case that this runner does not understand must not pass. */
function refuseUnknown(each: LookupCase): void {
  const known = [...caseMembers, ...chainMembers, ...ownerMembers]
  const members = [...Object.keys(each), ...Object.keys(each.chain)]
  expect(members.filter((member) => !known.includes(member))).toEqual([])
  for (const outcome of [each.contract, each.verifier]) {
    const members = Object.keys(outcome)
    expect(members.length).toBeGreaterThan(0)
    expect(members.filter((member) => !outcomeMembers.has(member))).toEqual([])
    if (outcome.error !== undefined) expect(refusalNames).toContain(outcome.error)
    if (outcome.ok !== undefined) expect(outcome.ok).toMatch(/^0x(?:[0-9a-f]{2})*$/)
  }
}

function memoryOf(json: MemoryJson | null): NameMemory | null {
  if (json === null) return null
  const entries = new Map(json.entries.map(({ tag, ...entry }) => [tag, parseEntryJson(entry)]))
  return { owner: json.owner, epoch: BigInt(json.epoch), version: BigInt(json.version), hash: json.hash, entries }
}

/** What the verifier says: `{ok}` or `{error}`. Anything but a refusal is a bug and goes through. */
async function verify({ chain, localTime, memory, request, response }: LookupCase): Promise<Outcome> {
  try {
    const { result } = await verifyLookup({
      callData: request,
      response,
      readAuthority: (ensName) => readFlatAuthority(chain, ensName),
      readOnChain: async ({ ensName }) => ({
        registry: (await readFlatGateways(chain, ensName)).join(' '),
        fallback: await readFlatFallback(chain, ensName),
      }),
      localTime: BigInt(localTime),
      memory: memoryOf(memory),
    })
    return { ok: result }
  } catch (thrown) {
    if (thrown instanceof Refusal) return { error: thrown.reason }
    throw thrown
  }
}

/** `{ok, revert}` allows both; `{revert}` any refusal. */
function allows(expected: Outcome, seen: Outcome): boolean {
  if (seen.ok !== undefined && seen.ok === expected.ok) return true
  return seen.error !== undefined && (expected.revert === true || seen.error === expected.error)
}

describe('protocol 3.1 lookup vectors', () => {
  test(`${lookupFolder} holds cases`, () => expect(cases.length).toBeGreaterThan(0))

  test.each(cases.map(({ file, each }) => [`${file}: ${each.name}`, each] as const))('%s', async (_, each) => {
    refuseUnknown(each)
    const seen = await verify(each)
    expect(allows(each.verifier, seen), `wanted ${show(each.verifier)}, saw ${show(seen)}`).toBe(true)
  })
})

function show(outcome: Outcome): string {
  return JSON.stringify(outcome).slice(0, 300)
}

if (process.env.MOORING_VECTORS === undefined) describe('protocol 3.1 lookup vectors of this repository', rulesOfOurOwn)

function rulesOfOurOwn(): void {
  const refused = ({ contract, verifier }: LookupCase) => contract.ok === undefined || verifier.ok === undefined

  test('there are at least 300, one file per row, one each of accepted cases, of the order of checks and of past disagreements', () => {
    const rows = Array.from({ length: 10 }, (_, row) => expect.stringMatching(new RegExp(`^${row}-[a-z]+\\.json$`)))
    expect(files.toSorted()).toEqual([...rows, 'disagreements.json', 'ok.json', 'order.json'])
    expect(cases.length).toBeGreaterThanOrEqual(300)
  })

  test('every refusal is followed by its accepted twin', () => {
    for (const file of files) {
      const held = readCases(file)
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
    const differing = cases.filter(({ each }) => JSON.stringify(each.contract) !== JSON.stringify(each.verifier))
    const allowed = ({ row, localTime, chain }: LookupCase) => row === 0 || row === 9 || localTime !== chain.blockTime
    expect(differing.filter(({ each }) => !allowed(each)).map(({ each }) => each.name)).toEqual([])
  })
}

/** How many cases end with each error name of rows 0 to 9; each has one fault and a name of its own. */
function faultsByError(): [string, number][] {
  const lateRows = ['RpcDisagree', 'ChainStale', 'SizeMismatch', 'DigestMismatch', 'AmbiguousManifest']
  const elsewhere = [...lateRows, 'MalformedList', 'FallbackNotOnchain']
  const names = refusalNames.filter((name) => !elsewhere.includes(name))
  const ends = ({ contract, verifier }: LookupCase, name: string) => [contract.error, verifier.error].includes(name)
  return names.map((name) => [
    name,
    new Set(cases.filter(({ each }) => ends(each, name)).map(({ each }) => each.name)).size,
  ])
}
