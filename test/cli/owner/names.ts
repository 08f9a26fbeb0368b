import { type Abi, type Address, encodeFunctionData, type Hex, keccak256, stringToHex } from 'viem'
import type { DevChain } from '../../../gateway/cli/dev-chain.ts'
import { ensRegistryAbi, nameWrapperAbi, publicResolverAbi, registrarAbi } from '../../../gateway/ens/abi.ts'
import { nodeOf } from '../../../gateway/ens/name.ts'

/** What anybody does with ENS on a development chain, one call each. */
export function createNameDesk(chain: DevChain) {
  const { ensRegistry, registrar, nameWrapper, fallbackResolver } = chain.addresses
  const call = (from: Address, to: Address, abi: Abi, functionName: string, args: readonly unknown[]) =>
    chain.send({ from, to, data: encodeFunctionData({ abi, functionName, args }) })
  const registry = (from: Address, functionName: string, ...args: unknown[]) =>
    call(from, ensRegistry, ensRegistryAbi, functionName, args)
  const wrapper = (from: Address, functionName: string, ...args: unknown[]) =>
    call(from, nameWrapper, nameWrapperAbi, functionName, args)
  return {
    registry,
    wrapper,
    /** A second-level name of .eth for `seconds`, with the chain's public resolver or another. */
    async register(label: string, owner: Address, resolver: Address | null = fallbackResolver, seconds = 31_536_000) {
      const expiresAt = BigInt(await timeOf(chain)) + BigInt(seconds)
      await call(owner, registrar, registrarAbi, 'register', [label, owner, expiresAt])
      if (resolver !== null) await registry(owner, 'setResolver', nodeOf(`${label}.eth`), resolver)
    },
    /** A subname of its own, by the parent's owner. */
    subname(parentOwner: Address, parent: string, label: string, owner: Address, resolver: Address) {
      const args = [nodeOf(parent), keccak256(stringToHex(label)), owner, resolver, 0n]
      return registry(parentOwner, 'setSubnodeRecord', ...args)
    },
    /** Into the NameWrapper; `expiresAt` 0 for a name that does not expire there. */
    async wrap(name: string, owner: Address, expiresAt = 0n, hasGrace = false) {
      await registry(owner, 'setApprovalForAll', nameWrapper, true)
      await wrapper(owner, 'wrap', nodeOf(name), owner, expiresAt, hasGrace)
    },
    setText: (owner: Address, name: string, key: string, value: string) =>
      call(owner, fallbackResolver, publicResolverAbi, 'setText', [nodeOf(name), key, value]),
    setAddr: (owner: Address, name: string, address: Address) =>
      chain.send({ from: owner, to: fallbackResolver, data: setAddrOf(name, address) }),
  }
}

/** `setAddr` has two forms in the public resolver. */
function setAddrOf(name: string, address: Address): Hex {
  const abi = [
    {
      type: 'function',
      name: 'setAddr',
      stateMutability: 'nonpayable',
      inputs: [
        { name: 'node', type: 'bytes32' },
        { name: 'a', type: 'address' },
      ],
      outputs: [],
    },
  ] as const
  return encodeFunctionData({ abi, functionName: 'setAddr', args: [nodeOf(name), address] })
}

/** The time of the chain's latest block. */
export async function timeOf(chain: DevChain): Promise<number> {
  const { timestamp } = (await askChain(chain, 'eth_getBlockByNumber', ['latest', false])) as { timestamp: Hex }
  return Number(timestamp)
}

/** Moves the chain's clock and mines a block. */
export async function passTime(chain: DevChain, seconds: number): Promise<void> {
  await askChain(chain, 'evm_increaseTime', [seconds])
  await askChain(chain, 'evm_mine', [])
}

/** One JSON-RPC request. */
export async function askChain(chain: DevChain, method: string, params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const headers = { 'content-type': 'application/json' }
  const answer = (await (await fetch(chain.rpc, { method: 'POST', headers, body })).json()) as {
    result?: unknown
    error?: { message: string }
  }
  if (answer.error) throw new Error(`${method}: ${answer.error.message}`)
  return answer.result
}
