import { algorithmOf, type Digest, digestOf, isDigest } from './digest.ts'
import { OciError } from './error.ts'
import { foldMemberName, parseStrictJson } from './strict-json.ts'

/** What a descriptor says of the content it points to (image-spec 1.1 "Descriptor"). */
export type Descriptor = {
  mediaType: string
  digest: Digest
  size: number
  /** Whether a registry need not hold it: it is fetched from elsewhere (`urls`, non-distributable layers). */
  external: boolean
}

/** A manifest that was read: what the registry must know of it. Its bytes are stored as they came. */
export type Manifest = {
  /** The body's own `mediaType`, else the request's Content-Type, without parameters. */
  mediaType: string
  /** Config, layers and an artifact manifest's blobs. */
  blobs: readonly Descriptor[]
  /** What an image index lists. */
  children: readonly Descriptor[]
  subject: Descriptor | null
  /** For the referrers API: the manifest's own artifactType, else an image's config media type; null for none. */
  artifactType: string | null
  annotations: Readonly<Record<string, unknown>> | null
}

/** What bounds the reading of a manifest: nesting, how many descriptors it may name, and how many of them an index may list. */
export type ManifestLimits = { maxJsonDepth: number; maxManifestDescriptors: number; maxIndexChildren: number }

const imageTypes = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
])
const indexTypes = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
])
const externalLayer = /^application\/vnd\.(?:oci\.image\.layer\.nondistributable|docker\.image\.rootfs\.foreign)\b/

/** The members that readers look for, by their folded names. */
const manifestMembers = byFoldedName(
  'schemaVersion mediaType artifactType config layers blobs manifests subject annotations',
)
const descriptorMembers = byFoldedName('mediaType digest size urls data platform annotations artifactType')

function byFoldedName(members: string): ReadonlyMap<string, string> {
  return new Map(members.split(' ').map((member) => [foldMemberName(member), member]))
}

/** Whether a media type is an image index's, OCI's or docker's. */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.has(mediaType)
}

type JsonObject = Readonly<Record<string, unknown>>

/**
 * Reads a pushed manifest: strict JSON, one meaning only. `contentType` is the request's; a body without `mediaType` (old docker, zb)
 * is of that type, one with it must agree (the lesson of CVE-2021-41190).
 * @throws OciError MANIFEST_INVALID naming the member, DIGEST_INVALID
 */
export async function readManifest(
  bytes: Uint8Array,
  contentType: string | null,
  limits: ManifestLimits,
): Promise<Manifest> {
  const body = asObject(parseStrictJson(bytes, { maxDepth: limits.maxJsonDepth }), 'manifest')
  checkSpelling(body, manifestMembers, 'manifest')
  const mediaType = agreeOnMediaType(body, contentType)
  checkShape(body, mediaType)
  const config = body.config === undefined ? [] : [readDescriptor(body.config, 'config')]
  const blobs = [...config, ...readDescriptors(body, 'layers'), ...readDescriptors(body, 'blobs')]
  const children = readDescriptors(body, 'manifests')
  const subject = body.subject === undefined || body.subject === null ? null : readDescriptor(body.subject, 'subject')
  checkCount(blobs.length + children.length, limits.maxManifestDescriptors, 'descriptors')
  checkCount(children.length, limits.maxIndexChildren, 'manifests')
  await checkEmbeddedData(body)
  return {
    mediaType,
    blobs,
    children,
    subject,
    artifactType: textOf(body.artifactType, 'artifactType') || config[0]?.mediaType || null,
    annotations: body.annotations == null ? null : asObject(body.annotations, 'annotations'),
  }
}

/** A media type header without its parameters (`; charset=...`), in the form a manifest carries it; null for an absent or empty one. */
export function withoutParameters(contentType: string | null): string | null {
  return contentType?.split(';')[0]?.trim() || null
}

function agreeOnMediaType(body: JsonObject, contentType: string | null): string {
  const sent = withoutParameters(contentType)
  const own = textOf(body.mediaType, 'mediaType') || null
  if (own && sent && own !== sent) throw invalid(`mediaType is ${quote(own)}, but Content-Type is ${quote(sent)}`)
  const mediaType = own ?? sent
  if (!mediaType) throw invalid('there is neither a Content-Type nor a mediaType')
  if (!/^[\x21-\x7e]{1,255}$/.test(mediaType))
    throw invalid(`media type ${quote(mediaType)} is not 1..255 visible bytes`)
  return mediaType
}

