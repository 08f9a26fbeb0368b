import fc from 'fast-check'
import { encodeAbiParameters, type Hex, keccak256, pad, parseAbiParameters, toHex } from 'viem'
import { describe, expect, test } from 'vitest'
import {
  decodeResponse,
  encodeGetter,
  encodeLookup,
  encodeResponse,
  encodeResult,
  parseLookup,
  prepareResponse,
} from '../../gateway/ens/lookup.ts'
import type { TagEntry } from '../../gateway/tags/entry.ts'
import type { ListHeader, SignedList } from '../../gateway/tags/list.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'
import type { Proof } from '../../gateway/tags/tree.ts'

const ensName = 'acme.eth'
const parameters = parseAbiParameters([
  'H list, S[] signatures, T timestamp, P[] proofs',
  'struct H { address owner; uint64 epoch; uint64 version; bytes32 previous; bytes32 root; uint64 count; bytes32 delegations; uint64 issuedAt; uint64 expiresAt; }',
  'struct S { address signer; bytes signature; }',
  'struct T { uint64 issuedAt; uint64 expiresAt; bytes signature; }',
  'struct P { bytes key; bytes nextKey; bytes value; bytes32[] path; }',
])

function requestOf(tags: number) {
  const calls = Array.from({ length: tags }, (_, i) => encodeGetter(ensName, `oci-tag[v${i}]`, 'text'))
  return parseLookup(encodeLookup(ensName, tags === 0 ? [encodeGetter(ensName, 'oci-root', 'text')] : calls))
}

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes))
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => toHex(bytes))
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((content) => toHex(content))
const { node } = requestOf(1)
const header: fc.Arbitrary<ListHeader> = fc.record({
  name: fc.constant(ensName),
  node: fc.constant(node),
  owner: address,
  epoch: uint64,
  version: uint64,
  previous: hash,
  root: hash,
  count: uint64,
  delegations: hash,
  issuedAt: uint64,
  expiresAt: uint64,
})
const signed: fc.Arbitrary<Omit<SignedList, 'hash'>> = fc.record({
  list: header,
  signatures: fc.array(fc.record({ signer: address, signature: bytes(100) }), { maxLength: 8 }),
  timestamp: fc.option(
    fc.record({ issuedAt: fc.bigInt({ min: 1n, max: 99n }), expiresAt: uint64, signature: bytes(100) }),
  ),
})
const proofs: fc.Arbitrary<Proof[]> = fc.array(
  fc.record({ key: bytes(129), nextKey: bytes(129), value: bytes(400), path: fc.array(hash, { maxLength: 20 }) }),
  { maxLength: 5 },
)

function encodeWithViem({ list, signatures, timestamp }: Omit<SignedList, 'hash'>, held: readonly Proof[]): Hex {
  const stamp = timestamp ?? { issuedAt: 0n, expiresAt: 0n, signature: '0x' as const }
  return encodeAbiParameters(parameters, [list, signatures, stamp, held])
}

describe('protocol 4: the gateway’s answer', () => {
  test('is encoded as viem does, and decodes to what it was made of', () => {
    fc.assert(
      fc.property(signed, proofs, (list, held) => {
        const response = encodeResponse(list, held)
        expect(response).toBe(encodeWithViem(list, held))
        expect(decodeResponse(response, requestOf(held.length))).toEqual({ signed: list, proofs: held })
      }),
      { seed: 4, numRuns: 150 },
    )
  })

  test('a prepared list answers many requests with the same bytes', () => {
    const [list, held] = fc.sample(fc.tuple(signed, proofs), { seed: 1, numRuns: 1 })[0] as [SignedList, Proof[]]
    const answer = prepareResponse(list)
    expect([answer(held), answer([]), answer(held)]).toEqual([
      encodeResponse(list, held),
      encodeResponse(list, []),
      encodeResponse(list, held),
    ])
  })

  test('what decodes is canonical; a changed byte is refused or means something else', () => {
    const samples = fc.sample(fc.tuple(signed, proofs), { seed: 2, numRuns: 8 })
    const mutation = fc.record({
      sample: fc.constantFrom(...samples),
      at: fc.nat(),
      value: fc.nat(255),
      cut: fc.nat(40),
    })
    fc.assert(
      fc.property(mutation, ({ sample: [list, held], at, value, cut }) => {
        const content = Buffer.from(encodeResponse(list, held).slice(2), 'hex')
        content[at % content.length] = value
        const response = toHex(cut === 0 ? content.subarray(0, at % content.length) : content)
        const decoded = decodeOrRefuse(response, held.length)
        if (decoded !== undefined) expect(encodeResponse(decoded.signed, decoded.proofs)).toBe(response)
      }),
      { seed: 3, numRuns: 3000 },
    )
  })

  test('any text ends in an answer or a refusal', () => {
    const junk = fc.oneof(
      fc.string(),
      bytes(600),
      fc.array(hash, { maxLength: 30 }).map((words) => words.join('').replaceAll('0x', '')),
    )
    fc.assert(
      fc.property(junk, (text) => decodeOrRefuse(text as Hex, 1) === undefined),
      { seed: 5, numRuns: 1000 },
    )
  })
})

