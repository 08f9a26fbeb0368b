import type { Hex } from 'viem'
import { isTag } from '../tags/entry.ts'
import { Refusal } from '../tags/refusal.ts'
import { arrayWords, bytesWords, textWords, word } from './abi-words.ts'
import { bytesOfHex, digitsOf, isWholeHex } from './hex.ts'
import { checkRepositoryLabels, type DecodedName, decodeDnsBytes, encodeDnsName, nodeOf } from './name.ts'

export { decodeResponse, encodeResponse, prepareResponse } from './response.ts'
export { encodeResult } from './result.ts'

/** One record that a lookup asks (protocol 4). `other` is answered on chain, without a gateway. */
export type RecordRequest =
  | { kind: 'tag'; getter: 'text' | 'data'; tag: string }
  | { kind: 'version' | 'root' | 'registry' }
  | { kind: 'other'; callData: Hex }

/** A whole `resolve(bytes,bytes)` callData, taken apart. */
export type LookupRequest = {
  ensName: string
  labels: readonly string[]
  node: Hex
  records: readonly RecordRequest[]
  /** Whether the inner call was `multicall(bytes[])`. */
  multicall: boolean
}

/** One getter call inside a lookup, cut out but not yet judged. `key` is the record's key of `text` and `data`, else undefined. */
type InnerCall = { callData: Uint8Array; node: string; getter: 'text' | 'data' | 'other'; key: string | undefined }

/** A lookup whose ABI encoding held, before row 1 of the check order. */
export type LookupCalls = { dnsEncodedName: Uint8Array; calls: readonly InnerCall[]; multicall: boolean }

/** Protocol 4: callData over 16 KiB is refused before it is read. */
const maxCallDataBytes = 16 * 1024
/** Protocol 4: calls in one multicall. */
const maxCalls = 32
/** Protocol 4: a longer callData goes by POST. */
const maxGetCallDataBytes = 900

/** ENSIP-10 `resolve(bytes,bytes)`, `multicall(bytes[])`, ENSIP-5 `text(bytes32,string)`, ENSIP-24 `data(bytes32,string)`. */
const selectors = { resolve: '9061b923', multicall: 'ac9650d8', text: '59d1d43c', data: 'ecbfada3' } as const

const tagKeyStart = 'oci-tag['

/**
 * Reads callData as a client sends it to the gateway and as the contract reads it: name well-formed, its namehash equal to the node
 * of every inner call, tag grammar, at most 32 calls, no nested multicall. Work is bounded by the length of the input, at most 16 KiB.
 * @throws Refusal InvalidName, NodeMismatch, InvalidTag, BadResponse (callData that is not a resolve call)
 */
export function parseLookup(callData: Hex): LookupRequest {
  return checkLookup(readLookup(callData))
}

/** The ABI encoding of a lookup alone, as row 0 needs it before row 1. @throws Refusal BadResponse */
export function readLookup(callData: Hex): LookupCalls {
  if (callData.length > 2 + 2 * maxCallDataBytes) refuse(`longer than ${maxCallDataBytes} bytes`)
  if (!isWholeHex(callData)) refuse('not hex of whole bytes')
  const bytes = bytesOfHex(callData)
  if (selectorOf(bytes) !== selectors.resolve) refuse('not a call of resolve(bytes,bytes)')
  const dnsEncodedName = bytesAt(bytes, 4, 0)
  const inner = bytesAt(bytes, 4, 1)
  const multicall = selectorOf(inner) === selectors.multicall
  const calls = multicall ? multicallElements(inner).map(readInnerCall) : [readInnerCall(inner)]
  return { dnsEncodedName, calls, multicall }
}

/** How many proofs an answer carries: one per call for an `oci-tag[` key. */
export function countTagCalls(lookup: LookupCalls): number {
  return lookup.calls.filter((call) => call.key?.startsWith(tagKeyStart)).length
}

/** Row 1 of the check order. @throws Refusal InvalidName, NodeMismatch, InvalidTag */
export function checkLookup(lookup: LookupCalls): LookupRequest {
  const { labels, ensName, node } = decodeName(lookup.dnsEncodedName)
  if (countTagCalls(lookup) > 0) checkRepositoryLabels(labels)
  const digits = node.slice(2)
  for (const call of lookup.calls) {
    if (call.node !== digits) throw new Refusal('NodeMismatch', `a call asks another node than that of ${ensName}`)
  }
  return { ensName, labels, node, records: lookup.calls.map(recordOf), multicall: lookup.multicall }
}

function recordOf({ callData, getter, key }: InnerCall): RecordRequest {
  if (getter !== 'other' && key?.startsWith(tagKeyStart)) return { kind: 'tag', getter, tag: tagOf(key) }
  if (getter === 'text' && key === 'oci-version') return { kind: 'version' }
  if (getter === 'text' && key === 'oci-root') return { kind: 'root' }
  if (getter === 'text' && key === 'oci-registry') return { kind: 'registry' }
  return { kind: 'other', callData: `0x${digitsOf(callData)}` }
}

