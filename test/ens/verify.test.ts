import { readFileSync } from 'node:fs'
import type { Hex } from 'viem'
import { describe, expect, test } from 'vitest'
import { type EnsFacts, findAuthority } from '../../gateway/ens/authority.ts'
import { encodeGetter, encodeLookup, encodeResponse, encodeTagLookup } from '../../gateway/ens/lookup.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { decodeResponse, type GatewayAnswer } from '../../gateway/ens/response.ts'
import { type LookupVerification, verifyLookup } from '../../gateway/ens/verify.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import { type FlatChain, readFlatAuthority } from '../flat-chain.ts'

type Accepted = { name: string; chain: FlatChain; request: Hex; response: Hex; verifier: { ok: Hex } }
const accepted: Accepted[] = JSON.parse(readFileSync(new URL('../vectors/lookup/ok.json', import.meta.url), 'utf8'))
const plain = accepted.find((each) => each.name === 'zero set-up: a present tag by text') as Accepted
const plainRequest = { ensName: 'acme.eth', node: nodeOf('acme.eth'), records: [{ kind: 'tag' }] }

function verification(more: Partial<LookupVerification> & { chain?: FlatChain } = {}): LookupVerification {
  const chain = more.chain ?? plain.chain
  return {
    callData: plain.request,
    response: plain.response,
    readAuthority: (ensName) => readFlatAuthority(chain, ensName),
    localTime: BigInt(plain.chain.blockTime),
    memory: null,
    ...more,
  }
}

async function reasonOf(options: LookupVerification): Promise<string> {
  try {
    await verifyLookup(options)
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reason
    throw thrown
  }
}

function answerWith(change: (answer: GatewayAnswer) => GatewayAnswer): Hex {
  const { signed, proofs } = change(decodeResponse(plain.response, plainRequest))
  return encodeResponse(signed, proofs)
}

describe('protocol 3.1: the first row that fails gives its name', () => {
  /** One fault for each row, each on top of those before: the earliest row must win. */
  const chainFaults: [string, (chain: FlatChain) => Partial<FlatChain>][] = [
    ['EpochMismatch', () => ({ epochs: [{ name: 'acme.eth', epoch: 1 }] })],
    ['NoOwner', () => ({ owners: [] })],
    ['UnreachableName', () => ({ resolvers: [] })],
  ]
  const answerFaults: [string, (answer: GatewayAnswer) => GatewayAnswer][] = [
    ['BadProof', (answer) => ({ ...answer, proofs: answer.proofs.map((proof) => ({ ...proof, path: [] })) })],
    ['ThresholdNotMet', (answer) => ({ ...answer, signed: { ...answer.signed, signatures: [] } })],
    ['Expired', ({ signed, ...rest }) => ({ ...rest, signed: { ...signed, list: { ...signed.list, expiresAt: 1n } } })],
    ['Rollback', ({ signed, ...rest }) => ({ ...rest, signed: { ...signed, list: { ...signed.list, version: 0n } } })],
    [
      'OwnerMismatch',
      ({ signed, ...rest }) => ({
        ...rest,
        signed: { ...signed, list: { ...signed.list, owner: `0x${'12'.repeat(20)}` } },
      }),
    ],
  ]

  test('rows 8 to 2, one fault on top of another', async () => {
    expect(await reasonOf(verification())).toBe('accepted')
    let change = (answer: GatewayAnswer) => answer
    for (const [reason, fault] of answerFaults) {
      const before = change
      change = (answer) => fault(before(answer))
      expect(await reasonOf(verification({ response: answerWith(change) }))).toBe(reason)
    }
    let chain = plain.chain
    for (const [reason, fault] of chainFaults.slice(1)) {
      chain = { ...chain, ...fault(chain) }
      expect(await reasonOf(verification({ response: answerWith(change), chain }))).toBe(reason)
    }
  })

  test('epoch before version, owner before epoch', async () => {
    const [[, epochFault]] = chainFaults as [[string, (chain: FlatChain) => Partial<FlatChain>]]
    const chain = { ...plain.chain, ...epochFault(plain.chain) }
    expect(await reasonOf(verification({ chain }))).toBe('EpochMismatch')
    const [, rollback] = answerFaults[3] as (typeof answerFaults)[number]
    const [, otherOwner] = answerFaults[4] as (typeof answerFaults)[number]
    expect(await reasonOf(verification({ chain, response: answerWith(rollback) }))).toBe('EpochMismatch')
    expect(await reasonOf(verification({ chain, response: answerWith(otherOwner) }))).toBe('OwnerMismatch')
  })

  test('row 0 before row 1, and the chain is not asked before both held', async () => {
    const notAsked = () => Promise.reject(new Error('the chain was asked'))
    const wrongNode = encodeLookup('acme.eth', [encodeGetter('web.acme.eth', 'oci-tag[v1]', 'text')])
    const options = verification({ callData: wrongNode, readAuthority: notAsked })
    expect(await reasonOf(options)).toBe('NodeMismatch')
    expect(await reasonOf({ ...options, response: `${plain.response}00` })).toBe('BadResponse')
    expect(await reasonOf({ ...options, callData: encodeTagLookup('acme.eth', 'v1', 'text'), response: '0x' })).toBe(
      'BadResponse',
    )
  })
})

