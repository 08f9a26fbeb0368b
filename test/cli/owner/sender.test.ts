import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeFunctionData, parseEther } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { etherText, openSender } from '../../../gateway/cli/owner/sender.ts'
import { settle } from '../../../gateway/cli/owner/settle.ts'
import type { Transaction } from '../../../gateway/cli/owner/transaction.ts'
import { mooringResolverAbi } from '../../../gateway/ens/abi.ts'
import { encodeDnsName } from '../../../gateway/ens/name.ts'
import { addressOf, testKeys } from '../../fixtures.ts'
import { contextOf, type OwnerWorld, startOwnerWorld } from './world.ts'

let world: OwnerWorld
beforeAll(async () => {
  world = await startOwnerWorld()
})
afterAll(() => world.close())

const owner = addressOf(testKeys.owner)
const stranger = addressOf(testKeys.third)

function resetOf(ensName: string): Transaction {
  const data = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'reset', args: [encodeDnsName(ensName)] })
  return { to: world.chain.addresses.resolver, data, summary: `reset ${ensName}` }
}

const settings = (...args: string[]) => contextOf(args).settings
const open = (...args: string[]) => openSender(settings(...args), world.connection)

test('a key file signs and sends, and the receipt says in which block', async () => {
  const sender = await open('--key-file', world.ownerKey)
  expect(sender).toMatchObject({ address: owner, chainId: 31337, sends: true })
  const estimated = await sender.estimate(resetOf('acme.eth'))
  expect(estimated).toBeGreaterThan(21_000n)
  const receipt = await sender.send(resetOf('acme.eth'))
  expect(receipt.hash).toMatch(/^0x[0-9a-f]{64}$/)
  expect(receipt.blockNumber).toBeGreaterThan(0n)
  expect(receipt.gasUsed).toBeLessThanOrEqual(estimated)
})

test('a JSON-RPC signer sends from its first account, or from the one that --from names', async () => {
  const [first, second] = [addressOf(testKeys.owner), addressOf(testKeys.other)]
  expect((await open('--rpc-signer', world.chain.rpc)).address).toBe(first)
  const sender = await open('--rpc-signer', world.chain.rpc, '--from', second)
  expect(sender).toMatchObject({ address: second, sends: true })
  expect((await sender.send(resetOf('bob.eth'))).hash).toMatch(/^0x/)
  const unknown = open('--rpc-signer', world.chain.rpc, '--from', world.chain.addresses.resolver)
  await expect(unknown).rejects.toThrow(/^--from: saw .* wanted an account of the signer/)
})

test('a transaction that would revert is refused with the name of the contract’s error', async () => {
  const sender = await open('--key-file', world.ownerKey)
  await expect(sender.estimate(resetOf('acme.eth'))).resolves.toBeGreaterThan(0n)
  const refused = { name: 'TransactionRefused', reason: 'NotAuthorized' }
  await expect(sender.estimate(resetOf('bob.eth'))).rejects.toMatchObject(refused)
  await expect(sender.send(resetOf('bob.eth'))).rejects.toMatchObject(refused)
  await expect(sender.estimate(resetOf('nobody.eth'))).rejects.toMatchObject({ reason: 'NoOwner' })
})

test('a chain that does not answer is ChainUnavailable, never a refusal', async () => {
  const sender = await openSender(settings('--key-file', world.ownerKey), {
    ...world.connection,
    rpcUrls: ['http://127.0.0.1:9'],
  })
  await expect(sender.estimate(resetOf('acme.eth'))).rejects.toMatchObject({ name: 'ChainUnavailable' })
})

const wrong: readonly [rule: string, args: () => string[], line: RegExp][] = [
  ['no signer', () => [], /^signer: saw nothing, wanted exactly one of --key-file F, --rpc-signer URL and --calldata/],
  ['two signers', () => ['--key-file', world.ownerKey, '--calldata'], /^signer: saw "--key-file and --calldata"/],
  ['--calldata without an address', () => ['--calldata'], /^--from: saw nothing, wanted the address that sends/],
  ['a key file that is not there', () => ['--key-file', '/nowhere/key'], /^--key-file: .*ENOENT/],
  [
    'a --from that is not the key’s',
    () => ['--key-file', world.ownerKey, '--from', addressOf(testKeys.third)],
    /^--from: .*wanted the address of the key file: 0xf39f/,
  ],
  ['a signer that is no URL', () => ['--rpc-signer', 'ledger'], /^--rpc-signer: saw "ledger"/],
]

test.each(wrong)('exit 2: %s', async (_rule, args, line) => {
  await expect(open(...args())).rejects.toMatchObject({ name: 'ConfigError', message: expect.stringMatching(line) })
})

test('a key file that others may read is refused, and the key is in no message', async () => {
  const file = join(world.folder, 'open.key')
  await writeFile(file, testKeys.third, { mode: 0o600 })
  expect((await open('--key-file', file)).address).toBe(stranger)
  await chmod(file, 0o644)
  const refused = open('--key-file', file)
  await expect(refused).rejects.toThrow(/mode 0644.*wanted 0600/)
  await expect(refused).rejects.not.toThrow(testKeys.third.slice(2))
})