/** Protocol 4: a key that begins `oci-tag[` is ours, whole or not. */
function tagOf(key: string): string {
  const tag = key.slice(tagKeyStart.length, -1)
  if (key.endsWith(']') && isTag(tag)) return tag
  throw new Refusal('InvalidTag', `key ${JSON.stringify(key.slice(0, 160))} is not oci-tag[<tag>]`)
}

function readInnerCall(callData: Uint8Array): InnerCall {
  const selector = selectorOf(callData)
  if (selector === selectors.multicall) refuse('a multicall inside a multicall')
  const node = digitsOf(callData.subarray(4, 36))
  if (selector !== selectors.text && selector !== selectors.data)
    return { callData, node, getter: 'other', key: undefined }
  const getter = selector === selectors.text ? 'text' : 'data'
  return { callData, node, getter, key: latin1(bytesAt(callData, 4, 1)) }
}

/** Byte by byte: our keys are ASCII, and any other stays different from them. */
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function selectorOf(bytes: Uint8Array): string {
  return digitsOf(bytes.subarray(0, 4))
}

/** The elements of the one `bytes[]` argument of a multicall: offsets count from behind the array's length. */
function multicallElements(inner: Uint8Array): Uint8Array[] {
  const array = 4 + lengthAt(inner, 4)
  const count = lengthAt(inner, array)
  if (count > maxCalls) refuse(`${count} calls, more than ${maxCalls}`)
  return Array.from({ length: count }, (_, position) => bytesAt(inner, array + 32, position))
}

/** The `bytes` or `string` whose offset stands in word `position` behind `base`; offsets count from `base`. */
function bytesAt(bytes: Uint8Array, base: number, position: number): Uint8Array {
  const at = base + lengthAt(bytes, base + 32 * position)
  const length = lengthAt(bytes, at)
  const end = at + 32 + length
  if (end > bytes.length) refuse('an argument goes past the end')
  return bytes.subarray(at + 32, end)
}

/** A word that counts bytes or elements: never above 2^32, so that sums of a few stay exact. */
function lengthAt(bytes: Uint8Array, at: number): number {
  if (at + 32 > bytes.length) refuse('an argument goes past the end')
  let value = 0
  for (let i = at; i < at + 32; i++) {
    value = value * 256 + (bytes[i] as number)
    if (value > 0xffffffff) refuse('an offset or a length goes past the end')
  }
  return value
}

function refuse(broken: string): never {
  throw new Refusal('BadResponse', `callData: ${broken}`)
}

const maxRememberedNames = 512
const rememberedNames = new Map<string, DecodedName>()

/** Hashing a name costs more than all else in a lookup, and one name is asked for again and again. */
function decodeName(wire: Uint8Array): DecodedName {
  const digits = wire.length > 255 ? '' : digitsOf(wire)
  const known = rememberedNames.get(digits)
  if (known !== undefined) return known
  const decoded = decodeDnsBytes(wire)
  if (rememberedNames.size >= maxRememberedNames) rememberedNames.clear()
  rememberedNames.set(digits, decoded)
  return decoded
}

/** The resolve callData for one text or data record: what `resolver.resolve(name, text(node, key))` is called with. */
export function encodeTagLookup(ensName: string, tag: string, getter: 'text' | 'data'): Hex {
  return encodeLookup(ensName, [encodeGetter(ensName, `${tagKeyStart}${tag}]`, getter)])
}

/** The callData of `text(node, key)` or `data(node, key)`. */
export function encodeGetter(ensName: string, key: string, getter: 'text' | 'data'): Hex {
  return `0x${selectors[getter]}${nodeOf(ensName).slice(2)}${word(0x40)}${textWords(key)}`
}

/** The resolve callData for getter calls: one as it is, several in a multicall. */
export function encodeLookup(ensName: string, calls: readonly Hex[]): Hex {
  const only = calls.length === 1 ? calls[0] : undefined
  const inner = bytesWords(only ?? encodeMulticall(calls))
  const dnsEncodedName = bytesWords(encodeDnsName(ensName))
  return `0x${selectors.resolve}${word(0x40)}${word(0x40 + dnsEncodedName.length / 2)}${dnsEncodedName}${inner}`
}

function encodeMulticall(calls: readonly Hex[]): Hex {
  return `0x${selectors.multicall}${word(0x20)}${arrayWords(calls.map(bytesWords))}`
}

/** The gateway URLs of protocol 4: `get` for callData of at most 900 bytes, `post` above. Braces are ERC-3668's placeholders. */
export function gatewayUrlTemplates(baseUrl: string, chainId: number, resolver: Hex): { get: string; post: string } {
  const post = `${baseUrl}/ccip/${chainId}/${resolver.toLowerCase()}/{sender}`
  return { get: `${post}/{data}.json`, post }
}

/** Whether a callData goes by GET (protocol 4). */
export function isGetCallData(callData: Hex): boolean {
  return (callData.length - 2) / 2 <= maxGetCallDataBytes
}
