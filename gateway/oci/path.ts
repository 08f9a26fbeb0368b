/**
 * A route's path, ready for matching. `{repository}` stands for one or more whole segments, any other `{placeholder}` for one
 * segment or, with text around it, for a part of one (`{data}.json`).
 */
export type PathPattern = { text: string; before: readonly Piece[]; after: readonly Piece[]; hasRepository: boolean }

type Piece = { prefix: string; placeholder: string | null; suffix: string }

const REPOSITORY = '{repository}'

/** Takes a pattern such as `/v2/{repository}/blobs/{digest}` apart. @throws when it has two repositories or no leading slash */
export function compilePattern(text: string): PathPattern {
  const segments = text.split('/')
  const at = segments.indexOf(REPOSITORY)
  if (segments[0] !== '' || segments.lastIndexOf(REPOSITORY) !== at) throw new Error(`bad path pattern ${text}`)
  const end = at === -1 ? segments.length : at
  return {
    text,
    before: segments.slice(0, end).map(parsePiece),
    after: segments.slice(end + 1).map(parsePiece),
    hasRepository: at !== -1,
  }
}

function parsePiece(segment: string): Piece {
  const found = /^([^{}]*)\{(\w+)\}([^{}]*)$/.exec(segment)
  if (!found) return { prefix: segment, placeholder: null, suffix: '' }
  const [, prefix = '', placeholder = '', suffix = ''] = found
  return { prefix, placeholder, suffix }
}

/**
 * Matches a raw, still percent-encoded path. What stands before `{repository}` is matched from the left, what stands behind it from the
 * right, and the repository is what is left, so `acme.eth/blobs/uploads` is a legal repository (protocol 1).
 *
 * Placeholders are percent-decoded once. The repository is not: no legal name needs an escape, so an escape stays in the text and
 * the grammar refuses it (an encoded slash never becomes a slash). Text that does not decode stays as it is for the same reason.
 */
export function matchPath(pattern: PathPattern, path: string): Record<string, string> | undefined {
  const segments = path.split('/')
  const { before, after, hasRepository } = pattern
  const middle = segments.length - before.length - after.length
  if (hasRepository ? middle < 1 : middle !== 0) return undefined
  const params: Record<string, string> = {}
  if (!matchPieces(before, segments, 0, params)) return undefined
  if (!matchPieces(after, segments, segments.length - after.length, params)) return undefined
  if (hasRepository) params.repository = segments.slice(before.length, segments.length - after.length).join('/')
  return params
}

function matchPieces(
  pieces: readonly Piece[],
  segments: readonly string[],
  from: number,
  params: Record<string, string>,
): boolean {
  return pieces.every((piece, index) => matchPiece(piece, segments[from + index] ?? '', params))
}

function matchPiece(piece: Piece, segment: string, params: Record<string, string>): boolean {
  const { prefix, placeholder, suffix } = piece
  if (placeholder === null) return segment === prefix
  if (!segment.startsWith(prefix) || !segment.endsWith(suffix)) return false
  const raw = segment.slice(prefix.length, segment.length - suffix.length)
  if (raw === '' || segment.length < prefix.length + suffix.length) return false
  params[placeholder] = decodeOnce(raw)
  return true
}

function decodeOnce(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The path of a request's URL as sent: what stands between the authority and the query, still percent-encoded. */
export function rawPathOf(url: string): string {
  const authority = url.indexOf('//') + 2
  const start = url.indexOf('/', authority)
  if (start === -1) return '/'
  const fragment = url.indexOf('#', start)
  const query = url.indexOf('?', start)
  const end = query === -1 || (fragment !== -1 && fragment < query) ? fragment : query
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

/** Path and query of a URL as they stand there: what a client that did not normalise them sent as request target. */
export function requestTargetOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  return start === -1 ? '/' : url.slice(start)
}

const dotSegment = /(?:^|\/)(?:\.|%2e){1,2}(?:[/?#]|$)/i

/**
 * Whether a request target (`/v2/a.eth/../b.eth/...`, before any URL parser saw it) has `.` or `..` segments, plain or encoded. URL
 * parsers resolve them, so that a path that names one repository reads another: an entry that still sees the target answers 400.
 */
export function hasDotSegments(requestTarget: string): boolean {
  const query = requestTarget.search(/[?#]/)
  return dotSegment.test(query === -1 ? requestTarget : requestTarget.slice(0, query))
}
