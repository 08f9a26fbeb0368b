import { ContentUnavailable } from './content-store.ts'

/** What the R2 store asks of an object that it reads. */
export type BucketObject = Pick<R2ObjectBody, 'size' | 'customMetadata' | 'body' | 'text' | 'arrayBuffer'>

/** What the R2 store asks of a bucket: the binding has it, and so has whatever a test puts before one. */
export type Bucket = {
  head(key: string): Promise<R2Object | null>
  get(key: string, options?: { range: { offset: number; length: number } }): Promise<BucketObject | null>
  /** Null when `onlyIf` says no. */
  put(key: string, value: Uint8Array | string, options?: R2PutOptions): Promise<R2Object | null>
  delete(keys: string | string[]): Promise<void>
  list(options: R2ListOptions): Promise<R2Objects>
  createMultipartUpload(key: string): Promise<R2MultipartUpload>
  resumeMultipartUpload(key: string, uploadId: string): R2MultipartUpload
}

/** `onlyIf` of a put that must not replace anything. */
export const ifAbsent = { etagDoesNotMatch: '*' } as const
/** Keys that R2 deletes in one call. */
const maxKeysPerDelete = 1000

/**
 * The same bucket, of which every call ends, and every reading of a whole object: what fails or takes longer than `timeoutMs` @throws
 * ContentUnavailable. A call that was given up may still take effect later. A `body` is R2's own: patientSource (r2-source.ts) ends it.
 */
export function createPatientBucket(bucket: Bucket, timeoutMs: number): Bucket {
  const ask = <Answer>(what: string, call: () => Promise<Answer>) => withPatience(what, call, timeoutMs)
  const patientUpload = (upload: R2MultipartUpload): R2MultipartUpload => ({
    key: upload.key,
    uploadId: upload.uploadId,
    uploadPart: (number, value) => ask('uploadPart', () => upload.uploadPart(number, value)),
    complete: (parts) => ask('complete', () => upload.complete(parts)),
    abort: () => ask('abort', () => upload.abort()),
  })
  const patientObject = (object: BucketObject): BucketObject => ({
    size: object.size,
    ...(object.customMetadata && { customMetadata: object.customMetadata }),
    body: object.body,
    text: () => ask('get', () => object.text()),
    arrayBuffer: () => ask('get', () => object.arrayBuffer()),
  })
  return {
    head: (key) => ask('head', () => bucket.head(key)),
    async get(key, options) {
      const object = await ask('get', () => bucket.get(key, options))
      return object && patientObject(object)
    },
    put: (key, value, options) => ask('put', () => bucket.put(key, value, options)),
    async delete(keys) {
      const all = [keys].flat()
      for (let from = 0; from < all.length; from += maxKeysPerDelete) {
        await ask('delete', () => bucket.delete(all.slice(from, from + maxKeysPerDelete)))
      }
    },
    list: (options) => ask('list', () => bucket.list(options)),
    createMultipartUpload: (key) =>
      ask('createMultipartUpload', async () => patientUpload(await bucket.createMultipartUpload(key))),
    resumeMultipartUpload: (key, uploadId) => patientUpload(bucket.resumeMultipartUpload(key, uploadId)),
  }
}

/** @throws ContentUnavailable for what fails or takes longer than `timeoutMs` */
export async function withPatience<Answer>(
  what: string,
  call: () => Promise<Answer>,
  timeoutMs: number,
): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    return await Promise.race([call(), patience])
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new ContentUnavailable(`the content store failed, try again later (R2 ${what}: ${said})`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** All objects whose keys begin with `prefix`, ascending, with their metadata, read a page at a time. */
export async function* objectsUnder(bucket: Bucket, prefix: string, startAfter?: string): AsyncGenerator<R2Object> {
  for (let cursor: string | undefined; ; ) {
    const from = cursor === undefined ? (startAfter === undefined ? {} : { startAfter }) : { cursor }
    const page = await bucket.list({ prefix, include: ['customMetadata'], ...from })
    yield* page.objects
    if (!page.truncated) return
    cursor = page.cursor
  }
}
