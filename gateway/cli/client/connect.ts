import { type Address, createClient } from 'viem'
import { getBlock } from 'viem/actions'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { createRpc, type Rpc, rpcTransport } from '../../chain/rpc.ts'
import {
  ConfigError,
  defaultEnsRegistry,
  type Flag,
  isLoopbackHost,
  readAddress,
  readUrls,
  type Settings,
} from '../../config.ts'
import { askAll } from '../../library/quorum.ts'
import { endpointsOf, originOf } from './name-on-chain.ts'
import { checkNetwork, networkFlag, readNetwork } from './network.ts'

/** Where a reading command learns what is true: one chain through one or more endpoints. */
export type Connection = {
  chainId: number
  /** Which chain the client's memory is about: development chains share a chain id, and forget all when they end. */
  chainName: string
  /** At least one. */
  rpcUrls: readonly [string, ...string[]]
  ensRegistry: Address
  universalResolver: Address
  /** Instead of the gateways that the chain names; null for those. */
  gateways: readonly string[] | null
  /** Whether gateways that the chain names may be asked over plain http: only where the chain is on this machine. */
  allowsPlainHttp: boolean
}

/** What every reading command takes. */
export const connectionFlags: readonly Flag[] = [
  networkFlag,
  {
    name: 'rpc',
    value: 'URL',
    repeatable: true,
    help: "JSON-RPC endpoint (default: mainnet's public one); several must agree",
  },
  { name: 'ens-registry', value: 'ADDRESS', help: "ENS registry (default: the chain's)" },
  { name: 'universal-resolver', value: 'ADDRESS', help: "ENS Universal Resolver (default: the chain's)" },
  { name: 'gateway', value: 'URL', repeatable: true, help: 'ask this gateway instead of those that the chain names' },
  { name: 'state', value: 'DIR', help: 'what this client remembers (default: under the XDG state folder)' },
]

/**
 * Opens the endpoints that the settings name and asks them which chain they are.
 * @throws ConfigError, ChainUnavailable
 */
export async function connect(settings: Settings, note: (line: string) => void): Promise<Connection> {
  const publicChains = await readPublicChains()
  const network = await readNetwork(settings)
  const [firstUrl = publicChains[0].rpcUrls.default.http[0], ...otherUrls] = network.rpcUrls
  const rpcUrls = [firstUrl, ...otherUrls] as const
  const gateways = readUrls(settings, 'gateway')
  const onLoopback = rpcUrls.every((url) => isLoopbackHost(new URL(url).hostname))
  warnAboutTrust(rpcUrls, onLoopback, note)
  const chainId = await agreedChainId(rpcUrls.map((url) => createRpc(url)))
  checkNetwork(network, chainId)
  return {
    chainId,
    chainName: await agreedChainName(chainId, rpcUrls),
    rpcUrls: [...rpcUrls],
    ensRegistry: readAddress(settings, 'ens-registry') ?? defaultEnsRegistry(chainId),
    universalResolver: readAddress(settings, 'universal-resolver') ?? defaultUniversalResolver(publicChains, chainId),
    gateways: gateways.length > 0 ? gateways : null,
    allowsPlainHttp: onLoopback,
  }
}

function warnAboutTrust(rpcUrls: readonly string[], onLoopback: boolean, note: (line: string) => void): void {
  const [only = '', ...others] = new Set(rpcUrls.map(originOf))
  // Two URLs of one host are one voice.
  if (others.length === 0 && !onLoopback) {
    note(`warning: the chain is believed as ${only} tells it; give --rpc several times, or your own node`)
  }
  for (const url of rpcUrls) {
    const { protocol, hostname } = new URL(url)
    if (protocol === 'http:' && !isLoopbackHost(hostname)) note(`warning: ${originOf(url)} is asked over plain http`)
  }
}

async function agreedChainId(rpcs: readonly Rpc[]): Promise<number> {
  const ids = await Promise.all(rpcs.map((rpc) => rpc.chainId()))
  const [first = 0] = ids
  if (ids.every((id) => id === first)) return first
  throw new ConfigError('--rpc', ids.join(' and '), 'endpoints of one chain')
}

/** The client's memory is kept by this name, so all endpoints must say the same. @throws Refusal RpcDisagree, ChainUnavailable */
function agreedChainName(chainId: number, rpcUrls: Connection['rpcUrls']): Promise<string> {
  const ask = (_: unknown, position: number) => nameChain(chainId, rpcUrls[position] ?? rpcUrls[0])
  return askAll(endpointsOf(rpcUrls), 'the first block of the chain', ask, String)
}

/** The chain id of a public chain; with the hash of the first block for any other. @throws ChainUnavailable */
export async function nameChain(chainId: number, rpcUrl: string): Promise<string> {
  if ((await readPublicChains()).some((chain) => chain.id === chainId)) return `${chainId}`
  const client = createClient({ transport: rpcTransport(rpcUrl), ccipRead: false })
  const first = await getBlock(client, { blockNumber: 0n }).catch((error: Error) => {
    throw new ChainUnavailable(`${originOf(rpcUrl)} does not give the first block of its chain`, { cause: error })
  })
  return `${chainId}-${first.hash.slice(2, 18)}`
}

/** Loaded by who reads: the definitions of all chains take 25 MB, which a gateway never uses. */
async function readPublicChains() {
  const { mainnet, sepolia } = await import('viem/chains')
  return [mainnet, sepolia] as const
}

function defaultUniversalResolver(
  publicChains: Awaited<ReturnType<typeof readPublicChains>>,
  chainId: number,
): Address {
  const chain = publicChains.find((known) => known.id === chainId)
  if (chain !== undefined) return chain.contracts.ensUniversalResolver.address
  throw new ConfigError('--universal-resolver', null, `an address, because chain ${chainId} has no known one`)
}
