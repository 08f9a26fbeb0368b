import { algorithmOf, type Digest, hexOf, isDigest, parseDigest } from '../oci/digest.ts'

/** Where content is, whole or by its parts. @throws OciError DIGEST_INVALID */
export function contentKey(digest: Digest): string {
  const parsed = parseDigest(digest)
  return `${contentPrefix}${algorithmOf(parsed)}/${hexOf(parsed)}`
}

/** Before every content's key; keys sort as digests do. */
export const contentPrefix = 'content/'

/** The digest of a content's key; undefined for a key that is none. */
export function digestOfKey(key: string): Digest | undefined {
  const text = key.slice(contentPrefix.length).replace('/', ':')
  return isDigest(text) ? text : undefined
}

/** Before the key of every upload. */
export const uploadsPrefix = 'uploads/'

/** Before all keys of one upload. @throws RangeError for ids of another form */
export function uploadPrefix(uploadId: string): string {
  return `${uploadsPrefix}${checkedId(uploadId)}/`
}

/** What became of an upload. */
export function fateKey(uploadId: string): string {
  return `${uploadPrefix(uploadId)}fate`
}

/** Before the bodies that an upload received. */
export function partsPrefix(uploadId: string): string {
  return `${uploadPrefix(uploadId)}parts/`
}

/** One received body. */
export function partKey(uploadId: string, partId: string): string {
  return `${partsPrefix(uploadId)}${checkedId(partId)}`
}

/** That a body is being received in several steps. */
export function writingKey(uploadId: string, partId: string): string {
  return `${uploadPrefix(uploadId)}writing/${checkedId(partId)}`
}

/** What an object under `uploads/` is; undefined for what no one put there. */
export function parseUploadKey(
  key: string,
): { uploadId: string; kind: 'fate' | 'parts' | 'writing'; partId: string } | undefined {
  const found = /^uploads\/([\w-]{1,128})\/(fate|parts|writing)(?:\/([\w-]{1,128}))?$/.exec(key)
  if (!found) return undefined
  const [, uploadId = '', kind, partId = ''] = found
  return { uploadId, kind: kind as 'fate' | 'parts' | 'writing', partId }
}

function checkedId(id: string): string {
  if (!/^[\w-]{1,128}$/.test(id)) throw new RangeError(`${JSON.stringify(id.slice(0, 160))} is not an id`)
  return id
}
