import type { IncomingHttpHeaders } from 'node:http'

/** A request as the fake's endpoints see it; the body is read by those that need it. */
export type Asked = {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: AsyncIterable<Buffer>
}

/** What an endpoint says, before any fault. `from`: where in its content the body starts. */
export type Answer = {
  status: number
  headers: Record<string, string>
  body: Iterable<Buffer>
  from?: number
}

/** JSON as Bee writes it. */
export function json(status: number, members: object, headers: Record<string, string> = {}): Answer {
  const body = Buffer.from(`${JSON.stringify(members)}\n`)
  const type = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': String(body.byteLength) }
  return { status, headers: { ...headers, ...type }, body: [body] }
}

/** Bee's form of an error. */
export function refusal(status: number, message: string, field?: string, error = 'want required:'): Answer {
  return json(status, { code: status, message, ...(field && { reasons: [{ field, error }] }) })
}

/** Bytes of a chunk or content. */
export function octets(bytes: Buffer, type: string, headers: Record<string, string> = {}): Answer {
  return {
    status: 200,
    headers: { ...headers, 'Content-Type': type, 'Content-Length': String(bytes.byteLength) },
    body: [bytes],
  }
}

/** Thrown anywhere in an endpoint: the answer instead. */
export class Refused extends Error {
  constructor(readonly answer: Answer) {
    super(`answered ${answer.status}`)
  }
}

/** A header's name as Bee says what it cannot parse, and as the fake writes its own. */
export function titleCase(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase())
}

/** The whole body; longer than `maxBytes` is Bee's 413. */
export async function readBody(asked: Asked, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of asked.body) {
    bytes += piece.byteLength
    if (bytes > maxBytes) throw new Refused(refusal(413, 'Request Entity Too Large'))
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** Bytes from hex in a path or header, as Bee refuses what is none. */
export function parseHex(text: string | undefined, where: 'path' | 'header' | 'query', field: string): Buffer {
  const [what, bad] = [`invalid ${where} params`, /[^0-9a-f]/i.exec(text ?? '')?.[0]]
  if (!text) throw new Refused(refusal(400, what, field))
  if (bad) {
    const code = bad.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    const name = where === 'header' ? titleCase(field) : field
    throw new Refused(refusal(400, what, name, `invalid hex byte: U+${code} '${bad}'`))
  }
  if (text.length % 2 === 1) throw new Refused(refusal(400, what, field, 'odd length hex string'))
  return Buffer.from(text, 'hex')
}
