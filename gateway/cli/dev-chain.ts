import { type Abi, type Address, encodeDeployData, getContractAddress, type Hex } from 'viem'
import { ensOwnershipBytecode } from '../../resolver-contract/generated/ens-ownership.ts'
import { ensRegistryBytecode } from '../../resolver-contract/generated/ens-registry.ts'
import { mooringResolverBytecode } from '../../resolver-contract/generated/mooring-resolver.ts'
import { nameWrapperBytecode } from '../../resolver-contract/generated/name-wrapper.ts'
import { publicResolverBytecode } from '../../resolver-contract/generated/public-resolver.ts'
import { registrarBytecode } from '../../resolver-contract/generated/registrar.ts'
import { universalResolverBytecode } from '../../resolver-contract/generated/universal-resolver.ts'
import {
  ensOwnershipAbi,
  ensRegistryAbi,
  mooringResolverAbi,
  nameWrapperAbi,
  publicResolverAbi,
  registrarAbi,
  universalResolverAbi,
} from '../ens/abi.ts'
import { type AnvilOptions, startAnvil } from './anvil.ts'
import { registerNames } from './dev-names.ts'
import { createDevAccounts, type DevAccounts } from './dev-transactions.ts'

/** A name of the development chain: the publisher's, or somebody else's. */
export type DevName = string | { name: string; owner: Address }

/** What a development chain starts with. */
export type DevChainOptions = Partial<AnvilOptions> & {
  /** Base URLs that the resolver names for every repository; they may be taken before the gateway listens. */
  gatewayUrls: readonly string[]
  /** ENS names to register: second-level ones, and subnames as names of their own. */
  names: readonly DevName[]
  /** Owner of the names, with some ether. */
  publisher: Address
}

/** Where the contracts of a development chain are. */
export type DevAddresses = {
  ensRegistry: Address
  registrar: Address
  nameWrapper: Address
  /** The chain's public resolver: what names keep their other records in. */
  fallbackResolver: Address
  ownership: Address
  resolver: Address
  universalResolver: Address
}

/** A running chain; `send` makes a transaction as any account and waits until it is mined. */
export type DevChain = {
  rpc: string
  chainId: number
  addresses: DevAddresses
  names: readonly string[]
  send: DevAccounts['send']
  close(): Promise<void>
}

const defaults: AnvilOptions = { port: 0, chainId: 31337, blockTimeSeconds: 5 }

/**
 * Starts a chain of its own with ENS and the resolver contract on it, and registers names there. The same options give the same
 * addresses every time: all contracts are deployed by anvil's first account, in one order, before anything else happens.
 * @throws AnvilError when the chain does not start, for instance because the port is taken, or a transaction fails
 */
export async function startDevChain(options: DevChainOptions): Promise<DevChain> {
  const settings = { ...defaults, ...withoutUndefined(options) }
  const anvil = await startAnvil(settings)
  try {
    const accounts = await createDevAccounts(anvil.rpc)
    const addresses = await deployAll(accounts, options)
    const owned = options.names.map((each) =>
      typeof each === 'string' ? { name: each, owner: options.publisher } : each,
    )
    await accounts.fund([options.publisher, ...owned.map(({ owner }) => owner)])
    await registerNames(accounts, addresses, owned)
    const names = owned.map(({ name }) => name)
    return { rpc: anvil.rpc, chainId: settings.chainId, addresses, names, send: accounts.send, close: anvil.close }
  } catch (error) {
    await anvil.close()
    throw error
  }
}

function withoutUndefined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
}

const localBatchGateway = 'x-batch-gateway:true'

async function deployAll(accounts: DevAccounts, { gatewayUrls }: DevChainOptions): Promise<DevAddresses> {
  const deploy = createDeployer(accounts)
  const ensRegistry = await deploy(ensRegistryAbi, ensRegistryBytecode, [])
  const registrar = await deploy(registrarAbi, registrarBytecode, [ensRegistry])
  const nameWrapper = await deploy(nameWrapperAbi, nameWrapperBytecode, [ensRegistry])
  const fallbackResolver = await deploy(publicResolverAbi, publicResolverBytecode, [ensRegistry])
  const ownership = await deploy(ensOwnershipAbi, ensOwnershipBytecode, [ensRegistry, nameWrapper, registrar])
  const resolverArgs = [ownership, fallbackResolver, gatewayUrls]
  const resolver = await deploy(mooringResolverAbi, mooringResolverBytecode, resolverArgs)
  const universalArgs = [ensRegistry, [localBatchGateway], false]
  const universalResolver = await deploy(universalResolverAbi, universalResolverBytecode, universalArgs)
  return { ensRegistry, registrar, nameWrapper, fallbackResolver, ownership, resolver, universalResolver }
}

/** Each deployment takes the next nonce, which decides its address. */
function createDeployer({ deployer, send }: DevAccounts) {
  let nonce = 0n
  return async (abi: Abi, bytecode: Hex, args: readonly unknown[]): Promise<Address> => {
    const address = getContractAddress({ from: deployer, nonce: nonce++ })
    await send({ from: deployer, data: encodeDeployData({ abi, bytecode, args }) })
    return address.toLowerCase() as Address
  }
}
