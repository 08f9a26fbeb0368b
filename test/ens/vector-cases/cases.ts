import type { Hex } from 'viem'
import type { Chain, Memory } from './flat.ts'
import { build, type Scenario } from './scenario.ts'

export type Outcome = { ok?: Hex; error?: string; revert?: true }

/** One case, in the form of docs/vectors.md. */
export type Case = {
  name: string
  /** Of the check order; null for a case that holds whole. */
  row: number | null
  chain: Chain
  localTime: number
  memory: Memory | null
  request: Hex
  response: Hex
  contract: Outcome
  verifier: Outcome
}

/** How the two checkers end: `refused` by name, `reverted` in any way, `ignored` or reverted, or `accepted`. */
export type Ending = 'refused' | 'reverted' | 'ignored' | 'accepted'
export type Endings = { contract?: Ending; verifier?: Ending }

/** A case that contract and verifier accept. */
export async function accept(row: number | null, name: string, scenario: Scenario): Promise<Case[]> {
  const { ok, ...built } = await build(scenario)
  return [{ name, row, ...built, contract: { ok }, verifier: { ok } }]
}

/** A case with one fault, and its twin without it. */
export async function refuse(
  row: number,
  error: string,
  name: string,
  faulty: Scenario,
  twin: Scenario = {},
  endings: Endings = {},
): Promise<Case[]> {
  const { ok, ...built } = await build(faulty)
  const contract = outcomeOf(endings.contract ?? 'refused', error, ok)
  const verifier = outcomeOf(endings.verifier ?? 'refused', error, ok)
  return [{ name, row, ...built, contract, verifier }, ...(await accept(row, `${name} (twin)`, twin))]
}

function outcomeOf(ending: Ending, error: string, ok: Hex): Outcome {
  if (ending === 'refused') return { error }
  if (ending === 'reverted') return { revert: true }
  return ending === 'ignored' ? { ok, revert: true } : { ok }
}
