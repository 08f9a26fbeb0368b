import type { Hex } from 'viem'
import { gatewayUrlTemplates, isGetCallData } from '../../ens/lookup.ts'
import type { ListDomain } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { fetchBounded, type HttpRequest } from './http.ts'

/** A gateway did not answer, or said that it has no list: never a statement about a tag. */
export class GatewayUnavailable extends Error {
  override readonly name = 'GatewayUnavailable'
}

/** 128 KiB of response in hex, and the JSON around it. */
const maxAnswerBytes = 2 * 128 * 1024 + 1024
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
): Promise<Hex> {
  const request = { ...requestOf(gateway, domain, callData), timeoutMs }
  const answer = await fetchBounded(request, maxAnswerBytes)
  const text = new TextDecoder().decode(answer.body)
  if (answer.status < 200 || answer.status > 299) {
    throw new GatewayUnavailable(`${gateway} answers ${answer.status}${messageIn(text)}`)
  }
  const data = memberOf(text, 'data')
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return data as Hex
  throw new Refusal('BadResponse', `${gateway} answers ${answer.status} without {"data": "0x..."}`)
}

function requestOf(gateway: string, domain: ListDomain, callData: Hex): Omit<HttpRequest, 'timeoutMs'> {
  const templates = gatewayUrlTemplates(gateway, domain.chainId, domain.resolver)
  const fill = (template: string) => template.replace('{sender}', domain.resolver).replace('{data}', callData)
  if (isGetCallData(callData)) return { url: fill(templates.get) }
  return {
    url: fill(templates.post),
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data: callData, sender: domain.resolver }),
  }
}

function messageIn(text: string): string {
  const message = memberOf(text, 'message')
  return typeof message === 'string' ? `: ${message.slice(0, 300).replaceAll(/\s+/g, ' ')}` : ''
}

function memberOf(text: string, member: 'data' | 'message'): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[member] : undefined
  } catch {
    return undefined
  }
}
