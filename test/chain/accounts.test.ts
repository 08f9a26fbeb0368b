import {
  type Address,
  createWalletClient,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  http,
  zeroAddress,
} from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { waitForTransactionReceipt } from 'viem/actions'
import { foundry } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openName } from '../../gateway/cli/client/name-on-chain.ts'
import { type DevChain, startDevChain } from '../../gateway/cli/dev-chain.ts'
import { mooringResolverAbi } from '../../gateway/ens/abi.ts'
import { encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { encodeDnsName, nodeOf } from '../../gateway/ens/name.ts'
import { verifyLookup } from '../../gateway/ens/verify.ts'
import { hashList, hashRevocation } from '../../gateway/tags/list.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import { ask, callRaw, fund, giveName, setCode } from './dev-calls.ts'
import { type GatewayApp, openGatewayApp } from './gateway-app.ts'
import { askBoth, askCallback, callbackCall } from './judges.ts'
import { startRpcProxy } from './rpc-proxy.ts'
import { approveOnChain, createSafe, deploySafeContracts, type Safe, type SafeContracts } from './safe.ts'
import {
  answerFor,
  type FirstList,
  firstList,
  type HashSigner,
  presentEntry,
  signaturesOver,
  timestampOver,
} from './signed-answer.ts'
import { approving, approvingOnly, burnsAllGas, hugeReturn, refusing, reverting, wallets } from './wallet-code.ts'

// Protocol 2.3 with contract accounts on a real chain: the gateway that takes a list, our verifier and the contract's callback say
// the same of each, by the same error name.

const owner = addressOf(testKeys.owner)
const { digest } = presentEntry
let dev: DevChain
let safes: SafeContracts
let gateway: GatewayApp

beforeAll(async () => {
  const labels = ['one', 'two', 'member', 'stamped', 'leaving', 'onchain', 'revoked', 'account', 'listed', 'timed']
  const names = [...labels, 'gas', 'large', 'caller', 'delegated'].map((label) => `${label}.eth`)
  dev = await startDevChain({ gatewayUrls: [], names, publisher: owner, hardfork: 'prague' })
  safes = await deploySafeContracts(dev)
  gateway = openGatewayApp(dev)
})

afterAll(() => dev.close())

const domainOf = ({ chainId, addresses: { resolver } }: DevChain) => ({ chainId, resolver })
const now = () => BigInt(Math.floor(Date.now() / 1000))
const lookupOf = (ensName: string) => encodeTagLookup(ensName, 'v1', 'text')

/** An account with a key of its own. */
function keyed(key: Hex): HashSigner {
  return { address: addressOf(key), sign: (hash) => sign({ privateKey: key, hash, to: 'hex' }) }
}

/** Says the same signature to everything. */
function saying(address: Address, signature: Hex): HashSigner {
  return { address, sign: async () => signature }
}

/** What gateway, contract and verifier say of a list with these signers. */
async function judge(list: FirstList, ...signers: HashSigner[]) {
  const signatures = await signaturesOver(domainOf(dev), list, signers)
  const response = await answerFor(list, 'v1', signatures)
  return { gateway: await gateway.put(list, signatures), ...(await askBoth(dev, lookupOf(list.header.name), response)) }
}

const accepted = { gateway: 201, contract: digest, verifier: digest }
const refusedAs = (error: string) => ({ gateway: error, contract: error, verifier: error })

type NewPolicy = { publishers: readonly Address[]; threshold: number; timestamper: Address; maxAge: number }

function policyCall(ensName: string, policy: Partial<NewPolicy>): Hex {
  const whole = { publishers: [], threshold: 1, timestamper: zeroAddress, maxAge: 0, ...policy }
  const args = [encodeDnsName(ensName), { ...whole, publishers: whole.publishers.toSorted() }] as const
  return encodeFunctionData({ abi: mooringResolverAbi, functionName: 'setPolicy', args })
}

function setPolicy(ensName: string, policy: Partial<NewPolicy>): Promise<void> {
  return dev.send({ from: owner, to: dev.addresses.resolver, data: policyCall(ensName, policy) })
}

describe('Safe 1.3.0', () => {
  const { owner: keyA, other: keyB, third: keyC } = testKeys
  const twoOfThree = () => createSafe(dev, safes, [keyA, keyB, keyC], 2)

  async function ownedBy(safe: Safe, ensName: string): Promise<FirstList> {
    await giveName(dev, ensName, owner, safe.address)
    return firstList(ensName, safe.address, now())
  }

  test('protocol 3: a 1-of-1 that owns a name is its publisher, and its gateway answers lookups', async () => {
    const safe = await createSafe(dev, safes, [keyB], 1)
    const list = await ownedBy(safe, 'one.eth')
    expect(await judge(list, safe.signedBy(keyB))).toEqual(accepted)
    const response = await gateway.lookUp(lookupOf('one.eth'))
    expect(await askBoth(dev, lookupOf('one.eth'), response as Hex)).toEqual({ contract: digest, verifier: digest })
    expect(await judge(list, safe.signedBy(keyA))).toEqual(refusedAs('BadSignature'))
    expect(await judge(list, keyed(keyB))).toEqual(refusedAs('NotPublisher'))
  })

  test('protocol 2.3: a 2-of-3 that owns a name signs by any two of its owners, in its own way alone', async () => {
    const safe = await twoOfThree()
    const another = await twoOfThree()
    const list = await ownedBy(safe, 'two.eth')
    const pairs = [
      [keyA, keyB],
      [keyA, keyC],
      [keyB, keyC],
    ] as const // prettier-ignore
    for (const pair of pairs) expect(await judge(list, safe.signedBy(...pair))).toEqual(accepted)
    expect(await judge(list, safe.signedBy(keyA, keyB, keyC))).toEqual(accepted)
    const descending: HashSigner = {
      address: safe.address,
      sign: async (hash) => {
        const signature = await safe.signedBy(keyA, keyB).sign(hash)
        return `0x${signature.slice(2 + 130)}${signature.slice(2, 2 + 130)}`
      },
    }
    const rawHash: HashSigner = {
      address: safe.address,
      sign: async (hash) => `0x${(await keyed(keyA).sign(hash)).slice(2)}${(await keyed(keyB).sign(hash)).slice(2)}`,
    }
    const faults: [what: string, signer: HashSigner][] = [
      ['one owner', safe.signedBy(keyA)],
      ['one owner twice', safe.signedBy(keyA, keyA)],
      ['owners in descending order', descending],
      ['owners that signed the list hash and not the message', rawHash],
      ['the message of another Safe of the same owners', { ...another.signedBy(keyA, keyB), address: safe.address }],
      ['no signature', saying(safe.address, '0x')],
    ]
    for (const [what, signer] of faults)
      expect([what, await judge(list, signer)]).toEqual([what, refusedAs('BadSignature')])
  })

  test('row 6: as one publisher among two it counts once, beside a key; the Safe that owns the name set the policy', async () => {
    const holder = await twoOfThree()
    const member = await createSafe(dev, safes, [keyB, keyC], 2)
    const list = await ownedBy(holder, 'member.eth')
    const both = { publishers: [owner, member.address], threshold: 2 }
    await holder.execute([keyB, keyC], dev.addresses.resolver, policyCall('member.eth', both))
    expect(await judge(list, keyed(keyA), member.signedBy(keyB, keyC))).toEqual(accepted)
    expect(await judge(list, member.signedBy(keyB, keyC))).toEqual(refusedAs('ThresholdNotMet'))
    expect(await judge(list, keyed(keyA))).toEqual(refusedAs('ThresholdNotMet'))
    expect(await judge(list, keyed(keyA), member.signedBy(keyB))).toEqual(refusedAs('BadSignature'))
    expect(await judge(list, holder.signedBy(keyA, keyB))).toEqual(refusedAs('NotPublisher'))
  })

  test('row 7: a Safe signs freshness', async () => {
    const safe = await twoOfThree()
    const stamper = await createSafe(dev, safes, [keyC], 1)
    const list = await ownedBy(safe, 'stamped.eth')
    const policy = { publishers: [safe.address], timestamper: stamper.address, maxAge: 3600 }
    await safe.execute([keyA, keyB], dev.addresses.resolver, policyCall('stamped.eth', policy))
    const signatures = await signaturesOver(domainOf(dev), list, [safe.signedBy(keyA, keyC)])
    const stampedBy = async (signer: HashSigner) => {
      const timestamp = await timestampOver(domainOf(dev), list, signer, now())
      return askBoth(dev, lookupOf('stamped.eth'), await answerFor(list, 'v1', signatures, timestamp))
    }
    expect(await stampedBy(stamper.signedBy(keyC))).toEqual({ contract: digest, verifier: digest })
    for (const wrong of [stamper.signedBy(keyA), keyed(keyC), saying(stamper.address, '0x')]) {
      expect(await stampedBy(wrong)).toEqual({ contract: 'BadTimestamp', verifier: 'BadTimestamp' })
    }
  })

  test('protocol 2.3: an owner removed from a Safe takes the lists it signed along, and the gateway stops showing them', async () => {
    const safe = await twoOfThree()
    const list = await ownedBy(safe, 'leaving.eth')
    const callData = lookupOf('leaving.eth')
    expect(await judge(list, safe.signedBy(keyB, keyC))).toEqual(accepted)
    expect(await gateway.lookUp(callData)).toMatch(/^0x/)
    const byAddress = [keyA, keyB, keyC].map(addressOf)
    const previous = { owner: byAddress[1], removed: byAddress[2] }
    await safe.configure([keyA, keyB], 'removeOwner', [previous.owner, previous.removed, 2])
    expect(await judge(list, safe.signedBy(keyB, keyC))).toEqual(refusedAs('BadSignature'))
    expect(await gateway.lookUp(callData)).toBe(503)
    expect(await judge(list, safe.signedBy(keyA, keyB))).toEqual(accepted)
    expect(await gateway.lookUp(callData)).toMatch(/^0x/)
    await safe.configure([keyA, keyB], 'changeThreshold', [1])
    expect(await judge(list, safe.signedBy(keyA))).toEqual(accepted)
  })

  test('protocol 2.3: a list hash that a Safe approved on chain needs no more than the empty signature', async () => {
    const safe = await twoOfThree()
    const list = await ownedBy(safe, 'onchain.eth')
    const empty = saying(safe.address, '0x')
    expect(await judge(list, empty)).toEqual(refusedAs('BadSignature'))
    await safe.execute([keyA, keyC], safes.signMessage, approveOnChain(hashList(domainOf(dev), list.header)), true)
    expect(await judge(list, empty)).toEqual(accepted)
    const other = await firstList('onchain.eth', safe.address, now() - 100n)
    expect(await judge(other, empty)).toEqual(refusedAs('BadSignature'))
  })

  test('protocol 3: anybody relays what a Safe signed: a list to raise the floor, and its own revocation', async () => {
    const safe = await twoOfThree()
    const name = encodeDnsName('revoked.eth')
    const list = await firstList('revoked.eth', owner, now())
    await setPolicy('revoked.eth', { publishers: [owner, safe.address] })
    const relay = (data: Hex) => dev.send({ from: addressOf(keyC), to: dev.addresses.resolver, data })
    const checkpoint = async (...keys: Hex[]) => {
      const args = [name, list.header, await signaturesOver(domainOf(dev), list, [safe.signedBy(...keys)])] as const
      return relay(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'checkpoint', args }))
    }
    await expect(checkpoint(keyA)).rejects.toThrow('failed')
    await checkpoint(keyA, keyB)
    expect(await judge(list, safe.signedBy(keyA, keyB))).toEqual(accepted)
    const stateOf = encodeFunctionData({ abi: mooringResolverAbi, functionName: 'stateOf', args: [name] })
    const { data: state } = await callRaw(dev.rpc, { to: dev.addresses.resolver, data: stateOf })
    const floors = decodeFunctionResult({ abi: mooringResolverAbi, functionName: 'stateOf', data: state })
    expect(floors.slice(0, 2)).toEqual([0n, 1n])
    const hash = hashRevocation(domainOf(dev), { node: nodeOf('revoked.eth'), owner, key: safe.address })
    const revoke = async (...keys: Hex[]) => {
      const args = [name, safe.address, await safe.signedBy(...keys).sign(hash)] as const
      return relay(encodeFunctionData({ abi: mooringResolverAbi, functionName: 'revokeBySignature', args }))
    }
    await expect(revoke(keyC)).rejects.toThrow('failed')
    expect(await judge(list, safe.signedBy(keyA, keyB))).toEqual(accepted)
    await revoke(keyB, keyC)
    expect(await judge(list, safe.signedBy(keyA, keyB))).toEqual(refusedAs('Revoked'))
    expect(await judge(list, keyed(keyA))).toEqual(accepted)
  })
})

