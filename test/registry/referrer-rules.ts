import { expect, test } from 'vitest'
import {
  type Answer,
  configType,
  describeManifest,
  errorOf,
  imageType,
  indexType,
  makeImage,
  type OpenRegistry,
  type PushedManifest,
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
}
