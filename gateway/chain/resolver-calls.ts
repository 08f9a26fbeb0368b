import { type Address, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem'
import { ensOwnershipAbi, mooringResolverAbi } from '../ens/abi.ts'
import { encodeDnsName } from '../ens/name.ts'
import type { NameAuthority, Policy } from '../tags/authority.ts'
import { ChainUnavailable } from './chain-reader.ts'
import { addressOrNull, type CallAtBlock, type EnsContracts } from './ens-facts.ts'

/** The contract at the resolver's address is not a Mooring resolver, so nothing can be said about lists made for it. */
export class NotMooringResolver extends ChainUnavailable {
  constructor(readonly resolver: Address) {
    super(`the contract at ${resolver} does not answer as a Mooring resolver: check its address and the chain`)
  }
}

/** The ENS contracts that the resolver asks, by way of its ownership adapter. @throws NotMooringResolver, ChainUnavailable */
export async function readEnsContracts(call: CallAtBlock, resolver: Address): Promise<EnsContracts> {
  const adapter = await readAddress(call, resolver, resolver, 'ownership')
  const [ensRegistry, nameWrapper, registrar] = await Promise.all([
    readAddress(call, resolver, adapter, 'ensRegistry'),
    readAddress(call, resolver, adapter, 'nameWrapper'),
    readAddress(call, resolver, adapter, 'registrar'),
  ])
  return { ensRegistry, nameWrapper: addressOrNull(nameWrapper), registrar: addressOrNull(registrar) }
}

const adapterAbi = [...ensOwnershipAbi, ...mooringResolverAbi] as const

type AdapterGetter = 'ownership' | 'ensRegistry' | 'nameWrapper' | 'registrar'

async function readAddress(call: CallAtBlock, resolver: Address, to: Address, getter: AdapterGetter): Promise<Address> {
  const data = await call(to, encodeFunctionData({ abi: adapterAbi, functionName: getter }))
  if (data?.length !== 66) throw new NotMooringResolver(resolver)
  return decodeFunctionResult({ abi: adapterAbi, functionName: getter, data }).toLowerCase() as Address
}

/** The contract's own word on a name; owner null and node zero when nobody owns it. */
export type SaidAuthority = { owner: Address | null; authority: Hex; policy: Policy }

/** What the contract says about who may publish a name. @throws NotMooringResolver, ChainUnavailable */
export async function readPolicyOf(call: CallAtBlock, resolver: Address, ensName: string): Promise<SaidAuthority> {
  const args = [encodeDnsName(ensName)] as const
  const data = await callResolver(
    call,
    resolver,
    encodeFunctionData({ abi: mooringResolverAbi, functionName: 'policyOf', args }),
  )
  const [owner, authority, policy] = decodeFunctionResult({ abi: mooringResolverAbi, functionName: 'policyOf', data })
  return { owner: addressOrNull(owner), authority, policy: policyFrom(policy) }
}

type ContractPolicy = { publishers: readonly Address[]; threshold: number; timestamper: Address; maxAge: number }

function policyFrom({ publishers, threshold, timestamper, maxAge }: ContractPolicy): Policy {
  return {
    publishers: publishers.map((publisher) => publisher.toLowerCase() as Address),
    threshold,
    timestamper: addressOrNull(timestamper),
    maxAgeSeconds: maxAge,
  }
}

/** Epoch, floor and anchor of a name under its present owner. @throws NotMooringResolver, ChainUnavailable */
export async function readStateOf(
  call: CallAtBlock,
  resolver: Address,
  ensName: string,
): Promise<Pick<NameAuthority, 'epoch' | 'minVersion' | 'anchorVersion' | 'anchorHash'>> {
  const args = [encodeDnsName(ensName)] as const
  const data = await callResolver(
    call,
    resolver,
    encodeFunctionData({ abi: mooringResolverAbi, functionName: 'stateOf', args }),
  )
  const [epoch, minVersion, anchorVersion, anchorHash] = decodeFunctionResult({
    abi: mooringResolverAbi,
    functionName: 'stateOf',
    data,
  })
  return { epoch, minVersion, anchorVersion, anchorHash }
}

/** Whether a key was revoked for this name's authority. @throws NotMooringResolver, ChainUnavailable */
export async function readIsRevoked(
  call: CallAtBlock,
  resolver: Address,
  ensName: string,
  key: Address,
): Promise<boolean> {
  const args = [encodeDnsName(ensName), key] as const
  const data = await callResolver(
    call,
    resolver,
    encodeFunctionData({ abi: mooringResolverAbi, functionName: 'isRevoked', args }),
  )
  return decodeFunctionResult({ abi: mooringResolverAbi, functionName: 'isRevoked', data })
}

/** The base URLs of a name's gateways. @throws NotMooringResolver, ChainUnavailable */
export async function readGatewaysOf(
  call: CallAtBlock,
  resolver: Address,
  ensName: string,
): Promise<readonly string[]> {
  const args = [encodeDnsName(ensName)] as const
  const data = await callResolver(
    call,
    resolver,
    encodeFunctionData({ abi: mooringResolverAbi, functionName: 'gatewaysOf', args }),
  )
  return decodeFunctionResult({ abi: mooringResolverAbi, functionName: 'gatewaysOf', data })
}

async function callResolver(call: CallAtBlock, resolver: Address, callData: Hex): Promise<Hex> {
  const data = await call(resolver, callData)
  if (data === undefined || data === '0x') throw new NotMooringResolver(resolver)
  return data
}
