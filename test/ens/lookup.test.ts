import fc from 'fast-check'
import { concat, encodeFunctionData, type Hex, namehash, numberToHex, pad, parseAbi, size, slice, toHex } from 'viem'
import { packetToBytes } from 'viem/ens'
import { describe, expect, test } from 'vitest'
import {
  encodeGetter,
  encodeLookup,
  encodeTagLookup,
  gatewayUrlTemplates,
  isGetCallData,
  parseLookup,
} from '../../gateway/ens/lookup.ts'
import { Refusal } from '../../gateway/tags/refusal.ts'

const abi = parseAbi([
  'function resolve(bytes name, bytes callData)',
  'function multicall(bytes[] calls)',
  'function text(bytes32 node, string key)',
  'function data(bytes32 node, string key)',
  'function addr(bytes32 node)',
])
const ensName = 'web.acme.eth'
const node = namehash(ensName)

function resolveData(inner: Hex, wire: Hex = toHex(packetToBytes(ensName))): Hex {
  return encodeFunctionData({ abi, functionName: 'resolve', args: [wire, inner] })
}

function text(key: string): Hex {
  return encodeFunctionData({ abi, functionName: 'text', args: [node, key] })
}

function data(key: string): Hex {
  return encodeFunctionData({ abi, functionName: 'data', args: [node, key] })
}

function multicall(calls: readonly Hex[]): Hex {
  return encodeFunctionData({ abi, functionName: 'multicall', args: [calls] })
}

const addr = encodeFunctionData({ abi, functionName: 'addr', args: [node] })

function reasonOf(callData: Hex): string {
  try {
    parseLookup(callData)
    return 'accepted'
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.reason
    throw thrown
  }
}

describe('protocol 4: what a lookup asks', () => {
  test('one text call', () => {
    expect(parseLookup(resolveData(text('oci-tag[v1]')))).toEqual({
      ensName,
      labels: ['web', 'acme', 'eth'],
      node,
      records: [{ kind: 'tag', getter: 'text', tag: 'v1' }],
      multicall: false,
    })
  })

  test('a multicall of every kind of record', () => {
    const asked = ['oci-version', 'oci-root', 'oci-registry', 'avatar'].map(text)
    const calls = [text('oci-tag[v1]'), data('oci-tag[V.2]'), ...asked, data('oci-version'), addr]
    const parsed = parseLookup(resolveData(multicall(calls)))
    expect(parsed.multicall).toBe(true)
    expect(parsed.records).toEqual([
      { kind: 'tag', getter: 'text', tag: 'v1' },
      { kind: 'tag', getter: 'data', tag: 'V.2' },
      { kind: 'version' },
      { kind: 'root' },
      { kind: 'registry' },
      { kind: 'other', callData: text('avatar') },
      { kind: 'other', callData: data('oci-version') },
      { kind: 'other', callData: addr },
    ])
  })

  test.each(['oci-tag', 'OCI-TAG[v1]', 'oci-tags[v1]', ' oci-tag[v1]', 'oci-version ', 'oci-Root', ''])(
    'key %j is not ours: it goes to the fallback',
    (key) => {
      expect(parseLookup(resolveData(text(key))).records).toEqual([{ kind: 'other', callData: text(key) }])
    },
  )

  test('a multicall of nothing asks nothing', () => {
    expect(parseLookup(resolveData(multicall([]))).records).toEqual([])
  })

  test('a Unicode name keeps its other records, and has no tags', () => {
    const unicode = 'caf\u00e9.eth'
    expect(parseLookup(encodeLookup(unicode, [encodeGetter(unicode, 'avatar', 'text')])).ensName).toBe(unicode)
    expect(parseLookup(encodeLookup(unicode, [encodeGetter(unicode, 'oci-version', 'text')])).ensName).toBe(unicode)
    expect(reasonOf(encodeTagLookup(unicode, 'v1', 'text'))).toBe('InvalidName')
  })

  test('hex in upper case says the same', () => {
    const callData = resolveData(text('oci-tag[v1]'))
    expect(parseLookup(`0x${callData.slice(2).toUpperCase()}`)).toEqual(parseLookup(callData))
  })

  test('arguments may lie in another order, as the contract reads them', () => {
    const [wire, inner] = [toHex(packetToBytes(ensName)), text('oci-tag[v1]')]
    const blob = (bytes: Hex) => concat([pad(numberToHex(size(bytes))), bytes])
    const swapped = concat([
      '0x9061b923',
      pad(numberToHex(64 + 32 + size(inner))),
      pad('0x40'),
      blob(inner),
      blob(wire),
    ])
    expect(parseLookup(swapped)).toEqual(parseLookup(resolveData(inner)))
  })
})

