import { gunzipSync } from 'node:zlib'
import { type Descriptor, type Layout, readBlob, sha256 } from './image.ts'

/** What stands under a tag or digest in a registry, with everything it refers to; every byte was hashed. */
export type Content = {
  digest: string
  mediaType: string
  /** The manifests and blobs by digest, the first one included. */
  blobs: ReadonlyMap<string, Buffer>
}

type Manifest = {
  config?: Descriptor
  layers?: Descriptor[]
  manifests?: Descriptor[]
}

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Pushes a layout by plain HTTP (end-4b, end-7), for clients that are to pull what they did not push. */
export async function pushLayout(registry: string, repository: string, layout: Layout, tag: string): Promise<void> {
  const manifests = new Map<string, string>()
  collectManifests(layout, layout.digest, layout.mediaType, manifests)
  for (const digest of layout.digests.filter((digest) => !manifests.has(digest))) {
    const url = `${registry}/v2/${repository}/blobs/uploads/?digest=${digest}`
    await send('POST', url, readBlob(layout, digest), 'application/octet-stream')
  }
  for (const [digest, mediaType] of manifests) {
    const name = digest === layout.digest ? tag : digest
    await send('PUT', `${registry}/v2/${repository}/manifests/${name}`, readBlob(layout, digest), mediaType)
  }
}

/** The manifests of a layout with their media types, children before what lists them. */
function collectManifests(layout: Layout, digest: string, mediaType: string, into: Map<string, string>): void {
  const { manifests = [] } = JSON.parse(readBlob(layout, digest).toString()) as Manifest
  for (const child of manifests) collectManifests(layout, child.digest, child.mediaType, into)
  into.set(digest, mediaType)
}

async function send(method: string, url: string, body: Uint8Array, contentType: string): Promise<void> {
  const response = await fetch(url, { method, body: new Uint8Array(body), headers: { 'Content-Type': contentType } })
  if (response.status !== 201) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
}

/** Whether a change of this tag waits at the gateway for a publisher's signature. */
export async function isStaged(registry: string, repository: string, tag: string): Promise<boolean> {
  const response = await fetch(`${registry}/v2/${repository}/_mooring/staged`)
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  const { changes } = (await response.json()) as { changes: { tag: string }[] }
  return changes.some((change) => change.tag === tag)
}

/** The status of GET for a tag or digest. */
export async function statusOf(registry: string, repository: string, tagOrDigest: string): Promise<number> {
  const url = `${registry}/v2/${repository}/manifests/${tagOrDigest}`
  const response = await fetch(url, { headers: { Accept: accept } })
  await response.arrayBuffer()
  return response.status
}

/** Reads a tag or digest and all below it. @throws when something is missing or its bytes are not those of its digest */
export async function readContent(registry: string, repository: string, tagOrDigest: string): Promise<Content> {
  const blobs = new Map<string, Buffer>()
  const base = `${registry}/v2/${repository}`
  const { mediaType, bytes } = await get(`${base}/manifests/${tagOrDigest}`)
  const digest = sha256(bytes)
  if (tagOrDigest.startsWith('sha256:')) expectDigest(digest, tagOrDigest)
  await readManifest(base, digest, bytes, blobs)
  return { digest, mediaType, blobs }
}

async function readManifest(base: string, digest: string, bytes: Buffer, blobs: Map<string, Buffer>): Promise<void> {
  blobs.set(digest, bytes)
  const { config, layers = [], manifests = [] } = JSON.parse(bytes.toString()) as Manifest
  for (const child of manifests) {
    const { bytes } = await get(`${base}/manifests/${child.digest}`)
    expectDigest(sha256(bytes), child.digest)
    await readManifest(base, child.digest, bytes, blobs)
  }
  for (const blob of [...(config ? [config] : []), ...layers]) {
    const { bytes } = await get(`${base}/blobs/${blob.digest}`)
    expectDigest(sha256(bytes), blob.digest)
    blobs.set(blob.digest, bytes)
  }
}

async function get(url: string): Promise<{ mediaType: string; bytes: Buffer }> {
  const response = await fetch(url, { headers: { Accept: accept } })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) throw new Error(`GET ${url}: ${response.status} ${bytes.subarray(0, 500)}`)
  return { mediaType: response.headers.get('Content-Type') ?? '', bytes }
}

function expectDigest(seen: string, wanted: string): void {
  if (seen !== wanted) throw new Error(`bytes of ${wanted} hash to ${seen}`)
}

/** The referrers of a manifest, as the registry lists them (end-12a). */
export async function readReferrers(registry: string, repository: string, digest: string): Promise<Descriptor[]> {
  const { bytes } = await get(`${registry}/v2/${repository}/referrers/${digest}`)
  return (JSON.parse(bytes.toString()) as Required<Manifest>).manifests
}

/** Whether some layer of the content has a text in it, gzip taken off. */
export function hasText({ blobs }: Content, text: string): boolean {
  return [...blobs.values()].some((bytes) => {
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    return (isGzip ? gunzipSync(bytes) : bytes).includes(text)
  })
}
