import {
  type Address,
  type Chain,
  type Client,
  createClient,
  type Hex,
  type HttpTransport,
  type HttpTransportConfig,
  http,
  numberToHex,
  type Transport,
} from 'viem'
import { ChainUnavailable } from './chain-reader.ts'

/** A block as far as a check needs it; `time` is unix seconds. */
export type Block = { number: bigint; hash: Hex; time: bigint }

/** An `eth_call` in somebody's name, or with other code in place of the called contract's. */
export type PeculiarCall = { to: Address; callData: Hex; from?: Address; codeInPlace?: Hex }

/** The questions that we ask of a JSON-RPC endpoint. */
export type Rpc = {
  /** @throws ChainUnavailable */
  chainId(): Promise<number>
  /** @throws ChainUnavailable */
  latestBlock(): Promise<Block>
  /** @throws ChainUnavailable, also for a block that the endpoint does not have (yet) */
  blockAt(number: bigint): Promise<Block>
  /**
   * `eth_call` at one block; undefined when the call itself failed (reverted, ran out of gas). Calls made in one turn of the event
   * loop travel in one JSON-RPC request. @throws ChainUnavailable
   */
  call(to: Address, callData: Hex, blockNumber: bigint): Promise<Hex | undefined>
  /** As `call`. Not every endpoint knows `codeInPlace`: some refuse it, some do not look at it. @throws ChainUnavailable */
  callWith(call: PeculiarCall, blockNumber: bigint): Promise<Hex | undefined>
}

const defaultTimeoutMs = 10_000
const maxCallsPerRequest = 100

let opened = 0

/**
 * An HTTP JSON-RPC endpoint. viem gathers the calls of everybody who asks one URL behind one timer; in a Worker that timer ends with the
 * request that set it, and all others would wait for ever. So each endpoint that is opened has a URL of its own: a fragment is never
 * sent (RFC 9110 section 4.2.5).
 */
export function createRpc(url: string, timeoutMs: number = defaultTimeoutMs): Rpc {
  const transport = rpcTransport(`${url}#${++opened}`, { batch: { batchSize: maxCallsPerRequest }, timeout: timeoutMs })
  return rpcOver(createClient({ transport, ccipRead: false, cacheTime: 0 }))
}

/**
 * viem's way to a JSON-RPC endpoint, with one more try where `retryCount` does not say otherwise. The time limit is for the whole
 * answer: viem's own ends when the headers are there, and an endpoint that stops in the middle of a body would be waited for.
 */
export function rpcTransport(
  url: string,
  options: Pick<HttpTransportConfig, 'batch' | 'timeout' | 'retryCount'> = {},
): HttpTransport {
  const { timeout = defaultTimeoutMs } = options
  return http(url, {
    retryCount: 1,
    ...options,
    timeout,
    // Whoever was chosen to tell of the chain does not choose who tells of it.
    fetchOptions: { redirect: 'manual' },
    fetchFn: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(timeout) }),
  })
}

/** The same questions asked through a client of viem. CCIP-Read is never followed here: what we ask is answered on chain. */
export function rpcOver(client: Client<Transport, Chain | undefined>): Rpc {
  const readBlock = async (tag: 'latest' | Hex) => {
    const block = await ask(client.request({ method: 'eth_getBlockByNumber', params: [tag, false] }))
    if (!block?.number || !block.hash) throw new ChainUnavailable(`the RPC endpoint has no block ${nameBlock(tag)}`)
    return { number: BigInt(block.number), hash: block.hash, time: BigInt(block.timestamp) }
  }
  return {
    chainId: async () => Number(await ask(client.request({ method: 'eth_chainId' }))),
    latestBlock: () => readBlock('latest'),
    blockAt: (number) => readBlock(numberToHex(number)),
    call: (to, data, blockNumber) =>
      client.request({ method: 'eth_call', params: [{ to, data }, numberToHex(blockNumber)] }).catch(readCallError),
    callWith: ({ to, callData: data, from, codeInPlace: code }, blockNumber) => {
      const transaction = { to, data, ...(from && { from }) }
      const block = numberToHex(blockNumber)
      const params = code ? ([transaction, block, { [to]: { code } }] as const) : ([transaction, block] as const)
      return client.request({ method: 'eth_call', params }).catch(readCallError)
    },
  }
}

function nameBlock(tag: 'latest' | Hex): string {
  return tag === 'latest' ? tag : `${BigInt(tag)}`
}

async function ask<Answer>(request: Promise<Answer>): Promise<Answer> {
  return request.catch((error: unknown) => {
    throw new ChainUnavailable(`the RPC endpoint cannot be asked: ${firstLine(error)}`, { cause: error })
  })
}

const executionRevertedCode = 3
const failedExecution =
  /revert|out ?of ?gas|EVM error|VM execution|invalid opcode|bad instruction|invalid jump|stack (?:under|over)flow/i

/** Endpoints agree on code 3 for a revert and on little else: the rest is told by its words. */
function readCallError(error: unknown): undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code, details } = each as { code?: unknown; details?: unknown }
    if (code === executionRevertedCode) return undefined
    if (typeof code === 'number' && failedExecution.test(`${details ?? ''}`)) return undefined
  }
  throw new ChainUnavailable(`the RPC endpoint cannot be asked: ${firstLine(error)}`, { cause: error })
}

function firstLine(error: unknown): string {
  const { shortMessage, message, cause } = error as { shortMessage?: string; message?: string; cause?: unknown }
  if (cause instanceof Error && cause.name === 'TimeoutError') return 'it takes too long to answer'
  return (shortMessage ?? message ?? String(error)).split('\n')[0] ?? ''
}
