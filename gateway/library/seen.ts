import type { Hex } from 'viem'
import { decodeResponse, type LookupRequest } from '../ens/lookup.ts'
import { tagsOf } from '../ens/verify.ts'
import { decodeTagEntry, encodeTagKey, type TagEntry } from '../tags/entry.ts'
import { hashList, type ListDomain, type SignedList } from '../tags/list.ts'
import type { Proof } from '../tags/tree.ts'
import type { SeenTags } from './name-memory.ts'

/**
 * What an answer that held as far as row 8 says, as a memory keeps it: tombstones read as absent, but are remembered as they stand.
 * @throws Refusal for an answer that did not hold
 */
export function seenIn(
  domain: ListDomain,
  request: LookupRequest,
  response: Hex,
): { signed: SignedList; seen: SeenTags & { proofs: ReadonlyMap<string, Proof> } } {
  const { signed, proofs: all } = decodeResponse(response, request)
  const tags = tagsOf(request)
  const entries = new Map<string, TagEntry>()
  const proofs = new Map<string, Proof>()
  tags.forEach((tag, position) => {
    const proof = all[position] as Proof
    proofs.set(tag, proof)
    if (proof.key === encodeTagKey(tag)) entries.set(tag, decodeTagEntry(proof.value, signed.list.version))
  })
  return { signed: { ...signed, hash: hashList(domain, signed.list) }, seen: { tags, entries, proofs } }
}

/** Whether a refusal is row 9's: then the list behind it held as far as row 8. */
export function isOfMemory({ reason }: { reason: string }): boolean {
  return reason === 'OwnerChanged' || reason === 'Equivocation' || reason === 'ImmutableChanged'
}
