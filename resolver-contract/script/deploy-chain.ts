import { type Address, createClient, encodeFunctionData, type Hex, http, keccak256, parseAbi } from 'viem'
import { call, getCode } from 'viem/actions'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import type { CallAtBlock, EnsContracts } from '../../gateway/chain/ens-facts.ts'
import { createRpc } from '../../gateway/chain/rpc.ts'
import { checkNetwork, knownNetworks, readNetwork } from '../../gateway/cli/client/network.ts'
import { crossCheck, readEthOwner } from '../../gateway/cli/owner/ens-contracts.ts'
import { TransactionRefused } from '../../gateway/cli/owner/sender.ts'
import { ConfigError, isLoopbackHost, keyOf, readAddress, type Settings } from '../../gateway/config.ts'
import { encodeGetter } from '../../gateway/ens/lookup.ts'
import { create2Proxy, create2ProxyCode, type PlannedContract } from './deployment.ts'

/** Where contracts are deployed. */
export type DeployChain = {
  rpcUrls: readonly [string, ...string[]]
  chainId: number
  /** On this machine. */
  allowsPlainHttp: boolean
  isPublic: boolean
  call: CallAtBlock
  /** The code at an address, `0x` for none. @throws ChainUnavailable */
  codeAt(address: Address): Promise<Hex>
  /** The code that a creation code leaves behind at an address, which is part of it. @throws ChainUnavailable */
  codeLeftAt(address: Address, creationCode: Hex): Promise<Hex>
}

const timeoutMs = 20_000

/** Opens the chain that `--network` and `--rpc` name. @throws ConfigError, ChainUnavailable */
export async function openDeployChain(settings: Settings): Promise<DeployChain> {
  const network = await readNetwork(settings)
  const [rpcUrl, ...others] = network.rpcUrls
  if (rpcUrl === undefined) throw new ConfigError(keyOf('network'), null, 'mainnet, sepolia or the URL of an endpoint')
  const rpc = createRpc(rpcUrl)
  const [chainId, block] = await Promise.all([rpc.chainId(), rpc.latestBlock()])
  checkNetwork(network, chainId)
  const client = createClient({ transport: http(rpcUrl, { timeout: timeoutMs }), ccipRead: false })
  const refuse = (error: unknown): never => {
    throw new ChainUnavailable(`${rpcUrl} does not give code: ${(error as Error).message.split('\n', 1)[0]}`)
  }
  return {
    ...{ rpcUrls: [rpcUrl, ...others], chainId, call: (to, data) => rpc.call(to, data, block.number) },
    allowsPlainHttp: [rpcUrl, ...others].every((url) => isLoopbackHost(new URL(url).hostname)),
    isPublic: Object.values(knownNetworks).some((id) => id === chainId),
    codeAt: async (address) => (await getCode(client, { address }).catch(refuse)) ?? '0x',
    // Run where it is to stand: a constructor knows its address, and what it returns is the code.
    codeLeftAt: async (to, code) =>
      (await call(client, { to, stateOverride: [{ address: to, code }] }).catch(refuse)).data ?? '0x',
  }
}

/** The ENS contracts and the public resolver that a deployment stands on. */
export type DeployGround = { contracts: EnsContracts; defaultFallback: Address }

/**
 * ENS as ensjs knows it on mainnet and Sepolia, or as the flags say, cross-checked on the chain itself: the owner of `eth` is the registrar,
 * registrar and NameWrapper name the registry, the public resolver answers getters on chain. @throws ConfigError, ChainUnavailable
 */
export async function readGround(settings: Settings, chain: DeployChain): Promise<DeployGround> {
  const known = await knownAddresses(chain.chainId)
  const wanted = (name: string, what: string) => new ConfigError(keyOf(name), null, `the address of ${what}`)
  const ensRegistry = readAddress(settings, 'ens-registry') ?? known.registry
  if (ensRegistry === undefined) throw wanted('ens-registry', 'the ENS registry')
  const defaultFallback = readAddress(settings, 'fallback') ?? known.publicResolver
  if (defaultFallback === undefined) throw wanted('fallback', "the chain's public resolver")
  const nameWrapper = readAddress(settings, 'name-wrapper') ?? known.nameWrapper ?? null
  const registrar = await readEthOwner(chain.call, ensRegistry)
  if (known.registrar !== undefined && registrar !== known.registrar) {
    const seen = `the owner of eth in ${ensRegistry} is ${registrar}`
    throw new ChainUnavailable(`${seen}, and ensjs knows ${known.registrar} as the registrar; nothing is sent`)
  }
  const contracts = { ensRegistry, nameWrapper, registrar }
  await crossCheck(chain.call, chain.chainId, contracts)
  await checkFallback(chain.call, defaultFallback)
  return { contracts, defaultFallback }
}

type KnownAddresses = Partial<Record<'registry' | 'registrar' | 'nameWrapper' | 'publicResolver', Address>>

/** What ensjs says of a chain: it is installed where contracts are deployed from. */
async function knownAddresses(chainId: number): Promise<KnownAddresses> {
  const { addresses } = await import('@ensdomains/ensjs/contracts')
  if (chainId !== knownNetworks.mainnet && chainId !== knownNetworks.sepolia) return {}
  const known = addresses[chainId]
  const lower = ({ address }: { address: Address }) => address.toLowerCase() as Address
  return {
    registry: lower(known.ensRegistry),
    registrar: lower(known.ensBaseRegistrarImplementation),
    nameWrapper: lower(known.ensNameWrapper),
    publicResolver: lower(known.ensPublicResolver),
  }
}

const erc165Abi = parseAbi(['function supportsInterface(bytes4 id) view returns (bool)'])
const textInterface = '0x59d1d43c'

/** A fallback is asked by its getters, on chain. @throws ChainUnavailable */
async function checkFallback(call: CallAtBlock, fallback: Address): Promise<void> {
  const args = [textInterface] as const
  const [supports, text] = await Promise.all([
    call(fallback, encodeFunctionData({ abi: erc165Abi, functionName: 'supportsInterface', args })),
    call(fallback, encodeGetter('eth', 'url', 'text')),
  ])
  if (supports !== undefined && /^0x0*1$/.test(supports) && text !== undefined && text !== '0x') return
  throw new ChainUnavailable(`${fallback} is no resolver that answers text records on chain; nothing is sent`)
}

/** @throws TransactionRefused when the deployment proxy is not on this chain */
export async function checkProxy(chain: DeployChain): Promise<void> {
  if ((await chain.codeAt(create2Proxy)) === create2ProxyCode) return
  throw new TransactionRefused(null, `the deterministic deployment proxy is not at ${create2Proxy} on this chain`)
}

/**
 * Whether a planned contract is there already, and the hash of its code. @throws TransactionRefused when other code stands at its address
 */
export async function findContract(
  chain: DeployChain,
  { name, address, creationCode }: PlannedContract,
): Promise<{ isThere: boolean; codeHash: Hex }> {
  const [found, expected] = await Promise.all([chain.codeAt(address), chain.codeLeftAt(address, creationCode)])
  if (found !== '0x' && found !== expected) {
    const hashes = `its hash is ${keccak256(found)}, wanted ${keccak256(expected)}`
    throw new TransactionRefused(null, `the code at ${address} is not that of ${name}: ${hashes}`)
  }
  return { isThere: found !== '0x', codeHash: keccak256(expected) }
}
