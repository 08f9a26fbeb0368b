import { type Address, decodeEventLog, type Hex, keccak256, stringToHex, toEventSelector } from 'viem'
import { createRpc } from '../../chain/rpc.ts'
import { mooringResolverEventsAbi } from '../../ens/abi.ts'
import { nodeOf } from '../../ens/name.ts'
import type { Connection } from '../client/connect.ts'
import { type ChainLog, type FoundLogs, type LogFilter, readLogs } from './chain-logs.ts'

/** Something that happened on chain to a name or to one above it. `time` is unix seconds. */
export type ChainEvent = { block: number; time: number; event: string; name: string; fields: EventFields }
type EventFields = Readonly<Record<string, unknown>>

/** Events in block order. Before block `from` nothing is known; `refused` says why where more was asked for. */
export type ChainEvents = { events: readonly ChainEvent[]; from: number; to: number; refused: string | null }

// EIP-137. The ABI of the registry's package has a second owner in Transfer, which the contract has not.
const registryEvents = {
  [toEventSelector('Transfer(bytes32,address)')]: 'OwnerChanged',
  [toEventSelector('NewResolver(bytes32,address)')]: 'ResolverChanged',
  [toEventSelector('NewOwner(bytes32,bytes32,address)')]: 'OwnerSet',
} as Readonly<Record<Hex, string>>
const [transferTopic, newResolverTopic, newOwnerTopic] = Object.keys(registryEvents) as [Hex, Hex, Hex]

const resolverTopics = mooringResolverEventsAbi.flatMap((item) =>
  item.inputs.some(({ name }) => name === 'node') ? [toEventSelector(item)] : [],
)

/** The name itself and all above it that could be its authority: two labels at least. */
function suffixesOf(ensName: string): string[] {
  const labels = ensName.split('.')
  return labels.slice(0, -1).map((_, at) => labels.slice(at).join('.'))
}

/**
 * What the resolver says of a name and of the names above it (policies, revocations, resets, anchors, floors, gateways, fallbacks), and the
 * ENS registry of their owners and resolvers. @throws Refusal RpcDisagree, ChainUnavailable
 */
export async function readChainEvents(
  { rpcUrls, ensRegistry }: Pick<Connection, 'rpcUrls' | 'ensRegistry'>,
  resolver: Address,
  ensName: string,
  from: bigint,
  to: bigint,
): Promise<ChainEvents> {
  const names = suffixesOf(ensName)
  const nodes = names.map(nodeOf)
  const parents = names.map((name) => nodeOf(name.slice(name.indexOf('.') + 1)))
  const labels = names.map((name) => keccak256(stringToHex(name.slice(0, name.indexOf('.')))))
  const filters: LogFilter[] = [
    { address: resolver, topics: [resolverTopics, nodes] },
    { address: ensRegistry, topics: [[transferTopic, newResolverTopic], nodes] },
    { address: ensRegistry, topics: [[newOwnerTopic], parents, labels] },
  ]
  const found = await readLogs(rpcUrls, filters, from, to)
  const times = await readTimes(rpcUrls[0], found)
  const events = found.logs.flatMap((log) => {
    const position = placeOf(log, nodes, parents, labels)
    if (position < 0) return []
    const when = { block: Number(log.block), time: times.get(log.block) ?? 0 }
    return [{ ...when, ...readEvent(log), name: names[position] as string }]
  })
  return { events, from: Number(found.from), to: Number(found.to), refused: found.refused }
}

/** Which of the names a log is about. */
function placeOf({ topics }: ChainLog, nodes: readonly Hex[], parents: readonly Hex[], labels: readonly Hex[]): number {
  const [event, first, second] = topics
  if (event !== newOwnerTopic) return nodes.indexOf(first as Hex)
  return parents.findIndex((parent, position) => parent === first && labels[position] === second)
}

function readEvent(log: ChainLog): { event: string; fields: EventFields } {
  const ofRegistry = registryEvents[log.topics[0] as Hex]
  if (ofRegistry !== undefined) {
    const member = ofRegistry === 'ResolverChanged' ? 'resolver' : 'owner'
    return { event: ofRegistry, fields: { [member]: `0x${log.data.slice(26, 66)}` } }
  }
  const { eventName, args } = decodeEventLog({
    abi: mooringResolverEventsAbi,
    data: log.data,
    topics: [...log.topics] as [Hex, ...Hex[]],
  })
  const { node: _, ...fields } = args as Record<string, unknown>
  return { event: eventName, fields: plain(fields) as EventFields }
}

/** As JSON has it: versions and epochs below 2^53 as numbers, addresses in lower case. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string') return /^0x[0-9a-fA-F]*$/.test(value) ? value.toLowerCase() : value
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]))
}

async function readTimes(rpcUrl: string, { logs }: FoundLogs): Promise<ReadonlyMap<bigint, number>> {
  const rpc = createRpc(rpcUrl)
  const times = new Map<bigint, number>()
  for (const block of new Set(logs.map((log) => log.block))) times.set(block, Number((await rpc.blockAt(block)).time))
  return times
}
