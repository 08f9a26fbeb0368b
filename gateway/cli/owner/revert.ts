import { BaseError, decodeErrorResult, type Hex, isHex, parseAbi } from 'viem'
import { mooringResolverAbi } from '../../ens/abi.ts'

/** Solidity's own, and errors of the contracts of ENS that an owner's transaction may meet, as those on mainnet declare them. */
const otherErrorsAbi = parseAbi([
  'error Error(string text)',
  'error Panic(uint256 code)',
  'error Unauthorised(bytes32 node, address addr)',
  'error Unauthorised()',
  'error OperationProhibited(bytes32 node)',
])

/** Why a chain or a signer said no: the name of a contract's error where there is one, and one line for people. */
export type ReadRefusal = { reason: string | null; message: string }

/**
 * What a JSON-RPC endpoint meant by its error answer, the contract's error decoded; null when the endpoint did not answer at all, which
 * says nothing about the transaction.
 */
export function readRpcRefusal(error: unknown): ReadRefusal | null {
  if (!(error instanceof BaseError)) return null
  let said: string | null = null
  let revert: ReadRefusal | null = null
  error.walk((cause) => {
    const { name, details, data } = cause as { name?: string; details?: string; data?: unknown }
    if (name === 'RpcRequestError') said = oneLine(details ?? String(cause))
    revert ??= revertIn(data)
    return false
  })
  return revert ?? (said === null ? null : { reason: null, message: said })
}

/** Endpoints put the revert bytes into `data`, or one level deeper. */
function revertIn(data: unknown): ReadRefusal | null {
  const inner = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
  return isHex(inner) && inner.length >= 10 ? readRevert(inner) : null
}

/** The error that a call reverted with, by its name; a text (`Error(string)`) as it is, unknown bytes by their selector. */
export function readRevert(data: Hex): ReadRefusal {
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...mooringResolverAbi, ...otherErrorsAbi], data })
    if (errorName !== 'Error' && errorName !== 'Panic') {
      return { reason: errorName, message: `the contract refuses with ${errorName}` }
    }
    return { reason: null, message: `the contract refuses: ${oneLine(String(args?.[0]))}` }
  } catch {
    return { reason: null, message: `the contract refuses with an error that is not ours (${data.slice(0, 10)})` }
  }
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 300) ?? ''
}
