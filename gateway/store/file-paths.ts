import { randomUUID } from 'node:crypto'
import { algorithmOf, type Digest, hexOf, parseDigest } from '../oci/digest.ts'

/** Where content lies in its folder. Paths are made of parsed values only. @throws OciError DIGEST_INVALID */
export function contentPath(digest: Digest): string {
  return `${fanOf(digest)}/${hexOf(parseDigest(digest))}`
}

/** The folder of a digest. @throws OciError DIGEST_INVALID */
export function fanOf(digest: Digest): string {
  return `content/${algorithmOf(parseDigest(digest))}/${hexOf(digest).slice(0, 2)}`
}

/** The file of a part. @throws RangeError for ids of another form */
export function partPath(uploadId: string, partId: string): string {
  return `parts/${checkedId(uploadId)}.${checkedId(partId)}`
}

/** A new name for a file that nobody reads yet. */
export function temporaryPath(): string {
  return `temporary/${randomUUID()}`
}

/** @throws RangeError for anything but 1..128 letters, digits, "-" and "_" */
export function checkedId(id: string): string {
  if (!/^[0-9A-Za-z_-]{1,128}$/.test(id)) throw new RangeError(`${JSON.stringify(id.slice(0, 160))} is not an id`)
  return id
}
