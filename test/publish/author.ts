import type { Hex } from 'viem'
import { nodeOf } from '../../gateway/ens/name.ts'
import type { Signer } from '../../gateway/signer.ts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import { decodeTagEntry, decodeTagKey } from '../../gateway/tags/entry.ts'
import { entryToJson, headerToJson } from '../../gateway/tags/json.ts'
import { hashList, type ListDomain, type ListHeader, NO_DELEGATIONS, ZERO_HASH } from '../../gateway/tags/list.ts'
import {
  applyDelta,
  createMemoryTree,
  planChanges,
  SENTINEL,
  type Slot,
  type TagChange,
} from '../../gateway/tags/tree.ts'
import { createTestSigner, testDomain, testTime } from '../fixtures.ts'

/** The body of a PUT as plain JSON, so that a test may break one member of it. */
export type UploadJson = {
  list: Record<string, string | number>
  signatures: { signer: string; signature: string }[]
  entries?: ({ tag: string } & Record<string, unknown>)[]
  changes?: { tag: string; entry: Record<string, unknown> | null }[]
}

/** A list as somebody with the key makes it away from any gateway. */
export type AuthoredList = {
  domain: ListDomain
  header: ListHeader
  hash: Hex
  slots: readonly Slot[]
  changes: readonly TagChange[]
}

/** Plans and dates the list after `before` (undefined begins a line). `header` overrides what is signed. */
export async function author(
  before: Omit<AuthoredList, 'changes'> | undefined,
  changed: readonly { tag: string; entry: TagEntry | null }[],
  header: Partial<ListHeader> = {},
  domain: ListDomain = before?.domain ?? testDomain,
): Promise<AuthoredList> {
  const version = header.version ?? (before ? before.header.version + 1n : 1n)
  const updatedVersion = Number(version)
  const changes = changed.map(({ tag, entry }) => ({ tag, entry: entry && { ...entry, updatedVersion } }))
  const tree = createMemoryTree(before?.slots ?? [SENTINEL])
  const delta = await planChanges(tree, changes, version)
  const name = header.name ?? before?.header.name ?? 'acme.eth'
  const list: ListHeader = {
    name,
    node: nodeOf(name),
    owner: createTestSigner().address,
    epoch: 0n,
    version,
    previous: before?.hash ?? ZERO_HASH,
    root: delta.root,
    count: BigInt(delta.count),
    delegations: NO_DELEGATIONS,
    issuedAt: testTime,
    expiresAt: testTime + 86_400n,
    ...header,
  }
  return { domain, header: list, hash: hashList(domain, list), slots: applyDelta(tree.slots(), delta), changes }
}

async function signedBy(signers: readonly Signer[], { domain, header }: AuthoredList) {
  const signatures = signers.map(async (signer) => ({
    signer: signer.address,
    signature: await signer.signList(domain, header),
  }))
  return (await Promise.all(signatures)).sort((a, b) => (a.signer < b.signer ? -1 : 1))
}

/** `{list, signatures, entries}`. */
export async function wholeUpload(list: AuthoredList, signers = [createTestSigner()]): Promise<UploadJson> {
  const entries = list.slots.slice(1).map(({ key, value }) => ({
    tag: decodeTagKey(key),
    ...entryToJson(decodeTagEntry(value, list.header.version)),
  }))
  return { list: headerToJson(list.header), signatures: await signedBy(signers, list), entries }
}

/** `{list, signatures, changes}`. */
export async function changesUpload(list: AuthoredList, signers = [createTestSigner()]): Promise<UploadJson> {
  const changes = list.changes.map(({ tag, entry }) => ({ tag, entry: entry && entryToJson(entry) }))
  return { list: headerToJson(list.header), signatures: await signedBy(signers, list), changes }
}
