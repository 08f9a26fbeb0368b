import { OciError } from './error.ts'
import { parseChunkRange, progressRange } from './range.ts'

/** An upload as its arithmetic sees it: where it is and how far it got. */
export type UploadProgress = { location: string; uploadId: string; size: number }

/** The headers of every answer about an upload in progress: the whole state is in the path, since clients drop query strings. */
export function uploadHeaders({ location, uploadId, size }: UploadProgress): Record<string, string> {
  return { location, range: progressRange(size), 'docker-upload-uuid': uploadId }
}

/**
 * The length that a chunk must have, from its `Content-Range`; undefined for a stream without one.
 * @throws OciError 416 when it does not begin where the upload is, or disagrees with `Content-Length`: nothing was taken
 */
export function expectChunk(
  progress: UploadProgress,
  contentRange: string | null,
  contentLength: string | null,
): number | undefined {
  if (contentRange === null) return undefined
  const span = parseChunkRange(contentRange)
  if (!span) throw outOfOrder(progress, `Content-Range ${JSON.stringify(contentRange)} is not start-end`)
  if (span.first !== progress.size) throw outOfOrder(progress, `the chunk begins at byte ${span.first}`)
  const length = span.last - span.first + 1
  if (contentLength !== null && Number(contentLength) !== length) {
    throw outOfOrder(progress, `Content-Range has ${length} bytes and Content-Length ${contentLength}`)
  }
  return length
}

/** 416 with what the client needs to go on: Location and the Range that is here (end-5, end-6). */
export function outOfOrder(progress: UploadProgress, reason: string): OciError {
  return new OciError('BLOB_UPLOAD_INVALID', `chunk refused: ${reason}; the upload goes on at byte ${progress.size}`, {
    status: 416,
    headers: uploadHeaders(progress),
    detail: { offset: progress.size },
  })
}
