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
  const revert = revertDataOf(error)
  if (revert === undefined) return null
  if (revert !== null) return readRevert(revert)
  const answer = (error as BaseError).walk((cause) => (cause as { name?: string }).name === 'RpcRequestError')
  const { details } = answer as { details?: string }
  return { reason: null, message: oneLine(details ?? String(answer)) }
}

/** The bytes that a call reverted with, null for an error answer without any, undefined when the endpoint did not answer. */
export function revertDataOf(error: unknown): Hex | null | undefined {
  if (!(error instanceof BaseError)) return undefined
  let answered = false
  let revert: Hex | null = null
  error.walk((cause) => {
    const { name, data } = cause as { name?: string; data?: unknown }
    answered ||= name === 'RpcRequestError'
    revert ??= revertBytes(data)
    return false
  })
  return answered || revert !== null ? revert : undefined
}

/** Endpoints put the revert bytes into `data`, or one level deeper. */
function revertBytes(data: unknown): Hex | null {
  const inner = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
  return isHex(inner) && inner.length >= 10 ? inner : null
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
