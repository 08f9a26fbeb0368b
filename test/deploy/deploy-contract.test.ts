import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, createPublicClient, http, keccak256 } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deployedResolver, deploymentFile } from '../../gateway/cli/owner/deployments.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { packageRoot } from '../../gateway/package-root.ts'
import { deployCommand } from '../../resolver-contract/script/deploy-contract.ts'
import { create2Proxy, create2ProxyCode, planDeployment } from '../../resolver-contract/script/deployment.ts'
import { command } from '../cli/command.ts'
import { askChain, createNameDesk } from '../cli/owner/names.ts'
import { type OwnerWorld, startOwnerWorld } from '../cli/owner/world.ts'
import { addressOf, testKeys } from '../fixtures.ts'

let world: OwnerWorld
let out: string
beforeAll(async () => {
  world = await startOwnerWorld()
  out = mkdtempSync(join(tmpdir(), 'mooring-deploy-'))
})
afterAll(async () => {
  await world.close()
  rmSync(out, { recursive: true })
})

type Deployed = {
  ownership: { address: Address; args: Record<string, string>; transaction: string | null; block: number | null }
  resolver: Deployed['ownership'] & { codeHash: string; constructorArguments: string }
  alreadyDeployed: boolean
  transactions: { hash: string | null; summary: string }[]
  file: string | null
}

function flags(): string[] {
  const { ensRegistry, nameWrapper, fallbackResolver } = world.chain.addresses
  const ens = ['--ens-registry', ensRegistry, '--name-wrapper', nameWrapper, '--fallback', fallbackResolver]
  return ['--network', world.chain.rpc, ...ens]
}

async function deploy(...args: string[]) {
  const said: string[] = []
  const err: string[] = []
  const code = await deployCommand([...args, '--json'], {
    environment: {},
    print: (line) => said.push(line),
    note: (line) => err.push(line),
    waitForStop: async () => {},
  })
  return { code, err: err.join('\n'), json: said.length === 0 ? null : (JSON.parse(said.join('\n')) as Deployed) }
}

const byKey = () => [...flags(), '--key-file', world.ownerKey]
const client = () => createPublicClient({ transport: http(world.chain.rpc), cacheTime: 0 })

test('deploy: arguments and addresses are shown before anything is sent, and --dry-run sends nothing', async () => {
  const { code, err, json } = await deploy(...flags(), '--dry-run')
  expect(code).toBe(0)
  const { ownership, resolver } = json as Deployed
  expect(err).toMatch(
    new RegExp(`EnsOwnership ${ownership.address}[^]*MooringResolver ${resolver.address}[^]*2 transactions`),
  )
  expect(err).toContain(`constructor arguments, ABI-encoded: ${resolver.constructorArguments}`)
  expect(json).toMatchObject({ alreadyDeployed: false, file: null, transactions: [{ hash: null }, { hash: null }] })
  expect(await client().getCode({ address: resolver.address })).toBeUndefined()
})

test('deploy: two transactions put both contracts where the arguments say, and the file tells all of it', async () => {
  const planned = await deploy(...flags(), '--dry-run')
  const { code, json } = await deploy(...byKey(), '--out', out)
  expect(code).toBe(0)
  const { resolver, ownership, file } = json as Deployed
  expect(resolver.address).toBe(planned.json?.resolver.address)
  const { ensRegistry, nameWrapper, registrar, fallbackResolver } = world.chain.addresses
  expect(ownership.args).toEqual({ ensRegistry, nameWrapper, registrar })
  expect(resolver.args).toEqual({
    ownership: ownership.address,
    defaultFallback: fallbackResolver,
    defaultGateways: [],
  })
  const contract = { address: resolver.address, abi: mooringResolverAbi } as const
  expect((await client().readContract({ ...contract, functionName: 'ownership' })).toLowerCase()).toBe(
    ownership.address,
  )
  expect(resolver.codeHash).toBe(keccak256((await client().getCode({ address: resolver.address })) ?? '0x'))
  expect(file).toBe(deploymentFile(31337, out))
  const written = JSON.parse(readFileSync(file ?? '', 'utf8'))
  expect(written).toMatchObject({ chainId: 31337, proxy: create2Proxy, resolver: { address: resolver.address } })
  expect(written.resolver.transaction).toMatch(/^0x[0-9a-f]{64}$/)
  expect(deployedResolver(file ?? '')).toBe(resolver.address)
})

test('deploy again: says that both are there, sends nothing, needs no signer, and keeps the file', async () => {
  const first = await deploy(...byKey(), '--out', out)
  const before = readFileSync(deploymentFile(31337, out), 'utf8')
  const again = await deploy(...flags(), '--out', out)
  expect(again.code).toBe(0)
  expect(again.json).toMatchObject({ alreadyDeployed: true, transactions: [] })
  expect(again.json?.resolver.address).toBe(first.json?.resolver.address)
  expect(again.err).toContain('nothing to do: both contracts are deployed')
  expect(readFileSync(deploymentFile(31337, out), 'utf8')).toBe(before)
})

test('deploy: other arguments, another address; the adapter is shared, and only what is missing is sent', async () => {
  const one = await deploy(...byKey())
  const other = await deploy(...byKey(), '--gateway-url', 'https://edge.example')
  expect(other.json?.resolver.address).not.toBe(one.json?.resolver.address)
  expect(other.json?.ownership.address).toBe(one.json?.ownership.address)
  expect(other.json?.transactions.map(({ summary }) => summary)).toEqual([
    `deploy MooringResolver to ${other.json?.resolver.address}`,
  ])
  expect(other.json?.file).toBeNull()
  expect(existsSync(join(packageRoot(), 'resolver-contract/deployments/31337.json'))).toBe(false)
})

