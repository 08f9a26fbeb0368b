import { createReadStream } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { type HttpAnswer, HttpFailure, type Reach } from '../client/http.ts'
import { checkUrl, createCheckedLookup, resolveBySystem } from '../client/reach.ts'
import type { FileSlice } from './tar-entries.ts'

/** A part of a file as the body of one request. */
export type Sending = {
  url: string
  /** Who chose the URL, and so where it may lead. */
  reach: Reach
  method: 'PATCH'
  headers: Readonly<Record<string, string>>
  slice: FileSlice
}

const maxAnswerBytes = 64 * 1024
/** Without a byte moved in either direction. */
const idleTimeoutMs = 120_000

/**
 * Sends a slice with its length and never more of it in memory than a connection takes. An answer that comes before all is sent counts:
 * a host that refuses a body by its length says so at once, and then reads no further. @throws HttpFailure
 */
export function sendSlice({ url, reach, method, headers, slice }: Sending): Promise<HttpAnswer> {
  const { path, offset, size } = slice
  const target = checkUrl(url, reach)
  const open = target.protocol === 'https:' ? requestHttps : requestHttp
  const length = { 'content-length': String(size), 'content-type': 'application/octet-stream' }
  const lookup = createCheckedLookup(reach, resolveBySystem)
  const request = open(target, { method, headers: { ...headers, ...length }, timeout: idleTimeoutMs, lookup })
  const body = createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 256 * 1024 })
  return new Promise<HttpAnswer>((resolve, reject) => {
    const fail = (error: Error) => reject(new HttpFailure(`${url} broke off: ${error.message || error.name}`))
    request.on('response', (response) => readAnswer(response).then(resolve, fail))
    request.on('timeout', () => request.destroy(new Error('timed out')))
    request.on('error', fail)
    body.on('error', (error) => request.destroy(error))
    body.pipe(request)
  }).finally(() => stop(request, body))
}

function stop(request: ClientRequest, body: { destroy(): unknown }): void {
  body.destroy()
  if (!request.writableFinished) request.destroy()
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxAnswerBytes) break
  }
  const headers = new Headers()
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  return { status: response.statusCode ?? 0, headers, body: new Uint8Array(Buffer.concat(chunks)) }
}
