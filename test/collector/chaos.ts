import { expect } from 'vitest'
import { digestOf } from '../../gateway/oci/digest.ts'
import {
  blobOf,
  bytesOf,
  configType,
  describeManifest,
  imageType,
  layerType,
  type PushedManifest,
  putManifest,
  type Registry,
  send,
} from '../registry/client.ts'
import { isWhole } from './rules.ts'

const repositories = ['acme.eth', 'other.eth'] as const
type Repository = (typeof repositories)[number]

/** What clients were told: an image under each tag, or null once its deletion was answered. */
export type Acknowledged = Map<string, { repository: Repository; tag: string; image: PushedManifest | null }>

const sharedLayers = Array.from({ length: 4 }, (_, seed) => blobOf(2_000 + seed, seed))
const maxTries = 60

/** Numbers that look random and are the same in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed * 2_654_435_761
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) % sides
  }
}

/**
 * Clients that push images of shared layers under tags of their own, mount, ask by HEAD what is here already, delete tags, manifests
 * and blobs, each `rounds` times, and on until `isEnough`. Every answer they rely on is checked at once; `acknowledged` is what must
 * hold in the end.
 */
export async function runClients(
  registry: Registry,
  clients: number,
  rounds: number,
  isEnough: () => boolean,
): Promise<Acknowledged> {
  const acknowledged: Acknowledged = new Map()
  const one = async (client: number) => {
    const roll = dice(client + 1)
    for (let round = 0; round < rounds || !isEnough(); round++) {
      const repository = repositories[roll(2)]!
      const tag = `c${client}-${roll(4)}`
      const key = `${repository}:${tag}`
      const known = acknowledged.get(key)
      const fate = roll(6)
      if (known?.image && fate < 2) {
        await deleteImage(registry, repository, fate === 0 ? tag : known.image)
        acknowledged.set(key, { repository, tag, image: null })
        continue
      }
      const image = await pushImage(registry, repository, tag, { roll, name: `${client} ${round}` })
      acknowledged.set(key, { repository, tag, image })
      expect(await isWhole(registry, repository, image)).toBe(true)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)))
  return acknowledged
}

/** Deletes a tag, or a manifest with a blob that only this client pushed; nobody else has either. */
async function deleteImage(registry: Registry, repository: Repository, what: string | PushedManifest): Promise<void> {
  const tagOrDigest = typeof what === 'string' ? what : what.digest
  expect((await send(registry, 'DELETE', `/v2/${repository}/manifests/${tagOrDigest}`)).status).toBe(202)
  if (typeof what === 'string') return
  const { config } = JSON.parse(what.text)
  expect([202, 404]).toContain((await send(registry, 'DELETE', `/v2/${repository}/blobs/${config.digest}`)).status)
}

type Push = { roll: (sides: number) => number; name: string }

/** As clients do: ask or mount what may be here, upload the rest, and begin again when the registry says that something is missing. */
async function pushImage(
  registry: Registry,
  repository: Repository,
  tag: string,
  { roll, name }: Push,
): Promise<PushedManifest> {
  const config = bytesOf(JSON.stringify({ name }))
  const layers = sharedLayers.slice(roll(3), 2 + roll(3))
  const blobs = [config, ...(layers.length > 0 ? layers : sharedLayers)]
  const descriptors = await Promise.all(
    blobs.map(async (bytes, at) => {
      const mediaType = at === 0 ? configType : layerType
      return { mediaType, digest: await digestOf('sha256', bytes), size: bytes.byteLength }
    }),
  )
  const [first, ...others] = descriptors
  const image = await describeManifest({ schemaVersion: 2, mediaType: imageType, config: first, layers: others })
  for (let tries = 0; tries < maxTries; tries++) {
    for (const [at, bytes] of blobs.entries())
      await offerBlob(registry, repository, descriptors[at]!.digest, bytes, roll)
    const put = await putManifest(registry, repository, tag, image)
    if (put.status === 201) return image
    expect([put.status, put.text]).toEqual([400, expect.stringContaining('MANIFEST_BLOB_UNKNOWN')])
  }
  throw new Error(`${repository}:${tag} could not be pushed in ${maxTries} tries`)
}

async function offerBlob(
  registry: Registry,
  repository: Repository,
  digest: string,
  bytes: Uint8Array<ArrayBuffer>,
  roll: (sides: number) => number,
): Promise<void> {
  const path = `/v2/${repository}/blobs`
  const way = roll(4)
  if (way === 0 && (await send(registry, 'HEAD', `${path}/${digest}`)).status === 200) return
  const from = repositories.find((other) => other !== repository)
  const mount = way === 1 ? `?mount=${digest}&from=${from}` : ''
  const begun = await send(registry, 'POST', `${path}/uploads/${mount}`)
  if (begun.status === 201) return
  expect(begun.status).toBe(202)
  const location = begun.headers.get('location') ?? ''
  const patched = way === 2
  if (patched) expect((await send(registry, 'PATCH', location, { body: bytes })).status).toBe(202)
  const closed = await send(registry, 'PUT', `${location}?digest=${digest}`, patched ? {} : { body: bytes })
  expect([closed.status, closed.text]).toEqual([201, ''])
}

/** Every tag as its last answer said: whole and with the right digests, or gone. */
export async function expectAcknowledged(registry: Registry, acknowledged: Acknowledged): Promise<void> {
  for (const { repository, tag, image } of acknowledged.values()) {
    const answer = await send(registry, 'GET', `/v2/${repository}/manifests/${tag}`)
    expect([tag, answer.status]).toEqual([tag, image ? 200 : 404])
    if (!image) continue
    expect([tag, answer.text]).toEqual([tag, image.text])
    expect([tag, await isWhole(registry, repository, image)]).toEqual([tag, true])
  }
}
