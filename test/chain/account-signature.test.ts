import type { Address, Hex } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askAtLatestBlock } from '../../gateway/chain/account-signature.ts'
import { ChainUnavailable } from '../../gateway/chain/chain-reader.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { isSignatureValid } from '../../gateway/tags/signature.ts'
import { addressOf, createTestSigner, testKeys } from '../fixtures.ts'
import { setCode } from './dev-calls.ts'
import { approving, refusing } from './wallet-code.ts'

// How a gateway asks an account that logs in for its signature, on a real chain.

const wallet: Address = `0x${'c0'.repeat(20)}`
const hash: Hex = `0x${'12'.repeat(32)}`
let dev: DevChain

beforeAll(async () => {
  dev = await startDevChain({ gatewayUrls: [], names: [], publisher: addressOf(testKeys.owner) })
})
afterAll(() => dev.close())

const validFor = (signer: Address, signature: Hex, ...rpcUrls: string[]) =>
  isSignatureValid(signer, hash, signature, askAtLatestBlock(rpcUrls, dev.addresses.resolver))

test('ERC-1271 at the latest block: what a contract account says now, and nothing where there is no code', async () => {
  expect(await validFor(wallet, '0x1234', dev.rpc)).toBe(false)
  await setCode(dev, wallet, approving)
  expect(await validFor(wallet, '0x1234', dev.rpc)).toBe(true)
  await setCode(dev, wallet, refusing)
  expect(await validFor(wallet, '0x1234', dev.rpc)).toBe(false)
})

test('the next endpoint is asked where one cannot be; without any it is no answer', async () => {
  await setCode(dev, wallet, approving)
  const nowhere = 'http://127.0.0.1:9'
  expect(await validFor(wallet, '0x1234', nowhere, dev.rpc)).toBe(true)
  await expect(validFor(wallet, '0x1234', nowhere)).rejects.toThrow(ChainUnavailable)
  await expect(validFor(wallet, '0x1234')).rejects.toThrow(ChainUnavailable)
  const signature = await createTestSigner().signMessage(hash)
  await expect(validFor(addressOf(testKeys.owner), signature)).rejects.toThrow(ChainUnavailable)
})
