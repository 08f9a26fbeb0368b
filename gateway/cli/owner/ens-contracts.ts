import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, parseAbi } from 'viem'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { addressOrNull, type CallAtBlock, type EnsContracts } from '../../chain/ens-facts.ts'
import { readEnsContracts } from '../../chain/resolver-calls.ts'
import { ensRegistryAbi } from '../../ens/abi.ts'
import { nodeOf } from '../../ens/name.ts'
import { knownNetworks } from '../client/network.ts'

/** What registrar and NameWrapper on mainnet say about each other. */
const crossAbi = parseAbi(['function ens() view returns (address)', 'function registrar() view returns (address)'])

/**
 * The ENS contracts that a Mooring resolver asks, after asking the chain whether they are ENS: nothing is sent on the word of a table.
 * @throws ChainUnavailable saying which two do not fit together; NotMooringResolver
 */
export async function checkedContracts(
  call: CallAtBlock,
  chainId: number,
  ensRegistry: Address,
  resolver: Address,
): Promise<EnsContracts> {
  const contracts = await readEnsContracts(call, resolver)
  if (contracts.ensRegistry !== ensRegistry) {
    const seen = `the resolver ${resolver} asks the ENS registry ${contracts.ensRegistry}`
    throw new ChainUnavailable(`${seen}, and the registry of this chain is ${ensRegistry}`)
  }
  await crossCheck(call, chainId, contracts)
  return contracts
}

/**
 * The registry's owner of `eth` is the registrar; registrar and NameWrapper name this registry, the wrapper this registrar too. On
 * mainnet and Sepolia all three must be there. @throws ChainUnavailable
 */
export async function crossCheck(call: CallAtBlock, chainId: number, contracts: EnsContracts): Promise<void> {
  const { ensRegistry, registrar, nameWrapper } = contracts
  const isPublic = Object.values(knownNetworks).some((id) => id === chainId)
  const owner = await readEthOwner(call, ensRegistry)
  if (owner !== registrar)
    refuse(`the owner of eth in the ENS registry ${ensRegistry} is`, owner, 'registrar', registrar)
  if (isPublic && nameWrapper === null) refuse('this resolver has as NameWrapper', null, 'NameWrapper', 'one')
  for (const contract of [registrar, nameWrapper]) {
    if (contract === null) continue
    const said = await readAddress(call, contract, 'ens')
    if (said !== ensRegistry) refuse(`the ENS registry of ${contract} is`, said, 'registry', ensRegistry)
  }
  if (nameWrapper === null) return
  const wrappersRegistrar = await readAddress(call, nameWrapper, 'registrar')
  if (wrappersRegistrar === registrar || (wrappersRegistrar === null && !isPublic)) return
  refuse(`the registrar of the NameWrapper ${nameWrapper} is`, wrappersRegistrar, 'registrar', registrar)
}

/** Who owns `eth`: the registrar of its second-level names; null for nobody. @throws ChainUnavailable */
export async function readEthOwner(call: CallAtBlock, ensRegistry: Address): Promise<Address | null> {
  const args = [nodeOf('eth')] as const
  const data = await call(ensRegistry, encodeFunctionData({ abi: ensRegistryAbi, functionName: 'owner', args }))
  if (data?.length !== 66) throw new ChainUnavailable(`there is no ENS registry at ${ensRegistry} on this chain`)
  return addressOrNull(decodeFunctionResult({ abi: ensRegistryAbi, functionName: 'owner', data }))
}

async function readAddress(call: CallAtBlock, to: Address, functionName: 'ens' | 'registrar'): Promise<Address | null> {
  const data: Hex | undefined = await call(to, encodeFunctionData({ abi: crossAbi, functionName }))
  if (data?.length !== 66) return null
  return addressOrNull(decodeFunctionResult({ abi: crossAbi, functionName, data }))
}

function refuse(what: string, seen: Address | null, name: string, wanted: string | null): never {
  throw new ChainUnavailable(
    `ENS does not fit together: ${what} ${seen ?? 'nobody'}, and the ${name} should be ${wanted ?? 'nobody'}; nothing is sent`,
  )
}
