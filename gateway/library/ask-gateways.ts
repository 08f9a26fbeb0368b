import type { Hex } from 'viem'
import { type VerifiedLookup, verifyLookup } from '../ens/verify.ts'
import type { NameAuthority } from '../tags/authority.ts'
import type { Refusal } from '../tags/refusal.ts'
import type { NameMemory } from '../tags/verify.ts'

/** What came of asking gateways one after the other. `response` of a failure is the last answer that was refused. */
export type GatewaysOutcome =
  | { verified: VerifiedLookup; gateway: string; response: Hex }
  | { verified: null; refusal: Refusal | null; message: string; response: Hex | null }

/** One lookup: what is asked, whom, and what the answer is checked against. */
export type GatewaysQuestion = {
  gateways: readonly string[]
  callData: Hex
  /** One gateway's answer, none of it believed. */
  ask: (gateway: string) => Promise<Hex>
  /** The refusal that an error of one gateway stands for, null for silence. @throws what is neither */
  refusalOf: (error: unknown) => Refusal | null
  readAuthority: (ensName: string) => Promise<NameAuthority>
  /** Unix seconds. */
  localTime: bigint
  memory: NameMemory | null
  /** May say more about the refusal of an answer than its verifier could. */
  explain?: (refusal: Refusal, response: Hex) => Promise<Refusal>
}

/**
 * Asks each gateway in turn and takes the first answer that verifies: one that is refused, or does not come, only means the next.
 * When all fail, the first refusal is the error, because it says more than silence. @throws ChainUnavailable
 */
export async function askGateways(question: GatewaysQuestion): Promise<GatewaysOutcome> {
  const { ask, refusalOf, explain } = question
  const messages: string[] = []
  let refusal: Refusal | null = null
  let refused: Hex | null = null
  for (const gateway of question.gateways) {
    let response: Hex | null = null
    try {
      response = await ask(gateway)
      const verified = await verifyLookup({ ...question, response })
      return { verified, gateway, response }
    } catch (error) {
      const plain = refusalOf(error)
      const reason = plain !== null && response !== null && explain ? await explain(plain, response) : plain
      messages.push(reason === null ? (error as Error).message : `${gateway}: ${reason.message}`)
      refusal ??= reason
      refused = response ?? refused
    }
  }
  if (question.gateways.length === 0) messages.push('the chain names no gateway for this name')
  return { verified: null, refusal, message: messages.join('; '), response: refused }
}
