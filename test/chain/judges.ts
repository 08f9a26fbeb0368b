import { decodeAbiParameters, decodeErrorResult, encodeAbiParameters, encodeFunctionData, type Hex } from 'viem'
import { createViemChain } from '../../gateway/chain/viem-chain.ts'
import type { DevChain } from '../../gateway/cli/dev-chain.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { callRaw } from './dev-calls.ts'

/** `resolveCallback(response, extraData)` with the extraData that the contract itself gives out (protocol 4). */
export function callbackCall(dev: DevChain, callData: Hex, response: Hex): Hex {
  const types = [{ type: 'bytes' }, { type: 'address' }] as const
  const extraData = encodeAbiParameters(types, [callData, dev.addresses.resolver])
  const args = [response, extraData] as const
  return encodeFunctionData({ abi: mooringResolverAbi, functionName: 'resolveCallback', args })
}

/** What the contract's callback says: the text of the record, or its error's name. `gas` as `callRaw` has it. */
export async function askCallback(dev: DevChain, callData: Hex, response: Hex, gas?: bigint): Promise<string> {
  const data = callbackCall(dev, callData, response)
  const limit = gas === undefined ? {} : { gas }
  const outcome = await callRaw(dev.rpc, { to: dev.addresses.resolver, data, ...limit })
  return outcome.ok ? textOf(decodeAbiParameters([{ type: 'bytes' }], outcome.data)[0]) : errorNameOf(outcome.data)
}

/** The name of the contract's error in revert data, "no data" for none. */
export function errorNameOf(data: Hex): string {
  if (data === '0x') return 'no data'
  return decodeErrorResult({ abi: mooringResolverAbi, data }).errorName
}

/** What our verifier says, over what the gateway's own reader sees of the chain now. */
export async function askVerifier(dev: DevChain, callData: Hex, response: Hex): Promise<string> {
  const { resolver, ensRegistry } = dev.addresses
  const chain = createViemChain({ rpcUrl: dev.rpc, chainId: dev.chainId, resolver, ensRegistry })
  const localTime = BigInt(Math.floor(Date.now() / 1000))
  const readAuthority = (ensName: string) => chain.readAuthority(ensName)
  try {
    const { result } = await verifyLookup({ callData, response, readAuthority, localTime, memory: null })
    return textOf(result)
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

/** Both at once. */
export async function askBoth(dev: DevChain, callData: Hex, response: Hex) {
  const [contract, verifier] = await Promise.all([
    askCallback(dev, callData, response),
    askVerifier(dev, callData, response),
  ])
  return { contract, verifier }
}

function textOf(record: Hex): string {
  return decodeAbiParameters([{ type: 'string' }], record)[0]
}
