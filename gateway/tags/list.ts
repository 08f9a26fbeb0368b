import { type Address, type Hex, hexToBytes } from 'viem'
import { keccakOfBytes, putUint } from './bytes.ts'

/** Which contract a signature is for: the EIP-712 domain is {name "Mooring", version "1", chainId, verifyingContract: resolver}. */
export type ListDomain = { chainId: number; resolver: Address }

/** The signed header of a tag list (protocol 2.2 `TagList`). Times are unix seconds; addresses and hashes lower case. */
export type ListHeader = {
  /** The ENS name in text, for instance `web.acme.eth`. */
  name: string
  node: Hex
  owner: Address
  epoch: bigint
  version: bigint
  /** The list hash of the list before; zero for the first of (node, owner, epoch). */
  previous: Hex
  root: Hex
  count: bigint
  delegations: Hex
  issuedAt: bigint
  expiresAt: bigint
}

/** One signature over a list hash and who claims to have made it. */
export type SignerSignature = { signer: Address; signature: Hex }

/** A timestamper's statement that a list was current; its signature is over `hashTimestamp`. */
export type Timestamp = { issuedAt: bigint; expiresAt: bigint; signature: Hex }

/** What a timestamper signs (protocol 2.2 `Timestamp`); `list` is a list hash. */
export type TimestampClaim = {
  node: Hex
  epoch: bigint
  version: bigint
  list: Hex
  issuedAt: bigint
  expiresAt: bigint
}

/** What a key signs to revoke itself (protocol 2.2 `Revocation`); `node` is the authority's. */
export type RevocationClaim = { node: Hex; owner: Address; key: Address }

/** A header with all that proves it. `hash` is the list hash: the EIP-712 signing hash. */
export type SignedList = {
  list: ListHeader
  hash: Hex
  signatures: readonly SignerSignature[]
  timestamp: Timestamp | null
}

/** keccak256(""): the only value of `delegations` in version 1. */
export const NO_DELEGATIONS: Hex = '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'
/** `previous` of the first list of a line. */
export const ZERO_HASH: Hex = `0x${'00'.repeat(32)}`

type FieldType = 'string' | 'bytes32' | 'address' | 'uint64' | 'uint256'
type Field = { readonly name: string; readonly type: FieldType }

/** The types of protocol 2.2, members in signing order. Typed data, type hashes and encoding all come from here. */
export const listTypes = {
  TagList: [
    { name: 'name', type: 'string' },
    { name: 'node', type: 'bytes32' },
    { name: 'owner', type: 'address' },
    { name: 'epoch', type: 'uint64' },
    { name: 'version', type: 'uint64' },
    { name: 'previous', type: 'bytes32' },
    { name: 'root', type: 'bytes32' },
    { name: 'count', type: 'uint64' },
    { name: 'delegations', type: 'bytes32' },
    { name: 'issuedAt', type: 'uint64' },
    { name: 'expiresAt', type: 'uint64' },
  ],
  Timestamp: [
    { name: 'node', type: 'bytes32' },
    { name: 'epoch', type: 'uint64' },
    { name: 'version', type: 'uint64' },
    { name: 'list', type: 'bytes32' },
    { name: 'issuedAt', type: 'uint64' },
    { name: 'expiresAt', type: 'uint64' },
  ],
  Revocation: [
    { name: 'node', type: 'bytes32' },
    { name: 'owner', type: 'address' },
    { name: 'key', type: 'address' },
  ],
} as const satisfies Record<string, readonly Field[]>

const domainFields: readonly Field[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
]

/** The EIP-712 typed data of a list, for wallets and signers that show it (viem's `signTypedData` shape). */
export function listTypedData(domain: ListDomain, list: ListHeader) {
  return {
    domain: eip712Domain(domain),
    types: { TagList: listTypes.TagList },
    primaryType: 'TagList',
    message: list,
  } as const
}

/** The same for a timestamp. */
export function timestampTypedData(domain: ListDomain, timestamp: TimestampClaim) {
  const types = { Timestamp: listTypes.Timestamp }
  return { domain: eip712Domain(domain), types, primaryType: 'Timestamp', message: timestamp } as const
}

/** The same for a key's own revocation. */
export function revocationTypedData(domain: ListDomain, revocation: RevocationClaim) {
  const types = { Revocation: listTypes.Revocation }
  return { domain: eip712Domain(domain), types, primaryType: 'Revocation', message: revocation } as const
}

