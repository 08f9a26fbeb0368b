import type { Hex } from 'viem'
import type { NameAuthority } from '../tags/authority.ts'
import { isTombstone, type TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import { type NameMemory, verifyAgainstMemory, verifyList, verifyStoredEntry } from '../tags/verify.ts'
import { checkLookup, countTagCalls, type LookupRequest, readLookup } from './lookup.ts'
import { completeAnswer, decodeAnswer } from './response.ts'
import { encodeResult, type OnChainAnswers } from './result.ts'

/** A lookup answer that held: each tag's entry in call order, undefined for proven absent. `result` is what the contract's `resolve` returns. */
export type VerifiedLookup = {
  request: LookupRequest
  signed: SignedList
  entries: readonly (TagEntry | undefined)[]
  result: Hex
}

/** What a verification may ask for. The chain's answers are read only after rows 0 and 1 held. */
export type LookupVerification = {
  /** The whole `resolve(bytes,bytes)` callData. */
  callData: Hex
  /** What the gateway answered. */
  response: Hex
  readAuthority: (ensName: string) => Promise<NameAuthority>
  /** Records of the same multicall that the chain alone answers; needed only where one is asked for. */
  readOnChain?: (request: LookupRequest) => Promise<OnChainAnswers>
  /** The verifier's own clock, unix seconds. */
  localTime: bigint
  memory: NameMemory | null
}

/**
 * The whole check order of protocol 3.1, rows 0 to 9, over one gateway answer; the same order and names as the contract.
 * `authority` is read by the caller for the request's name (only asked for after rows 0 and 1 held).
 * @throws Refusal with the name of the first row that fails
 */
export async function verifyLookup(options: LookupVerification): Promise<VerifiedLookup> {
  const calls = readLookup(options.callData)
  const answer = decodeAnswer(options.response, countTagCalls(calls))
  const request = checkLookup(calls)
  const { signed, proofs } = completeAnswer(answer, request)
  const hash = await verifyList(signed, await options.readAuthority(request.ensName), options.localTime)
  const tags = tagsOf(request)
  const stored = proofs.map((proof, position) => verifyStoredEntry(signed.list, tags[position] as string, proof))
  verifyMemory(options.memory, { ...signed, hash }, tags, stored)
  const entries = stored.map((entry) => (entry === undefined || isTombstone(entry) ? undefined : entry))
  const onChain = await readOnChain(request, options)
  return { request, signed: { ...signed, hash }, entries, result: encodeResult(request, signed.list, entries, onChain) }
}

/** The tags that a lookup asks, in call order. */
export function tagsOf(request: Pick<LookupRequest, 'records'>): string[] {
  return request.records.flatMap((record) => (record.kind === 'tag' ? [record.tag] : []))
}

/** Row 9, for the list and then for each tag: a lookup may ask none. A tombstone reads as absent but is remembered as it is stored. */
function verifyMemory(
  memory: NameMemory | null,
  { list, hash }: SignedList,
  tags: readonly string[],
  stored: readonly (TagEntry | undefined)[],
): void {
  verifyAgainstMemory(memory, list, hash, null, undefined)
  tags.forEach((tag, position) => {
    verifyAgainstMemory(memory, list, hash, tag, stored[position])
  })
}

async function readOnChain(request: LookupRequest, { readOnChain }: LookupVerification): Promise<OnChainAnswers> {
  const asksChain = request.records.some((record) => record.kind === 'registry' || record.kind === 'other')
  return asksChain && readOnChain !== undefined ? readOnChain(request) : {}
}