test('deploy: what was deployed is a resolver that setup takes', async () => {
  const { json } = await deploy(...byKey(), '--gateway-url', 'https://edge.example')
  const resolver = json?.resolver.address ?? ''
  await createNameDesk(world.chain).register('onnew', addressOf(testKeys.owner))
  const flags = [...world.chainFlags, '--resolver', resolver, '--key-file', world.ownerKey]
  const { out: said } = await command(['setup', 'onnew.eth', '--json', ...flags])
  expect(JSON.parse(said)).toMatchObject({ ok: true, resolver, gateways: ['https://edge.example'] })
})

test('CREATE2: the addresses follow from the arguments alone', () => {
  const address = (byte: string): Address => `0x${byte.repeat(20)}`
  const contracts = { ensRegistry: address('01'), nameWrapper: address('02'), registrar: address('03') }
  const wishes = { contracts, defaultFallback: address('04'), defaultGateways: [] }
  const plan = planDeployment(wishes)
  expect(planDeployment(wishes)).toEqual(plan)
  const otherFallback = planDeployment({ ...wishes, defaultFallback: address('05') })
  expect(otherFallback.ownership.address).toBe(plan.ownership.address)
  expect(otherFallback.resolver.address).not.toBe(plan.resolver.address)
  const noWrapper = planDeployment({ ...wishes, contracts: { ...contracts, nameWrapper: null } })
  expect(noWrapper.ownership.args).toMatchObject({ nameWrapper: address('00') })
  expect(noWrapper.resolver.address).not.toBe(plan.resolver.address)
})

const wrong: readonly [rule: string, args: () => string[], code: number, line: RegExp][] = [
  ['no network', () => [], 2, /^deploy:contract: --network .*wanted mainnet, sepolia or the URL/],
  ['an unknown network', () => ['--network', 'holesky'], 2, /--network: saw "holesky"/],
  [
    'endpoints of another chain',
    () => ['--network', 'sepolia', '--rpc', world.chain.rpc],
    2,
    /these are of chain 31337$/,
  ],
  ['no registry on a chain of its own', () => ['--network', world.chain.rpc], 2, /--ens-registry .*saw nothing/],
  [
    'a registry that is none',
    () => replaced('--ens-registry', world.chain.addresses.resolver),
    1,
    /there is no ENS registry at 0x/,
  ],
  [
    'a NameWrapper of another registry',
    () => replaced('--name-wrapper', world.chain.addresses.resolver),
    1,
    /ENS does not fit together: the ENS registry of .* nothing is sent$/,
  ],
  [
    'a fallback that answers no records',
    () => replaced('--fallback', world.chain.addresses.registrar),
    1,
    /is no resolver that answers text records on chain; nothing is sent$/,
  ],
  [
    'no signer',
    () => [...flags(), '--gateway-url', 'https://nobody.example'],
    2,
    /signer: saw nothing, wanted exactly one of/,
  ],
  ['a gateway over plain http', () => [...flags(), '--gateway-url', 'http://edge.example'], 2, /an https:\/\/ URL$/],
]

function replaced(flag: string, value: string): string[] {
  return flags().map((each, position, all) => (all[position - 1] === flag ? value : each))
}

test.each(wrong)('deploy refuses %s', async (_rule, args, code, line) => {
  expect((await deploy(...flags(), '--dry-run')).code).toBe(0)
  const run = await deploy(...args(), '--yes')
  const said = run.err.split('\n').at(-1) ?? ''
  expect(said).toMatch(line)
  const message = said.slice('deploy:contract: '.length)
  expect(run).toMatchObject({ code, json: { ok: false, error: code === 2 ? 'Usage' : expect.any(String), message } })
})

test('deploy refuses code at an address that is not the expected one', async () => {
  const args = [...byKey(), '--gateway-url', 'https://changed.example']
  const { json } = await deploy(...args)
  expect((await deploy(...args)).json?.alreadyDeployed).toBe(true)
  await askChain(world.chain, 'anvil_setCode', [json?.resolver.address, '0x6001'])
  const { code, err } = await deploy(...args)
  expect(code).toBe(1)
  expect(err).toMatch(/is not that of MooringResolver: its hash is 0x[0-9a-f]{64}, wanted 0x[0-9a-f]{64}$/)
})

test('deploy refuses a chain without the deployment proxy', async () => {
  expect(await client().getCode({ address: create2Proxy })).toBe(create2ProxyCode)
  await askChain(world.chain, 'anvil_setCode', [create2Proxy, '0x'])
  const { code, err } = await deploy(...byKey())
  await askChain(world.chain, 'anvil_setCode', [create2Proxy, create2ProxyCode])
  expect([code, err]).toEqual([1, expect.stringMatching(/the deterministic deployment proxy is not at 0x4e59/)])
})

test('npm run deploy:contract is this script', () => {
  const scripts = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')).scripts as Record<
    string,
    string
  >
  const [, script = ''] = scripts['deploy:contract']?.split(' ') ?? []
  const run = spawnSync(process.execPath, ['--import', 'tsx', script, '--help'], {
    cwd: packageRoot(),
    encoding: 'utf8',
  })
  expect(run.status).toBe(0)
  expect(run.stdout).toMatch(/^usage: npm run deploy:contract -- --network mainnet\|sepolia\|URL/)
})
