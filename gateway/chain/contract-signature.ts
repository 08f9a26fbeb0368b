import { type Address, concat, encodeFunctionData, type Hex, pad, stringToHex } from 'viem'
import { ChainUnavailable } from './chain-reader.ts'
import type { Rpc } from './rpc.ts'

// As data: what parses such texts would be deployed with every Worker.
const erc1271Abi = [
  {
    ...{ type: 'function', name: 'isValidSignature', stateMutability: 'view' },
    inputs: [
      { name: 'hash', type: 'bytes32' },
      { name: 'signature', type: 'bytes' },
    ],
    outputs: [{ name: '', type: 'bytes4' }],
  },
] as const

/** One word. Only the code below begins its answer so: an endpoint that ran other code is found out. */
const marker = stringToHex('mooring: static isValidSignature')

/**
 * Stands in place of the resolver's code for one `eth_call`. Calldata is a signer and the call for it; the answer is the marker, then
 * the first word of what the signer returned to a static call, where it returned that much.
 */
const staticAsker = concat([
  '0x60203603806020600037', // memory 0: the call, which is calldata behind its first word
  '0x60006000826000', // STATICCALL with it, nothing copied back
  '0x6000355afa', // of the signer, with all gas
  concat(['0x7f', marker, '0x600052']), // memory 0: the marker
  '0x601f3d111660051b', // 32 if the call held and returned 32 bytes or more, else 0
  '0x80600060203e', // memory 32: as many bytes of the return data
  '0x6020016000f3', // RETURN both
])

/** Which resolver's callback would ask, over which endpoint, at which block. */
export type SignatureQuestion = { rpc: Rpc; resolver: Address; blockNumber: bigint }

/**
 * ERC-1271 as the resolver's callback asks it (protocol 2.3): a static call, in the resolver's name. Returns the first word of the
 * return data; undefined when there is none, without code, or when the call fails. An endpoint that cannot run other code in the
 * resolver's place is asked by a plain call in its name, which differs for an account that writes before it approves.
 * @throws ChainUnavailable
 */
export async function askIsValidSignature(
  { rpc, resolver, blockNumber }: SignatureQuestion,
  signer: Address,
  hash: Hex,
  signature: Hex,
): Promise<Hex | undefined> {
  const callData = encodeFunctionData({ abi: erc1271Abi, functionName: 'isValidSignature', args: [hash, signature] })
  const call = { to: resolver, callData: concat([pad(signer), callData]), codeInPlace: staticAsker }
  const answer = await rpc.callWith(call, blockNumber).catch(noAnswer)
  if (answer?.startsWith(marker)) return answer.length < 2 + 128 ? undefined : `0x${answer.slice(2 + 64, 2 + 128)}`
  const plain = await rpc.callWith({ to: signer, callData, from: resolver }, blockNumber)
  return plain === undefined || plain.length < 2 + 64 ? undefined : `0x${plain.slice(2, 2 + 64)}`
}

/** Some endpoints refuse the third argument of `eth_call`. */
function noAnswer(error: unknown): undefined {
  if (!(error instanceof ChainUnavailable)) throw error
}
