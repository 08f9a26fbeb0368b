import type { Abi, Hex } from 'viem'
import type { FlatChain } from '../../test/flat-chain.ts'

/** One JSON-RPC request. */
export type RpcRequest = { method: string; params: readonly unknown[] }
/** What came back for one request of a batch. */
export type RpcAnswer = { id: number; result?: unknown; error?: { code: number; message: string; data?: unknown } }
/** Runtime code, or nothing where it stands on the chain already. */
export type ContractCode = { wrapper?: Hex; resolver?: Hex }
export type Contracts = {
  registry: Hex
  registrar: Hex
  harnessCode: Hex
  codeFor(wrapper: Hex): Promise<Required<ContractCode>>
}
export type StateOverrides = Record<string, { code?: Hex; stateDiff?: Record<Hex, Hex> }>

export function startAnvil(): Promise<{ url: string; stop(): void }>
export function rpcBatch(url: string, requests: readonly RpcRequest[]): Promise<RpcAnswer[]>
export function rpc(url: string, method: string, params: readonly unknown[]): Promise<unknown>
export function artifact(contract: string): { abi: Abi; bytecode: Hex; storageLayout: unknown }
export function deployContracts(url: string): Promise<Contracts>
export function overridesOf(chain: FlatChain, contracts: Contracts, code: ContractCode): StateOverrides
export function returning(bytes: Hex | null): Hex