function decodeOrRefuse(response: Hex, tags: number) {
  try {
    return decodeResponse(response, requestOf(tags))
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.reason === 'BadResponse') return undefined
    throw thrown
  }
}

describe('protocol 4: what resolve returns', () => {
  const entry: TagEntry = {
    digest: `sha256:${'ab'.repeat(32)}`,
    size: 1234,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    swarmReference: keccak256('0x01'),
    updatedVersion: 1,
    flags: 0,
  }
  const list = { version: 7n, root: pad('0x02') }
  const text = (value: string) => encodeAbiParameters([{ type: 'string' }], [value])
  const blob = (value: Hex) => encodeAbiParameters([{ type: 'bytes' }], [value])
  const twin = encodeAbiParameters(
    parseAbiParameters('string digest, uint64 size, string mediaType, bytes32 swarmReference, uint64 version'),
    [entry.digest, 1234n, entry.mediaType, entry.swarmReference, 7n],
  )
  const tag = (getter: 'text' | 'data') => ({ kind: 'tag', getter, tag: 'v1' }) as const

  test.each([
    ['text of a present tag', tag('text'), [entry], text(entry.digest)],
    ['text of an absent tag', tag('text'), [undefined], text('')],
    ['data of a present tag (ENSIP-24)', tag('data'), [entry], blob(twin)],
    ['data of an absent tag', tag('data'), [undefined], blob('0x')],
    ['oci-version', { kind: 'version' } as const, [], text('7')],
    ['oci-root', { kind: 'root' } as const, [], text(list.root)],
  ])('%s', (_, record, entries, expected) => {
    expect(encodeResult({ records: [record], multicall: false }, list, entries)).toBe(expected)
    const many = encodeAbiParameters([{ type: 'bytes[]' }], [[expected]])
    expect(encodeResult({ records: [record], multicall: true }, list, entries)).toBe(many)
  })

  test('a multicall mixes what the list proves with what the chain answers', () => {
    const records = [{ kind: 'registry' }, tag('text'), { kind: 'other', callData: '0x1234' }, tag('data')] as const
    const onChain = { registry: 'https://one.example', fallback: (callData: Hex) => pad(callData) }
    const expected = [text('https://one.example'), text(''), pad('0x1234'), blob(twin)]
    expect(encodeResult({ records, multicall: true }, list, [undefined, entry], onChain)).toBe(
      encodeAbiParameters([{ type: 'bytes[]' }], [expected]),
    )
    expect(encodeResult({ records: [], multicall: true }, list, [])).toBe(
      encodeAbiParameters([{ type: 'bytes[]' }], [[]]),
    )
  })

  test('a record of the chain that was not read is a mistake of the caller, never an empty answer', () => {
    expect(() => encodeResult({ records: [{ kind: 'registry' }], multicall: false }, list, [])).toThrow('was not read')
    const other = { kind: 'other', callData: '0x12' } as const
    expect(() => encodeResult({ records: [other], multicall: false }, list, [])).toThrow('was not asked')
  })
})