test('a signer on another chain is refused before anything is signed', async () => {
  const connection = { ...world.connection, chainId: 1 }
  await expect(openSender(settings('--rpc-signer', world.chain.rpc), connection)).rejects.toThrow(
    /wanted a signer for chain 1: it is on chain 31337$/,
  )
})

test('settle shows each transaction with its fee, sends them in order, and reports hashes', async () => {
  const { context, settings, out, asked } = contextOf(['--key-file', world.ownerKey])
  const sender = await openSender(settings, world.connection)
  const settled = await settle(context, sender, [resetOf('acme.eth'), resetOf('web.acme.eth')])
  expect(settled.transactions.map(({ summary, hash }) => [summary, hash])).toEqual([
    ['reset acme.eth', settled.receipts[0]?.hash],
    ['reset web.acme.eth', settled.receipts[1]?.hash],
  ])
  const [one, two] = settled.receipts
  expect(two?.blockNumber).toBeGreaterThan(one?.blockNumber ?? 0n)
  expect(out.join('\n')).toMatch(/reset acme\.eth\n {4}to 0x[0-9a-f]{40}, gas \d+, 0\.\d+ ETH/)
  expect(asked).toEqual([])
  expect(settled.safeBatch).toBeNull()
})

test('--dry-run sends nothing, and needs no signer but an address', async () => {
  for (const args of [
    ['--key-file', world.ownerKey],
    ['--from', owner],
  ]) {
    const { context, settings } = contextOf(['--dry-run', ...args])
    const settled = await settle(context, await openSender(settings, world.connection), [resetOf('acme.eth')])
    expect(settled).toMatchObject({ transactions: [{ hash: null, gas: expect.any(Number) }], receipts: [] })
  }
})

test('at a terminal it asks, and no means that nothing is sent; --yes does not ask', async () => {
  const run = async (answer: boolean, ...args: string[]) => {
    const { context, settings, asked } = contextOf(['--key-file', world.ownerKey, ...args], answer)
    const settling = settle(context, await openSender(settings, world.connection), [resetOf('acme.eth')])
    return { settling, asked }
  }
  const yes = await run(true)
  expect((await yes.settling).receipts).toHaveLength(1)
  expect(yes.asked).toEqual(['Send? [y/N] '])
  const no = await run(false)
  await expect(no.settling).rejects.toThrow('nothing was sent: the answer was no')
  const unasked = await run(false, '--yes')
  expect((await unasked.settling).receipts).toHaveLength(1)
  expect(unasked.asked).toEqual([])
})

test('one that would be refused stops all before the first is sent, unless it says that it needs those before', async () => {
  const { context, settings } = contextOf(['--key-file', world.ownerKey])
  const sender = await openSender(settings, world.connection)
  const nonce = () => sender.readFunds().then(({ balance }) => balance)
  const before = await nonce()
  await expect(settle(context, sender, [resetOf('acme.eth'), resetOf('bob.eth')])).rejects.toMatchObject({
    reason: 'NotAuthorized',
  })
  expect(await nonce()).toBe(before)
  const later: Transaction = { ...resetOf('bob.eth'), needsEarlier: true }
  await expect(settle(context, sender, [resetOf('acme.eth'), later])).rejects.toThrow(
    /1 of 2 transactions are in a block, run the command again for the rest/,
  )
})

test('an account without ether is told what it has and what it needs', async () => {
  const file = join(world.folder, 'poor.key')
  await writeFile(file, `0x${'11'.repeat(32)}`, { mode: 0o600 })
  const { context, settings } = contextOf(['--key-file', file])
  const sender = await openSender(settings, world.connection)
  const data = '0x' as const
  const nothing: Transaction = { to: stranger, data, summary: 'nothing' }
  await expect(settle(context, sender, [nothing])).rejects.toThrow(
    /^insufficient funds: 0x[0-9a-f]{40} has 0 ETH, this costs about 0\.\d+ ETH$/,
  )
})

test('--calldata prints a batch of the Transaction Builder and sends nothing', async () => {
  const { context, settings, out, err } = contextOf(['--calldata', '--from', owner])
  const sender = await openSender(settings, world.connection)
  expect(sender.sends).toBe(false)
  const { safeBatch, receipts } = await settle(context, sender, [resetOf('acme.eth')])
  expect(receipts).toEqual([])
  const { to, data } = resetOf('acme.eth')
  expect(JSON.parse(out.join('\n'))).toEqual(safeBatch)
  expect(safeBatch).toEqual({
    ...{ version: '1.0', chainId: '31337', createdAt: expect.any(Number) },
    meta: { name: 'Mooring', description: 'reset acme.eth', createdFromSafeAddress: owner },
    transactions: [{ to, value: '0', data }],
  })
  expect(err.join('\n')).toContain('reset acme.eth')
})

test('ether is shown with six digits that count', () => {
  expect(['1', '0.5', '0.0000461243219', '12.3456789'].map((ether) => etherText(parseEther(ether)))).toEqual([
    '1 ETH',
    '0.5 ETH',
    '0.0000461243 ETH',
    '12.345678 ETH',
  ])
  expect(etherText(0n)).toBe('0 ETH')
})
