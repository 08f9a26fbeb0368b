import { createHash } from 'node:crypto'
import type { Hex } from 'viem'
import { defaultLimits } from '../../limits.ts'
import { algorithmOf, type Digest, hexOf } from '../../oci/digest.ts'
import { type Descriptor, type Manifest, readManifest } from '../../oci/manifest.ts'
import { openSwarmHash } from '../../swarm/node-wasm.ts'
import { referenceOf } from '../../swarm/reference.ts'
import { ZERO_REFERENCE } from '../../tags/entry.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from './ccip.ts'
import { openAnswer, type Reach } from './http.ts'
import { bodyPatience, type Patience, transferTimeoutMs, withPatience } from './patience.ts'

/**
 * What content must be: its digest names it, its size bounds what is read. `swarmReference` is what a signed entry says of a manifest;
 * none or zero: nothing.
 */
export type Expected = Pick<Descriptor, 'digest' | 'size' | 'mediaType'> & { swarmReference?: Hex }

/** One thing that was read and hashed. */
export type ContentCheck = { name: 'index' | 'manifest' | 'blob'; expected: Expected; skipped: boolean }

/**
 * Takes each thing as it is read. `open` gives its bytes, and throws at their end when they are not what was expected: what was kept of
 * them must go then. Blobs that are not opened are not read.
 */
export type TakeContent = (expected: Expected, open: () => AsyncIterable<Uint8Array>) => Promise<void>

const { maxIndexDepth } = defaultLimits

/**
 * Reads a manifest and everything below it (an image index's children, configs, layers), each thing once, and checks size and digest of
 * every one of them; nothing is kept but manifests, and what `take` keeps. Yields each as it held.
 * @throws Refusal SizeMismatch, DigestMismatch, AmbiguousManifest; GatewayUnavailable, HttpFailure when it cannot be read
 */
export async function* checkContent(
  repositoryUrl: string,
  root: Expected,
  take: TakeContent = readToTheEnd,
  reach: Reach = 'public or loopback',
  patience: BodyPatience = bodyPatience,
): AsyncGenerator<ContentCheck> {
  yield* checkManifest({ repositoryUrl, reach, patience, take, seen: new Set() }, root, 1)
}

async function readToTheEnd(_expected: Expected, open: () => AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of open());
}

type BodyPatience = Omit<Patience, 'firstByteMs'>

type Walk = { repositoryUrl: string; reach: Reach; patience: BodyPatience; take: TakeContent; seen: Set<Digest> }

async function* checkManifest(walk: Walk, expected: Expected, depth: number): AsyncGenerator<ContentCheck> {
  const { repositoryUrl, reach, patience, take, seen } = walk
  if (seen.has(expected.digest)) return
  seen.add(expected.digest)
  const { blobs, children } = await readCheckedManifest(walk, expected)
  yield { name: children.length > 0 ? 'index' : 'manifest', expected, skipped: false }
  if (children.length > 0 && depth > maxIndexDepth) {
    throw new Refusal('AmbiguousManifest', `${expected.digest} lies more than ${maxIndexDepth} indexes deep`)
  }
  for (const child of children) yield* checkManifest(walk, child, depth + 1)
  for (const blob of blobs) {
    if (seen.has(blob.digest)) continue
    seen.add(blob.digest)
    const url = `${repositoryUrl}/blobs/${blob.digest}`
    if (!blob.external) await take(blob, () => checkedBytes(url, blob, reach, patience))
    yield { name: 'blob', expected: blob, skipped: blob.external }
  }
}

/** A manifest whose bytes have the expected size, digest and media type. @throws as `checkContent` */
async function readCheckedManifest(
  { repositoryUrl, reach, patience, take }: Walk,
  expected: Expected,
): Promise<Manifest> {
  const { maxManifestBytes } = defaultLimits
  if (expected.size > maxManifestBytes) {
    throw new Refusal('SizeMismatch', `${expected.digest} has ${expected.size} bytes, over ${maxManifestBytes}`)
  }
  const chunks: Uint8Array[] = []
  const url = `${repositoryUrl}/manifests/${expected.digest}`
  for await (const chunk of checkedBytes(url, expected, reach, patience)) chunks.push(chunk)
  await checkReference(expected, chunks)
  await take(expected, async function* () {
    yield* chunks
  })
  try {
    return await readManifest(Buffer.concat(chunks), expected.mediaType, defaultLimits)
  } catch (error) {
    throw new Refusal('AmbiguousManifest', `${expected.digest}: ${(error as Error).message}`)
  }
}

/** Row 10 of protocol 3.1: the reference that was signed leads to these bytes, or whoever reads them from Swarm gets others. */
async function checkReference(expected: Expected, chunks: readonly Uint8Array[]): Promise<void> {
  const { digest, swarmReference = ZERO_REFERENCE } = expected
  if (swarmReference === ZERO_REFERENCE) return
  const actual = await referenceOf(await openSwarmHash(), chunks, async () => {})
  if (actual === swarmReference) return
  const signed = `the list says that ${digest} is at the Swarm reference ${swarmReference}`
  throw new Refusal('DigestMismatch', `${signed}, and its bytes are at ${actual}`)
}

/**
 * A body that is hashed while it comes, ends at the first byte too many, and is given up where it comes too slowly. @throws Refusal
 * SizeMismatch, DigestMismatch at its end when it is another one; GatewayUnavailable, HttpFailure
 */
export async function* checkedBytes(
  url: string,
  expected: Expected,
  reach: Reach,
  patience: BodyPatience = bodyPatience,
): AsyncGenerator<Uint8Array> {
  const { digest, size, mediaType } = expected
  const request = { url, reach, headers: { accept: mediaType || '*/*' }, timeoutMs: transferTimeoutMs }
  const { status, body, close } = await openAnswer(request)
  if (status !== 200) {
    close()
    throw new GatewayUnavailable(`${url} answers ${status}`)
  }
  const hash = createHash(algorithmOf(digest))
  let received = 0
  for await (const chunk of withPatience(url, body, patience)) {
    received += chunk.length
    if (received > size) throw new Refusal('SizeMismatch', `${url} sends more than the ${size} bytes of ${digest}`)
    hash.update(chunk)
    yield chunk
  }
  if (received !== size) throw new Refusal('SizeMismatch', `${url} sends ${received} bytes, ${digest} has ${size}`)
  const actual = hash.digest('hex')
  if (actual === hexOf(digest)) return
  throw new Refusal('DigestMismatch', `${url} sends bytes of digest ${algorithmOf(digest)}:${actual}`)
}