describe('contract accounts that answer anything', () => {
  const account: Address = `0x${'ac'.repeat(20)}`
  const signer = saying(account, '0x1234')
  let owned: FirstList
  let listed: FirstList
  let timed: FirstList

  beforeAll(async () => {
    await giveName(dev, 'account.eth', owner, account)
    await setPolicy('listed.eth', { publishers: [owner, account] })
    await setPolicy('timed.eth', { publishers: [owner], timestamper: account, maxAge: 3600 })
    owned = await firstList('account.eth', account, now())
    listed = await firstList('listed.eth', owner, now())
    timed = await firstList('timed.eth', owner, now())
  })

  async function askTimed() {
    const signatures = await signaturesOver(domainOf(dev), timed, [keyed(testKeys.owner)])
    const timestamp = await timestampOver(domainOf(dev), timed, signer, now())
    return askBoth(dev, lookupOf('timed.eth'), await answerFor(timed, 'v1', signatures, timestamp))
  }

  test.each(wallets)(
    'protocol 2.3: as owner, publisher and timestamper, one that %s',
    async (_what, code, approves) => {
      await setCode(dev, account, code)
      const expected = approves ? accepted : refusedAs('BadSignature')
      expect(await judge(owned, signer)).toEqual(expected)
      expect(await judge(listed, signer)).toEqual(expected)
      const stamped = approves ? digest : 'BadTimestamp'
      expect(await askTimed()).toEqual({ contract: stamped, verifier: stamped })
    },
  )

  test('protocol 2.3: one that answers the resolver contract alone is asked in its name by the verifier too', async () => {
    await giveName(dev, 'caller.eth', owner, account)
    const list = await firstList('caller.eth', account, now())
    await setCode(dev, account, approvingOnly(dev.addresses.resolver))
    expect(await judge(list, signer)).toEqual(accepted)
    await setCode(dev, account, approvingOnly(zeroAddress))
    expect(await judge(list, signer)).toEqual(refusedAs('BadSignature'))
  })

  test('row 10: endpoints that differ about what a contract account approves are RpcDisagree', async () => {
    const list = await firstList('account.eth', account, now())
    await setCode(dev, account, approving)
    const response = await answerFor(list, 'v1', await signaturesOver(domainOf(dev), list, [signer]))
    const denier = await startRpcProxy(dev.rpc, ({ params }, result) =>
      params?.[2] ? `${result}`.slice(0, 66) : result,
    )
    const verify = async (...rpcUrls: [string, ...string[]]) => {
      const { chainId, addresses } = dev
      const connection = { ...addresses, chainId, chainName: 'dev', rpcUrls, gateways: [], allowsPlainHttp: true }
      const { readAuthority } = await openName(connection, 'account.eth', now())
      const question = { callData: lookupOf('account.eth'), response, readAuthority, localTime: now(), memory: null }
      return (await verifyLookup(question)).entries
    }
    expect(await verify(dev.rpc, dev.rpc)).toEqual([presentEntry])
    await expect(verify(dev.rpc, denier.url)).rejects.toMatchObject({ reason: 'RpcDisagree' })
    await expect(verify(denier.url, dev.rpc)).rejects.toMatchObject({ reason: 'RpcDisagree' })
    await denier.close()
  })

  test('protocol 2.3: with any gas that reaches the signature, one that burns it all is BadSignature and nothing else', async () => {
    await giveName(dev, 'gas.eth', owner, account)
    const list = await firstList('gas.eth', account, now())
    const callData = lookupOf('gas.eth')
    const response = await answerFor(list, 'v1', await signaturesOver(domainOf(dev), list, [signer]))
    const answers = (gas: bigint) => askCallback(dev, callData, response, gas)
    await setCode(dev, account, approving)
    expect(await answers(300_000n)).toBe(digest)
    await setCode(dev, account, burnsAllGas)
    for (const gas of [150_000n, 300_000n, 1_000_000n, 5_000_000n, 16_000_000n]) {
      expect([gas, await answers(gas)]).toEqual([gas, 'BadSignature'])
    }
    expect(await answers(60_000n)).toBe('no data')
  })

  test('protocol 2.3: what one returns behind its first word costs the callback nothing but the making of it', async () => {
    await giveName(dev, 'large.eth', owner, account)
    const list = await firstList('large.eth', account, now())
    const data = callbackCall(
      dev,
      lookupOf('large.eth'),
      await answerFor(list, 'v1', await signaturesOver(domainOf(dev), list, [signer])),
    )
    const costWith = async (code: Hex) => {
      await setCode(dev, account, code)
      const made = await ask<Hex>(dev.rpc, 'eth_estimateGas', [{ to: account, data: '0x' }])
      const whole = await ask<Hex>(dev.rpc, 'eth_estimateGas', [{ to: dev.addresses.resolver, data }])
      return { made: Number(made), whole: Number(whole) }
    }
    const small = await costWith(approving)
    const huge = await costWith(hugeReturn)
    expect(huge.made - small.made).toBeGreaterThan(2_000_000)
    expect(huge.whole - small.whole).toBeLessThan(1.05 * (huge.made - small.made))
  })
})

