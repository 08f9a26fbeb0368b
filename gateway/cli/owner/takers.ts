import type { Address } from 'viem'
import { dayOf, ownerOf, type Registration, type WrappedName, wrapperFuses } from './registration.ts'

/** Somebody who could take a name from its owner; `who` null for anybody, or where the chain does not say. */
export type Taker = { who: Address | null; how: string }

/**
 * Who could take a name: the owners above it, unless the NameWrapper keeps the parent out (PARENT_CANNOT_CONTROL); the registrant of a .eth
 * name whose registry entry somebody else holds; and after expiry and grace anybody.
 */
export function takersOf(registration: Registration, nameWrapper: Address | null): Taker[] {
  return [...parentsOf(registration), ...registrantOf(registration, nameWrapper), ...expiryOf(registration)]
}

function parentsOf({ ensName, registryOwner, wrapped, ancestors }: Registration): Taker[] {
  const takers: Taker[] = []
  let [below, holder] = [ensName, { wrapped, isRegistered: ownerOf({ registryOwner, wrapped }) !== null }]
  for (const { name, owner, wrapped: parent } of ancestors) {
    if (isEmancipated(holder.wrapped)) return takers
    const how = holder.isRegistered
      ? `owns ${name}, and may give ${below} to somebody else`
      : `owns ${name}, and may register ${below}`
    if (owner !== null) takers.push({ who: owner, how })
    ;[below, holder] = [name, { wrapped: parent, isRegistered: owner !== null }]
  }
  const topLevel = below.split('.').at(-1) ?? ''
  if (topLevel === 'eth' || isEmancipated(holder.wrapped)) return takers
  return [
    ...takers,
    { who: null, how: `whoever controls .${topLevel} in ENS, or ${below} in the DNS, may give it to somebody else` },
  ]
}

function isEmancipated(wrapped: WrappedName | null): boolean {
  return wrapped !== null && (wrapped.fuses & wrapperFuses.parentCannotControl) !== 0
}

function registrantOf(
  { secondLevel, ensName, registryOwner, ancestors }: Registration,
  nameWrapper: Address | null,
): Taker[] {
  const registrant = secondLevel?.registrant ?? null
  if (secondLevel === null || registrant === null || registrant === nameWrapper) return []
  const holder = secondLevel.name === ensName ? registryOwner : (ancestors.at(-1)?.owner ?? null)
  if (holder === registrant) return []
  return [{ who: registrant, how: `is the registrant of ${secondLevel.name}, and may reclaim it in the registry` }]
}

function expiryOf({ secondLevel, wrapped, ensName }: Registration): Taker[] {
  const takers: Taker[] = []
  if (secondLevel?.graceEndsAt != null) {
    const until = `${secondLevel.name} expires on ${dayOf(secondLevel.expiresAt ?? 0n)}`
    takers.push({ who: null, how: `${until}; after ${dayOf(secondLevel.graceEndsAt)} anybody may register it` })
  }
  if (wrapped !== null && wrapped.expiresAt > 0n && secondLevel?.name !== ensName) {
    takers.push({
      who: null,
      how: `in the NameWrapper ${ensName} expires on ${dayOf(wrapped.expiresAt)}; then its parent has it`,
    })
  }
  return takers
}
