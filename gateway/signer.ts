import type { Address, Hex } from 'viem'
import type { ListDomain, ListHeader } from './tags/list.ts'

/** A key that signs tag lists. The key itself never leaves it, not even into a log. */
export type Signer = {
  readonly address: Address
  /** 65 bytes r|s|v over the list hash, v 27 or 28, low s. @throws when the signer refuses or cannot be reached */
  signList(domain: ListDomain, list: ListHeader): Promise<Hex>
}
