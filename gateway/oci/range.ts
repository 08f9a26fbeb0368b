/** First and last byte, both inclusive, inside the content. */
export type Span = { first: number; last: number }

/**
 * Reads a GET's `Range` (RFC 9110 section 14) for content of `size` bytes: the one span asked for with its end clamped, `whole` where
 * the header asks nothing we answer in part (absent, another unit, several ranges, nonsense, empty content), `unsatisfiable` for 416.
 * `500-0` is 416 too, as the OCI conformance suite wants it.
 */
export function parseRange(header: string | null, size: number): Span | 'whole' | 'unsatisfiable' {
  const found = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '')
  if (!found || size === 0) return 'whole'
  const [, start = '', end = ''] = found
  if (start === '') return end === '' ? 'whole' : lastBytes(Number(end), size)
  const first = Number(start)
  const last = end === '' ? size - 1 : Math.min(Number(end), size - 1)
  return first > last ? 'unsatisfiable' : { first, last }
}

function lastBytes(count: number, size: number): Span | 'unsatisfiable' {
  return count === 0 ? 'unsatisfiable' : { first: Math.max(0, size - count), last: size - 1 }
}

/**
 * Reads the `Content-Range` of a chunk (end-5, end-6): `start-end`, without unit and total; undefined for anything else. What other
 * registries' clients send, `bytes start-end/total`, is understood too.
 */
export function parseChunkRange(header: string): Span | undefined {
  const found = /^(?:bytes[ =])?(\d{1,16})-(\d{1,16})(?:\/(?:\d{1,16}|\*))?$/.exec(header.trim())
  if (!found) return undefined
  const [, start, end] = found
  const span = { first: Number(start), last: Number(end) }
  return Number.isSafeInteger(span.last) && span.first <= span.last ? span : undefined
}

/** The `Range` of an upload's progress: `0-<last byte>`. An empty one is `0-0` as well, since Docker fails on `0--1`. */
export function progressRange(size: number): string {
  return `0-${Math.max(0, size - 1)}`
}

/** Whether `If-None-Match` names this entity tag (weak comparison, RFC 9110 section 13.1.2) or is `*`. */
export function matchesEntityTag(header: string | null, entityTag: string): boolean {
  if (header === null) return false
  const tags = header.split(',').map((text) => text.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(entityTag)
}
