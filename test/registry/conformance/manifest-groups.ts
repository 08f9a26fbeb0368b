import { expect } from 'vitest'
import { type Digest, digestOf } from '../../../gateway/oci/digest.ts'
import { blobOf, bytesOf, errorOf, imageType, indexType, readTags, send } from '../client.ts'
import { type DataSet, dataSets, emptyDataSet } from './data-sets.ts'
import { at, type Conformance, expectContent, expectDeleted, expectMissing, type Group, repository } from './world.ts'

/** The steps of the suite for one data set: push, tag-list, head and pull, referrers, delete. */
export function dataSetGroup(name: string): Group {
  return async (world) => {
    const set = emptyDataSet(world.algorithm)
    await dataSets[name]?.(set)
    expect(set.manifests.length).toBeGreaterThan(0)
    await push(world, set)
    await listTags(world, set)
    await pull(world, set)
    await referrers(world, set)
    await remove(world, set)
  }
}

async function push(world: Conformance, set: DataSet): Promise<void> {
  const { registry } = world
  for (const [digest, body] of set.blobs) {
    const begun = await send(registry, 'POST', at('blobs/uploads/'))
    const put = await send(registry, 'PUT', `${begun.headers.get('location')}?digest=${digest}`, { body })
    expect([put.status, put.headers.get('docker-content-digest')]).toEqual([201, digest])
  }
  const tagsOf = (digest: Digest, tags: DataSet['tags']) =>
    [...tags].filter(([, its]) => its === digest).map(([tag]) => tag)
  for (const { digest } of set.manifests) {
    const parameters = tagsOf(digest, set.tagParameters)
    await pushManifest(world, set, digest, digest, parameters)
    for (const tag of tagsOf(digest, set.tags)) await pushManifest(world, set, digest, tag, [])
  }
}

async function pushManifest(
  { registry }: Conformance,
  set: DataSet,
  digest: Digest,
  tagOrDigest: string,
  parameters: readonly string[],
): Promise<void> {
  const manifest = set.manifests.find((each) => each.digest === digest)
  const { bytes: body, mediaType, subject } = manifest as DataSet['manifests'][number]
  const query = parameters.map((tag) => `tag=${tag}`).join('&')
  const put = await send(registry, 'PUT', at(`manifests/${tagOrDigest}${query && `?${query}`}`), {
    headers: { 'content-type': mediaType },
    body,
  })
  expect([tagOrDigest, put.status, put.text]).toEqual([tagOrDigest, 201, ''])
  expect(put.headers.get('docker-content-digest')).toBe(digest)
  expect(put.headers.get('oci-subject')).toBe(subject)
  expect(put.headers.get('oci-tag')).toBe(parameters.length > 0 ? parameters.join(', ') : null)
  expect((await send(registry, 'GET', put.headers.get('location') ?? '')).status).toBe(200)
}

function allTags({ tags, tagParameters }: DataSet): [string, Digest][] {
  return [...tags, ...tagParameters].sort(([one], [other]) => (one < other ? -1 : 1))
}

async function listTags({ registry }: Conformance, set: DataSet): Promise<void> {
  const tags = allTags(set).map(([tag]) => tag)
  expect(await readTags(registry, repository)).toEqual(tags)
  if (tags[0]) expect(await readTags(registry, repository, `?last=${tags[0]}`)).toEqual(tags.slice(1))
}

async function pull(world: Conformance, set: DataSet): Promise<void> {
  const named = new Map<string, Digest>([
    ...allTags(set),
    ...set.manifests.map(({ digest }) => [digest, digest] as const),
  ])
  for (const [tagOrDigest, digest] of named) {
    const { bytes, mediaType } = set.manifests.find((each) => each.digest === digest) as DataSet['manifests'][number]
    const { headers } = await expectContent(world, at(`manifests/${tagOrDigest}`), bytes)
    expect([headers.get('content-type'), headers.get('docker-content-digest')]).toEqual([mediaType, digest])
  }
  for (const [digest, bytes] of set.blobs) await expectContent(world, at(`blobs/${digest}`), bytes)
}

