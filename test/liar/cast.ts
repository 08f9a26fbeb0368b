import { type Address, type Hex, keccak256, stringToHex } from 'viem'
import { sign } from 'viem/accounts'
import { addressOf, testKeys } from '../keys.ts'

/** Somebody with a key. */
export type Party = { address: Address; key: Hex; sign(hash: Hex): Promise<Hex> }

function partyOf(key: Hex): Party {
  return { address: addressOf(key), key, sign: (hash) => sign({ privateKey: key, hash, to: 'hex' }) }
}

const keyOf = (role: string) => keccak256(stringToHex(`the liar's ${role}`))

/** Who appears: the owner of every name, who publishes too; a second publisher; a timestamper; a buyer; and somebody unknown. */
export const cast = {
  owner: partyOf(testKeys.owner),
  second: partyOf(testKeys.other),
  timestamper: partyOf(testKeys.third),
  buyer: partyOf(keyOf('buyer')),
  stranger: partyOf(keyOf('stranger')),
} as const

/** In ascending order of their addresses, as policies and signatures want them. */
export function ascending(parties: readonly Party[]): Party[] {
  return [...parties].sort((one, other) => (one.address < other.address ? -1 : 1))
}
