import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ethers } from 'ethers'
import { type Hex, hexToBytes } from 'viem'
import { expect, test } from 'vitest'
import { decodeIndexRoot, decodeIndexShard } from '../../gateway/swarm/content-index.ts'
import { decodeFeedPayload, parseFeedChunk } from '../../gateway/swarm/feed.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import { readPageNumbers } from '../docs/page.ts'
import { naiveReference } from './naive.ts'
import { computePage, example } from './page-example.ts'

const hash = await openSwarmHash()
const page = readPageNumbers(readFileSync(new URL('../../docs/swarm.md', import.meta.url), 'utf8'))
const sha256 = (bytes: Uint8Array): Hex => `0x${createHash('sha256').update(bytes).digest('hex')}`

function bytesOf(name: string): Uint8Array {
  return hexToBytes(hexOf(name))
}

function hexOf(name: string): Hex {
  const value = page.get(name)
  if (!value?.startsWith('0x')) throw new Error(`docs/swarm.md has no number named ${name}`)
  return value as Hex
}

test('the page on Swarm: every number of its example is what the code computes, and none is left over', async () => {
  expect(page.size).toBeGreaterThan(15)
  expect(Object.fromEntries(page)).toEqual(Object.fromEntries(await computePage(hash, sha256)))
})

test('the page on Swarm: read from the feed on, its bytes lead to every row', async () => {
  const owner = hexOf('owner')
  const chunk = await parseFeedChunk(bytesOf('single-owner chunk'), owner, hexOf('topic'), example.position, hash)
  const { epoch, version, listHash, listReference, indexReference } = decodeFeedPayload(chunk.payload)
  expect([epoch, version, listHash]).toEqual([example.epoch, example.version, example.listHash])
  expect([naiveReference(example.list), naiveReference(bytesOf('root'))]).toEqual([listReference, indexReference])
  const shards = decodeIndexRoot(bytesOf('root')).map(({ swarmReference, size }, at) => {
    const bytes = bytesOf(`shard ${at + 1}`)
    expect([naiveReference(bytes), bytes.byteLength]).toEqual([swarmReference, size])
    return decodeIndexShard(bytes)
  })
  const wanted = example.rows.map(({ content, mediaType }) => {
    const bytes = new TextEncoder().encode(content)
    const digest = `sha256:${sha256(bytes).slice(2)}`
    const swarmReference = naiveReference(bytes)
    return { digest, swarmReference, size: bytes.byteLength, ...(mediaType === undefined ? {} : { mediaType }) }
  })
  expect(shards.flat().sort((one, other) => one.size - other.size)).toEqual(wanted)
})

test('the page on Swarm: a general library computes the same topic, id and address, and recovers the owner', () => {
  const topic = ethers.keccak256(ethers.concat([ethers.toUtf8Bytes('mooring'), ethers.namehash(example.ensName)]))
  const id = ethers.solidityPackedKeccak256(['bytes32', 'uint64'], [topic, example.position])
  const address = ethers.solidityPackedKeccak256(['bytes32', 'address'], [id, hexOf('owner')])
  expect([topic, id, address]).toEqual(['topic', 'id', 'address'].map(hexOf))
  const signed = ethers.keccak256(ethers.concat([id, naiveReference(bytesOf('payload'))]))
  const signature = ethers.dataSlice(hexOf('single-owner chunk'), 32, 97)
  expect(ethers.verifyMessage(ethers.getBytes(signed), signature).toLowerCase()).toBe(hexOf('owner'))
})