type Shown = { digest: string; artifactType?: string }

async function readReferrers({ registry }: Conformance, subject: Digest, query = ''): Promise<Shown[]> {
  const answer = await send(registry, 'GET', at(`referrers/${subject}${query}`))
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, indexType])
  const applied = answer.headers.get('oci-filters-applied')
  expect(applied).toBe(query === '' ? null : 'artifactType')
  return (JSON.parse(answer.text) as { manifests: Shown[] }).manifests
}

async function referrers(world: Conformance, set: DataSet): Promise<void> {
  for (const [subject, expected] of set.referrers) {
    const wanted = (expected as Shown[]).toSorted((one, other) => (one.digest < other.digest ? -1 : 1))
    expect(await readReferrers(world, subject)).toEqual(wanted)
    for (const type of new Set(wanted.map(({ artifactType }) => artifactType))) {
      const ofType = wanted.filter(({ artifactType }) => artifactType === type)
      expect(await readReferrers(world, subject, `?artifactType=${encodeURIComponent(type ?? '')}`)).toEqual(ofType)
    }
  }
}

async function remove(world: Conformance, set: DataSet): Promise<void> {
  for (const [tag] of allTags(set)) await expectDeleted(world, at(`manifests/${tag}`))
  for (const { digest } of set.manifests.toReversed()) await expectDeleted(world, at(`manifests/${digest}`))
  for (const digest of set.blobs.keys()) await expectDeleted(world, at(`blobs/${digest}`))
  for (const subject of set.referrers.keys()) expect(await readReferrers(world, subject)).toEqual([])
}

/** The groups around the data sets. */
export const otherGroups: Readonly<Record<string, Group>> = {
  ping: async ({ registry }) => {
    expect((await send(registry, 'GET', '/v2/')).status).toBe(200)
  },
  empty: async (world) => {
    errorOf(await send(world.registry, 'GET', at('tags/list')), 404, 'NAME_UNKNOWN')
    expect(await readReferrers(world, await digestOf(world.algorithm, blobOf(36)))).toEqual([])
  },
  'bad-digest-image': badDigestImage,
  'missing-manifest': async (world) => {
    await expectMissing(world, at(`manifests/${await digestOf(world.algorithm, blobOf(37))}`), 'MANIFEST_UNKNOWN')
    await expectMissing(world, at('manifests/missing'), 'MANIFEST_UNKNOWN')
  },
  'invalid-digest-format': invalidDigests,
}

async function badDigestImage(world: Conformance): Promise<void> {
  const set = emptyDataSet(world.algorithm)
  await dataSets.image?.(set)
  const [manifest] = set.manifests
  const wrong = await digestOf(world.algorithm, blobOf(38))
  await push(world, { ...set, manifests: [], tags: new Map() })
  const put = { headers: { 'content-type': imageType }, ...(manifest && { body: manifest.bytes }) }
  errorOf(await send(world.registry, 'PUT', at(`manifests/${wrong}`), put), 400, 'DIGEST_INVALID')
  for (const digest of [wrong, manifest?.digest])
    await expectMissing(world, at(`manifests/${digest}`), 'MANIFEST_UNKNOWN')
  await push(world, set)
  await pull(world, set)
}

async function invalidDigests({ registry }: Conformance): Promise<void> {
  const bad = 'sha256:baddigeststring'
  const put = { headers: { 'content-type': imageType }, body: bytesOf('{}') }
  errorOf(await send(registry, 'PUT', at(`manifests/${bad}`), put), 400, 'DIGEST_INVALID')
  errorOf(await send(registry, 'POST', at(`blobs/uploads/?digest=${bad}`), { body: 'x' }), 400, 'DIGEST_INVALID')
  for (const path of [`manifests/${bad}`, `blobs/${bad}`, `referrers/${bad}`]) {
    errorOf(await send(registry, 'GET', at(path)), 400, 'DIGEST_INVALID')
    if (!path.startsWith('referrers')) errorOf(await send(registry, 'DELETE', at(path)), 400, 'DIGEST_INVALID')
  }
}
