import type { Address, Hex } from 'viem'

/** A call that changes something on chain, ready for anybody's signature. No ether goes with it. */
export type Transaction = {
  to: Address
  data: Hex
  /** What it does, in one line for people: `set the resolver of acme.eth to 0x...`. */
  summary: string
  /** It can only succeed once those before it are in a block, so a refusal before that says nothing. */
  needsEarlier?: true
}

/** What became of a transaction. */
export type Receipt = { hash: Hex; blockNumber: bigint; gasUsed: bigint }
