import { defaultLimits } from '../limits.ts'
import { parseDigest } from '../oci/digest.ts'
import { OciError } from '../oci/error.ts'
import { type Manifest, readManifest } from '../oci/manifest.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import { emptyAnswer, notModified } from '../routes/answer.ts'
import { parseTag } from '../tags/entry.ts'
import { Refusal } from '../tags/refusal.ts'
import type { ProxyRequest, ProxyRoute, ProxyState } from './app.ts'
import { readChecked } from './checked-content.ts'
import type { CheckedManifest } from './known-content.ts'
import type { ListedManifest, WantedContent } from './reader.ts'
import { type Asked, openAsked } from './request.ts'

/**
 * end-3 `GET` and `HEAD /v2/<repository>/manifests/<tag or digest>`. A tag is what the verified list says; its digest, size and type are
 * signed, so HEAD needs no bytes. Bytes go out when they are the digest's and mean one thing only, under the type that was signed, or
 * that the image index naming them gives, or their own: never the one that a gateway sends along.
 */
export const getManifest: ProxyRoute = async (context) => {
  const text = context.params.tagOrDigest ?? ''
  if (text.includes(':')) {
    const digest = parseDigest(text)
    const asked = await openAsked(context)
    const wanted = context.state.known.wanted(asked.name.ensName, digest)
    return answerManifest(context, asked, wanted, 'max-age=31536000, immutable')
  }
  const tag = parseTag(text)
  const asked = await openAsked(context)
  const listed = await resolveTag(context.state, asked, tag)
  if (context.request.method === 'HEAD') return emptyManifest(context, listed, asked, 'no-cache')
  return answerManifest(context, asked, { ...listed, isNamed: true }, 'no-cache')
}

/** @throws OciError MANIFEST_UNKNOWN for a tag that is proven absent */
async function resolveTag({ tags, known }: ProxyState, { name, served }: Asked, tag: string): Promise<ListedManifest> {
  const listed = await tags.answer(`${name.ensName}:${tag}`, () => served.resolve(tag))
  if (listed === undefined) {
    const message = `${name.repository} has no tag ${tag}: its signed list proves it absent`
    throw new OciError('MANIFEST_UNKNOWN', message, { detail: { tag } })
  }
  known.note(name.ensName, { ...listed, isNamed: true })
  return listed
}

async function answerManifest(
  context: ProxyRequest,
  asked: Asked,
  wanted: WantedContent,
  cacheControl: string,
): Promise<Response> {
  const manifest = await findManifest(context.state, asked, wanted)
  const shown = { ...manifest, size: manifest.bytes.length }
  if (context.request.method === 'HEAD') return emptyManifest(context, shown, asked, cacheControl)
  const headers = headersOf(shown, asked, cacheControl)
  if (notModified(context.request, `"${shown.digest}"`)) return emptyAnswer(304, headers)
  return new Response(manifest.bytes as Uint8Array<ArrayBuffer>, { headers })
}

type Shown = Pick<ListedManifest, 'digest' | 'size' | 'mediaType'>

function emptyManifest({ request }: ProxyRequest, shown: Shown, asked: Asked, cacheControl: string): Response {
  const status = notModified(request, `"${shown.digest}"`) ? 304 : 200
  return new Response(null, { status, headers: headersOf(shown, asked, cacheControl) })
}

function headersOf({ digest, size, mediaType }: Shown, asked: Asked, cacheControl: string): Record<string, string> {
  return {
    ...asked.headers,
    'content-type': mediaType,
    'content-length': String(size),
    'docker-content-digest': digest,
    etag: `"${digest}"`,
    'cache-control': cacheControl,
    // A type is served as it was signed, also `text/html`: no browser runs what stands in it.
    ...(!mediaType.startsWith('application/') && { 'content-security-policy': 'sandbox' }),
  }
}

/** A manifest that was checked; several who ask for one at the same time wait for one reading. */
async function findManifest(state: ProxyState, asked: Asked, wanted: WantedContent): Promise<CheckedManifest> {
  const { ensName } = asked.name
  const kept = state.known.findManifest(ensName, wanted.digest)
  if (kept && (wanted.mediaType === null || wanted.mediaType === kept.mediaType)) return kept
  return state.readings.answer(`${ensName} ${wanted.digest}`, () => readAndKeep(state, asked, wanted))
}

async function readAndKeep({ known, lies, log }: ProxyState, { name, served }: Asked, wanted: WantedContent) {
  const bytes = await readChecked({
    kind: 'manifests',
    wanted,
    sources: served.sources(),
    lies: lies.about(name.ensName, wanted.digest),
    log,
  })
  const read = await readOneMeaning(bytes, wanted)
  for (const { digest, size, mediaType } of [...read.blobs, ...read.children]) {
    known.note(name.ensName, { digest, size, mediaType, swarmReference: null, isNamed: true })
  }
  const manifest = { digest: wanted.digest, bytes, mediaType: read.mediaType }
  known.keepManifest(name.ensName, manifest)
  return manifest
}

/** @throws Refusal AmbiguousManifest for bytes that two readers could take for different things (row 10) */
async function readOneMeaning(bytes: Uint8Array, { digest, mediaType }: WantedContent): Promise<Manifest> {
  try {
    return await readManifest(bytes, mediaType ?? ownType(bytes), defaultLimits)
  } catch (error) {
    throw new Refusal('AmbiguousManifest', `${digest}: ${(error as Error).message}`)
  }
}

/** Of a manifest that only its digest names: its own type, or by its members where it has none (image-spec lets OCI's go without). */
function ownType(bytes: Uint8Array): string {
  const body = parseStrictJson(bytes, { maxDepth: defaultLimits.maxJsonDepth })
  const { mediaType, manifests } = (body ?? {}) as { mediaType?: unknown; manifests?: unknown }
  if (typeof mediaType === 'string' && mediaType !== '') return mediaType
  return `application/vnd.oci.image.${manifests === undefined ? 'manifest' : 'index'}.v1+json`
}
