import type { Hex } from 'viem'
import { type Digest, isDigest } from '../oci/digest.ts'
import { type JsonReader, openStrictJson } from '../oci/strict-json.ts'
import { byteLength } from './bytes.ts'
import { encodeUncheckedEntry, encodeUncheckedKey, type TagEntry, ZERO_REFERENCE } from './entry.ts'
import {
  arrayOf,
  hexMember,
  integerMember,
  invalid,
  type Members,
  membersOf,
  objectOf,
  textMember,
} from './json-members.ts'
import type { ListHeader, SignedList, SignerSignature, Timestamp } from './list.ts'
import { MAX_SIGNATURE_BYTES, MAX_SIGNATURES } from './signature.ts'
import { linkSlots, type Proof, type Slot, type TagChange } from './tree.ts'

export * from './wire.ts'

/**
 * A parsed `PUT /v2/<repository>/_mooring/list` body: a whole list's slots with the sentinel first, linked and not yet checked
 * (`verifyWholeList`), or changes to the current one.
 */
export type ListUpload = {
  list: ListHeader
  signatures: readonly SignerSignature[]
} & ({ slots: readonly Slot[] } | { changes: readonly TagChange[] })

/** A parsed `GET /v2/<repository>/_mooring/list` answer; its slots as in `ListUpload`. `signed.hash` is what the gateway says it is. */
export type ListAnswer = { signed: SignedList; slots: readonly Slot[] }

/** Elements between two yields. */
const ITEMS_PER_SLICE = 64

/**
 * Lists nest object, array, change, entry; answers that callers read whole nest no deeper than a proof. The longest part that is read
 * in one go is the signatures: eight of 8,192 bytes in hex.
 */
const limits = { maxDepth: 8, maxValueBytes: 256 * 1024 }

/**
 * Reads the body of a PUT: unknown, missing or duplicate members, wrong types and hex in upper case are refused, and so are more
 * signatures or longer ones than protocol 2.3 allows. What an entry may say is judged later (protocol 5: after the signatures). A
 * generator, so that a body of tens of megabytes does not hold the event loop: it yields every few milliseconds of work. Given bytes it
 * makes no second copy of the body. @throws OciError MANIFEST_INVALID naming the member
 */
export function* parseListUpload(body: string | Uint8Array): Generator<void, ListUpload> {
  const reader = openStrictJson(body, limits)
  const found: { list?: ListHeader; signatures?: SignerSignature[]; slots?: Slot[]; changes?: TagChange[] } = {}
  for (const member of reader.members()) {
    if (member === 'list') found.list = parseHeader(reader.value())
    else if (member === 'signatures') found.signatures = parseSignatures(reader.value())
    else if (member === 'entries') found.slots = yield* linkSlots(yield* readElements(reader, parseKeyAndValue))
    else if (member === 'changes') found.changes = yield* readElements(reader, parseChange)
    else throw invalid(member, 'is unknown')
  }
  reader.end()
  const { list, signatures, slots, changes } = found
  if (list === undefined) throw invalid('list', 'is missing')
  if (signatures === undefined) throw invalid('signatures', 'is missing')
  if (slots !== undefined && changes !== undefined) throw invalid('changes', 'and "entries" exclude each other')
  if (slots !== undefined) return { list, signatures, slots }
  if (changes !== undefined) return { list, signatures, changes }
  throw invalid('entries', 'or "changes" is missing')
}

/** Reads the answer of `GET _mooring/list`, as strictly and as patiently as `parseListUpload`. @throws OciError MANIFEST_INVALID */
export function* parseListAnswer(body: string | Uint8Array): Generator<void, ListAnswer> {
  const reader = openStrictJson(body, limits)
  const head: Record<string, unknown> = {}
  let slots: Slot[] | undefined
  for (const member of reader.members()) {
    if (member === 'entries') slots = yield* linkSlots(yield* readElements(reader, parseKeyAndValue))
    else head[member] = reader.value()
  }
  reader.end()
  if (slots === undefined) throw invalid('entries', 'is missing')
  const { list, hash, signatures, timestamp } = membersOf(head, '', ['list', 'hash', 'signatures', 'timestamp'])
  return { signed: parseSignedListJson({ list, hash, signatures, timestamp }), slots }
}

/**
 * Reads the list of an answer (`proof`, one of `history`, a 412's body) that was parsed by `parseStrictJson`: its members list, hash,
 * signatures and, where the answer has one, timestamp; other members are the caller's. @throws OciError MANIFEST_INVALID
 */
export function parseSignedListJson(value: unknown): SignedList {
  const answer = objectOf(value, 'answer')
  return {
    list: parseHeader(answer.list),
    hash: hexMember(answer, 'hash', 32),
    signatures: parseSignatures(answer.signatures),
    timestamp: parseTimestampJson(answer.timestamp ?? null),
  }
}

