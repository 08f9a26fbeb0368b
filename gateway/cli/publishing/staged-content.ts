import { concatBytes, type Hex } from 'viem'
import { defaultLimits } from '../../limits.ts'
import { isIndexType } from '../../oci/manifest.ts'
import { parseStrictJson } from '../../oci/strict-json.ts'
import { visibleWord } from '../../oci/visible.ts'
import { openSwarmHash } from '../../swarm/node-wasm.ts'
import { referenceOf } from '../../swarm/reference.ts'
import { Refusal } from '../../tags/refusal.ts'
import { GatewayUnavailable } from '../client/ccip.ts'
import { checkContent, checkedBytes, type Expected } from '../client/content.ts'
import { fetchBounded, type Reach } from '../client/http.ts'
import type { PublishingPlace } from './base.ts'

/** What was found out about a manifest by reading it: its Swarm reference, and the platforms that it is for. */
export type CheckedManifest = { swarmReference: Hex; platforms: readonly string[] }

/** Reads manifests of a repository, each once. */
export type ContentReader = (root: Expected) => Promise<CheckedManifest>

const timeoutMs = 60_000
const maxHeadBytes = 64 * 1024
/** An image's config says what it is for; a longer one is not read for that. */
const maxConfigBytes = 1024 * 1024

/**
 * Reads what a tag is to name: every manifest whole (size, digest, media type, one meaning only), and of every blob whether it is there
 * with its size. @throws Refusal SizeMismatch, DigestMismatch, AmbiguousManifest; GatewayUnavailable, HttpFailure for what is not there
 */
export function createContentReader({ gateway, repository, reach }: PublishingPlace): ContentReader {
  const source = { url: `${gateway}/v2/${repository}`, reach }
  const known = new Map<string, Promise<CheckedManifest>>()
  return (root) => {
    const key = `${root.digest} ${root.size} ${root.mediaType}`
    const reading = known.get(key) ?? readManifests(source, root)
    known.set(key, reading)
    return reading
  }
}

/** `<gateway>/v2/<repository>`, and where requests to it may lead. */
type Source = { url: string; reach: Reach }

async function readManifests(source: Source, { digest, size, mediaType }: Expected): Promise<CheckedManifest> {
  const manifests = new Map<string, Uint8Array>()
  const take = async (expected: Expected, open: () => AsyncIterable<Uint8Array>) => {
    // Blobs come this way too, and are not opened.
    if (expected.digest === digest) manifests.set(digest, await bytesOf(open()))
  }
  const checks = checkContent(source.url, { digest, size, mediaType }, take, source.reach)
  for await (const { name, expected, skipped } of checks) {
    if (name === 'blob' && !skipped) await checkBlob(source, expected)
  }
  const root = manifests.get(digest) ?? new Uint8Array()
  const swarmReference = await referenceOf(await openSwarmHash(), [root], async () => {})
  return { swarmReference, platforms: await platformsOf(source, mediaType, root) }
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return concatBytes(all)
}

async function checkBlob(source: Source, { digest, size }: Expected): Promise<void> {
  const url = `${source.url}/blobs/${digest}`
  const request = { url, reach: source.reach, method: 'HEAD', timeoutMs } as const
  const { status, headers } = await fetchBounded(request, maxHeadBytes)
  if (status !== 200) throw new GatewayUnavailable(`HEAD ${url} answers ${status}: the manifest names it`)
  const shown = headers.get('content-length')
  if (shown === null || Number(shown) === size) return
  throw new Refusal('SizeMismatch', `${url} has ${shown} bytes, the manifest says ${size}`)
}

type Platform = { os?: unknown; architecture?: unknown; variant?: unknown }
type Listed = { platform?: Platform; annotations?: Readonly<Record<string, unknown>> | null }
type Parsed = {
  manifests?: readonly Listed[]
  config?: { mediaType: string; digest: Expected['digest']; size: number }
}

/** Of an index the platforms that it lists (buildkit's attestations are for none), of an image what its config says. */
async function platformsOf({ url, reach }: Source, mediaType: string, bytes: Uint8Array): Promise<string[]> {
  const { manifests = [], config } = parseStrictJson(bytes, { maxDepth: defaultLimits.maxJsonDepth }) as Parsed
  if (isIndexType(mediaType)) {
    const listed = manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined)
    return [...new Set(listed.flatMap(({ platform }) => platformText(platform)))]
  }
  const isImageConfig = config !== undefined && /\.image\.(?:config\.)?v1\+json$/.test(config.mediaType)
  if (!isImageConfig || config.size > maxConfigBytes) return []
  const read = await bytesOf(checkedBytes(`${url}/blobs/${config.digest}`, { ...config, mediaType: '' }, reach))
  try {
    return platformText(parseStrictJson(read, { maxDepth: 64 }) as Platform)
  } catch {
    return []
  }
}

function platformText(platform: Platform | null | undefined): string[] {
  const parts = [platform?.os, platform?.architecture, platform?.variant].filter(
    (part) => typeof part === 'string' && part,
  )
  return parts.length < 2 ? [] : [visibleWord(parts.join('/').slice(0, 80))]
}
