import { createHash } from 'node:crypto'
import type { Address, Hex } from 'viem'
import type { Digest, DigestAlgorithm } from '../../gateway/oci/digest.ts'
import type { RepositoryKey } from '../../gateway/store/catalog.ts'
import type { ContentStore } from '../../gateway/store/content-store.ts'
import type { ListLine, TagListStore } from '../../gateway/store/tag-list-store.ts'
import { type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { hashList, NO_DELEGATIONS, type SignedList, ZERO_HASH } from '../../gateway/tags/list.ts'
import {
  buildWellFormedTree,
  createMemoryTree,
  planChanges,
  type Slot,
  type TagChange,
  type TreeDelta,
} from '../../gateway/tags/tree.ts'

export const resolver: Address = `0x${'11'.repeat(20)}`
export const owner: Address = `0x${'22'.repeat(20)}`
export const otherOwner: Address = `0x${'33'.repeat(20)}`
export const repository: RepositoryKey = { ensName: 'web.acme.eth', owner }
export const line: ListLine = { chainId: 31_337, resolver, ensName: 'web.acme.eth', owner, epoch: 0n }
export const sentinel: Slot = { key: '0x', nextKey: '0x', value: '0x' }

/** The history with what each version changed, read a few changes at a time. */
export async function historyOf(lists: TagListStore, of: ListLine, before: Hex | null, limit: number) {
  const found = await lists.history(of, before, limit)
  return Promise.all(
    found.map(async ({ changeCount, ...signed }) => {
      const changes = []
      for (let from = 0; from < changeCount; from += 7)
        changes.push(...(await lists.readChanges(of, signed.hash, from, 7)))
      return { ...signed, changes }
    }),
  )
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest
}

/** Bytes that differ from seed to seed and do not repeat. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed * 2_654_435_761
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A body that arrives in chunks of at most `chunkBytes`. */
export function bodyOf(bytes: Uint8Array, chunkBytes = 65_536): ReadableStream<Uint8Array> {
  let position = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (position >= bytes.byteLength) return controller.close()
      controller.enqueue(bytes.slice(position, position + chunkBytes))
      position += chunkBytes
    },
  })
}

export async function collect(stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream ?? null).arrayBuffer())
}

export async function readAll(content: ContentStore, digest: Digest): Promise<Uint8Array | undefined> {
  const stream = await content.read(digest)
  return stream && (await collect(stream))
}

export function entryOf(seed: number | string, updatedVersion: number, flags = 0): TagEntry {
  return {
    digest: digestOf(`manifest ${seed}`),
    size: 1_234,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    swarmReference: ZERO_REFERENCE,
    updatedVersion,
    flags,
  }
}

/** The list that follows `head` with the outcome of a plan; its hash is the real one. */
export function signedAfter(
  head: SignedList | undefined,
  plan: { root: Hex; count: number },
  of: ListLine = line,
): SignedList {
  const list = {
    name: of.ensName,
    node: `0x${'44'.repeat(32)}` as Hex,
    owner: of.owner,
    epoch: of.epoch,
    version: (head?.list.version ?? 0n) + 1n,
    previous: head?.hash ?? ZERO_HASH,
    root: plan.root,
    count: BigInt(plan.count),
    delegations: NO_DELEGATIONS,
    issuedAt: 1_700_000_000n,
    expiresAt: 1_707_776_000n,
  }
  const hash = hashList({ chainId: of.chainId, resolver: of.resolver }, list)
  return { list, hash, signatures: [{ signer: of.owner, signature: `0x${'ab'.repeat(65)}` }], timestamp: null }
}

/** Plans changes on the current list, entries given their version. */
export async function planNext(
  lists: TagListStore,
  changes: readonly TagChange[],
  of: ListLine = line,
): Promise<{ signed: SignedList; delta: TreeDelta }> {
  const head = await lists.findHead(of)
  const version = (head?.list.version ?? 0n) + 1n
  const dated = changes.map(({ tag, entry }) => ({
    tag,
    entry: entry && { ...entry, updatedVersion: Number(version) },
  }))
  const delta = await planChanges(await lists.openTree(of, head?.hash ?? null), dated, version)
  return { signed: signedAfter(head, delta, of), delta }
}

/** Publishes changes to the current list. @throws Error when somebody else came first */
export async function publish(
  lists: TagListStore,
  changes: readonly TagChange[],
  of: ListLine = line,
): Promise<SignedList> {
  const { signed, delta } = await planNext(lists, changes, of)
  if (!(await lists.commit(of, signed, delta))) throw new Error('another list came first')
  return signed
}

/** All slots of the current list, read in pages. */
export async function allSlots(lists: TagListStore, of: ListLine = line, pageSlots = 7): Promise<Slot[]> {
  const head = await lists.findHead(of)
  const slots: Slot[] = []
  while (head) {
    const page = await lists.readSlots(of, head.hash, slots.length, pageSlots)
    if (!page) throw new Error('the list moved on')
    if (page.length === 0) break
    slots.push(...page)
  }
  return slots
}

export const add = (tag: string, seed: number | string = tag): TagChange => ({ tag, entry: entryOf(seed, 0) })
export const drop = (tag: string): TagChange => ({ tag, entry: null })

/** A whole list of these tags that follows the current one, as an upload of a list brings it. */
export async function wholeOf(lists: TagListStore, tags: readonly string[], of: ListLine = line) {
  const head = await lists.findHead(of)
  const version = (head?.list.version ?? 0n) + 1n
  const changes = tags.map((tag) => ({ tag, entry: entryOf(tag, Number(version)) }))
  const delta = await planChanges(createMemoryTree([sentinel]), changes, version)
  const slots = Array.from({ length: delta.count }, (_, position) => delta.slots.get(position) ?? sentinel)
  const building = buildWellFormedTree(slots, version)
  let step = building.next()
  while (!step.done) step = building.next()
  const whole = { slots, levels: step.value.levels, changes: delta.changes }
  return { signed: signedAfter(head, delta, of), whole }
}
