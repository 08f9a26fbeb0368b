import type { Address, Hex } from 'viem'
import { encodeResponse } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { encodeTagKey } from '../../gateway/tags/entry.ts'
import {
  hashList,
  hashTimestamp,
  type ListDomain,
  type ListHeader,
  NO_DELEGATIONS,
  type SignerSignature,
  type Timestamp,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import { applyDelta, createMemoryTree, planChanges, proveKey, SENTINEL, type Slot } from '../../gateway/tags/tree.ts'
import { entryOf } from '../publish/repository.ts'

/** Who signs a list hash (or a timestamp's), and how. */
export type HashSigner = { address: Address; sign(hash: Hex): Promise<Hex> }

/** The entry of `v1` in every list made here. */
export const presentEntry = entryOf(0xabc, { updatedVersion: 1 })
const others = ['a', 'v0', 'v2', 'w'].map((tag, seed) => ({ tag, entry: entryOf(seed, { updatedVersion: 1 }) }))

/** A first list of a name, of five tags: `v1` and its neighbours. */
export type FirstList = { header: ListHeader; slots: readonly Slot[] }

const dayInSeconds = 86_400n

/** Makes it, issued at `now` (unix seconds); `more` overrides what is signed. `tag` stands in place of `v1`. */
export async function firstList(
  ensName: string,
  owner: Address,
  now: bigint,
  more: Partial<ListHeader> = {},
  tag = 'v1',
): Promise<FirstList> {
  const tree = createMemoryTree([SENTINEL])
  const delta = await planChanges(tree, [{ tag, entry: presentEntry }, ...others], 1n)
  const header: ListHeader = {
    ...{ name: ensName, node: nodeOf(ensName), owner, epoch: 0n, version: 1n, previous: ZERO_HASH },
    ...{ root: delta.root, count: BigInt(delta.count), delegations: NO_DELEGATIONS },
    ...{ issuedAt: now, expiresAt: now + dayInSeconds },
    ...more,
  }
  return { header, slots: applyDelta(tree.slots(), delta) }
}

/** Signatures over a list, in ascending order of the signers. */
export async function signaturesOver(
  domain: ListDomain,
  { header }: FirstList,
  signers: readonly HashSigner[],
): Promise<SignerSignature[]> {
  const hash = hashList(domain, header)
  const signatures = signers.map(async ({ address, sign }) => ({ signer: address, signature: await sign(hash) }))
  return (await Promise.all(signatures)).sort((a, b) => (a.signer < b.signer ? -1 : 1))
}

/** A timestamp over a list, good for an hour from `issuedAt` (unix seconds). */
export async function timestampOver(
  domain: ListDomain,
  { header }: FirstList,
  signer: HashSigner,
  issuedAt: bigint,
): Promise<Timestamp> {
  const { node, epoch, version } = header
  const times = { issuedAt, expiresAt: issuedAt + 3600n }
  const hash = hashTimestamp(domain, { node, epoch, version, list: hashList(domain, header), ...times })
  return { ...times, signature: await signer.sign(hash) }
}

/** A gateway's response for one tag. */
export async function answerFor(
  { header, slots }: FirstList,
  tag: string,
  signatures: readonly SignerSignature[],
  timestamp: Timestamp | null = null,
): Promise<Hex> {
  const proof = await proveKey(createMemoryTree(slots), encodeTagKey(tag))
  return encodeResponse({ list: header, signatures, timestamp }, [proof])
}
