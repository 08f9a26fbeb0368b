import { ConfigError, type Flag, readUrls, type Setting, type Settings } from '../../config.ts'

/** Which chain, by name or endpoint. */
export const networkFlag: Flag = {
  name: 'network',
  value: 'N',
  help: 'mainnet, sepolia or the URL of a JSON-RPC endpoint; with --rpc, the chain that those must be of',
}

/** The chains that `--network` knows by name. */
export const knownNetworks = { mainnet: 1, sepolia: 11155111 } as const

/** The network's name where it has one, else `chain N`. */
export function networkName(chainId: number): string {
  return Object.entries(knownNetworks).find(([, id]) => id === chainId)?.[0] ?? `chain ${chainId}`
}

/** What `--network` and `--rpc` say together: endpoints (none: the default), and the chain they must be of (null: any). */
export type NetworkChoice = { rpcUrls: readonly string[]; chainId: number | null; setting: Setting | null }

/**
 * A name takes the chain's public endpoint where no `--rpc` is given, and insists on its chain id; a URL is one more endpoint.
 * @throws ConfigError for what is neither
 */
export async function readNetwork(settings: Settings): Promise<NetworkChoice> {
  const setting = settings.get('network')?.at(-1) ?? null
  const rpcUrls = readUrls(settings, 'rpc')
  if (setting === null) return { rpcUrls, chainId: null, setting }
  if (Object.hasOwn(knownNetworks, setting.text)) {
    const chainId = knownNetworks[setting.text as keyof typeof knownNetworks]
    return { rpcUrls: rpcUrls.length > 0 ? rpcUrls : [await publicEndpoint(chainId)], chainId, setting }
  }
  const isUrl = URL.canParse(setting.text) && /^https?:$/.test(new URL(setting.text).protocol)
  if (isUrl) return { rpcUrls: [...readUrls(settings, 'network'), ...rpcUrls], chainId: null, setting }
  throw new ConfigError(setting.from, setting.text, 'mainnet, sepolia or an http:// or https:// URL')
}

/** @throws ConfigError when the endpoints are of another chain than `--network` names */
export function checkNetwork({ chainId, setting }: NetworkChoice, seenChainId: number): void {
  if (chainId === null || setting === null || chainId === seenChainId) return
  throw new ConfigError(setting.from, setting.text, `endpoints of that chain: these are of chain ${seenChainId}`)
}

/** Definitions of chains are loaded only where they are needed. */
async function publicEndpoint(chainId: number): Promise<string> {
  const { mainnet, sepolia } = await import('viem/chains')
  return (chainId === mainnet.id ? mainnet : sepolia).rpcUrls.default.http[0]
}
