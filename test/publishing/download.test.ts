import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { download } from '../../gateway/cli/publishing/download.ts'

const content = Buffer.alloc(3 * 1024 * 1024, 'mooring')
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}` as const
let folder: string
let ranges: (string | undefined)[] = []
let answer: (outgoing: ServerResponse, from: number, incoming: IncomingMessage) => void
const server = createServer((incoming, outgoing) => {
  const { range } = incoming.headers
  ranges.push(range)
  answer(outgoing, Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0), incoming)
})
beforeAll(() => new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening)))
afterAll(() => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections()))
beforeEach(async () => {
  ranges = []
  folder = await mkdtemp(join(tmpdir(), 'mooring-download-'))
})
afterEach(() => rm(folder, { recursive: true }))

const path = () => join(folder, 'blob')
const get = () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/blob`
  return download({ digest, size: content.length, url, reach: 'given' }, path())
}

/** Content from somewhere on, which breaks off after so many bytes. */
function send(outgoing: ServerResponse, from: number, bytes: number, body = content): void {
  const part = body.subarray(from, from + bytes)
  const rest = { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }
  outgoing.writeHead(from === 0 ? 200 : 206, { 'content-length': body.length - from, ...(from > 0 && rest) })
  outgoing.write(part, () => (from + part.length < body.length ? outgoing.destroy() : outgoing.end()))
}

test('a download goes on from the byte where it broke, and is hashed as a whole', async () => {
  answer = (outgoing, from) => send(outgoing, from, 1_300_000)
  await get()
  expect(content.equals(await readFile(path()))).toBe(true)
  expect([ranges.length, ranges[0]]).toEqual([3, undefined])
  for (const range of ranges.slice(1)) expect(range).toMatch(/^bytes=[1-9]\d+-$/)
})

test('one that brings next to nothing each time is given up; another part, other bytes and more bytes are refused', async () => {
  answer = (outgoing, from) => send(outgoing, from, 1000)
  await expect(get()).rejects.toThrow(/broke off/)
  expect(ranges.length).toBe(3)
  const refusals: [typeof answer, RegExp][] = [
    [(outgoing, from) => send(outgoing, from, content.length, Buffer.alloc(content.length)), /sends bytes of digest/],
    [(outgoing) => outgoing.end(Buffer.alloc(content.length + 1)), /sends more than the 3145728 bytes/],
    [(outgoing) => outgoing.end(content.subarray(1)), /sends 3145727 bytes/],
    [
      (outgoing, from) => (from > 0 ? outgoing.writeHead(200).end(content) : send(outgoing, from, 1_300_000)),
      /answers 200 to a request for the rest/,
    ],
  ]
  for (const [lie, message] of refusals) {
    await rm(path())
    answer = lie
    await expect(get()).rejects.toThrow(message)
  }
})
