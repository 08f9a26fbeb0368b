import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import {
  decodeResponse,
  encodeGetter,
  encodeLookup,
  encodeResponse,
  encodeTagLookup,
  parseLookup,
} from '../../../gateway/ens/lookup.ts'
import { nodeOf } from '../../../gateway/ens/name.ts'
import { encodeTagEntry, encodeTagKey } from '../../../gateway/tags/entry.ts'
import { NO_DELEGATIONS, type SignedList, ZERO_HASH } from '../../../gateway/tags/list.ts'
import { Refusal } from '../../../gateway/tags/refusal.ts'
import type { Proof } from '../../../gateway/tags/tree.ts'
import { addressOf, testKeys } from '../../keys.ts'
import { entryOf } from '../../publish/repository.ts'
import { bytesOf, type FuzzedParser, textOf } from './parser.ts'

const name = 'web.acme.eth'
const text = encodeGetter(name, 'oci-tag[latest]', 'text')
const data = encodeGetter(name, 'oci-tag[v1.2.3]', 'data')
const addr = encodeFunctionData({
  abi: parseAbi(['function addr(bytes32) view returns (address)']),
  args: [nodeOf(name)],
})

/** The callData of an ENS lookup (protocol 4), in hex as it travels. */
export const callData: FuzzedParser = {
  name: 'callData',
  structure: 'abi',
  seeds: [
    encodeTagLookup(name, 'latest', 'text'),
    encodeTagLookup('acme.eth', 'v1', 'data'),
    encodeLookup(name, [text, data, addr]),
    encodeLookup(name, [addr]),
  ].map(bytesOf),
  parse: (input) => parseLookup(textOf(input) as Hex),
  isDocumented: (error) => error instanceof Refusal,
  shapes: {
    // 16 KiB is the most that is read.
    calls: (n) =>
      bytesOf(
        encodeLookup(
          name,
          Array.from({ length: Math.ceil(n / 32) }, () => text),
        ),
      ),
    'a long key': (n) => bytesOf(encodeTagLookup(name, 'x'.repeat(n), 'text')),
    'behind its limit': (n) => bytesOf(text.padEnd(n * 600, '0')),
  },
}

const owner = addressOf(testKeys.owner)
const request = { ensName: name, node: nodeOf(name), records: [{ kind: 'tag' }, { kind: 'tag' }] } as const
const hash: Hex = `0x${'7b'.repeat(32)}`

const signed = (signatures: number, signatureBytes = 65): Omit<SignedList, 'hash'> => ({
  list: {
    ...{ name, node: nodeOf(name), owner, epoch: 1n, version: 7n, previous: ZERO_HASH, root: hash, count: 9n },
    ...{ delegations: NO_DELEGATIONS, issuedAt: 5n, expiresAt: 6n },
  },
  signatures: Array.from({ length: signatures }, () => ({
    signer: owner,
    signature: `0x${'9c'.repeat(signatureBytes)}` as Hex,
  })),
  timestamp: signatures > 1 ? { issuedAt: 3n, expiresAt: 4n, signature: '0x1234' } : null,
})

const proof = (path: number, valueBytes = 0): Proof => ({
  ...{ key: encodeTagKey('latest'), nextKey: encodeTagKey('v1') },
  value: valueBytes === 0 ? encodeTagEntry(entryOf(1, { updatedVersion: 1 })) : `0x${'aa'.repeat(valueBytes)}`,
  path: Array.from({ length: path }, () => hash),
})

/** A gateway's answer to a lookup of two tags (protocol 4), in hex as it travels. */
export const response: FuzzedParser = {
  name: 'response',
  structure: 'abi',
  seeds: [
    encodeResponse(signed(1), [proof(4), proof(4)]),
    encodeResponse(signed(2), [proof(0), { ...proof(20), nextKey: '0x' }]),
    encodeResponse(signed(0), [proof(1), proof(2)]),
  ].map(bytesOf),
  parse: (input) => decodeResponse(textOf(input) as Hex, request),
  isDocumented: (error) => error instanceof Refusal,
  shapes: {
    'a long value': (n) => bytesOf(encodeResponse(signed(1), [proof(1, n * 64), proof(1)])),
    'long signatures': (n) => bytesOf(encodeResponse(signed(8, n * 8), [proof(1), proof(1)])),
    path: (n) => bytesOf(encodeResponse(signed(1), [proof(Math.ceil(n / 52)), proof(Math.ceil(n / 52))])),
    'behind its limit': (n) => bytesOf(`0x${'00'.repeat(n * 4000)}`),
  },
}
