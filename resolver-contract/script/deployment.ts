import {
  type Abi,
  type Address,
  type ContractConstructorArgs,
  concat,
  encodeAbiParameters,
  encodeDeployData,
  getContractAddress,
  type Hex,
  stringToHex,
  zeroAddress,
} from 'viem'
import type { EnsContracts } from '../../gateway/chain/ens-facts.ts'
import { ensOwnershipAbi, mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { ensOwnershipBytecode } from '../generated/ens-ownership.ts'
import { mooringResolverBytecode } from '../generated/mooring-resolver.ts'

/** The deterministic deployment proxy: at this address on mainnet, Sepolia and most other chains, and on anvil. It takes salt and creation code. */
export const create2Proxy: Address = '0x4e59b44847b379578588920ca78fbf26c0b4956c'

/** The proxy's whole code: anything else at its address is not it. */
export const create2ProxyCode: Hex =
  '0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3'

/** The same for every deployment: the creation code alone decides the address. */
export const salt: Hex = stringToHex('mooring', { size: 32 })

/** A contract before it is deployed. */
export type PlannedContract = {
  name: 'EnsOwnership' | 'MooringResolver'
  address: Address
  /** By the names of the constructor. */
  args: Readonly<Record<string, string | readonly string[]>>
  /** ABI-encoded, as a block explorer asks for them. */
  constructorArguments: Hex
  creationCode: Hex
}

/** What a deployment is made of. */
export type DeploymentWishes = { contracts: EnsContracts; defaultFallback: Address; defaultGateways: readonly string[] }

/** Both contracts with their addresses, which follow from the arguments alone. A part of ENS that a chain lacks is the zero address. */
export function planDeployment(wishes: DeploymentWishes): { ownership: PlannedContract; resolver: PlannedContract } {
  const { ensRegistry, nameWrapper, registrar } = wishes.contracts
  const ownership = plan('EnsOwnership', ensOwnershipAbi, ensOwnershipBytecode, [
    ensRegistry,
    nameWrapper ?? zeroAddress,
    registrar ?? zeroAddress,
  ])
  const { defaultFallback, defaultGateways } = wishes
  const args = [ownership.address, defaultFallback, defaultGateways] as const
  return { ownership, resolver: plan('MooringResolver', mooringResolverAbi, mooringResolverBytecode, args) }
}

function plan<Contract extends Abi>(
  name: PlannedContract['name'],
  abi: Contract,
  bytecode: Hex,
  args: ContractConstructorArgs<Contract> & readonly (string | readonly string[])[],
): PlannedContract {
  const item = (abi as Abi).find(({ type }) => type === 'constructor')
  if (item?.type !== 'constructor') throw new Error(`${name} has no constructor`)
  const creationCode = encodeDeployData({ abi: abi as Abi, bytecode, args })
  const named = item.inputs.map(({ name: input = '' }, position) => [input.replace(/_$/, ''), args[position] ?? ''])
  return {
    name,
    address: addressOf(creationCode),
    args: Object.fromEntries(named),
    constructorArguments: encodeAbiParameters(item.inputs, args),
    creationCode,
  }
}

function addressOf(creationCode: Hex): Address {
  const address = getContractAddress({ opcode: 'CREATE2', from: create2Proxy, salt, bytecode: creationCode })
  return address.toLowerCase() as Address
}

/** What is sent to the proxy. */
export function create2CallData(creationCode: Hex): Hex {
  return concat([salt, creationCode])
}