/** @throws OciError MANIFEST_INVALID */
export function parseTimestampJson(value: unknown): Timestamp | null {
  if (value === null) return null
  const members = membersOf(value, 'timestamp', ['issuedAt', 'expiresAt', 'signature'])
  return {
    issuedAt: BigInt(integerMember(members, 'issuedAt')),
    expiresAt: BigInt(integerMember(members, 'expiresAt')),
    signature: signatureMember(members),
  }
}

/** One Entry of protocol 5; whether it is within the limits of 2.1 is for `encodeTagEntry` to say. @throws OciError MANIFEST_INVALID */
export function parseEntryJson(value: unknown): TagEntry {
  return entryOf(membersOf(value, 'entry', entryMembers))
}

/** The `proof` of a proof answer. @throws OciError MANIFEST_INVALID */
export function parseProofJson(value: unknown): Proof {
  const members = membersOf(value, 'proof', ['key', 'nextKey', 'value', 'path'])
  const path = arrayOf(members.path, 'path').map((hash) => hexMember({ path: hash }, 'path', 32))
  return {
    key: hexMember(members, 'key'),
    nextKey: hexMember(members, 'nextKey'),
    value: hexMember(members, 'value'),
    path,
  }
}

const entryMembers = ['digest', 'size', 'mediaType', 'swarmReference', 'updatedVersion', 'flags'] as const

function* readElements<T>(reader: JsonReader, parse: (value: unknown) => T): Generator<void, T[]> {
  const elements: T[] = []
  for (const position of reader.elements()) {
    elements.push(parse(reader.value()))
    if (position % ITEMS_PER_SLICE === ITEMS_PER_SLICE - 1) yield
  }
  return elements
}

function parseKeyAndValue(value: unknown): { key: Hex; value: Hex } {
  const members = membersOf(value, 'entries', ['tag', ...entryMembers])
  return { key: encodeUncheckedKey(textMember(members, 'tag')), value: encodeUncheckedEntry(entryOf(members)) }
}

function parseChange(value: unknown): TagChange {
  const members = membersOf(value, 'changes', ['tag', 'entry'])
  return { tag: textMember(members, 'tag'), entry: members.entry === null ? null : parseEntryJson(members.entry) }
}

function parseHeader(value: unknown): ListHeader {
  const members = membersOf(value, 'list', [
    'name',
    'node',
    'owner',
    'epoch',
    'version',
    'previous',
    'root',
    'count',
    'delegations',
    'issuedAt',
    'expiresAt',
  ])
  return {
    name: textMember(members, 'name'),
    node: hexMember(members, 'node', 32),
    owner: hexMember(members, 'owner', 20),
    epoch: BigInt(integerMember(members, 'epoch')),
    version: BigInt(integerMember(members, 'version')),
    previous: hexMember(members, 'previous', 32),
    root: hexMember(members, 'root', 32),
    count: BigInt(integerMember(members, 'count')),
    delegations: hexMember(members, 'delegations', 32),
    issuedAt: BigInt(integerMember(members, 'issuedAt')),
    expiresAt: BigInt(integerMember(members, 'expiresAt')),
  }
}

function parseSignatures(value: unknown): SignerSignature[] {
  const signatures = arrayOf(value, 'signatures').map((each) => {
    const members = membersOf(each, 'signatures', ['signer', 'signature'])
    return { signer: hexMember(members, 'signer', 20), signature: signatureMember(members) }
  })
  if (signatures.length > MAX_SIGNATURES)
    throw invalid('signatures', `has ${signatures.length}, over ${MAX_SIGNATURES}`)
  return signatures
}

function entryOf(members: Members): TagEntry {
  const digest = textMember(members, 'digest')
  if (!isDigest(digest)) throw invalid('digest', 'is not sha256 or sha512 in lower-case hex')
  const flags = integerMember(members, 'flags')
  if (flags > 0xff) throw invalid('flags', 'is over 255')
  return {
    digest: digest as Digest,
    size: integerMember(members, 'size'),
    mediaType: textMember(members, 'mediaType'),
    swarmReference: shared(hexMember(members, 'swarmReference', 32)),
    updatedVersion: integerMember(members, 'updatedVersion'),
    flags,
  }
}

/** The reference that most entries carry, once instead of 100,000 times. */
function shared(reference: Hex): Hex {
  return reference === ZERO_REFERENCE ? ZERO_REFERENCE : reference
}

function signatureMember(members: Members): Hex {
  const signature = hexMember(members, 'signature')
  if (byteLength(signature) > MAX_SIGNATURE_BYTES) throw invalid('signature', `is over ${MAX_SIGNATURE_BYTES} bytes`)
  return signature
}
