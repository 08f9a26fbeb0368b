import { encodeAbiParameters, encodeFunctionData, type Hex } from 'viem'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeTagLookup, gatewayUrlTemplates } from '../../gateway/ens/lookup.ts'
import { type Chain, makeFolder, startGateway } from '../lab.ts'
import { publishList } from '../lists.ts'
import { createRow, type Row } from '../row.ts'
import { tagAt } from '../tags.ts'

/** Names of their own in the registry, one per size of list. */
export const gasNames = ['gas10.eth', 'gas1000.eth', 'gas10000.eth']

/** Gas that the contract's callback spends on a present tag, everything cold, for an owner that is an ordinary account. */
export async function measureGas(chain: Chain, sizes: readonly number[]): Promise<Row[]> {
  const { ready, stop } = await startGateway(chain, makeFolder())
  const rows: Row[] = []
  for (const size of sizes) {
    for (const [kind, ensName] of [
      ['', `gas${size}.eth`],
      [', unregistered subname', `sub.gas${size}.eth`],
    ] as const) {
      await publishList(ready.gateway, chain, ensName, size)
      const gas = await callbackGas(chain, ready.gateway, encodeTagLookup(ensName, tagAt(size >> 1), 'text'))
      rows.push(createRow(`callback, ${size} tags${kind}`, 'gas', 1, gas))
    }
  }
  await stop()
  return rows
}

async function callbackGas(chain: Chain, gateway: string, callData: Hex): Promise<number> {
  const { get } = gatewayUrlTemplates(gateway, chain.chainId, chain.resolver)
  const answer = await fetch(get.replace('{sender}', chain.resolver).replace('{data}', callData))
  const { data } = (await answer.json()) as { data: Hex }
  const extraData = encodeAbiParameters([{ type: 'bytes' }, { type: 'address' }], [callData, chain.resolver])
  return traceGas(
    chain,
    encodeFunctionData({ abi: mooringResolverAbi, functionName: 'resolveCallback', args: [data, extraData] }),
  )
}

/** What the code itself spent: what it began with less what it had left, so neither the transaction's own price nor callData's. */
async function traceGas(chain: Chain, data: Hex): Promise<number> {
  const options = { disableStack: true, disableStorage: true, enableMemory: false }
  const params = [{ to: chain.resolver, data, gas: '0x1c9c380' }, 'latest', options]
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'debug_traceCall', params })
  const response = await fetch(chain.rpc, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  type Step = { gas: number; gasCost: number; depth: number }
  const { result, error } = (await response.json()) as {
    result?: { failed: boolean; returnValue: string; structLogs: Step[] }
    error?: object
  }
  const [first, last] = [result?.structLogs[0], result?.structLogs.at(-1)]
  if (!result || result.failed || !first || !last)
    throw new Error(`debug_traceCall: ${JSON.stringify(error ?? result?.returnValue)}`)
  return first.gas - last.gas + last.gasCost
}
