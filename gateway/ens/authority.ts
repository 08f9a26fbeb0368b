import type { Address, Hex } from 'viem'
import { nodeOf } from './name.ts'

/**
 * Raw answers of the ENS registry, the NameWrapper and the .eth registrar at one block. Pure callers bring their own: RPC in
 * production, a table in the vectors. Zero addresses come back as null.
 */
export type EnsFacts = {
  blockTime: bigint
  wrapper: Address | null
  registryOwner(node: Hex): Promise<Address | null>
  registryResolver(node: Hex): Promise<Address | null>
  wrappedOwner(node: Hex): Promise<Address | null>
  /** Registrar expiry (unix seconds) of a .eth second-level name, by its label; null when never registered. */
  expiryOf(label: string): Promise<bigint | null>
}

/** Who has the authority of a name, and whether its resolver is the contract asked for. */
export type FoundAuthority = { reachable: boolean; authorityName: string | null; owner: Address | null }

/** The .eth registrar keeps an expired name for its owner this long (protocol 3: 90 days). */
const graceSeconds = 90n * 24n * 60n * 60n

/**
 * Row 2 of the check order: first non-zero resolver on the path, and the deepest owned suffix of two or more labels. All facts are
 * asked for at once, so that a reader may batch them.
 */
export async function findAuthority(ensName: string, resolver: Address, facts: EnsFacts): Promise<FoundAuthority> {
  const suffixes = suffixesOf(ensName)
  const [resolvers, owners, lapsed] = await Promise.all([
    Promise.all(suffixes.map((name) => facts.registryResolver(nodeOf(name)))),
    Promise.all(suffixes.slice(0, -1).map((name) => ownerOf(nodeOf(name), facts))),
    hasLapsed(suffixes.at(-2), facts),
  ])
  const reachable = isSame(resolvers.find(isSet) ?? null, resolver)
  const deepest = lapsed ? -1 : owners.findIndex(isSet)
  return { reachable, authorityName: suffixes[deepest] ?? null, owner: owners[deepest] ?? null }
}

/** `web.acme.eth`, `acme.eth`, `eth`: from the name itself to its top-level domain; none for the root. */
function suffixesOf(ensName: string): string[] {
  const labels = ensName === '' ? [] : ensName.split('.')
  return labels.map((_, position) => labels.slice(position).join('.'))
}

/** Protocol 3 `ownerOf`: the registry's owner; if that is the NameWrapper, the wrapper's. */
async function ownerOf(node: Hex, facts: EnsFacts): Promise<Address | null> {
  const owner = await facts.registryOwner(node)
  return owner !== null && isSame(owner, facts.wrapper) ? facts.wrappedOwner(node) : owner
}

/** Whether a .eth second-level name is past expiry and grace, or was never registered: then nothing at or below it has an owner. */
async function hasLapsed(secondLevelName: string | undefined, facts: EnsFacts): Promise<boolean> {
  const [label, topLevel, ...more] = secondLevelName?.split('.') ?? []
  if (label === undefined || topLevel !== 'eth' || more.length > 0) return false
  const expiresAt = await facts.expiryOf(label)
  return expiresAt === null || facts.blockTime > expiresAt + graceSeconds
}

function isSet(address: Address | null): boolean {
  return address !== null && BigInt(address) !== 0n
}

function isSame(a: Address | null, b: Address | null): boolean {
  return a !== null && b !== null && a.toLowerCase() === b.toLowerCase()
}
