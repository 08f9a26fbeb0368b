import { bytesToHex, concat, type Hex, hexToBytes, keccak256, recoverMessageAddress, stringToBytes } from 'viem'
import { openCursor, uintBytes } from './cursor.ts'
import { CHUNK_BYTES, type SwarmHash } from './hash.ts'

/**
 * Feeds as Bee has them (sequence feeds): update `position` of a topic by an owner is the single-owner chunk with id
 * keccak256(topic | u64 big-endian position), at address keccak256(id | owner), whose signature is over keccak256(id | content address)
 * as an Ethereum message. Payloads of exactly 40 or 72 bytes are avoided: Bee takes them for an older form.
 */
export type FeedUpdate = { owner: Hex; topic: Hex; position: number; payload: Uint8Array }

/** A single-owner chunk, signed: as `Bee.writeSingleOwnerChunk` takes it. `chunk` is span and payload. */
export type SingleOwnerChunk = { owner: Hex; id: Hex; signature: Hex; chunk: Uint8Array }

/** A key that owns a feed. */
export type FeedSigner = {
  /** 20 bytes in lower case. */
  readonly address: Hex
  /** 65 bytes r|s|v over 32 bytes as an Ethereum message (ERC-191 version 0x45), v 27 or 28. */
  signMessage(hash: Hex): Promise<Hex>
}

const SIGNATURE_BYTES = 65
const SPAN_BYTES = 8
/** Of what Bee reads in another way: a timestamp and a reference, plain or encrypted. */
const olderForms = [40, 72]

/** The topic of a name's feed: keccak256("mooring" | node), protocol 6. */
export function feedTopic(node: Hex): Hex {
  return keccak256(concat([stringToBytes('mooring'), hexToBytes(node)]))
}

/** Where an update is, and what its id is. */
export function feedAddress(owner: Hex, topic: Hex, position: number): { id: Hex; address: Hex } {
  const id = keccak256(concat([hexToBytes(topic), uintBytes(position, 8)]))
  return { id, address: keccak256(concat([id, owner])) }
}

/**
 * One update, signed, for whoever may write to Swarm: its chunk wraps the payload, so that the payload's own reference is the chunk's
 * content address. @throws Error for a payload that Bee would read as something else, or larger than a chunk
 */
export async function signFeedUpdate(
  signer: FeedSigner,
  { topic, position, payload }: Omit<FeedUpdate, 'owner'>,
  hash: SwarmHash,
): Promise<SingleOwnerChunk> {
  if (payload.byteLength > CHUNK_BYTES || olderForms.includes(payload.byteLength)) {
    throw new Error(
      `feed update: ${payload.byteLength} bytes of payload; wanted at most ${CHUNK_BYTES}, not 40, not 72`,
    )
  }
  const { id } = feedAddress(signer.address, topic, position)
  const signature = await signer.signMessage(hashToSign(id, payload, hash))
  return { owner: signer.address, id, signature, chunk: concat([spanOf(payload), payload]) }
}

/** A single-owner chunk as nodes give it: id | signature | span | payload. */
export function encodeSingleOwnerChunk({ id, signature, chunk }: SingleOwnerChunk): Uint8Array {
  return concat([hexToBytes(id), hexToBytes(signature), chunk])
}

/**
 * Checks a single-owner chunk as a node gives it: id, span, signature, owner. @throws Error saying which is wrong
 * @param owner 20 bytes in lower case
 */
export async function parseFeedChunk(
  bytes: Uint8Array,
  owner: Hex,
  topic: Hex,
  position: number,
  hash: SwarmHash,
): Promise<FeedUpdate> {
  const cursor = openCursor(bytes, `feed update ${position} of ${owner}`)
  const { id } = feedAddress(owner, topic, position)
  const seen = cursor.hash()
  if (seen !== id) cursor.refuse(`it has the id ${seen}, wanted ${id}`)
  const signature = bytesToHex(cursor.take(SIGNATURE_BYTES))
  const span = cursor.take(SPAN_BYTES)
  const payload = cursor.take(cursor.left())
  if (payload.byteLength > CHUNK_BYTES) cursor.refuse(`${payload.byteLength} bytes of payload, over ${CHUNK_BYTES}`)
  if (bytesToHex(span) !== bytesToHex(spanOf(payload))) {
    cursor.refuse(`its span ${bytesToHex(span)} is not the length of its payload, ${payload.byteLength} bytes`)
  }
  const signer = await signerOf(hashToSign(id, payload, hash), signature)
  if (signer !== owner) cursor.refuse(`it is signed by ${signer ?? 'nobody: the signature is none'}`)
  return { owner, topic, position, payload }
}

function spanOf(payload: Uint8Array): Uint8Array {
  return uintBytes(payload.byteLength, 8).reverse()
}

function hashToSign(id: Hex, payload: Uint8Array, hash: SwarmHash): Hex {
  const hasher = hash.createHasher()
  hasher.update(payload)
  return keccak256(concat([id, hasher.digest()]))
}

async function signerOf(hash: Hex, signature: Hex): Promise<string | undefined> {
  if (!/(1b|1c)$/.test(signature)) return undefined
  try {
    return (await recoverMessageAddress({ message: { raw: hash }, signature })).toLowerCase()
  } catch {
    return undefined
  }
}

/**
 * What our feed points to, one per publish (protocol 6): the signed list and the content index, both on Swarm. `listReference` is the
 * reference of the body of GET _mooring/list, `indexReference` that of the index's root.
 */
export type FeedPayload = { epoch: bigint; version: bigint; listHash: Hex; listReference: Hex; indexReference: Hex }

/** Bytes of an encoded payload. */
export const FEED_PAYLOAD_BYTES = 4 + 1 + 8 + 8 + 3 * 32

const MAGIC = stringToBytes('MOOR')
const FORMAT = 1

/** Fixed length, all integers big-endian: "MOOR" | u8 format (1) | u64 epoch | u64 version | listHash | listReference | indexReference. */
export function encodeFeedPayload(payload: FeedPayload): Uint8Array {
  const { epoch, version, listHash, listReference, indexReference } = payload
  const numbers = [MAGIC, uintBytes(FORMAT, 1), uintBytes(epoch, 8), uintBytes(version, 8)]
  const bytes = concat([...numbers, ...[listHash, listReference, indexReference].map((hash) => hexToBytes(hash))])
  decodeFeedPayload(bytes)
  return bytes
}

/** @throws Error for bytes that are no such payload */
export function decodeFeedPayload(bytes: Uint8Array): FeedPayload {
  const cursor = openCursor(bytes, 'feed payload')
  const magic = bytesToHex(cursor.take(MAGIC.byteLength))
  if (magic !== bytesToHex(MAGIC)) cursor.refuse(`it begins with ${magic}, wanted "MOOR"`)
  const format = cursor.uint(1)
  if (format !== FORMAT) cursor.refuse(`format ${format}, wanted ${FORMAT}`)
  const [epoch, version] = [cursor.uint64(), cursor.uint64()]
  const [listHash, listReference, indexReference] = [cursor.hash(), cursor.hash(), cursor.hash()]
  cursor.end()
  return { epoch, version, listHash, listReference, indexReference }
}
