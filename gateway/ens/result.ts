import type { Hex } from 'viem'
import type { TagEntry } from '../tags/entry.ts'
import { arrayWords, bytesWords, offsetWords, textWords, word } from './abi-words.ts'
import type { LookupRequest, RecordRequest } from './lookup.ts'

/** What the chain alone answers inside a lookup. */
export type OnChainAnswers = {
  /** `oci-registry`: base URLs with single spaces between. */
  registry?: string
  /** The answer, or in a multicall the error bytes, of the fallback resolver. */
  fallback?: (callData: Hex) => Hex
}

/**
 * The bytes that `resolve` returns for a verified answer: for a multicall the encoded array, else the one record's ABI encoding.
 * `entries` are those of the oci-tag calls in call order, undefined for proven absent.
 * @throws Error when a record is answered on chain and `onChain` does not say how
 */
export function encodeResult(
  request: Pick<LookupRequest, 'records' | 'multicall'>,
  list: { version: bigint; root: Hex },
  entries: readonly (TagEntry | undefined)[],
  onChain: OnChainAnswers = {},
): Hex {
  const remaining = entries.values()
  const results = request.records.map((record) => encodeRecord(record, list, () => remaining.next().value, onChain))
  if (!request.multicall) return results[0] as Hex
  return `0x${word(0x20)}${arrayWords(results.map(bytesWords))}`
}

function encodeRecord(
  record: RecordRequest,
  list: { version: bigint; root: Hex },
  nextEntry: () => TagEntry | undefined,
  onChain: OnChainAnswers,
): Hex {
  switch (record.kind) {
    case 'tag':
      return record.getter === 'text' ? encodeText(nextEntry()?.digest ?? '') : encodeTwin(nextEntry(), list.version)
    case 'version':
      return encodeText(list.version.toString())
    case 'root':
      return encodeText(list.root)
    case 'registry':
      if (onChain.registry === undefined) throw new Error('oci-registry is on chain and was not read')
      return encodeText(onChain.registry)
    case 'other':
      if (onChain.fallback === undefined) throw new Error('the fallback resolver was not asked')
      return onChain.fallback(record.callData)
  }
}

/** `abi.encode(string)`. */
function encodeText(text: string): Hex {
  return `0x${word(0x20)}${textWords(text)}`
}

/**
 * The typed twin of protocol 4 in ENSIP-24's `bytes`: `abi.encode(string digest, uint64 size, string mediaType,
 * bytes32 swarmReference, uint64 version)`, `version` being the list's; empty bytes for an absent tag.
 */
function encodeTwin(entry: TagEntry | undefined, version: bigint): Hex {
  if (entry === undefined) return `0x${word(0x20)}${bytesWords('0x')}`
  const digest = textWords(entry.digest)
  const [digestOffset, mediaTypeOffset] = [offsetWords(5, [digest]), offsetWords(5 + digest.length / 64, [''])]
  const heads = digestOffset + word(entry.size) + mediaTypeOffset + entry.swarmReference.slice(2) + word(version)
  return `0x${word(0x20)}${bytesWords(`0x${heads}${digest}${textWords(entry.mediaType)}`)}`
}
