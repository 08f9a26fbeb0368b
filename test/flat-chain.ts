import type { Address, Hex } from 'viem'
import { type EnsFacts, findAuthority } from '../gateway/ens/authority.ts'
import { nodeOf } from '../gateway/ens/name.ts'
import type { NameAuthority, Policy } from '../gateway/tags/authority.ts'
import { ZERO_HASH } from '../gateway/tags/list.ts'

type Owned = { owner: Address; name: string }

/** The flat chain of a lookup vector (docs/vectors.md). */
export type FlatChain = {
  chainId: number
  resolver: Address
  blockTime: number
  wrapper: Address
  owners: { name: string; owner: Address }[]
  resolvers: { name: string; resolver: Address }[]
  wrapped: { name: string; owner: Address }[]
  expiries: { name: string; expiresAt: number }[]
  epochs: { name: string; epoch: number }[]
  policies: (Owned & { publishers: Address[]; threshold: number; timestamper: Address | null; maxAge: number })[]
  floors: (Owned & { epoch: number; minVersion: number; anchorVersion: number; anchorHash: Hex | null })[]
  revoked: (Owned & { key: Address })[]
  gateways?: (Owned & { urls: string[] })[]
  fallbacks?: (Owned & { resolver: Address })[]
  code: { address: Address; returns: Hex | null }[]
}

const zeroAddress: Address = `0x${'00'.repeat(20)}`
/** A .eth name that a case gives no expiry does not expire within it. */
const farFuture = 2n ** 62n

/** A reader of authority over a flat chain: what RPC is in production, through the same `findAuthority`. */
export async function readFlatAuthority(chain: FlatChain, ensName: string): Promise<NameAuthority> {
  const { reachable, authorityName, owner } = await findAuthority(ensName, chain.resolver, factsOf(chain))
  const epoch = chain.epochs.find((row) => row.name === ensName)?.epoch ?? 0
  const floor = chain.floors.find((row) => row.epoch === epoch && isOf(row, owner, ensName))
  return {
    chainId: chain.chainId,
    resolver: lower(chain.resolver),
    ensName,
    node: nodeOf(ensName),
    blockNumber: 1n,
    blockTime: BigInt(chain.blockTime),
    reachable,
    authorityName,
    owner,
    policy: policyOf(chain, owner, authorityName),
    epoch: BigInt(epoch),
    minVersion: BigInt(floor?.minVersion ?? 0),
    anchorVersion: BigInt(floor?.anchorVersion ?? 0),
    anchorHash: lower(floor?.anchorHash ?? ZERO_HASH),
    isRevoked: async (key) => chain.revoked.some((row) => isOf(row, owner, authorityName) && isSame(row.key, key)),
    askContract: async (signer) => chain.code.find((row) => isSame(row.address, signer))?.returns ?? undefined,
  }
}

/** `oci-registry` of a name: the base URLs of its authority's owner. */
export async function readFlatGateways(chain: FlatChain, ensName: string): Promise<readonly string[]> {
  const { authorityName, owner } = await findAuthority(ensName, chain.resolver, factsOf(chain))
  return chain.gateways?.find((row) => isOf(row, owner, authorityName))?.urls ?? []
}

/**
 * What the fallback resolver of a name answers to a getter: the code of the row that stands for it, else a public resolver that holds
 * no record. Error bytes where it fails (protocol 4).
 */
export async function readFlatFallback(chain: FlatChain, ensName: string): Promise<(callData: Hex) => Hex> {
  const { authorityName, owner } = await findAuthority(ensName, chain.resolver, factsOf(chain))
  const set = chain.fallbacks?.find((row) => isOf(row, owner, authorityName))
  if (set === undefined) return (callData) => emptyRecords[callData.slice(0, 10)] ?? unsupported(callData)
  const answer = chain.code.find((row) => isSame(row.address, set.resolver))?.returns ?? '0x'
  return (callData) => (answer === '0x' ? unsupported(callData) : answer)
}

const emptyBytes: Hex = `0x${'20'.padStart(64, '0')}${'0'.repeat(64)}`

/** `addr(bytes32)`, `addr(bytes32,uint256)`, `text(bytes32,string)` and `contenthash(bytes32)` where nothing is set. */
const emptyRecords: Readonly<Record<string, Hex>> = {
  '0x3b3b57de': `0x${'0'.repeat(64)}`,
  '0xf1cb7e06': emptyBytes,
  '0x59d1d43c': emptyBytes,
  '0xbc1c58d1': emptyBytes,
}

/** `UnsupportedResolverProfile(bytes4)` of ENSIP-10's companions, which keeps its argument. */
function unsupported(callData: Hex): Hex {
  return `0x7b1c461b${callData.slice(2, 10).padEnd(64, '0')}`
}

const nodes = new Map<string, Hex>()

/** Rows are compared many times over, and hashing a name is what that costs. */
function knownNode(ensName: string): Hex {
  const node = nodes.get(ensName) ?? nodeOf(ensName)
  nodes.set(ensName, node)
  return node
}

function factsOf(chain: FlatChain): EnsFacts {
  return {
    blockTime: BigInt(chain.blockTime),
    wrapper: orNull(chain.wrapper),
    registryOwner: async (node) => orNull(chain.owners.find((row) => knownNode(row.name) === node)?.owner),
    registryResolver: async (node) => orNull(chain.resolvers.find((row) => knownNode(row.name) === node)?.resolver),
    wrappedOwner: async (node) => orNull(chain.wrapped.find((row) => knownNode(row.name) === node)?.owner),
    expiryOf: async (label) => {
      const expiry = chain.expiries.find((row) => row.name === `${label}.eth`)
      return expiry === undefined ? farFuture : BigInt(expiry.expiresAt)
    },
  }
}

/** Protocol 3: what counts now, zero set-up included. */
function policyOf(chain: FlatChain, owner: Address | null, authorityName: string | null): Policy {
  const policy = chain.policies.find((row) => isOf(row, owner, authorityName))
  if (policy === undefined || policy.publishers.length === 0) {
    return { publishers: owner === null ? [] : [owner], threshold: 1, timestamper: null, maxAgeSeconds: 0 }
  }
  const publishers = policy.publishers.map(lower)
  const timestamper = orNull(policy.timestamper)
  return { publishers, threshold: policy.threshold, timestamper, maxAgeSeconds: policy.maxAge }
}

function isOf(row: Owned, owner: Address | null, name: string | null): boolean {
  return owner !== null && row.name === name && isSame(row.owner, owner)
}

function isSame(a: Address, b: Address): boolean {
  return lower(a) === lower(b)
}

function orNull(address: Address | null | undefined): Address | null {
  return address === undefined || address === null || address === zeroAddress ? null : lower(address)
}

function lower<Text extends Hex>(hex: Text): Text {
  return hex.toLowerCase() as Text
}
