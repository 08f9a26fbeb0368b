import { env } from 'cloudflare:workers'
import type { Bucket } from '../../gateway/store/r2-bucket.ts'

/** One call to a bucket, as `put uploads/a/fate`. */
export type Call = string

/** What a test does around each call; a throw is the call's failure: in `before` it has no effect, in `after` only its answer is lost. */
export type Around = { before?: (call: Call) => Promise<void> | void; after?: (call: Call) => Promise<void> | void }

/** The bound bucket with something around each call. `openUploads` are multipart uploads begun and neither completed nor aborted. */
export function createWatchedBucket(around: Around, openUploads = new Set<string>()): Bucket {
  const bucket = env.BLOBS
  const watch = async <Answer>(call: Call, work: () => Promise<Answer>): Promise<Answer> => {
    await around.before?.(call)
    const answer = await work()
    await around.after?.(call)
    return answer
  }
  const watchUpload = (upload: R2MultipartUpload): R2MultipartUpload => {
    const { key, uploadId } = upload
    const end = async <Answer>(work: () => Promise<Answer>) => {
      const answer = await work()
      openUploads.delete(uploadId)
      return answer
    }
    return {
      key,
      uploadId,
      uploadPart: (number, value) => watch(`uploadPart ${key}`, () => upload.uploadPart(number, value)),
      complete: (parts) => watch(`complete ${key}`, () => end(() => upload.complete(parts))),
      abort: () => watch(`abort ${key}`, () => end(() => upload.abort())),
    }
  }
  return {
    head: (key) => watch(`head ${key}`, () => bucket.head(key)),
    get: (key, options) => watch(`get ${key}`, () => bucket.get(key, options)),
    put: (key, value, options) => watch(`put ${key}`, () => bucket.put(key, value, options)),
    delete: (keys) => watch(`delete ${[keys].flat()[0]}`, () => bucket.delete(keys)),
    list: (options) => watch(`list ${options.prefix}`, () => bucket.list(options)),
    createMultipartUpload: (key) =>
      watch(`createMultipartUpload ${key}`, async () => {
        const upload = await bucket.createMultipartUpload(key)
        openUploads.add(upload.uploadId)
        return watchUpload(upload)
      }),
    resumeMultipartUpload: (key, uploadId) => watchUpload(bucket.resumeMultipartUpload(key, uploadId)),
  }
}

/** All keys of the bound bucket, ascending. */
export async function allKeys(): Promise<string[]> {
  const keys: string[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await env.BLOBS.list(cursor === undefined ? {} : { cursor })
    keys.push(...page.objects.map(({ key }) => key))
    if (!page.truncated) return keys
    cursor = page.cursor
  }
}

/** A time that everything in the bucket is older than: as far as a sweep sees, it was left long ago. */
export const longAfter = Math.floor(Date.now() / 1000) + 1_000_000
