import type { Address } from 'viem'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import type { CallAtBlock, EnsContracts } from '../../chain/ens-facts.ts'
import { readGatewaysOf } from '../../chain/resolver-calls.ts'
import { createRpc } from '../../chain/rpc.ts'
import { createViemChain, findResolver } from '../../chain/viem-chain.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { Connection } from '../client/connect.ts'
import { checkedContracts } from './ens-contracts.ts'
import { readEarlierUse } from './past.ts'
import { type PresentResolver, readFallbackOf, readPresentResolver } from './present-resolver.ts'
import { createProbe, type Probe } from './record-probe.ts'
import { type Registration, readRegistration } from './registration.ts'

/** All that setting a name up depends on, as the chain says it now. */
export type SetupFacts = {
  connection: Connection
  /** Our contract. */
  resolver: Address
  contracts: EnsContracts
  registration: Registration
  authority: NameAuthority
  gateways: readonly string[]
  fallback: Address
  present: PresentResolver
  /** Block in which the name last got this resolver; null for never, undefined when not known. */
  earlierUse: bigint | null | undefined
  probe: Probe
  call: CallAtBlock
}

/** @throws ChainUnavailable also where ENS does not fit together, NotMooringResolver, Refusal RpcDisagree */
export async function readSetupFacts(connection: Connection, resolver: Address, ensName: string): Promise<SetupFacts> {
  const { chainId, ensRegistry, rpcUrls } = connection
  const readers = rpcUrls.map((rpcUrl) => createViemChain({ rpcUrl, chainId, ensRegistry, resolver }))
  const [rpcUrl] = rpcUrls
  const rpc = createRpc(rpcUrl)
  const block = await rpc.latestBlock()
  const call: CallAtBlock = (to, data) => rpc.call(to, data, block.number)
  const contracts = await checkedContracts(call, chainId, ensRegistry, resolver)
  const [registration, gateways, fallback, authority, ...others] = await Promise.all([
    readRegistration(call, contracts, ensName, block.time),
    readGatewaysOf(call, resolver, ensName),
    readFallbackOf(call, resolver, ensName),
    ...readers.map((reader) => reader.readAuthority(ensName)),
  ])
  if (authority === undefined) throw new Error('a connection has at least one endpoint')
  checkAgreement(authority, others)
  const probe = createProbe(connection)
  await checkUniversalResolver(probe, connection, ensName, block.number)
  const [present, earlierUse] = await Promise.all([
    readPresentResolver(probe, call, ensName, registration.resolver, fallback, block.number),
    authority.reachable ? null : readEarlierUse(rpcUrl, ensRegistry, registration.node, resolver),
  ])
  return {
    ...{ connection, resolver, contracts, registration, authority, gateways, fallback, present, earlierUse },
    ...{ probe, call },
  }
}

/** The table's Universal Resolver has to find what the registry says. @throws ChainUnavailable */
async function checkUniversalResolver(
  probe: Probe,
  { rpcUrls, ensRegistry, universalResolver }: Connection,
  ensName: string,
  blockNumber: bigint,
): Promise<void> {
  const [found, registered] = await Promise.all([
    probe.findResolver(ensName, blockNumber),
    findResolver(rpcUrls[0], ensRegistry, ensName),
  ])
  if (found === registered) return
  throw new ChainUnavailable(
    `ENS does not fit together: for ${ensName} the Universal Resolver ${universalResolver} finds ${found ?? 'no resolver'}, the registry ${registered ?? 'none'}; nothing is sent`,
  )
}

function checkAgreement(first: NameAuthority, others: readonly NameAuthority[]): void {
  const summaryOf = ({ owner, authorityName, reachable, policy, epoch, minVersion }: NameAuthority) =>
    JSON.stringify([owner, authorityName, reachable, policy, `${epoch}`, `${minVersion}`])
  if (others.every((other) => summaryOf(other) === summaryOf(first))) return
  throw new Refusal('RpcDisagree', `the RPC endpoints give different answers about ${first.ensName}`)
}