describe('EIP-7702', () => {
  const delegate: Address = `0x${'de'.repeat(20)}`
  const account = privateKeyToAccount(testKeys.third)
  const address = addressOf(testKeys.third)

  async function delegateTo(contract: Address): Promise<void> {
    const client = createWalletClient({ account, transport: http(dev.rpc), chain: { ...foundry, id: dev.chainId } })
    const authorization = await client.signAuthorization({ contractAddress: contract, executor: 'self' })
    const hash = await client.sendTransaction({ authorizationList: [authorization], to: zeroAddress })
    await waitForTransactionReceipt(client, { hash, pollingInterval: 5 })
  }

  test('protocol 2.3: an account that takes code keeps its lists, and its code may approve too', async () => {
    await fund(dev, address)
    await giveName(dev, 'delegated.eth', owner, address)
    const list = await firstList('delegated.eth', address, now())
    const byKey = keyed(testKeys.third)
    const byCode = saying(address, '0x1234')
    expect(await judge(list, byKey)).toEqual(accepted)
    expect(await judge(list, byCode)).toEqual(refusedAs('BadSignature'))
    await delegateTo(delegate)
    expect(await ask(dev.rpc, 'eth_getCode', [address, 'latest'])).toBe(`0xef0100${delegate.slice(2)}`)
    for (const code of [refusing, reverting, burnsAllGas, '0x'] as const) {
      await setCode(dev, delegate, code)
      expect([code, await judge(list, byKey)]).toEqual([code, accepted])
      expect([code, await judge(list, byCode)]).toEqual([code, refusedAs('BadSignature')])
    }
    await setCode(dev, delegate, approving)
    expect(await judge(list, byKey)).toEqual(accepted)
    expect(await judge(list, byCode)).toEqual(accepted)
    await delegateTo(zeroAddress)
    expect(await judge(list, byKey)).toEqual(accepted)
    expect(await judge(list, byCode)).toEqual(refusedAs('BadSignature'))
  })
})
