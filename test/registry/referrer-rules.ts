import { expect, test } from 'vitest'
import { type Digest, digestOf } from '../../gateway/oci/digest.ts'
import { addressOf, testKeys, testTime } from '../fixtures.ts'
import {
  type Answer,
  bytesOf,
  configType,
  describeManifest,
  errorOf,
  imageType,
  indexType,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
  publicGateway,
  pushImage,
  putManifest,
  type Registry,
  send,
} from './client.ts'

const zeroDigest = `sha256:${'0'.repeat(64)}`
const signature = 'application/vnd.example.signature'
const sbom = 'application/vnd.example.sbom'

type Index = { schemaVersion: number; mediaType: string; manifests: Record<string, unknown>[] }

function indexOf(answer: Answer): Index {
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, indexType])
  return JSON.parse(answer.text) as Index
}

async function pushReferrer(registry: Registry, subject: PushedManifest, seed: number, more: object) {
  const { digest, size, mediaType } = subject
  const referrer = await makeImage(registry, 'acme.eth', seed, { subject: { digest, size, mediaType }, ...more })
  expect((await putManifest(registry, 'acme.eth', referrer.digest, referrer)).status).toBe(201)
  return referrer
}

/** The referrers API (end-12). */
export function referrerRules(open: OpenRegistry): void {
  test('end-12a referrers as an index, with their type and annotations, by digest', async () => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    const annotations = { 'org.example.a': 'ü' }
    const signed = await pushReferrer(registry, subject, 2, { artifactType: signature, annotations })
    const plain = await pushReferrer(registry, subject, 3, {})
    const { manifests, ...rest } = indexOf(await send(registry, 'GET', `/v2/acme.eth/referrers/${subject.digest}`))
    expect(rest).toEqual({ schemaVersion: 2, mediaType: indexType })
    const common = { mediaType: imageType }
    const expected = [
      { ...common, digest: signed.digest, size: signed.size, artifactType: signature, annotations },
      { ...common, digest: plain.digest, size: plain.size, artifactType: configType },
    ]
    expect(manifests).toEqual(expected.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)))
  })

  test('end-12a an index that refers has no artifactType unless it says one', async () => {
    const registry = await open()
    const { digest, size, mediaType } = await pushImage(registry, 'acme.eth', 'v1')
    const members = { schemaVersion: 2, mediaType: indexType, manifests: [], subject: { digest, size, mediaType } }
    const referrer = await describeManifest(members, indexType)
    await putManifest(registry, 'acme.eth', referrer.digest, referrer)
    const { manifests } = indexOf(await send(registry, 'GET', `/v2/acme.eth/referrers/${digest}`))
    expect(manifests).toEqual([{ mediaType: indexType, digest: referrer.digest, size: referrer.size }])
  })

  test('end-12b artifactType filters and says so; without it nothing is said', async () => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    await pushReferrer(registry, subject, 2, { artifactType: signature })
    const wanted = await pushReferrer(registry, subject, 3, { artifactType: sbom })
    const path = `/v2/acme.eth/referrers/${subject.digest}`
    const filtered = await send(registry, 'GET', `${path}?artifactType=${encodeURIComponent(sbom)}`)
    expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType')
    expect(indexOf(filtered).manifests.map(({ digest }) => digest)).toEqual([wanted.digest])
    const all = await send(registry, 'GET', path)
    expect([all.headers.get('oci-filters-applied'), indexOf(all).manifests.length]).toEqual([null, 2])
  })

  test('end-12a a subject that is not here yet has its referrers; unknown ones have an empty index', async () => {
    const registry = await open()
    const missing = { digest: `sha256:${'b'.repeat(64)}`, size: 5, mediaType: imageType, text: '' } as const
    const referrer = await pushReferrer(registry, missing, 2, { artifactType: sbom })
    const found = indexOf(await send(registry, 'GET', `/v2/acme.eth/referrers/${missing.digest}`))
    expect(found.manifests.map(({ digest }) => digest)).toEqual([referrer.digest])
    for (const repository of ['acme.eth', 'other.eth/x', 'free.eth']) {
      expect(indexOf(await send(registry, 'GET', `/v2/${repository}/referrers/${zeroDigest}`)).manifests).toEqual([])
    }
    errorOf(await send(registry, 'GET', '/v2/acme.eth/referrers/sha256:zz'), 400, 'DIGEST_INVALID')
  })

  test('end-12a a referrer that is deleted is gone; those of another repository never show', async () => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    const referrer = await pushReferrer(registry, subject, 2, { artifactType: sbom })
    expect(indexOf(await send(registry, 'GET', `/v2/other.eth/referrers/${subject.digest}`)).manifests).toEqual([])
    await send(registry, 'DELETE', `/v2/acme.eth/manifests/${referrer.digest}`)
    expect(indexOf(await send(registry, 'GET', `/v2/acme.eth/referrers/${subject.digest}`)).manifests).toEqual([])
  })

  test.each([
    ['by n', '?n=2', 0],
    ['by 4 MiB', '', 1_900_000],
  ])('end-12a pages %s: Link leads through all referrers, once each', async (_by, query, padding) => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    const pushed: string[] = []
    for (let seed = 2; seed < 7; seed += 1) {
      const annotations = { pad: 'x'.repeat(padding) }
      pushed.push((await pushReferrer(registry, subject, seed, { artifactType: sbom, annotations })).digest)
    }
    const seen: unknown[] = []
    let path: string | undefined = `/v2/acme.eth/referrers/${subject.digest}${query}`
    for (let page = 0; path && page < 10; page += 1) {
      const answer = await send(registry, 'GET', path)
      expect(answer.bytes.byteLength).toBeLessThanOrEqual(4 * 1024 * 1024)
      const { manifests } = indexOf(answer)
      expect(manifests.length).toBeLessThanOrEqual(2)
      seen.push(...manifests.map(({ digest }) => digest))
      const link: string | null = answer.headers.get('link')
      path = link?.slice(1, link.indexOf('>'))
    }
    expect(seen).toEqual(pushed.toSorted())
  })

  test('end-12 annotations of a referrer stand in the index whole, however long: 1 kB, 1 MB, more than a row of D1 holds', async () => {
    const registry = await open()
    const subject = await makeImage(registry, 'acme.eth')
    const { digest, size, mediaType } = subject
    const wanted = new Map<unknown, unknown>()
    for (const [seed, chars] of [1_000, 1_000_000, 3_000_000].entries()) {
      const annotations = { 'org.example.pad': 'ü'.repeat(chars / 2) }
      const more = { subject: { digest, size, mediaType }, annotations }
      const referrer = await makeImage(registry, 'acme.eth', seed + 2, more)
      expect((await putManifest(registry, 'acme.eth', referrer.digest, referrer)).status).toBe(201)
      wanted.set(referrer.digest, annotations)
    }
    const seen = new Map<unknown, unknown>()
    let path: string | undefined = `/v2/acme.eth/referrers/${digest}`
    while (path) {
      const answer = await send(registry, 'GET', path)
      for (const each of indexOf(answer).manifests) seen.set(each.digest, each.annotations)
      const link: string | null = answer.headers.get('link')
      path = link?.slice(1, link.indexOf('>'))
    }
    expect(seen).toEqual(wanted)
  })

  tagSchemaRules(open)
}

