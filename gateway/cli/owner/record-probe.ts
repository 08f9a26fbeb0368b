import {
  type Address,
  createClient,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseAbi,
} from 'viem'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { addressOrNull } from '../../chain/ens-facts.ts'
import { rpcTransport } from '../../chain/rpc.ts'
import { universalResolverAbi } from '../../ens/abi.ts'
import { encodeGetter } from '../../ens/lookup.ts'
import { encodeDnsName, nodeOf } from '../../ens/name.ts'
import type { Connection } from '../client/connect.ts'
import { revertDataOf } from './revert.ts'

/** What a call gave: bytes, `offchain` for a lookup that wants a gateway (ERC-3668), null for nothing or a refusal. */
export type Probed = Hex | 'offchain' | null

/** Records that names commonly have, each with its getter's callData. */
export function commonRecords(ensName: string): { record: string; callData: Hex }[] {
  const node = nodeOf(ensName)
  const texts = ['avatar', 'url', 'description', 'email', 'com.github', 'com.twitter', 'header']
  return [
    { record: 'addr', callData: encodeFunctionData({ abi: gettersAbi, functionName: 'addr', args: [node] }) },
    {
      record: 'contenthash',
      callData: encodeFunctionData({ abi: gettersAbi, functionName: 'contenthash', args: [node] }),
    },
    ...texts.map((key) => ({ record: `text ${key}`, callData: encodeGetter(ensName, key, 'text') })),
  ]
}

const gettersAbi = parseAbi([
  'function addr(bytes32 node) view returns (address)',
  'function contenthash(bytes32 node) view returns (bytes)',
])

const offchainLookup = '0x556f1830'
const timeoutMs = 10_000

/** Asks contracts of the connection's first endpoint, gateways never. */
export function createProbe({ rpcUrls, universalResolver }: Pick<Connection, 'rpcUrls' | 'universalResolver'>) {
  const client = createClient({
    transport: rpcTransport(rpcUrls[0], { batch: true, timeout: timeoutMs }),
    ccipRead: false,
  })
  const ask = async (to: Address, data: Hex, blockNumber: bigint): Promise<Probed> => {
    try {
      const block = numberToHex(blockNumber)
      const answer = await client.request({ method: 'eth_call', params: [{ to, data }, block] })
      return answer === '0x' ? null : answer
    } catch (error) {
      const revert = revertDataOf(error)
      if (revert === undefined) throw new ChainUnavailable(`${rpcUrls[0]} cannot be asked`, { cause: error })
      return revert?.startsWith(offchainLookup) ? 'offchain' : null
    }
  }
  /** A record as ENS clients get it. */
  const throughEns = async (ensName: string, callData: Hex, blockNumber: bigint): Promise<Probed> => {
    const args = [encodeDnsName(ensName), callData] as const
    const question = encodeFunctionData({ abi: universalResolverAbi, functionName: 'resolve', args })
    const answer = await ask(universalResolver, question, blockNumber)
    if (answer === null || answer === 'offchain') return answer
    const [result] = decodeFunctionResult({ abi: universalResolverAbi, functionName: 'resolve', data: answer })
    return result === '0x' ? null : result
  }
  const hasCode = async (address: Address): Promise<boolean> => {
    const question = client.request({ method: 'eth_getCode', params: [address, 'latest'] })
    const code = await question.catch((error: unknown) => {
      throw new ChainUnavailable(`${rpcUrls[0]} cannot be asked`, { cause: error })
    })
    return code !== '0x'
  }
  /** Which resolver the Universal Resolver finds for a name; null for none. */
  const findResolver = async (ensName: string, blockNumber: bigint): Promise<Address | null> => {
    const args = [encodeDnsName(ensName)] as const
    const question = encodeFunctionData({ abi: universalResolverAbi, functionName: 'findResolver', args })
    const answer = await ask(universalResolver, question, blockNumber)
    return answer === null || answer.length < 66 ? null : addressOrNull(`0x${answer.slice(26, 66)}`)
  }
  return { ask, throughEns, findResolver, hasCode }
}

/** Asks contracts. @throws ChainUnavailable, each of its functions */
export type Probe = ReturnType<typeof createProbe>

/** Whether an answer holds nothing: no bytes, zero, an empty string. */
export function isEmptyRecord(answer: Probed): boolean {
  return answer === null || /^0x0*(20)?0*$/.test(answer)
}
