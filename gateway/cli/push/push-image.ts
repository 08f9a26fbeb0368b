import { open } from 'node:fs/promises'
import type { Hex } from 'viem'
import { defaultLimits } from '../../limits.ts'
import { algorithmOf, type Digest, digestOf } from '../../oci/digest.ts'
import { type Descriptor, type Manifest, readManifest } from '../../oci/manifest.ts'
import { openSwarmHash } from '../../swarm/node-wasm.ts'
import { referenceOf } from '../../swarm/reference.ts'
import { fetchBounded, type HttpAnswer } from '../client/http.ts'
import { expectStatus, type Uploads, uploadBlob } from './blob-upload.ts'
import type { ImageSource, Root } from './image-source.ts'
import { refusalIn } from './registry-answer.ts'
import { ArchiveError, readAt } from './tar-entries.ts'

/** What a push brought: contents that were sent, those that were there already, and the manifest that a tag is to name. */
export type PushedImage = { root: Root; swarmReference: Hex; bytes: Uint8Array; sent: number; there: number }

type ReadManifest = { root: Root; bytes: Uint8Array; manifest: Manifest }

const timeoutMs = 120_000
const maxAnswerBytes = 256 * 1024
const { maxIndexDepth } = defaultLimits

/**
 * Brings all content of an image into a repository: blobs in parts, then manifests by digest, the root last. Of an index whose source
 * holds one platform alone (what `docker save` writes of a pulled image) that platform is the root.
 * @throws ArchiveError, RegistryRefused, HttpFailure, OciError for a manifest that is none
 */
export async function pushImage(source: ImageSource, uploads: Uploads): Promise<PushedImage> {
  const root = await chooseWhole(source, await readOne(source, source.root), uploads.note)
  const counts = { sent: 0, there: 0 }
  await pushTree(source, uploads, root, 1, new Set(), counts)
  const swarmReference = await referenceOf(await openSwarmHash(), [root.bytes], async () => {})
  return { root: root.root, bytes: root.bytes, swarmReference, ...counts }
}

/** The bytes of a manifest, checked against digest and size. */
async function readOne(source: ImageSource, root: Root): Promise<ReadManifest> {
  const { digest, size, mediaType } = root
  const slice = await source.find(digest)
  if (slice === undefined) throw new ArchiveError(`the image has no ${digest}, which it names`)
  if (slice.size !== size || size > defaultLimits.maxManifestBytes) {
    throw new ArchiveError(
      `${digest} has ${slice.size} bytes, wanted ${size}, at most ${defaultLimits.maxManifestBytes}`,
    )
  }
  const handle = await open(slice.path)
  const bytes = await readAt(handle, slice.offset, size).finally(() => handle.close())
  const actual = await digestOf(algorithmOf(digest), bytes)
  if (actual !== digest) throw new ArchiveError(`the image is damaged: ${digest} has bytes of ${actual}`)
  return { root, bytes, manifest: await readManifest(bytes, mediaType, defaultLimits) }
}

async function chooseWhole(source: ImageSource, root: ReadManifest, note: Uploads['note']): Promise<ReadManifest> {
  const { children } = root.manifest
  const present: Descriptor[] = []
  for (const child of children) if (await source.find(child.digest)) present.push(child)
  if (present.length === children.length) return root
  const attestations = attestationsOf(root)
  const [only, ...more] = present.filter(({ digest }) => !attestations.has(digest))
  const held = `the image holds ${present.length} of the ${children.length} manifests of its index`
  if (only === undefined || more.length > 0) throw new ArchiveError(`${held}: save it with all platforms, or with one`)
  note(`${held}: pushing ${only.digest} alone`)
  return readOne(source, only)
}

/** What buildkit puts into an index beside the images, by its annotation. */
function attestationsOf({ bytes }: ReadManifest): ReadonlySet<string> {
  type Listed = { digest: string; annotations?: Readonly<Record<string, string>> | null }
  const { manifests } = JSON.parse(new TextDecoder().decode(bytes)) as { manifests: readonly Listed[] }
  const isAttestation = ({ annotations }: Listed) => annotations?.['vnd.docker.reference.type'] !== undefined
  return new Set(manifests.filter(isAttestation).map(({ digest }) => digest))
}

type Counts = { sent: number; there: number }

async function pushTree(
  source: ImageSource,
  uploads: Uploads,
  { root, bytes, manifest }: ReadManifest,
  depth: number,
  seen: Set<Digest>,
  counts: Counts,
): Promise<void> {
  if (manifest.children.length > 0 && depth > maxIndexDepth) {
    throw new ArchiveError(`${root.digest} lies more than ${maxIndexDepth} indexes deep`)
  }
  for (const child of manifest.children) {
    if (seen.has(child.digest)) continue
    seen.add(child.digest)
    await pushTree(source, uploads, await readOne(source, child), depth + 1, seen, counts)
  }
  for (const blob of manifest.blobs) {
    if (seen.has(blob.digest) || blob.external) continue
    seen.add(blob.digest)
    await pushBlob(source, uploads, blob, counts)
  }
  await putManifest(uploads, root, bytes)
}

async function pushBlob(source: ImageSource, uploads: Uploads, blob: Descriptor, counts: Counts): Promise<void> {
  const { digest, size } = blob
  const slice = await source.find(digest)
  if (slice === undefined) throw new ArchiveError(`the image has no ${digest}, which a manifest of it names`)
  if (slice.size !== size)
    throw new ArchiveError(`the image is damaged: ${digest} has ${slice.size} bytes, wanted ${size}`)
  const isSent = await uploadBlob(uploads, digest, slice)
  uploads.note(`${digest}  ${size} bytes  ${isSent ? 'sent' : 'was there'}`)
  counts[isSent ? 'sent' : 'there']++
}

/** Puts a manifest under its digest, and believes what comes back only when it is that digest. @throws RegistryRefused, HttpFailure */
export async function putManifest(
  { repositoryUrl, reach }: Pick<Uploads, 'repositoryUrl' | 'reach'>,
  { digest, mediaType }: Root,
  bytes: Uint8Array,
): Promise<void> {
  const request = { url: `${repositoryUrl}/manifests/${digest}`, reach, timeoutMs }
  await expectStatus(201, { ...request, method: 'PUT', headers: { 'content-type': mediaType }, body: bytes })
  const shown = await expectStatus(200, { ...request, method: 'HEAD', headers: { accept: '*/*' } })
  if (shown.headers.get('docker-content-digest') !== digest) throw refusalIn(shown, request.url)
}

/** The answer to a tag's push: 201, or 403 of a gateway that holds no key. Another is thrown. @throws RegistryRefused, HttpFailure */
export async function putTag(repositoryUrl: string, tag: string, { root, bytes }: PushedImage): Promise<HttpAnswer> {
  const url = `${repositoryUrl}/manifests/${tag}`
  const headers = { 'content-type': root.mediaType }
  const answer = await fetchBounded(
    { url, reach: 'given', method: 'PUT', headers, body: bytes, timeoutMs },
    maxAnswerBytes,
  )
  if (answer.status === 201 || answer.status === 403) return answer
  throw refusalIn(answer, url)
}
