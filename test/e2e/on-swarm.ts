import type { Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { createFetchBee } from '../../gateway/bee/fetch-bee.ts'
import type { DemoImage } from '../../gateway/cli/demo/image.ts'
import { nodeOf } from '../../gateway/ens/name.ts'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { encodeContentIndex, encodeIndexRoot, type IndexRow } from '../../gateway/swarm/content-index.ts'
import { encodeFeedPayload, type FeedPayload, feedTopic, signFeedUpdate } from '../../gateway/swarm/feed.ts'
import { openSwarmHash } from '../../gateway/swarm/node-wasm.ts'
import type { FakeBee } from '../bee/fake-bee.ts'
import { addressOf, testKeys } from '../fixtures.ts'
import type { World } from './world.ts'

/** Content that a publisher puts on Swarm; `mediaType` is a manifest's. */
export type Put = { digest: Digest; bytes: Uint8Array; mediaType?: string }

/** Everything of an image. */
export function contentsOf(image: DemoImage): Put[] {
  return [...image.blobs, ...image.manifests, image.imageIndex]
}

/** An SBOM that refers to a manifest, its one blob beside it. */
export async function referrerOf(subject: Put): Promise<{ manifest: Put; blob: Put }> {
  const blobBytes = new TextEncoder().encode('{"sbom":true}')
  const blob = { digest: await digestOf('sha256', blobBytes), bytes: blobBytes }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const descriptor = { mediaType: 'application/json', digest: blob.digest, size: blobBytes.byteLength }
  const manifest = {
    ...{ schemaVersion: 2, mediaType, artifactType: 'application/spdx+json', config: descriptor, layers: [] },
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.byteLength },
  }
  const bytes = new TextEncoder().encode(JSON.stringify(manifest))
  return { manifest: { digest: await digestOf('sha256', bytes), bytes, mediaType }, blob }
}

/** What a publisher does after each publish (docs/swarm.md), by hand. */
export async function openPublisher(world: World, bee: FakeBee) {
  const hash = await openSwarmHash()
  const node = createFetchBee({ beeUrl: bee.beeUrl })
  const postageBatchId: Hex = `0x${bee.buyBatch()}`
  const store = (bytes: Uint8Array) => node.writeBytes(bytes, bytes.byteLength, { postageBatchId })
  const owner = addressOf(testKeys.owner)
  const topic = feedTopic(nodeOf('acme.eth'))
  const readList = async () => {
    const answer = await fetch(`${world.gateway.url}/v2/acme.eth/_mooring/list`)
    const body = new Uint8Array(await answer.arrayBuffer())
    const { list, hash } = JSON.parse(new TextDecoder().decode(body)) as { list: { version: number }; hash: Hex }
    return { body, version: list.version, hash }
  }
  const storeIndex = async (contents: readonly Put[], alter: (row: IndexRow) => IndexRow = (row) => row) => {
    const rows: IndexRow[] = []
    for (const { digest, bytes, mediaType } of contents) {
      const row = { digest, swarmReference: await store(bytes), size: bytes.byteLength }
      rows.push(alter(mediaType === undefined ? row : { ...row, mediaType }))
    }
    const places = []
    for (const { firstByte, bytes } of encodeContentIndex(rows)) {
      places.push({ firstByte, swarmReference: await store(bytes), size: bytes.byteLength })
    }
    return store(encodeIndexRoot(places))
  }
  const payloadOf = async (indexReference: Hex, changes: Partial<FeedPayload> = {}): Promise<Uint8Array> => {
    const { body, version, hash: listHash } = await readList()
    const listReference = await store(body)
    return encodeFeedPayload({
      epoch: 0n,
      version: BigInt(version),
      listHash,
      listReference,
      indexReference,
      ...changes,
    })
  }
  return {
    hash,
    owner,
    topic,
    store,
    storeIndex,
    payloadOf,
    readList,
    /** Writes update `position` of the publisher's feed, or of another key's. */
    async writeUpdate(position: number, payload: Uint8Array, key: Hex = testKeys.owner): Promise<void> {
      const account = privateKeyToAccount(key)
      const address = account.address.toLowerCase() as Hex
      const signMessage = (raw: Hex) => account.signMessage({ message: { raw } })
      const soc = await signFeedUpdate({ address, signMessage }, { topic, position, payload }, hash)
      await node.writeSingleOwnerChunk(soc, { postageBatchId })
    },
  }
}
