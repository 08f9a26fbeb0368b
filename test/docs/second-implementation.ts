import {
  concatHex,
  domainSeparator,
  encodeAbiParameters,
  encodeFunctionData,
  type Hex,
  hashStruct,
  hashTypedData,
  keccak256,
  namehash,
  numberToHex,
  parseAbi,
  parseAbiParameters,
  size,
  stringToHex,
  toHex,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { packetToBytes } from 'viem/ens'
import { exampleEntries, example as input, typedDomain } from './example.ts'

// Written from docs/ensip-oci-tags.md alone, with the primitives of a general library: nothing of the gateway's own encoders is used.

const zero: Hex = `0x${'00'.repeat(32)}`
const types = {
  TagList: [
    ...field('string', 'name'),
    ...field('bytes32', 'node'),
    ...field('address', 'owner'),
    ...field('uint64', 'epoch', 'version'),
    ...field('bytes32', 'previous', 'root'),
    ...field('uint64', 'count'),
    ...field('bytes32', 'delegations'),
    ...field('uint64', 'issuedAt', 'expiresAt'),
  ],
  Timestamp: [
    ...field('bytes32', 'node'),
    ...field('uint64', 'epoch', 'version'),
    ...field('bytes32', 'list'),
    ...field('uint64', 'issuedAt', 'expiresAt'),
  ],
  Revocation: [...field('bytes32', 'node'), ...field('address', 'owner', 'key')],
}

function field(type: string, ...names: string[]) {
  return names.map((name) => ({ name, type }))
}

type Slot = { key: Hex; nextKey: Hex; value: Hex }

function slotsOf(): Slot[] {
  const tags = Object.keys(exampleEntries).sort()
  const keys = tags.map((tag) => concatHex(['0x01', stringToHex(tag)]))
  const rest = tags.map((tag, at): Slot => ({ key: keys[at]!, nextKey: keys[at + 1] ?? '0x', value: entryBytes(tag) }))
  return [{ key: '0x', nextKey: keys[0] ?? '0x', value: '0x' }, ...rest]
}

function entryBytes(tag: string): Hex {
  const { flags, updatedVersion, size: bytes, swarmReference, digest, mediaType } = exampleEntries[tag]!
  const numbers = concatHex([toHex(flags, { size: 1 }), toHex(updatedVersion, { size: 8 }), toHex(bytes, { size: 8 })])
  return concatHex([numbers, swarmReference, '0x01', `0x${digest.split(':')[1]}`, stringToHex(mediaType)])
}

function leafBytes({ key, nextKey, value }: Slot): Hex {
  const lengthOf = (bytes: Hex) => numberToHex(size(bytes), { size: 1 })
  return concatHex([lengthOf(key), key, lengthOf(nextKey), nextKey, value])
}

function pair(a: Hex, b: Hex): Hex {
  return keccak256(BigInt(a) < BigInt(b) ? concatHex([a, b]) : concatHex([b, a]))
}

function statement(primaryType: keyof typeof types, message: Record<string, unknown>) {
  const typed = { domain: typedDomain, types, primaryType, message }
  return { struct: hashStruct({ data: message, types, primaryType }), hash: hashTypedData(typed as never) }
}

const resolverAbi = parseAbi([
  'function resolve(bytes name, bytes data)',
  'function text(bytes32 node, string key)',
  'function data(bytes32 node, string key)',
])

function callOf(tag: string): { inner: Hex; outer: Hex } {
  const inner = encodeFunctionData({
    abi: resolverAbi,
    functionName: 'text',
    args: [namehash(input.name), `oci-tag[${tag}]`],
  })
  const args = [toHex(packetToBytes(input.name)), inner] as const
  return { inner, outer: encodeFunctionData({ abi: resolverAbi, functionName: 'resolve', args }) }
}

const responseTypes = parseAbiParameters([
  '(address owner, uint64 epoch, uint64 version, bytes32 previous, bytes32 root, uint64 count, bytes32 delegations, uint64 issuedAt, uint64 expiresAt) list',
  '(address signer, bytes signature)[] signatures',
  '(uint64 issuedAt, uint64 expiresAt, bytes signature) timestamp',
  '(bytes key, bytes nextKey, bytes value, bytes32[] path)[] proofs',
])

/** Every number of the worked example, by its name on the page. */
export async function recomputeExample(): Promise<Map<string, string>> {
  const { name, owner, issuedAt, expiresAt, domain, timestamp } = input
  const account = privateKeyToAccount(input.key)
  const signed = (hash: Hex) => account.sign({ hash })
  const slots = slotsOf()
  const leaves = [...slots.map((slot) => keccak256(keccak256(leafBytes(slot)))), zero]
  const [left, right] = [pair(leaves[0]!, leaves[1]!), pair(leaves[2]!, leaves[3]!)]
  const root = pair(left, right)
  const line = { owner, epoch: 0n, version: 1n, previous: zero, root, count: 3n, delegations: keccak256('0x') }
  const header = { ...line, issuedAt, expiresAt }
  const node = namehash(name)
  const list = statement('TagList', { name, node, ...header })
  const signature = await signed(list.hash)
  const answer = (slot: Slot, path: readonly Hex[]) =>
    encodeAbiParameters(responseTypes, [
      header,
      [{ signer: owner, signature }],
      { issuedAt: 0n, expiresAt: 0n, signature: '0x' },
      [{ ...slot, path }],
    ])
  const found = exampleEntries[input.present]!
  const twin = parseAbiParameters('string, uint64, string, bytes32, uint64')
  const typed = encodeAbiParameters(twin, [found.digest, BigInt(found.size), found.mediaType, found.swarmReference, 1n])
  const fresh = statement('Timestamp', { node, epoch: 0n, version: 1n, list: list.hash, ...timestamp })
  const revocation = statement('Revocation', { node, owner, key: owner })
  const [, first, second] = slots as [Slot, Slot, Slot]
  const typeText = `TagList(${types.TagList.map((each) => `${each.type} ${each.name}`).join(',')})`
  return new Map<string, string>([
    ['DNS-encoded name', toHex(packetToBytes(name))],
    ['node', node],
    ['key 1', first.key],
    ['nextKey 1', first.nextKey],
    ['value 1', first.value],
    ['key 2', second.key],
    ['nextKey 2', 'empty'],
    ['value 2', second.value],
    ['leaf 1 bytes', leafBytes(first)],
    ...leaves.map((leaf, at): [string, string] => [`leaf ${at}`, leaf]),
    ['inner 0 1', left],
    ['inner 2 3', right],
    ['root', root],
    ['TagList type hash', keccak256(stringToHex(typeText))],
    ['domain separator', domainSeparator({ domain: typedDomain })],
    ['list struct hash', list.struct],
    ['list hash', list.hash],
    ['list signature', signature],
    ['call of text', callOf(input.present).inner],
    ['callData', callOf(input.present).outer],
    ['gateway path', `/ccip/${domain.chainId}/${domain.resolver}/{sender}/{data}.json`],
    ['response for latest', answer(second, [leaves[3]!, left])],
    ['result of text', encodeAbiParameters(parseAbiParameters('string'), [found.digest])],
    ['result of data', encodeAbiParameters(parseAbiParameters('bytes'), [typed])],
    ['callData for 2.0', callOf(input.absent).outer],
    ['response for 2.0', answer(first, [leaves[0]!, right])],
    ['result for 2.0', encodeAbiParameters(parseAbiParameters('string'), [''])],
    ['Timestamp struct hash', fresh.struct],
    ['Timestamp hash', fresh.hash],
    ['Timestamp signature', await signed(fresh.hash)],
    ['Revocation struct hash', revocation.struct],
    ['Revocation hash', revocation.hash],
    ['Revocation signature', await signed(revocation.hash)],
  ])
}
