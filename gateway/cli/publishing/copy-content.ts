import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes } from 'viem'
import { defaultLimits } from '../../limits.ts'
import type { Digest } from '../../oci/digest.ts'
import { type Descriptor, type Manifest, readManifest } from '../../oci/manifest.ts'
import { Refusal } from '../../tags/refusal.ts'
import { checkedBytes, type Expected } from '../client/content.ts'
import { fetchBounded } from '../client/http.ts'
import { hasBlob, type Uploads, uploadBlob } from '../push/blob-upload.ts'
import { putManifest } from '../push/push-image.ts'
import { refusalIn } from '../push/registry-answer.ts'
import type { PublishingPlace } from './base.ts'
import { download } from './download.ts'

/** Brings content of one gateway to another. */
export type ContentCopy = {
  /**
   * Brings a manifest and everything below it, each by its digest, hashed as it comes and before any of it goes out; what is there already
   * is left. Resolves when the gateway shows all of it. @throws Refusal, GatewayUnavailable, HttpFailure, RegistryRefused
   */
  copy(root: Expected): Promise<void>
  /** How many contents were sent. */
  sent(): number
}

const timeoutMs = 120_000
const maxAnswerBytes = 256 * 1024
const { maxIndexDepth, maxManifestBytes } = defaultLimits

/** A copy under way: from where, to where, and what is known to be there. */
type Copying = { from: string; reach: PublishingPlace['reach']; to: Uploads; there: Set<Digest>; sent: number }

/** One blob at a time lies in a temporary file in between, so that an upload can go on where it was cut off; none in memory. */
export function createContentCopy({ gateway, repository, reach }: PublishingPlace, to: Uploads): ContentCopy {
  const copying: Copying = { from: `${gateway}/v2/${repository}`, reach, to, there: new Set(), sent: 0 }
  return { copy: (root) => copyManifest(copying, root, 1), sent: () => copying.sent }
}

async function copyManifest(copying: Copying, root: Expected, depth: number): Promise<void> {
  const { digest, size, mediaType } = root
  if (copying.there.has(digest)) return
  const { bytes, manifest } = await readOne(copying, { digest, size, mediaType })
  const { children, blobs } = manifest
  if (children.length > 0 && depth > maxIndexDepth) {
    throw new Refusal('AmbiguousManifest', `${digest} lies more than ${maxIndexDepth} indexes deep`)
  }
  for (const child of children) await copyManifest(copying, child, depth + 1)
  for (const blob of blobs) if (!blob.external) await copyBlob(copying, blob)
  if (!(await showsManifest(copying.to, digest))) {
    await putManifest(copying.to, { digest, size, mediaType }, bytes)
    copying.sent++
  }
  copying.there.add(digest)
}

/** A manifest with the digest and size that were asked for. */
async function readOne({ from, reach }: Copying, root: Expected): Promise<{ bytes: Uint8Array; manifest: Manifest }> {
  const { digest, size, mediaType } = root
  if (size > maxManifestBytes) {
    throw new Refusal('SizeMismatch', `${digest} has ${size} bytes, over ${maxManifestBytes}`)
  }
  const pieces: Uint8Array[] = []
  for await (const piece of checkedBytes(`${from}/manifests/${digest}`, root, reach)) pieces.push(piece)
  const bytes = concatBytes(pieces)
  try {
    return { bytes, manifest: await readManifest(bytes, mediaType, defaultLimits) }
  } catch (error) {
    throw new Refusal('AmbiguousManifest', `${digest}: ${(error as Error).message}`)
  }
}

async function showsManifest({ repositoryUrl, reach }: Uploads, digest: Digest): Promise<boolean> {
  const url = `${repositoryUrl}/manifests/${digest}`
  const answer = await fetchBounded({ url, reach, method: 'HEAD', timeoutMs }, maxAnswerBytes)
  // 503 is the answer for what a signed list names and the gateway does not have (protocol 5).
  if (answer.status === 404 || answer.status === 503) return false
  if (answer.status !== 200) throw refusalIn(answer, url)
  return answer.headers.get('docker-content-digest') === digest
}

async function copyBlob(copying: Copying, blob: Descriptor): Promise<void> {
  const { from, reach, to, there } = copying
  const { digest, size } = blob
  if (there.has(digest)) return
  if (!(await hasBlob(to, digest, size))) {
    const folder = await mkdtemp(join(tmpdir(), 'mooring-copy-'))
    try {
      const path = join(folder, 'blob')
      await download({ digest, size, url: `${from}/blobs/${digest}`, reach }, path)
      if (await uploadBlob(to, digest, { path, offset: 0, size })) copying.sent++
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  there.add(digest)
}
