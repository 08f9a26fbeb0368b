import type { RefusalName } from '../../gateway/tags/refusal.ts'
import { casesOf, type JudgedCase } from './cases.ts'
import type { ContractUnderTest } from './contract.ts'
import { agree, type Outcome } from './outcome.ts'
import { askVerifier } from './verifier.ts'

/** A case on which the two differ, or both say something else than its making wants. */
export type Disagreement = { each: JudgedCase; contract: Outcome; verifier: Outcome }

export type FuzzResult = {
  cases: number
  accepted: number
  /** How often the verifier refused, by error name. */
  refused: ReadonlyMap<string, number>
  disagreements: readonly Disagreement[]
}

const casesAtOnce = 400

/** Asks both about every case of a seed. While the contract works on one lot the verifier does too. */
export async function runFuzz(seed: string, count: number, contract: ContractUnderTest): Promise<FuzzResult> {
  const refused = new Map<string, number>()
  const disagreements: Disagreement[] = []
  let accepted = 0
  for await (const lot of lotsOf(casesOf(seed, count))) {
    const asking = contract.ask(lot)
    const verified = await Promise.all(lot.map(({ chain, request, response }) => askVerifier(chain, request, response)))
    const answered = await asking
    for (const [position, each] of lot.entries()) {
      const pair = { each, contract: answered[position] as Outcome, verifier: verified[position] as Outcome }
      if (!(await holds(pair))) disagreements.push(pair)
      if ('ok' in pair.verifier) accepted += 1
      else refused.set(pair.verifier.error, (refused.get(pair.verifier.error) ?? 0) + 1)
    }
  }
  return { cases: count, accepted, refused, disagreements }
}

/** Both say the same, and what the case was made to end with. */
async function holds({ each, contract, verifier }: Disagreement): Promise<boolean> {
  if (each.wanted !== undefined && each.wanted !== ('ok' in verifier ? 'ok' : verifier.error)) return false
  const { chain, request, plain } = each
  // What was touched in the request may ask for something else, and what was touched in the response be nothing that counts for it.
  const untouched = [
    () => askVerifier(chain, plain.request, plain.response),
    () => askVerifier(chain, request, plain.response),
  ]
  return agree(contract, verifier, untouched)
}

async function* lotsOf(cases: AsyncIterable<JudgedCase>): AsyncGenerator<JudgedCase[]> {
  let lot: JudgedCase[] = []
  for await (const each of cases) {
    lot.push(each)
    if (lot.length === casesAtOnce) {
      yield lot
      lot = []
    }
  }
  if (lot.length > 0) yield lot
}

/** The least share of accepted cases, and the least number of cases of each error name, from this many cases on. */
const goals = { fromCases: 10_000, acceptedShare: 0.3, casesPerError: 100 }

/** What a run of at least 10,000 cases must have reached and has not, in words. */
export function missedGoals({ cases, accepted, refused }: FuzzResult, errors: readonly RefusalName[]): string[] {
  if (cases < goals.fromCases) return []
  const few = errors.filter((error) => (refused.get(error) ?? 0) < goals.casesPerError)
  const missed = few.map((error) => `${error}: ${refused.get(error) ?? 0} cases, fewer than ${goals.casesPerError}`)
  return accepted < goals.acceptedShare * cases
    ? [`accepted: ${accepted} of ${cases}, less than 30 %`, ...missed]
    : missed
}
