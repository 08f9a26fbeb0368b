import { type Address, createClient, type Hex, numberToHex } from 'viem'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { rpcTransport } from '../../chain/rpc.ts'
import { askAll } from '../../library/quorum.ts'
import type { Connection } from '../client/connect.ts'
import { endpointsOf, originOf } from '../client/name-on-chain.ts'

/** What `eth_getLogs` filters by; each topic any of several. */
export type LogFilter = { address: Address; topics: readonly (readonly Hex[])[] }

/** A log as the chain has it. */
export type ChainLog = { address: Address; topics: readonly Hex[]; data: Hex; block: bigint; position: number }

/** Logs of all filters, in block order. `from` is the first block that was looked at: later than asked for where the endpoint refused. */
export type FoundLogs = { logs: readonly ChainLog[]; from: bigint; to: bigint; refused: string | null }

const timeoutMs = 20_000
/** Endpoints that serve no more blocks in one answer than this are not worth asking again and again. */
const fewestBlocks = 500n
/** Of all filters together; half an hour at a public endpoint's pace. */
const maxRequests = 3_000

/**
 * Reads logs from `to` down to `from`, the whole range at once and, where an endpoint refuses that, ever smaller ranges. Every endpoint
 * is asked and must say the same. A range that stays refused ends the reading, and is said. @throws Refusal RpcDisagree
 */
export async function readLogs(
  rpcUrls: Connection['rpcUrls'],
  filters: readonly LogFilter[],
  from: bigint,
  to: bigint,
): Promise<FoundLogs> {
  const logs: ChainLog[] = []
  let [end, size, requests] = [to, to - from + 1n, 0]
  while (end >= from) {
    const start = end - size + 1n > from ? end - size + 1n : from
    requests += filters.length
    try {
      if (requests > maxRequests) throw new ChainUnavailable(`${maxRequests} requests were made`)
      for (const filter of filters) logs.push(...(await readRange(rpcUrls, filter, start, end)))
      end = start - 1n
    } catch (error) {
      if (!(error instanceof ChainUnavailable)) throw error
      const blocks = end - start + 1n
      if (blocks <= fewestBlocks || requests > maxRequests) return found(logs, end + 1n, to, error.message)
      size = blocks / 4n > fewestBlocks ? blocks / 4n : fewestBlocks
    }
  }
  return found(logs, from, to, null)
}

function found(logs: readonly ChainLog[], from: bigint, to: bigint, refused: string | null): FoundLogs {
  // A range that was refused may have been read by half: only what is inside the whole ranges counts.
  const inside = logs.filter(({ block }) => block >= from)
  return { logs: inside.toSorted((one, other) => compareLogs(one, other)), from, to, refused }
}

function compareLogs(one: ChainLog, other: ChainLog): number {
  return one.block === other.block ? one.position - other.position : one.block < other.block ? -1 : 1
}

function readRange(rpcUrls: Connection['rpcUrls'], filter: LogFilter, from: bigint, to: bigint): Promise<ChainLog[]> {
  const ask = (_: unknown, position: number) => askLogs(rpcUrls[position] ?? rpcUrls[0], filter, from, to)
  const textOf = (logs: ChainLog[]) => logs.map(({ block, position }) => `${block}/${position}`).join(' ') || 'none'
  const whole = (logs: ChainLog[]) =>
    `${textOf(logs)} ${JSON.stringify(logs.map(({ topics, data }) => [topics, data]))}`
  return askAll(endpointsOf(rpcUrls), `the events of blocks ${from} to ${to}`, ask, whole)
}

async function askLogs(rpcUrl: string, filter: LogFilter, from: bigint, to: bigint): Promise<ChainLog[]> {
  const client = createClient({ transport: rpcTransport(rpcUrl, { timeout: timeoutMs }), ccipRead: false })
  const topics = filter.topics.map((any) => [...any])
  const range = { fromBlock: numberToHex(from), toBlock: numberToHex(to) }
  const params = [{ address: filter.address, topics, ...range }] as const
  try {
    const logs = await client.request({ method: 'eth_getLogs', params: [...params] })
    return logs.map(({ address, topics: each, data, blockNumber, logIndex }) => {
      const place = { block: BigInt(blockNumber ?? 0), position: Number(logIndex) }
      return { address: address.toLowerCase() as Address, topics: each, data, ...place }
    })
  } catch (error) {
    const { details, shortMessage } = error as { details?: string; shortMessage?: string }
    const said = (details ?? shortMessage ?? String(error)).split('\n')[0]
    throw new ChainUnavailable(`${originOf(rpcUrl)} refuses events of blocks ${from} to ${to}: ${said}`)
  }
}
