import { addresses } from '@ensdomains/ensjs/contracts'
import { type Address, labelhash } from 'viem'
import { mainnet, sepolia } from 'viem/chains'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRpc } from '../../gateway/chain/rpc.ts'
import { knownNetworks } from '../../gateway/cli/client/network.ts'
import { checkedContracts, crossCheck } from '../../gateway/cli/owner/ens-contracts.ts'
import { defaultEnsRegistry } from '../../gateway/config.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { askChain, createNameDesk } from '../cli/owner/names.ts'
import { type OwnerWorld, startOwnerWorld } from '../cli/owner/world.ts'

let world: OwnerWorld
beforeAll(async () => {
  world = await startOwnerWorld()
})
afterAll(() => world.close())

test.each([mainnet, sepolia])('the addresses of ENS that we use on $name are those of viem and of ensjs', (chain) => {
  const known = addresses[chain.id]
  expect(defaultEnsRegistry(chain.id)).toBe(known.ensRegistry.address.toLowerCase())
  const universalResolver: Address = chain.contracts.ensUniversalResolver.address
  expect(universalResolver.toLowerCase()).toBe(known.ensUniversalResolver.address.toLowerCase())
  expect(Object.values(knownNetworks)).toContain(chain.id)
})

async function callNow() {
  const rpc = createRpc(world.chain.rpc)
  const { number } = await rpc.latestBlock()
  return (to: Address, data: `0x${string}`) => rpc.call(to, data, number)
}

test('ENS is cross-checked on chain: the contracts of a resolver fit together, or nothing is sent', async () => {
  const { ensRegistry, registrar, nameWrapper, resolver } = world.chain.addresses
  const call = await callNow()
  expect(await checkedContracts(call, 31337, ensRegistry, resolver)).toEqual({ ensRegistry, registrar, nameWrapper })
  const other: Address = `0x${'ab'.repeat(20)}`
  await expect(checkedContracts(call, 31337, other, resolver)).rejects.toThrow(/asks the ENS registry 0x5fbd/)
  const contracts = { ensRegistry, registrar, nameWrapper }
  await expect(crossCheck(call, 31337, { ...contracts, registrar: other })).rejects.toThrow(
    /the owner of eth in the ENS registry .* the registrar should be 0xabab/,
  )
  await expect(crossCheck(call, 31337, { ...contracts, nameWrapper: resolver })).rejects.toThrow(
    /the ENS registry of 0x.* is nobody, and the registry should be 0x5fbd/,
  )
})

test('on mainnet a NameWrapper must be there, and must name the registrar', async () => {
  const { ensRegistry, registrar, nameWrapper } = world.chain.addresses
  const call = await callNow()
  const contracts = { ensRegistry, registrar, nameWrapper: null }
  await expect(crossCheck(call, 31337, contracts)).resolves.toBeUndefined()
  await expect(crossCheck(call, 1, contracts)).rejects.toThrow(/has as NameWrapper nobody/)
  await expect(crossCheck(call, 1, { ...contracts, nameWrapper })).rejects.toThrow(/the registrar of the NameWrapper/)
})

test('a registry whose eth changed hands is noticed', async () => {
  const { ensRegistry, registrar, resolver } = world.chain.addresses
  const [deployer] = (await askChain(world.chain, 'eth_accounts', [])) as [Address]
  expect(await checkedContracts(await callNow(), 31337, ensRegistry, resolver)).toMatchObject({ registrar })
  const desk = createNameDesk(world.chain)
  await desk.registry(deployer, 'setSubnodeOwner', nodeOf(''), labelhash('eth'), deployer)
  await expect(checkedContracts(await callNow(), 31337, ensRegistry, resolver)).rejects.toThrow(
    /^ENS does not fit together: the owner of eth .* nothing is sent$/,
  )
})
