import { addEnsContracts } from '@ensdomains/ensjs'
import { getTextRecord } from '@ensdomains/ensjs/public'
import { EnsPlugin, FetchRequest, JsonRpcProvider, Network } from 'ethers'
import {
  type Address,
  type CcipRequestParameters,
  ccipRequest,
  createClient,
  decodeAbiParameters,
  type Hex,
  http,
} from 'viem'
import { getEnsText } from 'viem/actions'
import { mainnet } from 'viem/chains'
import type { DevChain } from '../../gateway/cli/dev-chain.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { command } from '../cli/command.ts'
import { errorNameOf } from './judges.ts'
import { callFollowing } from './raw-ccip.ts'

/** How a client says what it found: a text, null for nothing, or it throws. */
export type ReadText = (ensName: string, key: string) => Promise<string | null>

/** How long (in ms) each client waits for one gateway, set by its own means: by the gateway's URL, or the name that it is asked for. */
export type Patience = (urlOrName: string) => number

/** Which Universal Resolver, and which batch gateways where not those it was deployed with (ENSIP-21). */
export type Resolving = { universalResolver: Address; gatewayUrls?: string[] }

/** viem has no time limit of its own: its hook for requests is where one goes. */
export function limitedRequest(patience: Patience) {
  return (parameters: CcipRequestParameters): Promise<Hex> => {
    const tooLate = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('timed out')), patience(parameters.urls.join(' '))).unref()
    })
    return Promise.race([ccipRequest(parameters), tooLate])
  }
}

/** viem's `getEnsText`. */
export function viemText(dev: DevChain, patience: Patience, resolving: Resolving, strict: boolean): ReadText {
  const client = createClient({
    transport: http(dev.rpc, { retryCount: 0 }),
    cacheTime: 0,
    ccipRead: { request: limitedRequest(patience) },
  })
  const { universalResolver: universalResolverAddress, ...more } = resolving
  return (name, key) => getEnsText(client, { name, key, strict, universalResolverAddress, ...more })
}

/** ensjs' `getTextRecord`: it takes mainnet's chain object, here with the development chain's id and contracts. */
export function ensjsText(dev: DevChain, patience: Patience, resolving: Resolving, strict: boolean): ReadText {
  const chain = addEnsContracts(mainnet)
  const contracts = { ...chain.contracts, ensUniversalResolver: { address: resolving.universalResolver } }
  const client = createClient({
    chain: { ...chain, id: dev.chainId, contracts } as unknown as typeof chain,
    transport: http(dev.rpc, { retryCount: 0 }),
    cacheTime: 0,
    ccipRead: { request: limitedRequest(patience) },
  })
  return (name, key) => getTextRecord(client, { name, key, strict })
}

/** ethers' `EnsResolver.getText`, by a Universal Resolver or without one by a walk of the registry. `close` ends its polling. */
export function ethersText(dev: DevChain, patience: Patience, universalResolver?: Address) {
  FetchRequest.registerGetUrl((request, signal) => {
    request.timeout = patience(request.url)
    return FetchRequest.createGetUrlFunc()(request, signal)
  })
  const network = new Network('development', dev.chainId)
  const { ensRegistry } = dev.addresses
  network.attachPlugin(new EnsPlugin(ensRegistry, 1, ...(universalResolver ? [universalResolver] : [])))
  const provider = new JsonRpcProvider(dev.rpc, network, { staticNetwork: network, cacheTimeout: -1 })
  const read: ReadText = async (name, key) => {
    const resolver = await provider.getResolver(name)
    if (resolver === null) throw new Error(`${name} has no resolver`)
    return resolver.getText(key)
  }
  return { read, provider, close: () => provider.destroy() }
}

/** What came of a lookup where nothing may be mistaken: the digest, `absent`, or why it is neither. */
export type TellTag = (ensName: string, tag: string) => Promise<string>

/** A loop of our own over `eth_call`, that calls the resolver itself. */
export function rawTag(dev: DevChain, patience: Patience): TellTag {
  return async (ensName, tag) => {
    const data = encodeTagLookup(ensName, tag, 'text')
    const end = await callFollowing(dev.rpc, dev.addresses.resolver, data, patience(ensName))
    if ('failed' in end) return end.failed
    if ('reverted' in end) return errorNameOf(end.reverted)
    const [record] = decodeAbiParameters([{ type: 'bytes' }], end.returned)
    return decodeAbiParameters([{ type: 'string' }], record)[0] || 'absent'
  }
}

/** `mooring resolve`, with a memory of its own below `stateDir`. */
export function mooringTag(dev: DevChain, patience: Patience, stateDir: string): TellTag {
  const { ensRegistry, universalResolver } = dev.addresses
  const flags = ['--rpc', dev.rpc, '--ens-registry', ensRegistry, '--universal-resolver', universalResolver]
  return async (ensName, tag) => {
    const args = [...flags, '--state', stateDir, '--timeout-ms', `${patience(ensName)}`, '--json']
    const { code, out } = await command(['resolve', `${ensName}:${tag}`, ...args])
    const { status, digest, error } = JSON.parse(out) as Record<'status' | 'digest' | 'error', string | null>
    if (code !== { present: 0, absent: 3, unverified: 4 }[`${status}`]) throw new Error(`exit ${code} with ${out}`)
    return (status === 'unverified' ? error : (digest ?? status)) as string
  }
}
