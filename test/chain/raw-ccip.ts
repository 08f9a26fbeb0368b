import { type Address, concat, decodeErrorResult, encodeAbiParameters, type Hex, isHex, parseAbi } from 'viem'
import { callRaw } from './dev-calls.ts'

// ERC-3668 from its text, by nothing but eth_call and fetch: the client that a reader of the page would write.

const lookupAbi = parseAbi([
  'error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData)',
])
const offchainLookup = '0x556f1830'
const maxLookups = 4
const maxBodyBytes = 512 * 1024

/** What a call came to: return data, the data of a revert that is no lookup, or why no gateway helped. */
export type LookupEnd = { returned: Hex } | { reverted: Hex } | { failed: string }

/** Calls a contract and follows its lookups; each gateway has `timeoutMs`. */
export async function callFollowing(rpc: string, to: Address, data: Hex, timeoutMs: number): Promise<LookupEnd> {
  let call = data
  for (let lookups = 0; lookups <= maxLookups; lookups++) {
    const outcome = await callRaw(rpc, { to, data: call })
    if (outcome.ok) return { returned: outcome.data }
    if (!outcome.data.startsWith(offchainLookup)) return { reverted: outcome.data }
    const { args } = decodeErrorResult({ abi: lookupAbi, data: outcome.data })
    const [sender, urls, callData, callback, extraData] = args
    if (sender.toLowerCase() !== to) return { failed: 'the lookup is of another contract' }
    const answer = await askGateways(urls, { sender: sender.toLowerCase(), data: callData, timeoutMs })
    if ('failed' in answer) return { failed: answer.failed }
    call = concat([callback, encodeAbiParameters([{ type: 'bytes' }, { type: 'bytes' }], [answer.data, extraData])])
  }
  return { failed: 'too many lookups' }
}

/** A gateway's bytes, or why there are none; after a `final` one nobody else is asked. */
type Answer = { data: Hex } | { failed: string; final?: boolean }

type Question = { sender: string; data: Hex; timeoutMs: number }

/** One after the other: 4xx ends it, anything else that is no answer means the next. */
async function askGateways(urls: readonly string[], question: Question): Promise<Answer> {
  let last: Answer = { failed: 'no gateway' }
  for (const url of urls) {
    last = await askGateway(url, question).catch((error: Error) => ({ failed: error.name }))
    if ('data' in last || last.final) return last
  }
  return last
}

async function askGateway(template: string, { sender, data, timeoutMs }: Question): Promise<Answer> {
  const url = template.replace('{sender}', sender).replace('{data}', data)
  const post = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data, sender }),
  }
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, { ...(template.includes('{data}') ? {} : post), signal })
  const body = await response.arrayBuffer()
  if (!response.ok) return { failed: `HTTP ${response.status}`, final: response.status < 500 }
  if (body.byteLength > maxBodyBytes) return { failed: 'too long' }
  const answer = (JSON.parse(new TextDecoder().decode(body)) as { data?: unknown }).data
  return isHex(answer) ? { data: answer } : { failed: 'no data' }
}
