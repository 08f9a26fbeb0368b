import { connect } from 'node:net'

/** What came back on a connection until the server closed it; `code` is that of a registry error body. */
export type RawAnswer = { status: number; headers: ReadonlyMap<string, string>; body: string; code: string | null }

/** Sends bytes as they are and reads until the connection ends. A reset after an answer is an end as well. */
export function sendRaw(port: number, bytes: string | Uint8Array): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const end = () => resolve(parseAnswer(Buffer.concat(received).toString('latin1')))
    socket.on('data', (data: Buffer) => received.push(data))
    socket.on('end', () => socket.end())
    socket.on('close', end)
    socket.on('error', (error) => (received.length > 0 ? end() : reject(error)))
  })
}

/** The first answer of a connection. */
function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: ?/, '')]),
  )
  const body = rest.join('\r\n\r\n')
  const code = /"errors":\[\{"code":"([A-Z_]+)"/.exec(body)?.[1] ?? null
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body, code }
}

/** One request on a connection of its own. `target` and headers go out as they are. */
export function rawRequest(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = '',
): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const isFramed = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name))
  const length = bytes.byteLength > 0 && !isFramed ? { 'Content-Length': String(bytes.byteLength) } : {}
  const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...length, ...headers })
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join(
    '\r\n',
  )
  return Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}
