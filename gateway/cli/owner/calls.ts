import { type Address, encodeFunctionData, type Hex, zeroAddress } from 'viem'
import { mooringResolverAbi } from '../../ens/abi.ts'
import { encodeDnsName } from '../../ens/name.ts'
import type { Policy } from '../../tags/authority.ts'
import { type SignedList, ZERO_HASH } from '../../tags/list.ts'
import type { Transaction } from './transaction.ts'

/** Which contract a call is for, and about which name (ENS form, `web.acme.eth`). */
export type CallTarget = { resolver: Address; ensName: string }

const abi = mooringResolverAbi

/** The policy of a name whose owner alone publishes: no publishers at all (protocol 3). */
export const OWNER_ALONE: Policy = { publishers: [], threshold: 1, timestamper: null, maxAgeSeconds: 0 }

/** `setPolicy`: publishers strictly ascending, threshold 1..count; `OWNER_ALONE` goes back to the owner. */
export function callSetPolicy({ resolver, ensName }: CallTarget, policy: Policy): Transaction {
  const { publishers, threshold, timestamper, maxAgeSeconds: maxAge } = policy
  const stored = { publishers, threshold, timestamper: timestamper ?? zeroAddress, maxAge }
  const data = encodeFunctionData({ abi, functionName: 'setPolicy', args: [encodeDnsName(ensName), stored] })
  const who = publishers.length === 0 ? 'the owner alone' : `${threshold} of ${publishers.length} publishers`
  return { to: resolver, data, summary: `set the policy of ${ensName} to ${who}` }
}

/** `setGateways`: base URLs without a final slash; none goes back to the deployment's. */
export function callSetGateways({ resolver, ensName }: CallTarget, baseUrls: readonly string[]): Transaction {
  const data = encodeFunctionData({ abi, functionName: 'setGateways', args: [encodeDnsName(ensName), baseUrls] })
  const what = baseUrls.length === 0 ? "the deployment's" : baseUrls.join(' ')
  return { to: resolver, data, summary: `set the gateways of ${ensName} to ${what}` }
}

/** `setFallback`: the resolver that keeps a name's other records; null goes back to the deployment's. */
export function callSetFallback({ resolver, ensName }: CallTarget, fallback: Address | null): Transaction {
  const args = [encodeDnsName(ensName), fallback ?? zeroAddress] as const
  const data = encodeFunctionData({ abi, functionName: 'setFallback', args })
  const what = fallback ?? "the deployment's"
  return { to: resolver, data, summary: `set the fallback resolver of ${ensName} to ${what}` }
}

/** `revoke`, by the owner: permanent. */
export function callRevoke({ resolver, ensName }: CallTarget, key: Address): Transaction {
  const data = encodeFunctionData({ abi, functionName: 'revoke', args: [encodeDnsName(ensName), key] })
  return { to: resolver, data, summary: `revoke ${key} for ${ensName}` }
}

/** `revokeBySignature`, by anyone: `signature` is the key's over its own Revocation (protocol 2.2). */
export function callRevokeBySignature({ resolver, ensName }: CallTarget, key: Address, signature: Hex): Transaction {
  const args = [encodeDnsName(ensName), key, signature] as const
  const data = encodeFunctionData({ abi, functionName: 'revokeBySignature', args })
  return { to: resolver, data, summary: `revoke ${key} for ${ensName}, by its own signature` }
}

/** `reset`: the name's epoch goes up by one. */
export function callReset({ resolver, ensName }: CallTarget): Transaction {
  const data = encodeFunctionData({ abi, functionName: 'reset', args: [encodeDnsName(ensName)] })
  return { to: resolver, data, summary: `reset ${ensName}` }
}

/** `anchor`: 1 <= version < 2^53; null clears the anchor and leaves the floor. */
export function callAnchor(
  { resolver, ensName }: CallTarget,
  anchored: { version: bigint; list: Hex } | null,
): Transaction {
  const { version, list } = anchored ?? { version: 0n, list: ZERO_HASH }
  const data = encodeFunctionData({ abi, functionName: 'anchor', args: [encodeDnsName(ensName), version, list] })
  const what =
    anchored === null ? `clear the anchor of ${ensName}` : `anchor version ${version} of ${ensName} as ${list}`
  return { to: resolver, data, summary: what }
}

/** `checkpoint`, by anyone: raises the floor to the version of a signed list. */
export function callCheckpoint({ resolver, ensName }: CallTarget, signed: SignedList): Transaction {
  const { name: _name, node: _node, ...header } = signed.list
  const args = [encodeDnsName(ensName), header, signed.signatures] as const
  const data = encodeFunctionData({ abi, functionName: 'checkpoint', args })
  return { to: resolver, data, summary: `raise the floor of ${ensName} to version ${signed.list.version}` }
}
