import type { Address } from 'viem'
import type { CallAtBlock, EnsContracts } from '../../chain/ens-facts.ts'
import { readIsRevoked, readPolicyOf } from '../../chain/resolver-calls.ts'
import { createRpc } from '../../chain/rpc.ts'
import { createViemChain, findResolver } from '../../chain/viem-chain.ts'
import type { Settings } from '../../config.ts'
import { nodeOf } from '../../ens/name.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { Connection } from '../client/connect.ts'
import { openName, reachOf } from '../client/name-on-chain.ts'
import type { Subject } from '../client/session.ts'
import { knownResolver } from './deployments.ts'
import { checkedContracts } from './ens-contracts.ts'
import { type GatewayList, readGatewayList } from './gateway-lists.ts'
import type { WarnedName } from './name-warnings.ts'
import { readFallbackOf } from './present-resolver.ts'
import { ownerOf, type Registration, readRegistration } from './registration.ts'

/** All that is known about a name. */
export type Inspection = WarnedName & {
  contracts: EnsContracts
  fallback: Address
  /** The first resolver on the path in ENS, ours or another; null for none. */
  presentResolver: Address | null
}

/** @throws ConfigError, ChainUnavailable, Refusal RpcDisagree, ChainStale, UnreachableName when no Mooring resolver is known to ask */
export async function inspectName(
  connection: Connection,
  settings: Settings,
  subject: Subject,
  localTime: bigint,
): Promise<Inspection> {
  const { chainId, ensRegistry, rpcUrls } = connection
  const { ensName, repository } = subject
  const presentResolver = await findResolver(rpcUrls[0], ensRegistry, ensName)
  const { authority, gatewayUrls } = await readAuthority(connection, settings, ensName, presentResolver, localTime)
  const { resolver } = authority
  const rpc = createRpc(rpcUrls[0])
  const block = await rpc.latestBlock()
  const call: CallAtBlock = (to, data) => rpc.call(to, data, block.number)
  const contracts = await checkedContracts(call, chainId, ensRegistry, resolver)
  const domain = { chainId, resolver }
  const question = { domain, reach: reachOf(connection), ensName, repository, authority, localTime }
  const [registration, fallback, revoked, ...gateways] = await Promise.all([
    readRegistration(call, contracts, ensName, block.time),
    readFallbackOf(call, resolver, ensName),
    whichRevoked(authority.policy.publishers, authority.isRevoked),
    ...gatewayUrls.map((url): Promise<GatewayList> => readGatewayList(url, question)),
  ])
  const ancestorPolicies = await readAncestorPolicies(call, registration, authority)
  return {
    ...{ registration, authority, gateways, revoked, ancestorPolicies, localTime },
    ...{ contracts, fallback, presentResolver },
  }
}

/** Of the resolver that ENS names when it is a Mooring resolver, else of the one that the chain is known to have. */
async function readAuthority(
  connection: Connection,
  settings: Settings,
  ensName: string,
  presentResolver: Address | null,
  localTime: bigint,
): Promise<{ authority: NameAuthority; gatewayUrls: readonly string[] }> {
  try {
    const onChain = await openName(connection, ensName, localTime)
    return { authority: await onChain.readAuthority(), gatewayUrls: onChain.gateways }
  } catch (error) {
    if (!(error instanceof Refusal) || error.reason !== 'UnreachableName') throw error
    const { chainId, ensRegistry, rpcUrls } = connection
    const resolver = knownResolver(settings, chainId)
    if (resolver === null || resolver === presentResolver) throw error
    const reader = createViemChain({ rpcUrl: rpcUrls[0], chainId, ensRegistry, resolver })
    const authority = await reader.readAuthority(ensName)
    return { authority, gatewayUrls: authority.reachable ? await reader.readGateways(ensName) : [] }
  }
}

async function whichRevoked(
  keys: readonly Address[],
  isRevoked: (key: Address) => Promise<boolean>,
): Promise<Address[]> {
  const answers = await Promise.all(keys.map(isRevoked))
  return keys.filter((_, position) => answers[position])
}

/** Policies above a registered name that are the same owner's: protocol 3 has them end there. */
async function readAncestorPolicies(
  call: CallAtBlock,
  { ancestors, ensName, ...itself }: Registration,
  { resolver, owner, policy }: NameAuthority,
): Promise<WarnedName['ancestorPolicies']> {
  if (owner === null || ownerOf(itself) !== owner) return []
  const same = ancestors.filter((ancestor) => ancestor.owner === owner)
  const read = same.map(async ({ name }) => {
    const said = await readPolicyOf(call, resolver, name)
    const revokedHere = await whichRevoked(policy.publishers, (key) => readIsRevoked(call, resolver, name, key))
    return said.authority === nodeOf(name) ? [{ name, policy: said.policy, revokedHere }] : []
  })
  return (await Promise.all(read)).flat()
}
