import type { Answer, Asked } from './answer.ts'
import { type Chunks, join, readSpan } from './tree.ts'

// Content by HTTP as Bee serves it, which is how Go's http.ServeContent does.

type Span = { start: number; length: number }

/** GET and HEAD of content under a root chunk; `headers` come on top. */
export function serveContent(chunks: Chunks, root: Buffer, asked: Asked, headers: Record<string, string>): Answer {
  const size = readSpan(root).bytes
  const type = { 'Content-Type': headers['Content-Type'] ?? 'application/octet-stream' }
  if (asked.method === 'HEAD') {
    return { status: 200, headers: { ...headers, ...type, 'Content-Length': String(size) }, body: [] }
  }
  const etag = headers.ETag
  if (etag && asked.headers['if-none-match'] === etag) return { status: 304, headers: { ETag: etag }, body: [] }
  const all = { ...headers, ...type, 'Accept-Ranges': 'bytes', 'Last-Modified': new Date().toUTCString() }
  const condition = asked.headers['if-range']
  const header = condition !== undefined && condition !== etag ? undefined : asked.headers.range
  const spans = parseRanges(header, size)
  if (spans === 'invalid' || spans === 'no overlap') return unsatisfiable(spans, size)
  const [first, ...more] = spans
  if (!first || spans.reduce((sum, { length }) => sum + length, 0) > size) {
    return {
      status: 200,
      headers: { ...all, 'Content-Length': String(size) },
      body: join(chunks, root, 0, size),
      from: 0,
    }
  }
  if (more.length > 0) return serveParts(chunks, root, spans, all)
  const { start, length } = first
  const range = { 'Content-Range': contentRange(first, size), 'Content-Length': String(length) }
  return { status: 206, headers: { ...all, ...range }, body: join(chunks, root, start, start + length), from: start }
}

function unsatisfiable(why: 'invalid' | 'no overlap', size: number): Answer {
  const text = why === 'invalid' ? 'invalid range\n' : 'invalid range: failed to overlap\n'
  const range: Record<string, string> = why === 'invalid' ? {} : { 'Content-Range': `bytes */${size}` }
  const headers = { ...range, 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': String(text.length) }
  return { status: 416, headers, body: [Buffer.from(text)] }
}

function contentRange({ start, length }: Span, size: number): string {
  return `bytes ${start}-${start + length - 1}/${size}`
}

function serveParts(chunks: Chunks, root: Buffer, spans: readonly Span[], headers: Record<string, string>): Answer {
  const size = readSpan(root).bytes
  const boundary = '3505119cc01896b5700c27f1556c8756c168e1b2401ea60a72b333eb457b'
  const parts = spans.flatMap((span, at) => {
    const lines = [`Content-Range: ${contentRange(span, size)}`, `Content-Type: ${headers['Content-Type']}`, '', '']
    const head = Buffer.from(`${at > 0 ? '\r\n' : ''}--${boundary}\r\n${lines.join('\r\n')}`)
    return [head, ...join(chunks, root, span.start, span.start + span.length)]
  })
  const body = Buffer.concat([...parts, Buffer.from(`\r\n--${boundary}--\r\n`)])
  const type = { 'Content-Type': `multipart/byteranges; boundary=${boundary}`, 'Content-Length': `${body.byteLength}` }
  return { status: 206, headers: { ...headers, ...type }, body: [body] }
}

/** Empty where nothing in part is asked for. */
function parseRanges(header: string | undefined, size: number): Span[] | 'invalid' | 'no overlap' {
  if (header === undefined) return []
  if (!header.startsWith('bytes=')) return 'invalid'
  const spans: Span[] = []
  let [overlaps, isAnyAsked] = [false, false]
  for (const text of header.slice(6).split(',')) {
    if (text.trim() === '') continue
    isAnyAsked = true
    const span = parseSpan(text.trim(), size)
    if (span === 'invalid') return span
    if (span !== 'no overlap') spans.push(span)
    overlaps ||= span !== 'no overlap'
  }
  return overlaps || size === 0 || !isAnyAsked ? spans : 'no overlap'
}

function parseSpan(text: string, size: number): Span | 'invalid' | 'no overlap' {
  const found = /^(\d*)\s*-\s*(\d*)$/.exec(text)
  if (!found || (found[1] === '' && found[2] === '')) return 'invalid'
  if (found[1] === '') {
    const length = Math.min(Number(found[2]), size)
    return { start: size - length, length }
  }
  const start = Number(found[1])
  if (start >= size) return 'no overlap'
  const last = found[2] === '' ? size - 1 : Number(found[2])
  return start > last ? 'invalid' : { start, length: Math.min(last, size - 1) - start + 1 }
}
