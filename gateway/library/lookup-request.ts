import type { Hex } from 'viem'
import { gatewayUrlTemplates, isGetCallData } from '../ens/lookup.ts'
import type { ListDomain } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { GatewayUnavailable } from './gateway-unavailable.ts'

/** 128 KiB of response in hex, and the JSON around it. */
export const maxAnswerBytes = 2 * 128 * 1024 + 1024

/** How one lookup is asked of a gateway over HTTP (ERC-3668, protocol 4). */
export type LookupHttpRequest = {
  url: string
  method?: 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string
}

/** The request for a callData: GET with it in the URL, POST where it is long. */
export function lookupRequest(gateway: string, domain: ListDomain, callData: Hex): LookupHttpRequest {
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

/** The response in a gateway's answer. @throws GatewayUnavailable; Refusal BadResponse for a 2xx that is not `{"data": "0x..."}` */
export function readLookupAnswer(gateway: string, status: number, body: Uint8Array): Hex {
  const text = new TextDecoder().decode(body)
  if (status < 200 || status > 299) throw new GatewayUnavailable(`${gateway} answers ${status}${messageIn(text)}`)
  const data = memberOf(text, 'data')
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return data as Hex
  throw new Refusal('BadResponse', `${gateway} answers ${status} without {"data": "0x..."}`)
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
