import { type Address, encodeFunctionData, type Hex, keccak256, stringToHex } from 'viem'
import { ensRegistryAbi, registrarAbi } from '../ens/abi.ts'
import { encodeDnsName, nodeOf } from '../ens/name.ts'
import type { DevAccounts } from './dev-transactions.ts'

/** The contracts that registering needs. */
export type NameContracts = { ensRegistry: Address; registrar: Address; resolver: Address }

const tenYearsSeconds = 10n * 365n * 86_400n

/**
 * Registers names with their owners and our resolver: `.eth` second-level names through the registrar, anything else by the owner of
 * its parent. A parent that is not among them is registered first, for the same owner.
 */
export async function registerNames(
  accounts: DevAccounts,
  contracts: NameContracts,
  names: readonly { name: string; owner: Address }[],
): Promise<void> {
  const owners = new Map<string, Address>()
  const givenOwners = new Map(names.map(({ name, owner }) => [name, owner]))
  await giveTopLevel(accounts, contracts, 'eth', contracts.registrar)
  owners.set('eth', contracts.registrar)
  const register = async (name: string, owner: Address): Promise<void> => {
    if (owners.has(name)) return
    encodeDnsName(name)
    const [label = '', ...rest] = name.split('.')
    const parent = rest.join('.')
    if (parent === '') {
      await giveTopLevel(accounts, contracts, label, accounts.deployer)
      owners.set(name, accounts.deployer)
      return
    }
    await register(parent, givenOwners.get(parent) ?? owner)
    if (parent === 'eth') await registerWithRegistrar(accounts, contracts, label, owner)
    else await createSubname(accounts, contracts, owners.get(parent) ?? owner, parent, label, owner)
    owners.set(name, owner)
  }
  for (const { name, owner } of names) await register(name, owner)
}

const rootNode = nodeOf('')

async function giveTopLevel(
  { send, deployer }: DevAccounts,
  { ensRegistry }: NameContracts,
  label: string,
  to: Address,
) {
  const args = [rootNode, hashOf(label), to] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setSubnodeOwner', args })
  await send({ from: deployer, to: ensRegistry, data })
}

async function registerWithRegistrar(
  { send }: DevAccounts,
  { ensRegistry, registrar, resolver }: NameContracts,
  label: string,
  owner: Address,
): Promise<void> {
  const expiresAt = BigInt(Math.floor(Date.now() / 1000)) + tenYearsSeconds
  const args = [label, owner, expiresAt] as const
  await send({
    from: owner,
    to: registrar,
    data: encodeFunctionData({ abi: registrarAbi, functionName: 'register', args }),
  })
  const resolverArgs = [nodeOf(`${label}.eth`), resolver] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setResolver', args: resolverArgs })
  await send({ from: owner, to: ensRegistry, data })
}

async function createSubname(
  { send }: DevAccounts,
  { ensRegistry, resolver }: NameContracts,
  parentOwner: Address,
  parent: string,
  label: string,
  owner: Address,
): Promise<void> {
  const args = [nodeOf(parent), hashOf(label), owner, resolver, 0n] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setSubnodeRecord', args })
  await send({ from: parentOwner, to: ensRegistry, data })
}

function hashOf(label: string): Hex {
  return keccak256(stringToHex(label))
}
