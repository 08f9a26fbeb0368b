import type { Hex } from 'viem'
import type { VerifiedLookup } from '../../ens/verify.ts'
import { askGateways } from '../../library/ask-gateways.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import type { ListDomain } from '../../tags/list.ts'
import { Refusal, type RefusalName } from '../../tags/refusal.ts'
import type { NameMemory } from '../../tags/verify.ts'
import { fetchResponse, GatewayUnavailable } from './ccip.ts'
import { BodyTooLarge, HttpFailure, type Reach } from './http.ts'

/** Why a name could not be verified: an error name of the protocol, or that there was nobody to ask. */
export type FailureName = RefusalName | 'GatewayUnavailable' | 'VerifierSplit' | 'ChainUnavailable'

/** What came of asking gateways one after the other. `response` of a failure is the last answer that was refused. */
export type LookupOutcome =
  | { verified: VerifiedLookup; gateway: string; response: Hex }
  | { verified: null; error: FailureName; message: string; response: Hex | null }

/** One lookup: what is asked, whom, and what the answer is checked against. */
export type LookupQuestion = {
  domain: ListDomain
  gateways: readonly string[]
  /** Where these may lead. */
  reach: Reach
  callData: Hex
  readAuthority: (ensName: string) => Promise<NameAuthority>
  /** Unix seconds. */
  localTime: bigint
  memory: NameMemory | null
  /** For each gateway's answer; 10,000 by default. */
  timeoutMs?: number
  /** May say more about the refusal of an answer than its verifier could. */
  explain?: (refusal: Refusal, response: Hex) => Promise<Refusal>
}

/**
 * Asks each gateway in turn and takes the first answer that verifies: one that is refused, or does not come, only means the next.
 * When all fail, the first refusal is the error, because it says more than silence. @throws ChainUnavailable
 */
export async function lookUp(question: LookupQuestion): Promise<LookupOutcome> {
  const { domain, callData, timeoutMs, reach } = question
  const ask = (gateway: string) => fetchResponse(gateway, domain, callData, timeoutMs, reach)
  const outcome = await askGateways({ ...question, ask, refusalOf })
  if (outcome.verified !== null) return outcome
  const { refusal, message, response } = outcome
  return { verified: null, error: refusal?.reason ?? 'GatewayUnavailable', message, response }
}

/** The refusal that an error of one gateway stands for, null for silence. @throws what is neither */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error
  if (error instanceof BodyTooLarge) return new Refusal('BadResponse', error.message)
  if (error instanceof HttpFailure || error instanceof GatewayUnavailable) return null
  throw error
}
