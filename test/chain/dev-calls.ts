import {
  type Abi,
  type Address,
  createClient,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  http,
  isHex,
  numberToHex,
  parseEther,
} from 'viem'
import type { DevChain } from '../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi } from '../../gateway/ens/abi.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { addressOf, testKeys } from '../fixtures.ts'

/** Anvil's first account deploys what a test adds to a development chain. */
const deployer = addressOf(testKeys.owner)

/** One JSON-RPC question. @throws RpcRequestError with the endpoint's own words */
export async function ask<Answer>(rpc: string, method: string, params: readonly unknown[]): Promise<Answer> {
  const client = createClient({ transport: http(rpc, { retryCount: 0 }), cacheTime: 0 })
  return (await client.request({ method, params } as never)) as Answer
}

/** Deploys as anvil's first account and says where the contract is. */
export async function deploy(dev: DevChain, abi: Abi, bytecode: Hex, args: readonly unknown[] = []): Promise<Address> {
  const nonce = BigInt(await ask<Hex>(dev.rpc, 'eth_getTransactionCount', [deployer, 'latest']))
  await dev.send({ from: deployer, data: encodeDeployData({ abi, bytecode, args }) })
  return getContractAddress({ from: deployer, nonce }).toLowerCase() as Address
}

/** Puts code at an address, in a block of its own. */
export async function setCode(dev: DevChain, address: Address, code: Hex): Promise<void> {
  await ask(dev.rpc, 'anvil_setCode', [address, code])
  await ask(dev.rpc, 'evm_mine', [])
}

/** Gives accounts ether, so that they can send. */
export async function fund(dev: DevChain, ...accounts: Address[]): Promise<void> {
  for (const account of accounts) {
    await ask(dev.rpc, 'anvil_setBalance', [account, numberToHex(parseEther('10'))])
  }
}

/** Hands a name over in the registry. */
export async function giveName(dev: DevChain, ensName: string, from: Address, to: Address): Promise<void> {
  const args = [nodeOf(ensName), to] as const
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setOwner', args })
  await dev.send({ from, to: dev.addresses.ensRegistry, data })
}

/** What an `eth_call` came to: the return data, or the data that it reverted with (`0x` for none, out of gas too). */
export type CallOutcome = { ok: true; data: Hex } | { ok: false; data: Hex }

/** `eth_call` at the latest block, nothing followed. `gas` absent gives all that the endpoint allows. */
export async function callRaw(
  rpc: string,
  call: { to: Address; data: Hex; from?: Address; gas?: bigint },
): Promise<CallOutcome> {
  const { gas, ...rest } = call
  const transaction = gas === undefined ? rest : { ...rest, gas: numberToHex(gas) }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [transaction, 'latest'] })
  const response = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { result, error } = (await response.json()) as { result?: Hex; error?: { message: string; data?: unknown } }
  if (result !== undefined) return { ok: true, data: result }
  if (isHex(error?.data)) return { ok: false, data: error.data }
  if (/revert|out ?of ?gas|EVM error/i.test(error?.message ?? '')) return { ok: false, data: '0x' }
  throw new Error(`eth_call: ${error?.message}`)
}
