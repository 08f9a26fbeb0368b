import { emptyAnswer } from './answer.ts'

/** What a page may read of an answer besides its body. */
const exposedHeaders = [
  'Content-Length',
  'Content-Range',
  'Docker-Content-Digest',
  'ETag',
  'Link',
  'OCI-Filters-Applied',
  'OCI-Namespace',
  'Retry-After',
  'Warning',
].join(', ')

const oneDaySeconds = 86_400

/** Lets pages of any origin read this answer; never with credentials (Fetch standard, "CORS protocol"). */
export function allowAnyOrigin(headers: Headers): void {
  headers.set('access-control-allow-origin', '*')
  headers.set('access-control-expose-headers', exposedHeaders)
}

/** The answer to a preflight: reads only. */
export function preflightAnswer(): Response {
  return emptyAnswer(204, {
    'access-control-allow-methods': 'GET, HEAD',
    'access-control-allow-headers': 'Accept, If-None-Match, If-Range, Range',
    'access-control-max-age': String(oneDaySeconds),
  })
}
