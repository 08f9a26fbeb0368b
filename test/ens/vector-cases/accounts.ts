import { type Address, type Hex, keccak256, stringToHex } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'

/** An account of the vectors: its key is the hash of its title, so that every run makes the same bytes. */
export type Account = { address: Address; sign: (hash: Hex) => Promise<Hex> }

export function accountOf(title: string): Account {
  const privateKey = keccak256(stringToHex(`mooring vectors: ${title}`))
  const address = lower(privateKeyToAccount(privateKey).address)
  return { address, sign: (hash) => sign({ hash, privateKey, to: 'hex' }) }
}

/** An address without a key: contracts and bystanders. */
export function addressOf(title: string): Address {
  return `0x${keccak256(stringToHex(`mooring vectors: ${title}`)).slice(26)}`
}

export const alice = accountOf('alice')
export const bob = accountOf('bob')
export const carol = accountOf('carol')
export const clockmaker = accountOf('clockmaker')
/** Eight publishers in ascending order. */
export const publishers: readonly Account[] = ascending(
  Array.from({ length: 8 }, (_, i) => accountOf(`publisher ${i + 1}`)),
)

export function ascending(accounts: readonly Account[]): Account[] {
  return accounts.toSorted((a, b) => (a.address < b.address ? -1 : 1))
}

export function lower<Text extends Hex>(hex: Text): Text {
  return hex.toLowerCase() as Text
}
