import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A host that runs no program: it sends the files of a folder, GET and HEAD alone. */
export type StaticHost = {
  url: string
  /** What was asked, `GET /path`. */
  asked: string[]
  close(): Promise<void>
}

/**
 * Serves a folder as hosts with `_redirects` and `_headers` do: a rule with status 200 sends another file under the path that was asked;
 * whatever is not there is 404 with a page of HTML.
 */
export async function serveFolder(folder: string): Promise<StaticHost> {
  const asked: string[] = []
  const server = createServer(async ({ method = '', url = '/' }, response) => {
    asked.push(`${method} ${url}`)
    if (method !== 'GET' && method !== 'HEAD') return response.writeHead(405).end()
    const path = url.split('?')[0] ?? '/'
    const body = await readFile(join(folder, await rewritten(folder, path))).catch(() => undefined)
    if (body === undefined) return response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not found</h1>')
    response.writeHead(200, await headersFor(folder, path))
    return response.end(method === 'HEAD' ? undefined : body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, asked, close }
}

async function rewritten(folder: string, path: string): Promise<string> {
  const rules = (await linesOf(folder, '_redirects')).map((line) => line.split(' '))
  const [, to = path] = rules.find(([from, , status]) => from === path && status === '200') ?? []
  return to
}

/** A line at the margin is a path, perhaps with a final `*`; those below it that are indented are its headers. */
async function headersFor(folder: string, path: string): Promise<Record<string, string>> {
  const headers: Record<string, string> = { 'content-type': 'application/octet-stream' }
  let applies = false
  for (const line of await linesOf(folder, '_headers')) {
    const [name = '', value = ''] = line.split(': ')
    if (line.startsWith(' ') && applies) headers[name.trim().toLowerCase()] = value
    if (!line.startsWith(' ')) applies = line.endsWith('*') ? path.startsWith(line.slice(0, -1)) : path === line
  }
  return headers
}

async function linesOf(folder: string, file: string): Promise<string[]> {
  const text = await readFile(join(folder, file), 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}
