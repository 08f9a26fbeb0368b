import type { Hex } from 'viem'
import { encodeResponse } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { encodeTagKey, type TagEntry } from '../../gateway/tags/entry.ts'
import { hashList, type ListDomain, type ListHeader, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import { applyDelta } from '../../gateway/tags/memory-tree.ts'
import { createMemoryTree, planChanges, proveKey, SENTINEL } from '../../gateway/tags/tree.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'

/** A list of `acme.eth` as its publisher could sign it: any version, its one tag an entry that was last changed in version 1. */
export type OneTagList = {
  tag: string
  version: bigint
  entry: TagEntry
  /** The owner whose list it is and who signs it. */
  key?: keyof typeof testKeys
  /** Seconds from now. */
  issuedAt?: bigint
}

/** Its hash, and what a gateway answers that has it when the tag is looked up. */
export async function signOneTagList(
  domain: ListDomain,
  { tag, version, entry, key = 'owner', issuedAt = 0n }: OneTagList,
): Promise<{ hash: Hex; response: Hex }> {
  const delta = await planChanges(createMemoryTree([SENTINEL]), [{ tag, entry }], 1n)
  const now = BigInt(Math.floor(Date.now() / 1000)) + issuedAt
  const list: ListHeader = {
    ...{ name: 'acme.eth', node: nodeOf('acme.eth'), owner: addressOf(testKeys[key]), epoch: 0n, version },
    ...{ previous: ZERO_HASH, root: delta.root, count: 2n, delegations: NO_DELEGATIONS },
    ...{ issuedAt: now, expiresAt: now + 3600n },
  }
  const signer = createTestSigner(testKeys[key])
  const signatures = [{ signer: signer.address, signature: await signer.signList(domain, list) }]
  const proof = await proveKey(createMemoryTree(applyDelta([SENTINEL], delta)), encodeTagKey(tag))
  return { hash: hashList(domain, list), response: encodeResponse({ list, signatures, timestamp: null }, [proof]) }
}
