import { type Digest, isDigest } from '../oci/digest.ts'
import { type Bucket, ifAbsent } from './r2-bucket.ts'
import { fateKey } from './r2-keys.ts'

/**
 * What became of an upload too large to be copied. Only who may have the parts decides that, once:
 *
 *     claimed   its parts have these digests and are about to be visible under them, or are
 *     settled   it is over, and its parts are visible content of these digests
 *     removed   that content was removed; who reads it still may go on for a while
 *     dropped   its parts go, or are gone: nothing can claim them any more
 */
export type FateState = 'claimed' | 'settled' | 'removed' | 'dropped'

/** Never changed but by `changeFate`. */
export type Fate = { state: FateState; digests: readonly Digest[] }
/** A fate as it was read; `etag` is another one after each change. */
export type KnownFate = Fate & { etag: string }

/** Tries of a change that others came before: more than an upload ever has changes. */
const maxTries = 20

/** Undefined for an upload of which nothing was decided. */
export async function readFate(bucket: Bucket, uploadId: string): Promise<KnownFate | undefined> {
  const object = await bucket.head(fateKey(uploadId))
  return object ? fateOf(object) : undefined
}

/** What a listing with metadata, or a head, says. */
export function fateOf({ etag, customMetadata = {} }: R2Object): KnownFate {
  const { state = 'claimed', digests = '' } = customMetadata
  return { state: state as FateState, digests: digests.split(' ').filter(isDigest), etag }
}

/** Compare and swap: false when the fate is no longer `before`. The body is new each time, and with it the etag. */
export async function changeFate(
  bucket: Bucket,
  uploadId: string,
  before: KnownFate | undefined,
  { state, digests }: Fate,
): Promise<boolean> {
  const written = await bucket.put(fateKey(uploadId), crypto.randomUUID(), {
    customMetadata: { state, digests: digests.join(' ') },
    onlyIf: before ? { etagMatches: before.etag } : ifAbsent,
  })
  return written !== null
}

/** Changes the fate from whatever it is by then. `decide` says undefined where it stays as it is, and throws where it must not be changed. */
export async function decideFate(
  bucket: Bucket,
  uploadId: string,
  decide: (now: Fate | undefined) => Fate | undefined,
): Promise<void> {
  for (let tries = 0; tries < maxTries; tries++) {
    const now = await readFate(bucket, uploadId)
    const next = decide(now)
    if (!next || (await changeFate(bucket, uploadId, now, next))) return
  }
  throw new Error(`the fate of upload ${uploadId} changed ${maxTries} times while it was decided`)
}
