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
/** A case of docs/vectors.md `lookup/`. */
export type LookupCase = {
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

/** The cases of each file of `lookup/`, in any runtime. */
export function lookupVectors(files: ReadonlyMap<string, readonly LookupCase[]>): void {
  const cases = [...files].flatMap(([file, held]) => held.map((each) => [`${file}: ${each.name}`, each] as const))

  describe('protocol 3.1 lookup vectors', () => {
    test('there are some', () => expect(cases.length).toBeGreaterThan(0))

    test.each(cases)('%s', async (_, each) => {
      refuseUnknown(each)
      const seen = await verify(each)
      expect(allows(each.verifier, seen), `wanted ${show(each.verifier)}, saw ${show(seen)}`).toBe(true)
    })
  })
}

function show(outcome: Outcome): string {
  return JSON.stringify(outcome).slice(0, 300)
}
