import type { Hex } from 'viem'
import { lookupRequest, maxAnswerBytes, readLookupAnswer } from '../../library/lookup-request.ts'
import type { ListDomain } from '../../tags/list.ts'
import { fetchBounded, type Reach } from './http.ts'

export { GatewayUnavailable } from '../../library/gateway-unavailable.ts'

/** For each gateway, where the caller does not say. */
export const defaultLookupTimeoutMs = 10_000

/**
 * Asks one gateway for the response to a callData, as ERC-3668 has it; nothing of the answer is believed yet.
 * @throws GatewayUnavailable; Refusal BadResponse for a 2xx answer that is not `{"data": "0x..."}`; HttpFailure, BodyTooLarge
 */
export async function fetchResponse(
  gateway: string,
  domain: ListDomain,
  callData: Hex,
  timeoutMs: number = defaultLookupTimeoutMs,
  reach: Reach = 'public or loopback',
): Promise<Hex> {
  const request = { ...lookupRequest(gateway, domain, callData), reach, timeoutMs }
  const { status, body } = await fetchBounded(request, maxAnswerBytes)
  return readLookupAnswer(gateway, status, body)
}