describe('what verifyLookup gives back', () => {
  test('the request, the list with its own hash, the entries and the result', async () => {
    const verified = await verifyLookup(verification())
    expect(verified.result).toBe(plain.verifier.ok)
    expect(verified.request.ensName).toBe('acme.eth')
    expect(verified.entries.map((entry) => entry?.digest.slice(0, 7))).toEqual(['sha256:'])
    const memory = { ...verified.signed.list, hash: verified.signed.hash, entries: new Map() }
    expect(await reasonOf(verification({ memory }))).toBe('accepted')
    expect(await reasonOf(verification({ memory: { ...memory, hash: `0x${'00'.repeat(32)}` } }))).toBe('Equivocation')
  })

  test('the chain’s own records are read only where one is asked for', async () => {
    const never = () => Promise.reject(new Error('the chain was asked for its records'))
    expect((await verifyLookup(verification({ readOnChain: never }))).result).toBe(plain.verifier.ok)
    const calls = ['oci-tag[v1]', 'oci-registry'].map((key) => encodeGetter('acme.eth', key, 'text'))
    const mixed = verification({ callData: encodeLookup('acme.eth', calls) })
    await expect(verifyLookup({ ...mixed, readOnChain: never })).rejects.toThrow('asked for its records')
    const read = await verifyLookup({ ...mixed, readOnChain: async () => ({ registry: 'https://one.example' }) })
    expect(read.result).toContain(Buffer.from('https://one.example').toString('hex'))
  })
})

describe('protocol 3: authority', () => {
  const resolver = `0x${'0a'.repeat(20)}` as const
  const owner = `0x${'0b'.repeat(20)}` as const
  const wrapper = `0x${'0c'.repeat(20)}` as const
  const facts = (more: Partial<EnsFacts> = {}): EnsFacts => ({
    blockTime: 1_000_000_000n,
    wrapper,
    registryOwner: async (node) => (node === nodeOf('acme.eth') ? owner : null),
    registryResolver: async (node) => (node === nodeOf('acme.eth') ? resolver : null),
    wrappedOwner: async () => null,
    expiryOf: async () => 1_000_000_000n,
    ...more,
  })

  test('an unregistered subname belongs to the owner of its deepest owned suffix', async () => {
    const expected = { reachable: true, authorityName: 'acme.eth', owner }
    expect(await findAuthority('a.b.acme.eth', resolver, facts())).toEqual(expected)
    const mixedCase = resolver.toUpperCase().replace('0X', '0x') as Hex
    expect(await findAuthority('acme.eth', mixedCase, facts())).toEqual(expected)
  })

  test('neither a top-level domain nor the root has an authority, whoever owns them', async () => {
    const all = facts({ registryOwner: async () => owner })
    expect((await findAuthority('acme.eth', resolver, all)).owner).toBe(owner)
    for (const name of ['eth', '']) expect((await findAuthority(name, resolver, all)).owner).toBeNull()
  })

  test('a .eth name that was never registered has no owner; the zero address is none', async () => {
    expect((await findAuthority('acme.eth', resolver, facts())).owner).toBe(owner)
    expect((await findAuthority('acme.eth', resolver, facts({ expiryOf: async () => null }))).owner).toBeNull()
    const zero = facts({ registryOwner: async () => `0x${'00'.repeat(20)}` })
    expect((await findAuthority('acme.eth', resolver, zero)).owner).toBeNull()
  })

  test('only a .eth second-level label is asked of the registrar', async () => {
    const asked: string[] = []
    const expiryOf = async (label: string) => {
      asked.push(label)
      return 1_000_000_000n
    }
    for (const name of ['a.b.acme.eth', 'acme.com', 'acme.eth.com', 'eth']) {
      await findAuthority(name, resolver, facts({ expiryOf }))
    }
    expect(asked).toEqual(['acme'])
  })

  test('all facts of a name are asked for at once', async () => {
    let open = 0
    let most = 0
    const slow = async () => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setImmediate(resolve))
      open--
      return null
    }
    await findAuthority(
      'a.b.acme.eth',
      resolver,
      facts({ registryOwner: slow, registryResolver: slow, expiryOf: slow }),
    )
    expect(most).toBe(8)
  })
})
