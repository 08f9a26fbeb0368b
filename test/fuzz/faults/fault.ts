import { type Hex, numberToHex } from 'viem'
import type { RefusalName } from '../../../gateway/tags/refusal.ts'
import { hashList } from '../../ens/vector-cases/scenario.ts'
import type { FlatChain } from '../../flat-chain.ts'
import type { Draft } from '../draft.ts'
import type { Random } from '../random.ts'
import type { Place } from '../signed-list.ts'

/**
 * One way to break a lookup that holds. `error` is what a valid draft ends with after it. `apply` says whether the draft has what it
 * breaks; where it does not, the draft is left as it was.
 */
export type Fault = { error: RefusalName; name: string; apply(draft: Draft, random: Random): boolean }

/** The faults of one error name. */
export function faultsOf(error: RefusalName, faults: Readonly<Record<string, Fault['apply']>>): Fault[] {
  return Object.entries(faults).map(([name, apply]) => ({ error, name, apply }))
}

export const maxUint64 = 2n ** 64n - 1n
export const noHash: Hex = `0x${'00'.repeat(32)}`

/** The floor that counts for the draft's list, added where there is none. */
export function floorOf({ list, header, chain }: Draft): FlatChain['floors'][number] {
  const [owner, name, epoch] = [list.owner.address, list.ensName, Number(header.epoch)]
  const known = chain.floors.find((row) => row.owner === owner && row.name === name && row.epoch === epoch)
  if (known !== undefined) return known
  const added = { owner, name, epoch, minVersion: 0, anchorVersion: 0, anchorHash: null }
  chain.floors.push(added)
  return added
}

/** Anchors a hash at the list's version; false for a version that no setter takes. */
export function anchorHash(draft: Draft, hash: Hex): boolean {
  const version = Number(draft.header.version)
  if (!Number.isSafeInteger(version) || version === 0 || !Number.isSafeInteger(Number(draft.header.epoch))) return false
  Object.assign(floorOf(draft), { anchorVersion: version, anchorHash: hash })
  return true
}

/** Lets the list as it now is count without signatures and without a timestamp, so that rows behind them are reached. */
export function anchorList(draft: Draft): boolean {
  const hash = hashAt(draft, draft.place)
  if (hash === undefined) return false
  for (const policy of ownPolicies(draft)) Object.assign(policy, { timestamper: null, maxAge: 0 })
  draft.timestamper = undefined
  return anchorHash(draft, hash)
}

/** The hash of the list as it now is, at a place; undefined where two faults left a number that 64 bits do not hold. */
export function hashAt({ list, header }: Draft, { chainId, resolver }: Place): Hex | undefined {
  const { epoch, version, count, issuedAt, expiresAt } = header
  const numbers = [epoch, version, count, issuedAt, expiresAt]
  if (numbers.some((number) => number < 0n || number > maxUint64)) return undefined
  return hashList(list.ensName, list.node, header, { chainId, verifyingContract: resolver })
}

/** A change of the header that keeps an anchor which stands for the signatures on it. */
export function reheaded(change: (draft: Draft, random: Random) => void): Fault['apply'] {
  return (draft, random) => {
    const anchored = isAnchored(draft)
    change(draft, random)
    return !anchored || anchorList(draft)
  }
}

/** The rows that hold what the list's owner set for the authority. */
export function ownPolicies({ list, authority, chain }: Draft): FlatChain['policies'] {
  return chain.policies.filter(({ owner, name }) => owner === list.owner.address && name === authority)
}

/** Whether the anchor stands for the signatures. */
export function isAnchored({ list, header, chain }: Draft): boolean {
  return chain.floors.some(
    ({ owner, name, epoch, anchorVersion, anchorHash }) =>
      anchorHash !== null &&
      BigInt(anchorVersion) === header.version &&
      BigInt(epoch) === header.epoch &&
      owner === list.owner.address &&
      name === list.ensName,
  )
}

/** Another block time; the .eth expiry keeps its distance. */
export function moveTime({ chain }: Draft, blockTime: number): void {
  for (const row of chain.expiries) row.expiresAt += blockTime - chain.blockTime
  chain.blockTime = blockTime
}

/** The bytes with one bit changed, at a random place or at the byte given; undefined for no bytes. */
export function flipBit(random: Random, hex: Hex, at = random.between(0, (hex.length - 2) / 2 - 1)): Hex {
  return putByte(hex, at, Number(`0x${hex.slice(2 + 2 * at, 4 + 2 * at)}`) ^ (1 << random.between(0, 7)))
}

/** The bytes with one byte written, of a number its last eight bits. */
export function putByte(hex: Hex, at: number, byte: number): Hex {
  return `${hex.slice(0, 2 + 2 * at)}${numberToHex(byte & 255, { size: 1 }).slice(2)}${hex.slice(4 + 2 * at)}` as Hex
}

/** The first so many bytes. */
export function cutTo(hex: Hex, length: number): Hex {
  return hex.slice(0, 2 + 2 * length) as Hex
}

/** Bytes behind one another. */
export function joined(...parts: Hex[]): Hex {
  return `0x${parts.map((part) => part.slice(2)).join('')}`
}

/** Length in bytes. */
export function bytesIn(hex: Hex): number {
  return (hex.length - 2) / 2
}

/** A getter call about another node. */
export function withNode(callData: Hex, node: Hex): Hex {
  return `${callData.slice(0, 10)}${node.slice(2)}${callData.slice(74)}` as Hex
}
