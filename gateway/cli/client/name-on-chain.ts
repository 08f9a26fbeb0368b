import { createRpc } from '../../chain/rpc.ts'
import { readName } from '../../library/name-on-chain.ts'
import type { Endpoint, Endpoints } from '../../library/quorum.ts'
import type { NameAuthority } from '../../tags/authority.ts'
import type { ListDomain } from '../../tags/list.ts'
import type { Connection } from './connect.ts'
import { HttpFailure } from './http-failure.ts'
import { checkUrl, type Reach } from './reach.ts'

/** A name as the chain describes it to a reader: which contract answers for it, which gateways to ask, who may sign. */
export type NameOnChain = {
  ensName: string
  domain: ListDomain
  gateways: readonly string[]
  /** Where requests to these may lead. */
  reach: Reach
  /** The gateways that the chain names, as they stand there, though others were given by flag. @throws as `readAuthority` */
  readNamedGateways: () => Promise<readonly string[]>
  /** Read once for a command. @throws Refusal RpcDisagree, ChainStale; ChainUnavailable */
  readAuthority: () => Promise<NameAuthority>
}

/**
 * Finds a name's resolver through the ENS registry and what it says of the name: every endpoint is asked, all at one block.
 * @throws Refusal UnreachableName, RpcDisagree, ChainStale; ChainUnavailable
 */
export async function openName(connection: Connection, ensName: string, localTime: bigint): Promise<NameOnChain> {
  const { chainId, ensRegistry, rpcUrls } = connection
  const question = { endpoints: endpointsOf(rpcUrls), chainId, ensRegistry, localTime }
  const { domain, readGateways, readAuthority } = await readName(question, ensName)
  const named = connection.gateways ?? (await readGateways())
  const reach = reachOf(connection)
  const gateways = named.filter((url) => mayAsk(url, reach)).map((url) => url.replace(/\/+$/, ''))
  return { ensName, domain, gateways, reach, readNamedGateways: readGateways, readAuthority }
}

/** Endpoints by their URLs; a URL's path may hold somebody's key, so they are called by their origins. */
export function endpointsOf([first, ...others]: Connection['rpcUrls']): Endpoints {
  return [endpointOf(first), ...others.map(endpointOf)]
}

function endpointOf(url: string): Endpoint {
  return { label: originOf(url), openRpc: () => createRpc(url) }
}

/** What may be shown of an endpoint's URL. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** Where requests to gateways may lead. Those given by flag are this user's own; whoever owns a name chooses those that the chain names. */
export function reachOf({ gateways, allowsPlainHttp }: Connection): Reach {
  if (gateways !== null) return 'given'
  return allowsPlainHttp ? 'public or loopback' : 'public'
}

/** A gateway that the chain names is asked over https, over http only beside a chain on this machine; one given by flag as given. */
function mayAsk(gateway: string, reach: Reach): boolean {
  try {
    checkUrl(gateway, reach)
    return true
  } catch (error) {
    if (error instanceof HttpFailure) return false
    throw error
  }
}
