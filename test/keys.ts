import type { Address, Hex } from 'viem'
import { privateKeyToAddress, sign, signMessage } from 'viem/accounts'
import type { Signer } from '../gateway/signer.ts'
import { hashList } from '../gateway/tags/list.ts'

/** The well-known first keys of anvil: worthless, and the same in every test. */
export const testKeys = {
  owner: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  other: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  third: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
} as const satisfies Record<string, Hex>

export function addressOf(key: Hex): Address {
  return privateKeyToAddress(key).toLowerCase() as Address
}

/** A signer that holds its key in memory. */
export function createTestSigner(key: Hex = testKeys.owner): Signer {
  return {
    address: addressOf(key),
    signList: (domain, list) => sign({ privateKey: key, hash: hashList(domain, list), to: 'hex' }),
    signMessage: (hash) => signMessage({ message: { raw: hash }, privateKey: key }),
  }
}
