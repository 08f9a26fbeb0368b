import { bytesToHex, type Hex, keccak256, stringToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { encodeContentIndex, encodeIndexRoot, type IndexRow } from '../../gateway/swarm/content-index.ts'
import {
  encodeFeedPayload,
  encodeSingleOwnerChunk,
  feedAddress,
  feedTopic,
  signFeedUpdate,
} from '../../gateway/swarm/feed.ts'
import type { SwarmHash } from '../../gateway/swarm/hash.ts'

/** What the example of docs/swarm.md is about. */
export const example = {
  ensName: 'web.acme.eth',
  privateKey: keccak256(stringToBytes('mooring swarm example')),
  position: 2,
  epoch: 0n,
  version: 3n,
  listHash: keccak256(stringToBytes('a list hash')),
  list: stringToBytes('stands for the body of GET _mooring/list'),
  rows: [
    { content: 'a layer' },
    { content: 'a manifest', mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    { content: 'another manifest', mediaType: 'application/vnd.example+json' },
  ],
}

/** The numbers of the page by name, in its order. @param sha256 of bytes, in hex with 0x */
export async function computePage(hash: SwarmHash, sha256: (bytes: Uint8Array) => Hex): Promise<Map<string, string>> {
  const referenceOf = (bytes: Uint8Array): Hex => {
    const hasher = hash.createHasher()
    hasher.update(bytes)
    return hasher.digest()
  }
  const rows = example.rows.map(({ content, ...kind }): IndexRow => {
    const bytes = stringToBytes(content)
    const digest = `sha256:${sha256(bytes).slice(2)}` as const
    return { digest, swarmReference: referenceOf(bytes), size: bytes.byteLength, ...kind }
  })
  const shards = encodeContentIndex(rows)
  const places = shards.map(({ firstByte, bytes }) => {
    return { firstByte, swarmReference: referenceOf(bytes), size: bytes.byteLength }
  })
  const root = encodeIndexRoot(places)
  const indexReference = referenceOf(root)
  const { epoch, version, listHash, position } = example
  const listReference = referenceOf(example.list)
  const payload = encodeFeedPayload({ epoch, version, listHash, listReference, indexReference })
  const account = privateKeyToAccount(example.privateKey)
  const owner = account.address.toLowerCase() as Hex
  const topic = feedTopic(nodeOf(example.ensName))
  const signMessage = (raw: Hex) => account.signMessage({ message: { raw } })
  const soc = await signFeedUpdate({ address: owner, signMessage }, { topic, position, payload }, hash)
  const { id, address } = feedAddress(owner, topic, position)
  return new Map([
    ...shards.map(({ bytes }, at): [string, string] => [`shard ${at + 1}`, bytesToHex(bytes)]),
    ...places.map(({ swarmReference }, at): [string, string] => [`reference of shard ${at + 1}`, swarmReference]),
    ['root', bytesToHex(root)],
    ['indexReference', indexReference],
    ['listHash', listHash],
    ['listReference', listReference],
    ['payload', bytesToHex(payload)],
    ['reference of the payload', referenceOf(payload)],
    ['private key', example.privateKey],
    ['owner', owner],
    ['topic', topic],
    ['id', id],
    ['address', address],
    ['single-owner chunk', bytesToHex(encodeSingleOwnerChunk(soc))],
  ])
}
