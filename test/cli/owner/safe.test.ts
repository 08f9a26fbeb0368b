import { createRequire } from 'node:module'
import { type Abi, type Address, concat, encodeFunctionData, type Hex, numberToHex, pad, size } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SafeBatch } from '../../../gateway/cli/owner/safe-batch.ts'
import { mooringResolverAbi } from '../../../gateway/ens/abi.ts'
import { encodeDnsName, nodeOf } from '../../../gateway/ens/name.ts'
import { deploy } from '../../chain/dev-calls.ts'
import { createSafe, deploySafeContracts, type Safe } from '../../chain/safe.ts'
import { addressOf, testKeys } from '../../fixtures.ts'
import { command } from '../command.ts'
import { createNameDesk } from './names.ts'
import { type OwnerWorld, startOwnerWorld } from './world.ts'

const owner = addressOf(testKeys.owner)
const keys = [testKeys.owner, testKeys.other]
const gateway = 'https://edge.example'

let world: OwnerWorld
let safe: Safe
let multiSend: Address
beforeAll(async () => {
  world = await startOwnerWorld()
  const contracts = await deploySafeContracts(world.chain)
  safe = await createSafe(world.chain, contracts, [testKeys.owner, testKeys.other, testKeys.third], 2)
  const { abi, bytecode } = multiSendArtifact
  multiSend = await deploy(world.chain, abi, bytecode)
})
afterAll(() => world.close())

const multiSendArtifact: { abi: Abi; bytecode: Hex } = createRequire(import.meta.url)(
  '@gnosis.pm/safe-contracts/build/artifacts/contracts/libraries/MultiSendCallOnly.sol/MultiSendCallOnly.json',
)

/** Executes an imported batch as Safe's Transaction Builder does: all of it in one transaction of the Safe, or nothing. */
async function execute(batch: SafeBatch, signers: readonly Hex[]): Promise<void> {
  const packed = batch.transactions.map(({ to, value, data }) => {
    const amounts = [BigInt(value), BigInt(size(data as Hex))].map((number) => pad(numberToHex(number)))
    return concat(['0x00', to as Hex, ...amounts, data as Hex])
  })
  const { abi } = multiSendArtifact
  const data = encodeFunctionData({ abi, functionName: 'multiSend', args: [concat(packed)] })
  await safe.execute(signers, multiSend, data, true)
}

async function run(...args: string[]) {
  const { code, out, err } = await command([...args, '--json', ...world.flags])
  return { code, err, json: JSON.parse(out) as { safeBatch: SafeBatch | null } & Record<string, unknown> }
}

test('--calldata: a Safe 2-of-3 that owns the name sets it up with the batch, and no record is lost', async () => {
  const desk = createNameDesk(world.chain)
  await desk.register('dao', owner)
  await desk.setText(owner, 'dao.eth', 'url', 'https://dao.example')
  await desk.registry(owner, 'setOwner', nodeOf('dao.eth'), safe.address)
  const planned = await run('setup', 'dao.eth', '--calldata', '--gateway-url', gateway)
  expect(planned.code).toBe(0)
  expect(planned.json).toMatchObject({ ok: true, owner: safe.address, sent: false, checks: [] })
  const batch = planned.json.safeBatch as SafeBatch
  expect(batch).toMatchObject({ version: '1.0', chainId: '31337', meta: { createdFromSafeAddress: safe.address } })
  expect(batch.transactions).toHaveLength(2)
  await expect(execute(batch, [testKeys.owner])).rejects.toThrow(/failed/)
  await execute(batch, keys)
  const after = await run('setup', 'dao.eth', '--gateway-url', gateway)
  expect(after.json).toMatchObject({ ok: true, nothingToDo: true, gateways: [gateway] })
  const checks = after.json.checks as { name: string; ok: boolean }[]
  expect(checks.map(({ name, ok }) => [name, ok])).toContainEqual(['text url', true])
})

test('--calldata for people: stdout is the file that the Transaction Builder imports, and nothing else', async () => {
  const desk = createNameDesk(world.chain)
  await desk.register('plain', owner)
  await desk.registry(owner, 'setOwner', nodeOf('plain.eth'), safe.address)
  const { code, out, err } = await command(['setup', 'plain.eth', '--calldata', ...world.flags])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ version: '1.0', transactions: [{ value: '0' }] })
  expect(err).toContain('set the resolver of plain.eth')
})

test('--calldata is estimated for the Safe: what it may not do is refused before anybody signs', async () => {
  const { code, json } = await run('setup', 'acme.eth', '--calldata', '--gateway-url', gateway)
  expect([code, json.ok]).toEqual([0, true])
  const refused = await run('setup', 'acme.eth', '--calldata', '--from', safe.address, '--gateway-url', gateway)
  expect([refused.code, refused.json.error]).toEqual([1, 'NotAuthorized'])
})

test('the batch holds the calls that the contract takes', async () => {
  const { json } = await run('setup', 'acme.eth', '--calldata', '--gateway-url', gateway)
  const args = [encodeDnsName('acme.eth'), [gateway]] as const
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setGateways', args })
  expect(json.safeBatch?.transactions).toEqual([{ to: world.chain.addresses.resolver, value: '0', data }])
})