/** Beyond what a page holds by far. */
export function manyReferrersRules(open: OpenRegistry): void {
  test('end-12a 2,500 referrers of 2 kB each: pages below 4 MiB, none lost, none twice, filtered too', async () => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    const { catalog } = registry.deps
    const owner = addressOf(testKeys.owner)
    const storing = { now: Number(testTime), removals: await catalog.countRemovals() }
    const annotationsJson = JSON.stringify({ pad: 'x'.repeat(2000) })
    const pushed: Digest[] = []
    for (let number = 0; number < 2500; number += 1) {
      const digest = await digestOf('sha256', bytesOf(`${number}`))
      const artifactType = number % 5 === 0 ? sbom : signature
      const record = { digest, size: 9, mediaType: imageType, subject: subject.digest, artifactType, annotationsJson }
      await catalog.putManifest({ ensName: 'acme.eth', owner }, record, { blobs: [], manifests: [] }, storing)
      if (number % 5 === 0) pushed.push(digest)
    }
    const path = `/v2/acme.eth/referrers/${subject.digest}`
    const { digests, pages } = await walk(registry, path)
    expect([digests.length, new Set(digests).size, pages]).toEqual([2500, 2500, 3])
    expect(digests).toEqual(digests.toSorted())
    const filtered = await walk(registry, `${path}?artifactType=${encodeURIComponent(sbom)}&n=200`)
    expect(filtered).toEqual({ digests: pushed.toSorted(), pages: 3 })
  })
}

