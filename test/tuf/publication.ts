import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import { sign } from 'viem/accounts'
import { encodeResponse, parseLookup } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { decodeTagEntry, decodeTagKey, encodeTagKey, type TagEntry, ZERO_REFERENCE } from '../../gateway/tags/entry.ts'
import { entryToJson, signedListToJson, timestampToJson } from '../../gateway/tags/json.ts'
import {
  hashList,
  hashTimestamp,
  type ListDomain,
  type ListHeader,
  NO_DELEGATIONS,
  type SignedList,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import { applyDelta, createMemoryTree, planChanges, proveKey, SENTINEL, type Slot } from '../../gateway/tags/tree.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'
import type { Who } from './stage.ts'

/** Content by digest, and the tags of a list. */
export type Publication = {
  ensName: string
  domain: ListDomain
  signed: SignedList
  slots: readonly Slot[]
  contents: ReadonlyMap<string, Content>
}
/** Bytes as a gateway gives them. */
export type Content = { bytes: Uint8Array; mediaType: string }

/** The media types of the images here. */
export const imageType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'

/** How a list is to be; what is left out is as the owner alone would publish a first list now. */
export type Draft = {
  version?: bigint
  epoch?: bigint
  owner?: Who
  keys?: readonly Who[]
  issuedAt?: bigint
  expiresAt?: bigint
  flags?: number
  header?: Partial<ListHeader>
  /** Signs freshness, at this time. */
  timestamp?: { key: Who; issuedAt: bigint; list?: Hex }
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** An image that says something: its manifest, which a tag names, and its two blobs. `more` goes into the manifest. */
export function imageThatSays(line: string, more: object = {}): { manifest: Content; blobs: Content[] } {
  const blobs = ['{}', line].map((text) => ({ bytes: Buffer.from(text), mediaType: 'application/octet-stream' }))
  const [config, layer] = blobs.map(({ bytes, mediaType }) => ({
    mediaType,
    digest: sha256(bytes),
    size: bytes.length,
  }))
  const value = { schemaVersion: 2, mediaType: imageType, config, layers: [layer], ...more }
  return { manifest: { bytes: Buffer.from(JSON.stringify(value)), mediaType: imageType }, blobs }
}

export type Image = ReturnType<typeof imageThatSays>

/** Signs a list of these tags. */
export async function publish(
  domain: ListDomain,
  ensName: string,
  tags: Readonly<Record<string, Image>>,
  draft: Draft = {},
): Promise<Publication> {
  const { version = 1n, epoch = 0n, owner = 'owner', keys = [owner], flags = 0, header = {} } = draft
  const entries = Object.entries(tags).map(([tag, { manifest }]) => ({ tag, entry: entryOf(manifest, flags) }))
  const delta = await planChanges(createMemoryTree([SENTINEL]), entries, 1n)
  const issuedAt = draft.issuedAt ?? BigInt(Math.floor(Date.now() / 1000))
  const list: ListHeader = {
    ...{ name: ensName, node: nodeOf(ensName), owner: addressOf(testKeys[owner]), epoch, version, previous: ZERO_HASH },
    ...{ root: delta.root, count: BigInt(delta.count), delegations: NO_DELEGATIONS },
    ...{ issuedAt, expiresAt: draft.expiresAt ?? issuedAt + 30n * 86_400n, ...header },
  }
  const signers = keys.map((key) => createTestSigner(testKeys[key]))
  const signing = signers.map(async (signer) => ({
    signer: signer.address,
    signature: await signer.signList(domain, list),
  }))
  const signatures = (await Promise.all(signing)).toSorted((one, other) => (one.signer < other.signer ? -1 : 1))
  const timestamp = await timestampOver(domain, list, draft.timestamp)
  const contents = new Map(
    Object.values(tags).flatMap(({ manifest, blobs }) =>
      [manifest, ...blobs].map((each) => [sha256(each.bytes), each] as const),
    ),
  )
  const signed = { list, hash: hashList(domain, list), signatures, timestamp }
  return { ensName, domain, signed, contents, slots: applyDelta([SENTINEL], delta) }
}

async function timestampOver(domain: ListDomain, list: ListHeader, wanted: Draft['timestamp']) {
  if (wanted === undefined) return null
  const { node, epoch, version } = list
  const times = { issuedAt: wanted.issuedAt, expiresAt: wanted.issuedAt + 30n * 86_400n }
  const hash = hashTimestamp(domain, { node, epoch, version, list: wanted.list ?? hashList(domain, list), ...times })
  return { ...times, signature: await sign({ privateKey: testKeys[wanted.key], hash, to: 'hex' }) }
}

function entryOf({ bytes, mediaType }: Content, flags: number): TagEntry {
  return {
    digest: sha256(bytes),
    size: bytes.length,
    mediaType,
    swarmReference: ZERO_REFERENCE,
    updatedVersion: 1,
    flags,
  }
}

/** A gateway's answer to a lookup, from a publication. */
export async function answerTo({ signed, slots }: Publication, callData: Hex, tagInstead?: string): Promise<Hex> {
  const { records } = parseLookup(callData)
  const tree = createMemoryTree(slots)
  const proofs = records.flatMap((record) =>
    record.kind === 'tag' ? [proveKey(tree, encodeTagKey(tagInstead ?? record.tag))] : [],
  )
  return encodeResponse(signed, await Promise.all(proofs))
}

/** What `GET _mooring/list` answers. */
export function listJson({ signed, slots }: Publication) {
  const entries = slots.slice(1).map(({ key, value }) => {
    return { tag: decodeTagKey(key), ...entryToJson(decodeTagEntry(value, signed.list.version)) }
  })
  return { ...signedListToJson(signed), timestamp: timestampToJson(signed.timestamp), entries }
}

/** What `GET _mooring/staged` answers. */
export function stagedJson({ ensName, signed }: Publication, staged: Readonly<Record<string, Image>>) {
  const changes = Object.entries(staged).map(([tag, { manifest }]) => {
    const entry = { ...entryToJson(entryOf(manifest, 0)), updatedVersion: 0 }
    return { tag, entry, stagedAt: 1, stagedBy: 'somebody' }
  })
  return { name: ensName, base: signed.hash, changes }
}
