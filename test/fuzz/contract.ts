import {
  decodeAbiParameters,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseAbiParameters,
  toFunctionSelector,
} from 'viem'
import {
  artifact,
  type Contracts,
  deployContracts,
  overridesOf,
  type RpcAnswer,
  type RpcRequest,
  rpc,
  rpcBatch,
  startAnvil,
} from '../../resolver-contract/script/chain.mjs'
import type { FuzzCase } from './draft.ts'
import { namelessRevert, type Outcome } from './outcome.ts'
import { places } from './signed-list.ts'

/** The real contract on a chain of its own. */
export type ContractUnderTest = {
  /** What the callback says to each case, in order; cases of any place may be mixed. */
  ask(cases: readonly FuzzCase[]): Promise<Outcome[]>
  stop(): void
}

const batchLength = 100
const resolverAbi = artifact('MooringResolver').abi

const errorNames = new Map(
  resolverAbi.flatMap((item) => {
    if (item.type !== 'error') return []
    return [[toFunctionSelector(`${item.name}(${item.inputs.map(({ type }) => type).join(',')})`), item.name] as const]
  }),
)

/** Starts anvil and puts the contract's code at every place, so that a case brings only its state. */
export async function startContract(): Promise<ContractUnderTest> {
  const { url, stop } = await startAnvil()
  try {
    const contracts = await deployContracts(url)
    for (const { resolver, wrapper } of places) {
      const code = await contracts.codeFor(wrapper)
      await rpc(url, 'anvil_setCode', [resolver, code.resolver])
      await rpc(url, 'anvil_setCode', [wrapper, code.wrapper])
    }
    return { ask: (cases) => askAll(url, contracts, cases), stop }
  } catch (error) {
    stop()
    throw error
  }
}

async function askAll(url: string, contracts: Contracts, cases: readonly FuzzCase[]): Promise<Outcome[]> {
  const outcomes = new Map<FuzzCase, Outcome>()
  for (const chainId of new Set(cases.map(({ chain }) => chain.chainId))) {
    await rpc(url, 'anvil_setChainId', [chainId])
    const sameChain = cases.filter(({ chain }) => chain.chainId === chainId)
    for (let start = 0; start < sameChain.length; start += batchLength) {
      const some = sameChain.slice(start, start + batchLength)
      const answers = await rpcBatch(
        url,
        some.map((each) => callOf(each, contracts)),
      )
      some.forEach((each, position) => {
        outcomes.set(each, outcomeOf(answers[position] as RpcAnswer))
      })
    }
  }
  return cases.map((each) => outcomes.get(each) as Outcome)
}

function callOf({ chain, request, response }: FuzzCase, contracts: Contracts): RpcRequest {
  const extraData = encodeAbiParameters(parseAbiParameters('bytes, address'), [request, chain.resolver])
  const data = encodeFunctionData({ abi: resolverAbi, functionName: 'resolveCallback', args: [response, extraData] })
  const overrides = overridesOf(chain, contracts, {})
  return {
    method: 'eth_call',
    params: [{ to: chain.resolver, data }, 'latest', overrides, { time: numberToHex(chain.blockTime) }],
  }
}

function outcomeOf({ result, error }: RpcAnswer): Outcome {
  if (result !== undefined) return { ok: decodeAbiParameters(parseAbiParameters('bytes'), result as Hex)[0] }
  const ranInEvm = error?.code === 3 || /revert|EVM error/i.test(error?.message ?? '')
  if (!ranInEvm) throw new Error(`anvil: ${error?.message}`)
  const revert = typeof error?.data === 'string' ? error.data : '0x'
  return { error: errorNames.get(revert.slice(0, 10) as Hex) ?? namelessRevert }
}
