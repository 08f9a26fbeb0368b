import { hashTypedData } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, test } from 'vitest'
import {
  hashList,
  hashRevocation,
  hashTimestamp,
  type ListHeader,
  listTypedData,
  listTypes,
  NO_DELEGATIONS,
  revocationTypedData,
  timestampTypedData,
  ZERO_HASH,
} from '../../gateway/tags/list.ts'
import { isSignatureValid } from '../../gateway/tags/signature.ts'

const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
const owner = account.address.toLowerCase() as `0x${string}`
const domain = { chainId: 1, resolver: `0x${'c0'.repeat(20)}` as const }
const list: ListHeader = {
  name: 'web.acme.eth',
  node: `0x${'0d'.repeat(32)}`,
  owner,
  epoch: 2n,
  version: 7n,
  previous: ZERO_HASH,
  root: `0x${'0e'.repeat(32)}`,
  count: 3n,
  delegations: NO_DELEGATIONS,
  issuedAt: 1n,
  expiresAt: 2n,
}

describe('2.2 what is signed', () => {
  test('the type strings are those of the page', () => {
    const text = (name: keyof typeof listTypes) =>
      `${name}(${listTypes[name].map(({ type, name: member }) => `${type} ${member}`).join(',')})`
    expect(text('TagList')).toBe(
      'TagList(string name,bytes32 node,address owner,uint64 epoch,uint64 version,bytes32 previous,bytes32 root,uint64 count,bytes32 delegations,uint64 issuedAt,uint64 expiresAt)',
    )
    expect(text('Timestamp')).toBe(
      'Timestamp(bytes32 node,uint64 epoch,uint64 version,bytes32 list,uint64 issuedAt,uint64 expiresAt)',
    )
    expect(text('Revocation')).toBe('Revocation(bytes32 node,address owner,address key)')
  })

  test('what a wallet signs as typed data is what is verified', async () => {
    const timestamp = { node: list.node, epoch: 2n, version: 7n, list: ZERO_HASH, issuedAt: 1n, expiresAt: 2n }
    const revocation = { node: list.node, owner, key: owner }
    const none = async () => undefined
    const signed = [
      [hashList(domain, list), await account.signTypedData(listTypedData(domain, list))],
      [hashTimestamp(domain, timestamp), await account.signTypedData(timestampTypedData(domain, timestamp))],
      [hashRevocation(domain, revocation), await account.signTypedData(revocationTypedData(domain, revocation))],
    ] as const
    for (const [hash, signature] of signed) expect(await isSignatureValid(owner, hash, signature, none)).toBe(true)
    expect(await isSignatureValid(owner, signed[0][0], signed[1][1], none)).toBe(false)
  })

  test('many domains one after another keep their own separators', () => {
    for (const chainId of [...Array(150).keys(), ...Array(150).keys()]) {
      const other = { ...domain, chainId: chainId + 1 }
      expect(hashList(other, list)).toBe(hashTypedData(listTypedData(other, list)))
    }
  })

  test('a number that does not fit uint64, or hex of another length, is thrown and not cut', () => {
    expect(() => hashList(domain, { ...list, epoch: 2n ** 64n - 1n })).not.toThrow()
    expect(() => hashList(domain, { ...list, epoch: 2n ** 64n })).toThrow(RangeError)
    expect(() => hashList(domain, { ...list, version: -1n })).toThrow(RangeError)
    expect(() => hashList(domain, { ...list, root: '0x12' })).toThrow(RangeError)
    expect(() => hashList(domain, { ...list, owner: ZERO_HASH })).toThrow(RangeError)
  })
})

describe('2.3 the chain is asked only when it matters', () => {
  test('a good ECDSA signature asks nobody; address(0) and oversized bytes neither; an unreachable chain is not a refusal', async () => {
    const hash = hashList(domain, list)
    const signature = await account.sign({ hash })
    const never = async () => {
      throw new Error('chain unavailable')
    }
    expect(await isSignatureValid(owner, hash, signature, never)).toBe(true)
    expect(await isSignatureValid(`0x${'00'.repeat(20)}`, hash, signature, never)).toBe(false)
    expect(await isSignatureValid(owner, hash, `0x${'ab'.repeat(8193)}`, never)).toBe(false)
    await expect(isSignatureValid(owner, hash, '0x12', never)).rejects.toThrow('chain unavailable')
  })
})
