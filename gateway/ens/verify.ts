import type { Hex } from 'viem'
import type { NameAuthority } from '../tags/authority.ts'
import type { TagEntry } from '../tags/entry.ts'
import type { SignedList } from '../tags/list.ts'
import type { NameMemory } from '../tags/verify.ts'
import type { LookupRequest } from './lookup.ts'

/** A lookup answer that held: each tag's entry in call order, undefined for proven absent. `result` is what the contract's `resolve` returns. */
export type VerifiedLookup = {
  request: LookupRequest
  signed: SignedList
  entries: readonly (TagEntry | undefined)[]
  result: Hex
}

/**
 * The whole check order of protocol.md 3.1, rows 0 to 9, over one gateway answer; the same order and names as the contract.
 * `authority` is read by the caller for the request's name (only asked for after rows 0 and 1 held).
 * @throws Refusal with the name of the first row that fails
 */
export declare function verifyLookup(options: {
  callData: Hex
  response: Hex
  readAuthority: (ensName: string) => Promise<NameAuthority>
  localTime: bigint
  memory: NameMemory | null
}): Promise<VerifiedLookup>
