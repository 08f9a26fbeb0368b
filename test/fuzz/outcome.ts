import type { Hex } from 'viem'

/** How a checker ended: what `resolve` returns, a refusal by name, or a revert without one. */
export type Outcome = { ok: Hex } | { error: string }

/** A revert that names no error: a bound that the compiler checks, or nothing at all. */
export const namelessRevert = 'a revert without a name'

/**
 * Whether contract and verifier agree. Where the verifier says `BadResponse` the contract may revert in any way, or answer what it
 * answers to the bytes as they were before they were touched, all of them or the response alone (protocol 3.1 row 0).
 */
export async function agree(
  contract: Outcome,
  verifier: Outcome,
  untouched: readonly (() => Promise<Outcome>)[],
): Promise<boolean> {
  if ('ok' in verifier) return 'ok' in contract && contract.ok === verifier.ok
  if (verifier.error !== 'BadResponse') return 'error' in contract && contract.error === verifier.error
  if ('error' in contract) return true
  for (const ask of untouched) {
    const answer = await ask()
    if ('ok' in answer && answer.ok === contract.ok) return true
  }
  return false
}

/** One line for people. */
export function showOutcome(outcome: Outcome): string {
  return 'ok' in outcome ? `ok ${outcome.ok.slice(0, 80)}` : outcome.error
}
