import type { Hex } from 'viem'
import type { TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import type { Proof } from '../tags/tree.ts'

/** One record that a lookup asks (protocol.md 4). `other` is answered on chain, without a gateway. */
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

/**
 * Reads callData as a client sends it to the gateway and as the contract reads it: name well-formed, its namehash equal to the node
 * of every inner call, tag grammar, at most 32 calls, no nested multicall. Work is bounded by the length of the input, at most 16 KiB.
 * @throws Refusal InvalidName, NodeMismatch, InvalidTag, BadResponse (callData that is not a resolve call)
 */
export declare function parseLookup(callData: Hex): LookupRequest

/** The resolve callData for one text or data record: what `resolver.resolve(name, text(node, key))` is called with. */
export declare function encodeTagLookup(ensName: string, tag: string, getter: 'text' | 'data'): Hex

/** The gateway's answer: `abi.encode(header, signatures, timestamp, proofs)`, one proof per oci-tag call, in call order. */
export declare function encodeResponse(signed: SignedList, proofs: readonly Proof[]): Hex

/**
 * The exact inverse of `encodeResponse`: limits of row 0 first, and re-encoding must give the same bytes. Name and node are not sent:
 * the header is completed with the requested ones. @throws Refusal BadResponse
 */
export declare function decodeResponse(
  response: Hex,
  request: LookupRequest,
): { signed: Omit<SignedList, 'hash'>; proofs: readonly Proof[] }

/** The bytes that `resolve` returns for a verified answer: for a multicall the encoded array, else the one record's ABI encoding. */
export declare function encodeResult(
  request: LookupRequest,
  list: { version: bigint; root: Hex },
  entries: readonly (TagEntry | undefined)[],
  other?: { registry?: string; fallback?: (callData: Hex) => Hex },
): Hex

/** The gateway URL for a callData: `<base>/ccip/<chainId>/<resolver>/{sender}/{data}.json` up to 900 bytes of callData, else the POST form. */
export declare function gatewayUrlTemplates(
  baseUrl: string,
  chainId: number,
  resolver: Hex,
): { get: string; post: string }