/** Follows Link from a page of referrers to the last one. */
async function walk(registry: Registry, path: string): Promise<{ digests: unknown[]; pages: number }> {
  const digests: unknown[] = []
  let next: string | undefined = path
  let pages = 0
  for (; next && pages < 50; pages += 1) {
    const answer = await send(registry, 'GET', next)
    expect(answer.bytes.byteLength).toBeLessThanOrEqual(4 * 1024 * 1024)
    expect(answer.headers.get('oci-filters-applied')).toBe(path.includes('artifactType') ? 'artifactType' : null)
    digests.push(...indexOf(answer).manifests.map(({ digest }) => digest))
    const link: string | null = answer.headers.get('link')
    next = link?.slice(1, link.indexOf('>'))
  }
  return { digests, pages }
}

/** Indexes that clients without the referrers API keep under `sha256-<hex>` (distribution-spec "Enabling the Referrers API"). */
function tagSchemaRules(open: OpenRegistry): void {
  /** An artifact without a subject, as old clients push it, and what the index says of it. */
  async function pushArtifact(registry: Registry, seed: number, more: object = {}) {
    const artifact = await makeImage(registry, 'acme.eth', seed, { artifactType: sbom, ...more })
    await putManifest(registry, 'acme.eth', artifact.digest, artifact)
    const { digest, size, mediaType } = artifact
    return { digest, size, mediaType }
  }

  async function pushIndex(registry: Registry, tag: string, manifests: readonly object[], mediaType = indexType) {
    const index = await describeManifest({ schemaVersion: 2, mediaType, manifests }, mediaType)
    expect((await putManifest(registry, 'acme.eth', tag, index)).status).toBe(201)
    return index
  }

  async function listed(registry: Registry, subject: string, query = ''): Promise<unknown[]> {
    const answer = await send(registry, 'GET', `/v2/acme.eth/referrers/${subject}${query}`)
    return indexOf(answer).manifests.map(({ digest }) => digest)
  }

  test('tag schema: what an index under sha256-<hex> lists are referrers of that digest, and of no other', async () => {
    const registry = await open()
    const subject = await pushImage(registry, 'acme.eth', 'v1')
    const annotations = { 'org.example': 'a' }
    const artifact = await pushArtifact(registry, 2, { annotations })
    const tag = subject.digest.replace(':', '-')
    await pushIndex(registry, tag, [artifact])
    const answer = await send(registry, 'GET', `/v2/acme.eth/referrers/${subject.digest}`)
    expect(indexOf(answer).manifests).toEqual([{ ...artifact, artifactType: sbom, annotations }])
    expect(await listed(registry, subject.digest, `?artifactType=${encodeURIComponent(sbom)}`)).toEqual([
      artifact.digest,
    ])
    expect(await listed(registry, subject.digest, `?artifactType=${encodeURIComponent(signature)}`)).toEqual([])
    expect(await listed(registry, artifact.digest)).toEqual([])
    expect(await listed(registry, zeroDigest)).toEqual([])
  })

  test('tag schema: together with real subjects, in one order, each once, in pages', async () => {
    const registry = await open()
    const { digest, size, mediaType } = await pushImage(registry, 'acme.eth', 'v1')
    const subject = { digest, size, mediaType }
    const real = [await pushArtifact(registry, 2, { subject }), await pushArtifact(registry, 3, { subject })]
    const old = [await pushArtifact(registry, 4), await pushArtifact(registry, 5), await pushArtifact(registry, 6)]
    await pushIndex(registry, digest.replace(':', '-'), [...old, ...real, ...old])
    const all = [...real, ...old].map((each) => each.digest).toSorted()
    expect(await listed(registry, digest)).toEqual(all)
    for (const n of [1, 2, 4])
      expect((await walk(registry, `/v2/acme.eth/referrers/${digest}?n=${n}`)).digests).toEqual(all)
  })

  test('tag schema: gone with the tag, changed with it, gone with the manifest', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const [one, two] = [await pushArtifact(registry, 2), await pushArtifact(registry, 3)]
    const tag = digest.replace(':', '-')
    await pushIndex(registry, tag, [one, two])
    expect(await listed(registry, digest)).toEqual([one.digest, two.digest].toSorted())
    await send(registry, 'DELETE', `/v2/acme.eth/manifests/${two.digest}`)
    expect(await listed(registry, digest)).toEqual([one.digest])
    await pushIndex(registry, tag, [])
    expect(await listed(registry, digest)).toEqual([])
    await pushIndex(registry, tag, [one])
    expect(await listed(registry, digest)).toEqual([one.digest])
    expect((await send(registry, 'DELETE', `/v2/acme.eth/manifests/${tag}`)).status).toBe(202)
    expect(await listed(registry, digest)).toEqual([])
  })

  test('tag schema: of a sha512 digest the tag has the first 64 digits; the subject need not be here', async () => {
    const registry = await open()
    const artifact = await pushArtifact(registry, 2)
    const subject = `sha512:${'ab'.repeat(64)}`
    await pushIndex(registry, `sha512-${'ab'.repeat(32)}`, [artifact])
    expect(await listed(registry, subject)).toEqual([artifact.digest])
    expect(await listed(registry, `sha512:${'cd'.repeat(64)}`)).toEqual([])
  })

  test('tag schema: an image under that tag is no index of referrers, and a docker list is one', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const tag = digest.replace(':', '-')
    await pushImage(registry, 'acme.eth', tag, 2)
    expect(await listed(registry, digest)).toEqual([])
    const artifact = await pushArtifact(registry, 3)
    await pushIndex(registry, tag, [artifact], 'application/vnd.docker.distribution.manifest.list.v2+json')
    expect(await listed(registry, digest)).toEqual([artifact.digest])
  })

  test('tag schema: where the list does not stand, real subjects are listed and a Warning tells what is left out', async () => {
    const publishing = await open()
    const { digest, size, mediaType } = await pushImage(publishing, 'acme.eth', 'v1')
    const real = await pushArtifact(publishing, 2, { subject: { digest, size, mediaType } })
    const tag = digest.replace(':', '-')
    const old = await pushArtifact(publishing, 3)
    await pushIndex(publishing, tag, [old])
    const relay = publicGateway(publishing)
    expect(await listed(relay, digest)).toEqual([real.digest, old.digest].toSorted())
    publishing.deps.clock.advance(100 * 24 * 60 * 60)
    const answer = await send(relay, 'GET', `/v2/acme.eth/referrers/${digest}`)
    expect(indexOf(answer).manifests.map((each) => each.digest)).toEqual([real.digest])
    expect(answer.headers.get('warning')).toContain(`what tag ${tag} lists is left out: Expired`)
  })

  test('tag schema: an index that the list names and the store cannot deliver is 503, not an empty answer', async () => {
    const registry = await open()
    const { digest } = await pushImage(registry, 'acme.eth', 'v1')
    const index = await pushIndex(registry, digest.replace(':', '-'), [await pushArtifact(registry, 2)])
    await registry.deps.content.remove(index.digest)
    errorOf(await send(registry, 'GET', `/v2/acme.eth/referrers/${digest}`), 503, 'UNKNOWN')
  })
}
