import {
  type Address,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  hexToBigInt,
  keccak256,
  stringToHex,
} from 'viem'
import { addressOrNull, type CallAtBlock, createEnsFacts, type EnsContracts } from '../../chain/ens-facts.ts'
import { nameWrapperAbi, registrarAbi } from '../../ens/abi.ts'
import type { EnsFacts } from '../../ens/authority.ts'
import { nodeOf } from '../../ens/name.ts'

/** Bits of the NameWrapper's fuses that matter here. */
export const wrapperFuses = { cannotSetResolver: 8, parentCannotControl: 0x10000 } as const

/** A name inside the NameWrapper. `owner` is null once it has expired there. Times are unix seconds, 0 for never. */
export type WrappedName = { owner: Address | null; fuses: number; expiresAt: bigint }

/** The .eth second-level name at or above a name. `expiresAt` null: never registered. Times are unix seconds. */
export type SecondLevelName = {
  name: string
  expiresAt: bigint | null
  /** Last second in which its owner may still renew it. */
  graceEndsAt: bigint | null
  /** Who holds the registrar's token, and may reclaim the name in the registry; null when expired or not told. */
  registrant: Address | null
}

/** How exactly this name, and no name above it, is registered in ENS. */
export type Registration = {
  ensName: string
  node: Hex
  /** Null when the registry knows no owner: then the name is part of one above it. */
  registryOwner: Address | null
  /** The registry's own entry, not an inherited one. */
  resolver: Address | null
  /** Null when it is not wrapped. */
  wrapped: WrappedName | null
  /** Null for names that do not end in .eth, and where the chain has no registrar. */
  secondLevel: SecondLevelName | null
  /** Names above it, of two labels and more, nearest first; `owner` null for those that nobody owns. */
  ancestors: readonly { name: string; owner: Address | null; wrapped: WrappedName | null }[]
}

/** The owner of the name itself: in the NameWrapper when it is there. Null when it has none of its own. */
export function ownerOf({ registryOwner, wrapped }: Pick<Registration, 'registryOwner' | 'wrapped'>): Address | null {
  return wrapped === null ? registryOwner : wrapped.owner
}

/** Reads a name's registration, all at the block that `call` is bound to. @throws ChainUnavailable */
export async function readRegistration(
  call: CallAtBlock,
  contracts: EnsContracts,
  ensName: string,
  blockTime: bigint,
): Promise<Registration> {
  const facts = createEnsFacts(call, contracts, blockTime)
  const above = suffixesAbove(ensName)
  const [itself, resolver, secondLevel, ...ancestors] = await Promise.all([
    readHolder(call, contracts, facts, ensName),
    facts.registryResolver(nodeOf(ensName)),
    readSecondLevel(call, contracts.registrar, facts, ensName),
    ...above.map((name) => readHolder(call, contracts, facts, name)),
  ])
  return {
    ...{ ensName, node: nodeOf(ensName), resolver, secondLevel, ...itself },
    ancestors: ancestors.map((holder, position) => {
      return { name: above[position] ?? '', owner: ownerOf(holder), wrapped: holder.wrapped }
    }),
  }
}

/** `b.c.eth` and `c.eth` for `a.b.c.eth`: at least two labels. */
function suffixesAbove(ensName: string): string[] {
  const labels = ensName.split('.')
  return labels.slice(1, -1).map((_, position) => labels.slice(position + 1).join('.'))
}

type Holder = Pick<Registration, 'registryOwner' | 'wrapped'>

async function readHolder(
  call: CallAtBlock,
  { nameWrapper }: EnsContracts,
  facts: EnsFacts,
  name: string,
): Promise<Holder> {
  const registryOwner = await facts.registryOwner(nodeOf(name))
  if (registryOwner === null || nameWrapper === null || registryOwner !== nameWrapper)
    return { registryOwner, wrapped: null }
  const owner = await facts.wrappedOwner(nodeOf(name))
  const args = [hexToBigInt(nodeOf(name))] as const
  const data = await call(nameWrapper, encodeFunctionData({ abi: nameWrapperAbi, functionName: 'getData', args }))
  const [, fuses, expiresAt] = data === undefined || data === '0x' ? [null, 0, 0n] : decodeData(data)
  return { registryOwner, wrapped: { owner, fuses, expiresAt } }
}

function decodeData(data: Hex) {
  return decodeFunctionResult({ abi: nameWrapperAbi, functionName: 'getData', data })
}

async function readSecondLevel(
  call: CallAtBlock,
  registrar: Address | null,
  facts: EnsFacts,
  ensName: string,
): Promise<SecondLevelName | null> {
  const [label, topLevel] = ensName.split('.').slice(-2)
  if (registrar === null || label === undefined || topLevel !== 'eth') return null
  const tokenId = hexToBigInt(keccak256(stringToHex(label)))
  const question = encodeFunctionData({ abi: registrarAbi, functionName: 'ownerOf', args: [tokenId] })
  const [expiresAt, holder, grace] = await Promise.all([
    facts.expiryOf(label),
    call(registrar, question),
    call(registrar, encodeFunctionData({ abi: registrarAbi, functionName: 'GRACE_PERIOD' })),
  ])
  const registrant = holder?.length === 66 ? addressOrNull(`0x${holder.slice(26)}`) : null
  const graceSeconds = grace?.length === 66 ? hexToBigInt(grace) : 0n
  return {
    ...{ name: `${label}.eth`, expiresAt, registrant },
    graceEndsAt: expiresAt === null ? null : expiresAt + graceSeconds,
  }
}

/** Where a .eth name is in its life at a time of the chain. */
export function lifeOf(secondLevel: SecondLevelName, time: bigint): 'registered' | 'grace' | 'lapsed' | 'never' {
  const { expiresAt, graceEndsAt } = secondLevel
  if (expiresAt === null || graceEndsAt === null) return 'never'
  if (time <= expiresAt) return 'registered'
  return time <= graceEndsAt ? 'grace' : 'lapsed'
}

/** `2026-11-21`. */
export function dayOf(seconds: bigint): string {
  return seconds > 8_640_000_000_000n ? 'the end of time' : new Date(Number(seconds) * 1000).toISOString().slice(0, 10)
}
