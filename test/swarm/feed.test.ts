import { Bee, FeedIndex, MerkleTree, PrivateKey, Topic } from '@ethersphere/bee-js'
import { ethers } from 'ethers'
import { bytesToHex, concat, type Hex, hexToBytes, keccak256, stringToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { expect, test } from 'vitest'
import { nodeOf } from '../../gateway/ens/name.ts'
import {
  decodeFeedPayload,
  encodeFeedPayload,
  encodeSingleOwnerChunk,
  FEED_PAYLOAD_BYTES,
  type FeedPayload,
  type FeedSigner,
  feedAddress,
  feedTopic,
  parseFeedChunk,
  signFeedUpdate,
} from '../../gateway/swarm/feed.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { naiveReference } from './naive.ts'

const hash = await openSwarmHash()
const privateKey = keccak256(stringToBytes('a publisher of the tests'))
const account = privateKeyToAccount(privateKey)
const owner = account.address.toLowerCase() as Hex
const signer: FeedSigner = { address: owner, signMessage: (raw) => account.signMessage({ message: { raw } }) }
const node = nodeOf('web.acme.eth')
const topic = feedTopic(node)
const payload = encodeFeedPayload({
  ...{ epoch: 3n, version: 41n, listHash: keccak256('0x01') },
  ...{ listReference: keccak256('0x02'), indexReference: keccak256('0x03') },
})

async function chunkAt(position: number, bytes = payload): Promise<Uint8Array> {
  return encodeSingleOwnerChunk(await signFeedUpdate(signer, { topic, position, payload: bytes }, hash))
}

test('protocol 6: the topic of a name is keccak256("mooring" | node)', () => {
  const independent = ethers.keccak256(ethers.concat([ethers.toUtf8Bytes('mooring'), ethers.namehash('web.acme.eth')]))
  expect(feedTopic(node)).toBe(independent)
})

test.each([0, 1, 255, 256, 2 ** 40])(
  'update %i is where an independent computation and bee-js look for it',
  (position) => {
    const { id, address } = feedAddress(owner, topic, position)
    expect(id).toBe(ethers.solidityPackedKeccak256(['bytes32', 'uint64'], [topic, position]))
    expect(address).toBe(ethers.solidityPackedKeccak256(['bytes32', 'address'], [id, owner]))
    const index = FeedIndex.fromBigInt(BigInt(position)).toUint8Array()
    expect(id).toBe(keccak256(concat([new Topic(topic).toUint8Array(), index])))
  },
)

test('what we sign, an independent wallet signs the same way', async () => {
  const { id, signature, chunk } = await signFeedUpdate(signer, { topic, position: 5, payload }, hash)
  const signed = ethers.keccak256(ethers.concat([id, naiveReference(payload)]))
  expect(ethers.verifyMessage(ethers.getBytes(signed), signature).toLowerCase()).toBe(owner)
  expect(bytesToHex(chunk)).toBe(ethers.concat(['0x7500000000000000', payload]))
  expect(await new ethers.Wallet(privateKey).signMessage(ethers.getBytes(signed))).toBe(signature)
})

test('bee-js takes our update for a single-owner chunk of this owner, and we take its', async () => {
  const bytes = await chunkAt(7)
  const { address, id } = feedAddress(owner, topic, 7)
  const parsed = new Bee('http://127.0.0.1:1633').unmarshalSingleOwnerChunk(bytes, address.slice(2))
  expect(`0x${parsed.owner.toHex()}`).toBe(owner)
  expect(bytesToHex(parsed.payload.toUint8Array())).toBe(bytesToHex(payload))
  const wrapped = (await MerkleTree.root(payload)).hash()
  // It signs with a nonce of its own, so its signature is another one, and as good.
  const signature = new PrivateKey(privateKey).sign(concat([hexToBytes(id), wrapped])).toUint8Array()
  const theirs = concat([bytes.subarray(0, 32), signature, bytes.subarray(97)])
  expect((await parseFeedChunk(theirs, owner, topic, 7, hash)).payload).toEqual(payload)
})

test.each([0, 1, 39, 41, 71, 73, 4096])('a payload of %i bytes comes back', async (size) => {
  const bytes = new Uint8Array(size).fill(9)
  const update = await parseFeedChunk(await chunkAt(2, bytes), owner, topic, 2, hash)
  expect(update).toEqual({ owner, topic, position: 2, payload: bytes })
})

test.each([40, 72, 4097])(
  'a payload of %i bytes is not signed: Bee would read it otherwise, or not at all',
  async (size) => {
    expect(await chunkAt(0, new Uint8Array(size - 1))).toHaveLength(105 + size - 1)
    await expect(chunkAt(0, new Uint8Array(size))).rejects.toThrow(`${size} bytes of payload`)
  },
)

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

const broken: readonly [rule: string, change: (bytes: Uint8Array) => Uint8Array, message: RegExp][] = [
  ['another id', (bytes) => changed(bytes, 0), /it has the id/],
  ['another signature', (bytes) => changed(bytes, 40), /it is signed by/],
  [
    'a recovery byte that is none',
    (bytes) => concat([bytes.subarray(0, 96), Uint8Array.of(1), bytes.subarray(97)]),
    /nobody/,
  ],
  ['a zero signature', (bytes) => concat([bytes.subarray(0, 32), new Uint8Array(64), bytes.subarray(96)]), /nobody/],
  ['another span', (bytes) => changed(bytes, 97), /its span/],
  ['a span of 2^63', (bytes) => concat([bytes.subarray(0, 104), Uint8Array.of(0x80), bytes.subarray(105)]), /its span/],
  ['a changed first byte of payload', (bytes) => changed(bytes, 105), /it is signed by/],
  ['a changed last byte of payload', (bytes) => changed(bytes, bytes.length - 1), /it is signed by/],
  ['a byte too few', (bytes) => bytes.subarray(0, -1), /its span/],
  ['more payload than a chunk has', (bytes) => concat([bytes, new Uint8Array(4096)]), /over 4096/],
  ['no payload and no span', (bytes) => bytes.subarray(0, 100), /inside a field/],
  ['no bytes', () => new Uint8Array(), /inside a field/],
]

test.each(broken)('feed: an update with %s is refused', async (_rule, change, message) => {
  const bytes = await chunkAt(4)
  expect((await parseFeedChunk(bytes, owner, topic, 4, hash)).payload).toEqual(payload)
  await expect(parseFeedChunk(change(bytes), owner, topic, 4, hash)).rejects.toThrow(message)
})

test('feed: an update stands for its own owner, topic and position only', async () => {
  const bytes = await chunkAt(4)
  expect((await parseFeedChunk(bytes, owner, topic, 4, hash)).position).toBe(4)
  await expect(parseFeedChunk(bytes, owner, topic, 5, hash)).rejects.toThrow(/it has the id/)
  await expect(parseFeedChunk(bytes, owner, feedTopic(nodeOf('acme.eth')), 4, hash)).rejects.toThrow(/it has the id/)
  await expect(parseFeedChunk(bytes, `0x${'11'.repeat(20)}`, topic, 4, hash)).rejects.toThrow(`signed by ${owner}`)
})

const whole: FeedPayload = {
  ...{ epoch: 2n ** 64n - 1n, version: 2n ** 53n - 1n, listHash: `0x${'aa'.repeat(32)}` as const },
  ...{ listReference: `0x${'bb'.repeat(32)}` as const, indexReference: `0x${'cc'.repeat(32)}` as const },
}

test('feed payload: fixed length, comes back as it was, and is of no length that Bee reads otherwise', () => {
  const bytes = encodeFeedPayload(whole)
  expect(decodeFeedPayload(bytes)).toEqual(whole)
  expect(bytesToHex(bytes)).toBe(
    `0x4d4f4f5201${'f'.repeat(16)}001fffffffffffff${'aa'.repeat(32)}${'bb'.repeat(32)}${'cc'.repeat(32)}`,
  )
  expect(bytes.byteLength).toBe(FEED_PAYLOAD_BYTES)
  expect(FEED_PAYLOAD_BYTES).toBe(117)
})

test('feed payload: bytes that are none are refused', () => {
  const bytes = encodeFeedPayload(whole)
  expect(decodeFeedPayload(bytes)).toEqual(whole)
  expect(() => decodeFeedPayload(changed(bytes, 0))).toThrow(/wanted "MOOR"/)
  expect(() => decodeFeedPayload(changed(bytes, 4))).toThrow(/format 0, wanted 1/)
  expect(() => decodeFeedPayload(concat([bytes, new Uint8Array(1)]))).toThrow(/1 bytes follow its end/)
  expect(() => decodeFeedPayload(bytes.subarray(0, 116))).toThrow(/inside a field/)
  expect(() => encodeFeedPayload({ ...whole, epoch: -1n })).toThrow(/no unsigned integer/)
  expect(() => encodeFeedPayload({ ...whole, listHash: '0x11' })).toThrow(/inside a field/)
})
