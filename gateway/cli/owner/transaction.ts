import type { Address, Hex } from 'viem'

/** A call that changes something on chain, ready for anybody's signature. No ether goes with it. */
export type Transaction = {
  to: Address
  data: Hex
  /** What it does, in one line for people: `set the resolver of acme.eth to 0x...`. */
  summary: string
}

/** What became of a transaction. */
export type Receipt = { hash: Hex; blockNumber: bigint; gasUsed: bigint }
