import { type Address, createClient, decodeAbiParameters, type Hex } from 'viem'
import { getLogs } from 'viem/actions'
import { rpcTransport } from '../../chain/rpc.ts'
import { ensRegistryEventsAbi } from '../../ens/abi.ts'
import type { NameAuthority } from '../../tags/authority.ts'

const timeoutMs = 20_000

/** When the registry last gave this node this resolver, by block; null for never, undefined where the endpoint does not tell. */
export async function readEarlierUse(
  rpcUrl: string,
  ensRegistry: Address,
  node: Hex,
  resolver: Address,
): Promise<bigint | null | undefined> {
  const client = createClient({
    transport: rpcTransport(rpcUrl, { timeout: timeoutMs, retryCount: 0 }),
    ccipRead: false,
  })
  const event = ensRegistryEventsAbi.find((item) => item.type === 'event' && item.name === 'NewResolver')
  if (event?.name !== 'NewResolver') throw new Error('the registry has no event NewResolver')
  try {
    const logs = await getLogs(client, { address: ensRegistry, event, args: { node }, fromBlock: 0n })
    const ours = logs.filter(({ data }) => resolverIn(data) === resolver)
    return ours.at(-1)?.blockNumber ?? null
  } catch {
    return undefined
  }
}

function resolverIn(data: Hex): string {
  const [resolver] = decodeAbiParameters([{ type: 'address' }], data)
  return resolver.toLowerCase()
}

/**
 * Why lists and policy of an earlier time may still count for a name that is about to come back to our resolver (protocol 3); empty when
 * nothing speaks for it.
 */
export function signsOfPast(authority: NameAuthority, earlierUse: bigint | null | undefined): string[] {
  const { policy, owner, minVersion, anchorVersion } = authority
  const ownerAlone = policy.publishers.length === 1 && policy.publishers[0] === owner && policy.timestamper === null
  return [
    ...(typeof earlierUse === 'bigint' ? [`it had this resolver before (block ${earlierUse})`] : []),
    ...(ownerAlone ? [] : [`a policy is set: ${policy.threshold} of ${policy.publishers.join(', ')}`]),
    ...(minVersion > 0n ? [`its floor is version ${minVersion}`] : []),
    ...(anchorVersion > 0n ? [`version ${anchorVersion} is anchored`] : []),
  ]
}