/** EIP-712 hashStruct of a list, before the domain comes in. */
export function structHashOfList(list: ListHeader): Hex {
  return hashStruct('TagList', listTypes.TagList, list)
}

/** EIP-712 hashStruct of a Timestamp. */
export function structHashOfTimestamp(timestamp: TimestampClaim): Hex {
  return hashStruct('Timestamp', listTypes.Timestamp, timestamp)
}

/** EIP-712 hashStruct of a Revocation. */
export function structHashOfRevocation(revocation: RevocationClaim): Hex {
  return hashStruct('Revocation', listTypes.Revocation, revocation)
}

/** keccak256(0x1901 | domainSeparator | hashStruct(TagList)). */
export function hashList(domain: ListDomain, list: ListHeader): Hex {
  return signingHash(domain, structHashOfList(list))
}

/** The signing hash of a Timestamp over the list with this hash. */
export function hashTimestamp(domain: ListDomain, timestamp: TimestampClaim): Hex {
  return signingHash(domain, structHashOfTimestamp(timestamp))
}

/** The signing hash of a key's own revocation. */
export function hashRevocation(domain: ListDomain, revocation: RevocationClaim): Hex {
  return signingHash(domain, structHashOfRevocation(revocation))
}

function eip712Domain({ chainId, resolver }: ListDomain) {
  return { name: 'Mooring', version: '1', chainId, verifyingContract: resolver } as const
}

/** Filled as they are asked for: a first hash takes milliseconds, which a Worker that starts does not have. */
const typeHashes = new Map<string, Uint8Array>()

/** EIP-712 `encodeType`, hashed. */
function typeHash(name: string, fields: readonly Field[]): Uint8Array {
  const known = typeHashes.get(name)
  if (known !== undefined) return known
  const hash = keccakOfText(`${name}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`)
  typeHashes.set(name, hash)
  return hash
}

function keccakOfText(text: string): Uint8Array {
  return hexToBytes(keccakOfBytes(new TextEncoder().encode(text)))
}

/** EIP-712 `hashStruct`: each member is one word, since no member is a struct or an array. */
function hashStruct(name: string, fields: readonly Field[], members: Readonly<Record<string, unknown>>): Hex {
  const words = new Uint8Array(32 * (fields.length + 1))
  words.set(typeHash(name, fields), 0)
  for (const [i, field] of fields.entries()) putWord(words, 32 * (i + 1), field, members[field.name])
  return keccakOfBytes(words)
}

function putWord(words: Uint8Array, at: number, field: Field, value: unknown): void {
  if (field.type === 'string') words.set(keccakOfText(String(value)), at)
  else if (field.type === 'bytes32') words.set(hexBytes(value, 32, field.name), at)
  else if (field.type === 'address') words.set(hexBytes(value, 20, field.name), at + 12)
  else putUint(words, at, 32, boundedUint(value, field.type === 'uint64' ? 64n : 256n, field.name))
}

function hexBytes(value: unknown, length: number, name: string): Uint8Array {
  const bytes = hexToBytes(value as Hex)
  if (bytes.length !== length) throw new RangeError(`${name} is ${bytes.length} bytes, not ${length}`)
  return bytes
}

function boundedUint(value: unknown, bits: bigint, name: string): bigint {
  const number = BigInt(value as bigint | number)
  if (number < 0n || number >> bits !== 0n) throw new RangeError(`${name} ${number} does not fit uint${bits}`)
  return number
}

/** Separators by chain and contract: a gateway serves one, a test a few. */
const separators = new Map<string, Uint8Array>()
const MAX_SEPARATORS = 64

function domainSeparator(domain: ListDomain): Uint8Array {
  const key = `${domain.chainId}:${domain.resolver}`
  const known = separators.get(key)
  if (known !== undefined) return known
  if (separators.size >= MAX_SEPARATORS) separators.clear()
  const separator = hexToBytes(hashStruct('EIP712Domain', domainFields, eip712Domain(domain)))
  separators.set(key, separator)
  return separator
}

function signingHash(domain: ListDomain, structHash: Hex): Hex {
  const bytes = new Uint8Array(66)
  bytes.set([0x19, 0x01], 0)
  bytes.set(domainSeparator(domain), 2)
  bytes.set(hexToBytes(structHash), 34)
  return keccakOfBytes(bytes)
}
