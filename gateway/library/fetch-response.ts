import { concatBytes, type Hex } from 'viem'
import type { ListDomain } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { GatewayUnavailable } from './gateway-unavailable.ts'
import { lookupRequest, maxAnswerBytes, readLookupAnswer } from './lookup-request.ts'

/** What the platform has: `fetch` of browsers, Node, Deno, Bun and Workers. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

/** What a request says, in members that every platform takes or passes over. */
type FetchInit = {
  method?: string
  headers?: Record<string, string>
  body?: string
  signal: AbortSignal
  redirect: 'manual'
  credentials: 'omit'
}

/**
 * Asks one gateway with nothing but `fetch`. Redirects are not followed, no credentials are sent, and what is longer than an answer can
 * be is cut off. @throws GatewayUnavailable; Refusal BadResponse
 */
export async function fetchResponse(
  fetch: Fetch,
  gateway: string,
  domain: ListDomain,
  callData: Hex,
  timeoutMs: number,
): Promise<Hex> {
  const { url, ...init } = lookupRequest(gateway, domain, callData)
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    // `error` is what this means, and what Workers refuse to be asked for: an answer that is a redirect is no 2xx.
    const response = await fetch(url, { ...init, signal, redirect: 'manual', credentials: 'omit' })
    if (isOpaqueRedirect(response)) throw new GatewayUnavailable(`${gateway} redirects`)
    return readLookupAnswer(gateway, response.status, await readBody(gateway, response))
  } catch (error) {
    if (error instanceof Refusal || error instanceof GatewayUnavailable) throw error
    const reason = signal.aborted ? 'timed out' : error instanceof Error ? error.message : String(error)
    throw new GatewayUnavailable(`${gateway} does not answer: ${reason}`)
  }
}

/** Browsers say it so; elsewhere a redirect that is not followed has its 3xx. */
function isOpaqueRedirect({ type }: { type: string }): boolean {
  return type === 'opaqueredirect'
}

async function readBody(gateway: string, response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    chunks.push(next.value)
    size += next.value.length
    if (size <= maxAnswerBytes) continue
    await reader?.cancel()
    throw new Refusal('BadResponse', `${gateway} sends more than ${maxAnswerBytes} bytes`)
  }
  return concatBytes(chunks)
}