/** What Go reads as a member that is not there for us: clients would pull layers that nobody here knows of. */
function checkSpelling(object: JsonObject, members: ReadonlyMap<string, string>, where: string): void {
  for (const name of Object.keys(object)) {
    const meant = members.get(foldMemberName(name))
    if (meant !== undefined && meant !== name) throw invalid(`${where} has ${quote(name)}: it is spelled ${meant}`)
  }
}

/** One document must not be an image to one reader and an index to another. */
function checkShape(body: JsonObject, mediaType: string): void {
  const isImageLike = body.layers !== undefined || body.config !== undefined
  if (body.manifests !== undefined && isImageLike) {
    throw invalid('a manifest with manifests must not have layers or config: readers would disagree on what it is')
  }
  if (imageTypes.has(mediaType) && (body.manifests !== undefined || body.config === undefined)) {
    throw invalid(`an image manifest has config and layers, and no manifests (mediaType ${mediaType})`)
  }
  // Go writes an empty list as null, and crane pushes such an index.
  const hasList = body.manifests === null || Array.isArray(body.manifests)
  if (indexTypes.has(mediaType) && (isImageLike || !hasList)) {
    throw invalid(`an image index has an array manifests, and neither layers nor config (mediaType ${mediaType})`)
  }
  if ((imageTypes.has(mediaType) || indexTypes.has(mediaType)) && body.schemaVersion !== 2) {
    throw invalid(`schemaVersion is ${quote(body.schemaVersion)}, wanted 2`)
  }
}

function readDescriptors(body: JsonObject, member: string): Descriptor[] {
  const value = body[member]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`${member} is not an array`)
  return value.map((item, index) => readDescriptor(item, `${member}[${index}]`))
}

function readDescriptor(value: unknown, where: string): Descriptor {
  const descriptor = asObject(value, where)
  checkSpelling(descriptor, descriptorMembers, where)
  const { mediaType, digest, size, urls } = descriptor
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw new OciError('DIGEST_INVALID', `${where}.digest ${quote(digest)} is not sha256:<64 hex> or sha512:<128 hex>`)
  }
  if (!Number.isSafeInteger(size) || Number(size) < 0)
    throw invalid(`${where}.size ${quote(size)} is not a whole number`)
  if (typeof mediaType !== 'string') throw invalid(`${where}.mediaType is missing`)
  const external = (Array.isArray(urls) && urls.length > 0) || externalLayer.test(mediaType)
  return { mediaType, digest, size: Number(size), external }
}

function checkCount(count: number, most: number, what: string): void {
  if (count > most) throw invalid(`it names ${count} ${what}, more than ${most}`)
}

/** `data` repeats the content in base64 (image-spec "Embedded Content"): it must be that content. */
async function checkEmbeddedData(body: JsonObject): Promise<void> {
  const lists = [body.layers, body.blobs, body.manifests].flatMap((list) => (Array.isArray(list) ? list : []))
  for (const descriptor of [body.config, body.subject, ...lists]) {
    const { data, digest, size } = (descriptor ?? {}) as JsonObject
    if (data !== undefined && data !== null) await checkData(data, digest as Digest, size as number)
  }
}

async function checkData(data: unknown, digest: Digest, size: number): Promise<void> {
  const bytes = typeof data === 'string' ? decodeBase64(data) : undefined
  if (!bytes) throw invalid(`the data of ${digest} is not base64`)
  if (bytes.byteLength !== size)
    throw invalid(`the data of ${digest} has ${bytes.byteLength} bytes, its size says ${size}`)
  const actual = await digestOf(algorithmOf(digest), bytes)
  if (actual !== digest) throw invalid(`the data of ${digest} has digest ${actual}`)
}

function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function asObject(value: unknown, where: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw invalid(`${where} is not a JSON object`)
}

function textOf(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw invalid(`${where} is not a string`)
}

function invalid(reason: string): OciError {
  return new OciError('MANIFEST_INVALID', `manifest refused: ${reason}`)
}

/** What was seen, short enough for one line. */
function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 200)
}