describe('protocol 3.1 rows 0 and 1: callData that is refused', () => {
  const good = resolveData(text('oci-tag[v1]'))
  const word = (position: number, value: Hex) =>
    concat([slice(good, 0, 4 + position * 32), pad(value), slice(good, 36 + position * 32)])
  const cases: [string, string, Hex][] = [
    ['BadResponse', 'empty', '0x'],
    ['BadResponse', 'three bytes', '0x9061b9'],
    ['BadResponse', 'a selector alone', '0x9061b923'],
    ['BadResponse', 'another function', text('oci-tag[v1]')],
    ['BadResponse', 'cut in the middle', slice(good, 0, 150)],
    ['BadResponse', 'odd hex', `${good}0` as Hex],
    ['BadResponse', 'no hex', '0x9061b923zz'],
    ['BadResponse', 'no 0x', good.slice(2) as Hex],
    ['BadResponse', 'offset of the name beyond the data', word(0, '0xffff')],
    ['BadResponse', 'offset of the name 2^256 - 1', word(0, `0x${'ff'.repeat(32)}`)],
    ['BadResponse', 'offset of the call 2^64', word(1, numberToHex(2n ** 64n))],
    ['BadResponse', 'length of the name 2^255', word(2, numberToHex(2n ** 255n))],
    ['BadResponse', 'more than 16 KiB', resolveData(concat([text('oci-tag[v1]'), `0x${'00'.repeat(16 * 1024)}`]))],
    ['BadResponse', 'a megabyte', `0x${'9061b923'.repeat(262_144)}`],
    ['BadResponse', '33 calls', resolveData(multicall(Array.from({ length: 33 }, () => text('oci-tag[v1]'))))],
    ['BadResponse', 'a multicall inside a multicall', resolveData(multicall([multicall([])]))],
    ['BadResponse', 'number of calls 2^32', resolveData(concat(['0xac9650d8', pad('0x20'), pad('0x0100000000')]))],
    ['BadResponse', 'a key past the end', resolveData(slice(text('oci-tag[v1]'), 0, 80))],
    ['NodeMismatch', 'a call without a node', resolveData('0x59d1d43d')],
    ['NodeMismatch', 'a call for another node', resolveData(encodeGetter('acme.eth', 'oci-tag[v1]', 'text'))],
    ['NodeMismatch', 'a fallback record for another node', resolveData(encodeGetter('acme.eth', 'avatar', 'text'))],
    ['InvalidName', 'a name without its end', resolveData(text('oci-tag[v1]'), '0x03776562')],
    ['InvalidName', 'offset of the name in itself', word(0, '0x00')],
    ['InvalidTag', 'a tag outside the grammar', resolveData(data('oci-tag[a b]'))],
    ['InvalidTag', 'a key without its bracket', resolveData(text('oci-tag[v1'))],
  ]
  test.each(cases)('%s: %s', (reason, _, callData) => {
    expect(reasonOf(good)).toBe('accepted')
    expect(reasonOf(callData)).toBe(reason)
  })

  test('32 calls that share one argument are as good as 32 of their own', () => {
    const call = text('oci-tag[v1]')
    const offsets = Array.from({ length: 32 }, () => pad(numberToHex(32 * 32)))
    const shared = concat(['0xac9650d8', pad('0x20'), pad('0x20'), ...offsets, pad(numberToHex(size(call))), call])
    expect(parseLookup(resolveData(shared)).records).toHaveLength(32)
  })

  test('any bytes end in an answer or a refusal', () => {
    const seeds = [good, resolveData(multicall([text('oci-tag[v1]'), data('oci-tag[v2]'), addr]))]
    const mutated = fc.tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
    )
    fc.assert(
      fc.property(mutated, ([seed, changes, cut]) => {
        expect(reasonOf(mutate(seed, changes, cut))).toMatch(
          /^(accepted|BadResponse|InvalidName|NodeMismatch|InvalidTag)$/,
        )
      }),
      { seed: 4, numRuns: 4000 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }).map((bytes) => toHex(bytes)),
          fc.string(),
        ),
        (any) => {
          expect(reasonOf(concat(['0x9061b923']).concat(any.replace(/^0x/, '')) as Hex)).not.toBe('')
        },
      ),
      { seed: 4, numRuns: 1000 },
    )
  })
})

/** Sets bytes, biased to the last ones of words, and sometimes cuts the end off. */
function mutate(hex: Hex, changes: readonly (readonly [number, number])[], cut: number): Hex {
  const bytes = Buffer.from(hex.slice(2), 'hex')
  for (const [at, value] of changes) bytes[at % bytes.length] = value
  return toHex(cut % 4 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes)
}

describe('protocol 4: encoding a lookup', () => {
  test.each(['text', 'data'] as const)('%s is encoded as viem does', (getter) => {
    const inner = getter === 'text' ? text('oci-tag[v1]') : data('oci-tag[v1]')
    expect(encodeTagLookup(ensName, 'v1', getter)).toBe(resolveData(inner))
  })

  test('several calls are a multicall, encoded as viem does', () => {
    const calls = [text('oci-tag[v1]'), text('oci-version'), data('oci-tag[v2]')]
    expect(encodeLookup(ensName, calls)).toBe(resolveData(multicall(calls)))
  })

  test('gateway URLs: GET up to 900 bytes of callData, POST above', () => {
    const resolver = '0xABCDEF0000000000000000000000000000000001'
    const post = 'https://one.example/ccip/1/0xabcdef0000000000000000000000000000000001/{sender}'
    expect(gatewayUrlTemplates('https://one.example', 1, resolver)).toEqual({ get: `${post}/{data}.json`, post })
    expect([900, 901].map((bytes) => isGetCallData(`0x${'00'.repeat(bytes)}`))).toEqual([true, false])
  })
})
