import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, createPublicClient, http } from 'viem'
import { expect, onTestFinished, test } from 'vitest'
import { AnvilError, startAnvil } from '../../gateway/cli/anvil.ts'
import { type DevChainOptions, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { packageRoot } from '../../gateway/package-root.ts'
import { addressOf, testKeys } from '../fixtures.ts'

const options: DevChainOptions = {
  gatewayUrls: ['http://127.0.0.1:5050'],
  names: ['acme.eth', 'web.acme.eth', { name: 'bob.eth', owner: addressOf(testKeys.other) }, 'sub.unlisted.eth'],
  publisher: addressOf(testKeys.owner),
}

async function start(more: Partial<DevChainOptions> = {}) {
  const dev = await startDevChain({ ...options, ...more })
  onTestFinished(() => dev.close())
  return { ...dev, client: createPublicClient({ transport: http(dev.rpc), cacheTime: 0 }) }
}

test('the same options give the same addresses, whatever the names and the gateways are', async () => {
  const one = await start()
  const two = await start({ names: [], gatewayUrls: [] })
  expect(two.addresses).toEqual(one.addresses)
  expect(new Set(Object.values(one.addresses)).size).toBe(7)
  for (const address of Object.values(one.addresses)) expect(await one.client.getCode({ address })).not.toBeUndefined()
})

test('names belong to their owners and have our resolver; a parent that was not asked for is registered too', async () => {
  const { client, addresses, names, chainId } = await start()
  expect([names, chainId]).toEqual([['acme.eth', 'web.acme.eth', 'bob.eth', 'sub.unlisted.eth'], 31337])
  const read = (functionName: 'owner' | 'resolver', name: string): Promise<Address> =>
    client.readContract({ address: addresses.ensRegistry, abi: ensRegistryAbi, functionName, args: [nodeOf(name)] })
  for (const name of [...names, 'unlisted.eth']) {
    const owner = name === 'bob.eth' ? addressOf(testKeys.other) : options.publisher
    expect([name, (await read('owner', name)).toLowerCase()]).toEqual([name, owner])
    expect((await read('resolver', name)).toLowerCase()).toBe(addresses.resolver)
  }
  expect(await client.getBalance({ address: options.publisher })).toBeGreaterThan(10n ** 20n)
})

test('block time stays near the wall clock without transactions', async () => {
  const anvil = await startAnvil({ port: 0, chainId: 31337, blockTimeSeconds: 1 })
  onTestFinished(() => anvil.close())
  const client = createPublicClient({ transport: http(anvil.rpc), cacheTime: 0 })
  const first = await client.getBlockNumber()
  await expect.poll(() => client.getBlockNumber(), { timeout: 10_000 }).toBeGreaterThan(first)
  const { timestamp } = await client.getBlock()
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(30)
})

test('a port that is taken is a clear error, and a chosen one is used', async () => {
  const first = await startAnvil({ port: 0, chainId: 31337, blockTimeSeconds: 5 })
  onTestFinished(() => first.close())
  const again = startAnvil({ port: first.port, chainId: 31337, blockTimeSeconds: 5 })
  await expect(again).rejects.toThrow(
    new AnvilError(`the development chain did not start: port ${first.port} is taken`),
  )
  await first.close()
  const second = await startAnvil({ port: first.port, chainId: 31337, blockTimeSeconds: 5 })
  onTestFinished(() => second.close())
  expect(second.port).toBe(first.port)
})

test('a transaction that fails is an error', async () => {
  const { send, addresses } = await start()
  const thief = addressOf(testKeys.third)
  await expect(send({ from: thief, to: addresses.resolver, data: '0x12345678' })).rejects.toBeInstanceOf(AnvilError)
})

test.skipIf(process.platform === 'win32')('the chain ends when the process that started it is killed', async () => {
  const module = JSON.stringify(join(packageRoot(), 'gateway/cli/anvil.ts'))
  const script = `import(${module}).then(async ({ startAnvil }) => {
    const { pid } = await startAnvil({ port: 0, chainId: 31337, blockTimeSeconds: 5 })
    process.stdout.write('pid ' + pid + ';')
  })`
  const parent = spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd: packageRoot() })
  onTestFinished(() => void parent.kill('SIGKILL'))
  let said = ''
  parent.stdout.on('data', (text: Buffer) => {
    said += text
  })
  await expect.poll(() => said, { timeout: 20_000 }).toMatch(/^pid \d+;$/)
  const pid = Number(/\d+/.exec(said)?.[0])
  expect(isRunning(pid)).toBe(true)
  parent.kill('SIGKILL')
  await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false)
})

/** A dead process whom nobody has waited for yet still takes signal 0. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  return !isZombie(pid)
}

function isZombie(pid: number): boolean {
  const status = `/proc/${pid}/status`
  return existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8'))
}
