import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hex } from 'viem'
import { encodeResponse, parseLookup } from '../../gateway/ens/lookup.ts'
import { parseRepository } from '../../gateway/ens/name.ts'
import type { Digest } from '../../gateway/oci/digest.ts'
import { decodeTagEntry, decodeTagKey, encodeTagKey } from '../../gateway/tags/entry.ts'
import { entryToJson, signedListToJson, timestampToJson } from '../../gateway/tags/json.ts'
import { hashList, type ListDomain } from '../../gateway/tags/list.ts'
import { createMemoryTree, proveKey } from '../../gateway/tags/tree.ts'
import type { Image } from './image.ts'
import { mediaTypes } from './image.ts'
import type { Answer, Asked, Told } from './lie.ts'
import type { Statement } from './statement.ts'

/** A name on the liar's stage: what is honest, what is told now, and how often a lie went out. */
export type Play = { honest: Statement; image: Image; domain: ListDomain; told: Told; lies: number }

/** A gateway for many names that lies about each as it is told. */
export type Liar = {
  url: string
  plays: Map<string, Play>
  /** What came with credentials, which nobody gave to anybody. */
  credentials: string[]
  close(): Promise<void>
}

/** Starts it on loopback. */
export async function startLiar(): Promise<Liar> {
  const plays = new Map<string, Play>()
  const credentials: string[] = []
  const server = createServer((request, response) => {
    const { authorization, cookie } = request.headers
    if (authorization ?? cookie) credentials.push(`${request.url} with ${authorization ?? cookie}`)
    reply(plays, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((closed) => server.close(() => closed()).closeAllConnections())
  return { url: `http://127.0.0.1:${port}`, plays, credentials, close }
}

async function reply(plays: Liar['plays'], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = parseAsked(request)
  const play = asked === null ? undefined : plays.get(asked.ensName)
  if (asked === null || play === undefined) return void response.writeHead(404).end('{"message":"not here"}')
  const told = toldNow(play.told, asked)
  const honest = await answerHonestly(play, told, asked)
  const answer = told.answer?.(honest.answer, asked) ?? honest.answer
  if (honest.isLie || answer !== honest.answer) play.lies += 1
  await send(response, answer)
}

/** What this gateway is told of this question; the second one has ears for `answer` alone. */
function toldNow(told: Told, { second, tag }: Asked): Told {
  const { statements, firstStatement, answer } = told
  if (second) return answer ? { answer } : {}
  const statement = statements?.[tag ?? ''] ?? firstStatement ?? told.statement
  return statement ? { ...told, statement } : told
}

async function send(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  if (body === null) return
  response.writeHead(status, headers)
  if (body instanceof Uint8Array) return void response.end(body)
  response.flushHeaders()
  for await (const piece of body) {
    if (response.destroyed) return
    if (!response.write(piece)) await drained(response)
  }
  response.end()
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((go) => {
    const end = () => {
      response.off('drain', end).off('close', end)
      go()
    }
    response.once('drain', end).once('close', end)
  })
}

/** `/<anything>/second/...` is the second gateway of a name; null for what no reader asks. */
function parseAsked({ url = '/', headers }: IncomingMessage): Asked | null {
  const path = url.split('?')[0] ?? ''
  const base = { second: /^\/[^/]+\/second\//.test(path), headers, digest: null, tag: null }
  const callData = /\/ccip\/.*\/(0x[0-9a-f]+)\.json$/.exec(path)?.[1] as Hex | undefined
  if (callData !== undefined) {
    const { ensName, records } = parseLookup(callData)
    const [record] = records
    return record?.kind === 'tag' ? { ...base, kind: 'lookup', ensName, tag: record.tag } : null
  }
  const found = /\/v2\/(.+)\/(_mooring\/list|manifests|blobs|referrers)(?:\/(sha256:[0-9a-f]{64}))?$/.exec(path)
  const kind = kinds[found?.[2] ?? '']
  if (kind === undefined) return null
  const { ensName } = parseRepository(found?.[1] ?? '')
  return { ...base, kind, ensName, digest: (found?.[3] ?? null) as Digest | null }
}

const kinds: Readonly<Record<string, Asked['kind']>> = {
  '_mooring/list': 'list',
  manifests: 'manifest',
  blobs: 'blob',
  referrers: 'referrers',
}

type Words = { answer: Answer; isLie: boolean }

async function answerHonestly(play: Play, told: Told, asked: Asked): Promise<Words> {
  const statement = told.statement ?? play.honest
  const isLie = told.statement !== undefined
  if (asked.kind === 'lookup') return answerLookup(play, told, asked.tag ?? '')
  if (asked.kind === 'list') return { answer: answerList(play.domain, statement), isLie }
  if (asked.kind === 'referrers') return { answer: answerReferrers(), isLie: false }
  return answerContent(play, told, asked)
}

async function answerLookup({ honest }: Play, told: Told, tag: string): Promise<Words> {
  const statement = told.statement ?? honest
  const { list, signatures, timestamp, slots } = statement
  const proof = await proveKey(createMemoryTree(slots), encodeTagKey(tag))
  const proofs = told.prove?.(proof, tag) ?? [proof]
  const encoded = encodeResponse({ list, signatures, timestamp }, proofs)
  const data = told.respond?.(encoded) ?? encoded
  const isLie = (told.statement ?? told.prove ?? told.respond) !== undefined
  return { answer: jsonAnswer({ data }), isLie }
}

function answerList(domain: ListDomain, { list, slots, signatures, timestamp }: Statement): Answer {
  const hash = hashList(domain, list)
  const entries = slots.slice(1).map(({ key, value }) => ({
    tag: decodeTagKey(key),
    ...entryToJson(decodeTagEntry(value, list.version)),
  }))
  const signed = signedListToJson({ list, hash, signatures, timestamp })
  return jsonAnswer({ ...signed, timestamp: timestampToJson(timestamp), entries })
}

function answerReferrers(): Answer {
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.imageIndex, manifests: [] }))
  return { status: 200, headers: { 'content-type': mediaTypes.imageIndex, ...lengthOf(body) }, body }
}

function answerContent({ image }: Play, told: Told, { digest, kind }: Asked): Words {
  const lie = told.contents?.get(digest ?? '')
  const known = Object.values(image).find((content) => content.digest === digest)
  const body = lie ?? known?.bytes
  const errors = [{ code: kind === 'blob' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN', message: 'not here' }]
  if (body === undefined) return { answer: { ...jsonAnswer({ errors }), status: 404 }, isLie: false }
  const type = kind === 'blob' ? 'application/octet-stream' : (known?.mediaType ?? mediaTypes.manifest)
  const headers = { 'content-type': type, 'docker-content-digest': `${digest}`, ...lengthOf(body) }
  return { answer: { status: 200, headers, body }, isLie: lie !== undefined }
}

function jsonAnswer(value: object): Answer {
  const body = Buffer.from(JSON.stringify(value))
  return { status: 200, headers: { 'content-type': 'application/json', ...lengthOf(body) }, body }
}

function lengthOf(body: Uint8Array) {
  return { 'content-length': String(body.length) }
}
