import { type Hex, hexToBytes, keccak256, stringToHex, toHex } from 'viem'
import type { Bee } from './bee/bee.ts'
import { listBody } from './list-body.ts'
import { streamOf } from './piece-stream.ts'
import type { Announcement } from './store/swarm-announcements.ts'
import type { ListLine, TagListStore } from './store/tag-list-store.ts'
import { decodeIndexRoot, encodeContentIndex, encodeIndexRoot, type IndexRow } from './swarm/content-index.ts'
import { encodeFeedPayload } from './swarm/feed.ts'
import type { SwarmHash } from './swarm/hash.ts'
import { referenceOf } from './swarm/reference.ts'
import { writeCompared } from './swarm-upload.ts'
import { signaturesToJson } from './tags/json.ts'
import type { SignedList } from './tags/list.ts'

/** What a list is read and hashed with. */
export type AnnounceDeps = { lists: TagListStore; hash: SwarmHash; pause: () => Promise<void> }

/** One version of a list and what its repository has. `signed` with the signatures that go out. */
export type Version = { line: ListLine; signed: SignedList; rows: readonly IndexRow[] }

/** A node and the batch that pays there. */
export type Destination = { bee: Bee; postageBatchId: Hex; signal?: AbortSignal }

/** A content index, encoded. */
export type EncodedIndex = {
  root: Uint8Array
  reference: Hex
  rows: number
  shards: readonly { swarmReference: Hex; bytes: Uint8Array }[]
}

/** The index of these rows, and where all of it will be. */
export function encodeIndex(hash: SwarmHash, rows: readonly IndexRow[]): EncodedIndex {
  const shards = encodeContentIndex(rows).map(({ firstByte, bytes }) => {
    return { firstByte, bytes, size: bytes.byteLength, swarmReference: hashOf(hash, bytes) }
  })
  const root = encodeIndexRoot(shards)
  return { root, reference: hashOf(hash, root), rows: rows.length, shards }
}

/** A keccak by which it is seen whether a list was announced with these very signatures. */
export function hashSignatures({ signatures }: SignedList): Hex {
  return keccak256(stringToHex(JSON.stringify(signaturesToJson(signatures))))
}

/**
 * Puts a version on Swarm: of the content index what is not there since `last`, the list, and the payload that names both (protocol 6).
 * Whoever has the payload's reference can recover; no update of a feed points to it yet. Under another batch everything goes up anew.
 * @throws BeeError and ReferenceMismatch of the node, ListMoved when another version was published meanwhile
 */
export async function storeVersion(
  deps: AnnounceDeps,
  to: Destination,
  { line, signed }: Omit<Version, 'rows'>,
  index: EncodedIndex,
  last: Announcement | undefined,
): Promise<Omit<Announcement, 'feedOwner' | 'feedEnd'>> {
  const store = createStoring(deps.hash, to)
  const isThere = shardsOf(last, to.postageBatchId)
  for (const { swarmReference, bytes } of index.shards) {
    if (!isThere.has(swarmReference)) await store('a shard of the content index', bytes)
  }
  const indexReference = await store('the root of the content index', index.root)
  const isListThere = isAnnounced(last, signed) && last?.postageBatchId === to.postageBatchId
  const listReference = isListThere ? last.listReference : await storeList(deps, to, line, signed)
  const { epoch, version } = signed.list
  const payload = { epoch, version, listHash: signed.hash, listReference, indexReference }
  const payloadReference = await store('the payload of the feed', encodeFeedPayload(payload))
  return {
    ...payload,
    ...{ ensName: line.ensName, signaturesHash: hashSignatures(signed), payloadReference },
    ...{ indexRoot: toHex(index.root), indexRows: index.rows, postageBatchId: to.postageBatchId },
    ...{ position: null, isVerified: false },
  }
}

/** Whether it is this list, with these signatures, that was announced. */
export function isAnnounced(last: Announcement | undefined, signed: SignedList): last is Announcement {
  return last?.listHash === signed.hash && last.signaturesHash === hashSignatures(signed)
}

/** Everything that an announcement says is on Swarm, the list first. */
export function referencesOf({ listReference, payloadReference, indexReference, indexRoot }: Announcement): Hex[] {
  const shards = decodeIndexRoot(hexToBytes(indexRoot)).map(({ swarmReference }) => swarmReference)
  return [listReference, payloadReference, indexReference, ...shards]
}

/** The payload of an announcement's update. */
export function payloadOf(announcement: Announcement): Uint8Array {
  return encodeFeedPayload(announcement)
}

/** What the last index under this batch has. */
function shardsOf(last: Announcement | undefined, postageBatchId: Hex): ReadonlySet<Hex> {
  if (last?.postageBatchId !== postageBatchId) return new Set()
  return new Set(decodeIndexRoot(hexToBytes(last.indexRoot)).map(({ swarmReference }) => swarmReference))
}

function hashOf(hash: SwarmHash, bytes: Uint8Array): Hex {
  const hasher = hash.createHasher()
  hasher.update(bytes)
  return hasher.digest()
}

function createStoring(hash: SwarmHash, { bee, ...options }: Destination) {
  return async (what: string, body: Uint8Array): Promise<Hex> => {
    const ours = hashOf(hash, body)
    await writeCompared(bee, { what, body, size: body.byteLength, ours }, options)
    return ours
  }
}

/** Read twice, once for reference and size and once to send it: it may be tens of megabytes. */
async function storeList(
  deps: AnnounceDeps,
  { bee, ...options }: Destination,
  line: ListLine,
  signed: SignedList,
): Promise<Hex> {
  const encoder = new TextEncoder()
  const pieces = async function* () {
    for await (const part of listBody(deps, line, signed)) yield encoder.encode(part)
  }
  let size = 0
  const counted = async function* () {
    for await (const piece of pieces()) {
      size += piece.byteLength
      yield piece
    }
  }
  const ours = await referenceOf(deps.hash, counted(), deps.pause)
  const what = `version ${signed.list.version} of the list`
  await writeCompared(bee, { what, body: streamOf(pieces()), size, ours }, options)
  return ours
}
