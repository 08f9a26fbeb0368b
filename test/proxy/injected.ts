import { createHash } from 'node:crypto'
import type { Digest } from '../../gateway/oci/digest.ts'
import { createProxyApp, type ProxyApp } from '../../gateway/proxy/app.ts'
import {
  type ClaimedReferrers,
  type ContentSource,
  type ListedManifest,
  type ServedName,
  SourceFailure,
} from '../../gateway/proxy/reader.ts'
import { ZERO_REFERENCE } from '../../gateway/tags/entry.ts'

export const imageType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Bytes that no two sizes share. */
export function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) * 7 + size) & 0xff)
}

export function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/** An image manifest over these blobs, the first of them its config. */
export function imageOf(...blobs: readonly Uint8Array[]): Uint8Array {
  const [config, ...layers] = blobs.map((bytes) => ({
    mediaType: 'application/octet-stream',
    digest: sha256(bytes),
    size: bytes.length,
  }))
  return json({ schemaVersion: 2, mediaType: imageType, config, layers })
}

export function listed(bytes: Uint8Array, mediaType = imageType): ListedManifest {
  return { digest: sha256(bytes), size: bytes.length, mediaType, swarmReference: ZERO_REFERENCE }
}

/** What a source does with the content it has. */
export type Behaviour = {
  /** The bytes it sends in place of the right ones. */
  alter?: (bytes: Uint8Array) => Uint8Array
  /** It fails after as many bytes. */
  breaksAfter?: number
  /** The size it announces; null: none. */
  announces?: (size: number) => number | null
  silent?: boolean
}

/** A source in memory. `asked` has what was asked, `offset` behind a digest where it was not 0. */
export type TestSource = ContentSource & {
  asked: string[]
  blamed: number
  closed: number
  has(...contents: Uint8Array[]): TestSource
}

const pieceBytes = 64 * 1024

/** A source over contents that it is given later. */
export function sourceOf(from: string, behaviour: Behaviour = {}): TestSource {
  const contents = new Map<string, Uint8Array>()
  const { alter = (bytes: Uint8Array) => bytes, announces = (size: number) => size, silent = false } = behaviour
  const find = (digest: Digest) => {
    if (silent) throw new SourceFailure(`${from} does not answer`)
    const found = contents.get(digest)
    if (!found) throw new SourceFailure(`${from} answers 404`, true)
    return alter(found)
  }
  const source: TestSource = {
    from,
    asked: [],
    blamed: 0,
    closed: 0,
    has(...given) {
      for (const bytes of given) contents.set(sha256(bytes), bytes)
      return source
    },
    blame: () => void source.blamed++,
    async measure(_kind, { digest }) {
      const size = announces(find(digest).length)
      if (size === null) throw new SourceFailure(`${from} does not say how long it is`)
      return size
    },
    async open(_kind, { digest }, offset) {
      source.asked.push(offset > 0 ? `${digest} ${offset}` : digest)
      const bytes = find(digest)
      return { size: announces(bytes.length), body: piecesOf(bytes, offset), close: () => void source.closed++ }
    },
  }
  async function* piecesOf(bytes: Uint8Array, offset: number): AsyncGenerator<Uint8Array> {
    try {
      for (let at = offset; at < bytes.length; at += pieceBytes) {
        if (at - offset >= (behaviour.breaksAfter ?? Number.POSITIVE_INFINITY))
          throw new SourceFailure(`${from} broke off`)
        yield bytes.slice(at, at + pieceBytes)
      }
    } finally {
      source.closed++
    }
  }
  return source
}

/** A proxy over one name whose list and sources a test decides. `counts` has how often each was asked for. */
export type TestProxy = {
  app: ProxyApp
  name: ServedName
  counts: { openName: number; resolve: number; listTags: number }
  log: { event: string; fields: Readonly<Record<string, unknown>> | undefined }[]
  advance(ms: number): void
  get(path: string, init?: RequestInit): Promise<Response>
}

/** `tags` by tag, undefined: proven absent. */
export function testProxy(
  tags: Readonly<Record<string, ListedManifest>>,
  sources: readonly ContentSource[],
  overrides: Partial<ServedName> = {},
): TestProxy {
  let now = 0
  const counts = { openName: 0, resolve: 0, listTags: 0 }
  const log: TestProxy['log'] = []
  const none: ClaimedReferrers = {
    body: json({ schemaVersion: 2, mediaType: indexType, manifests: [] }),
    from: 'http://gateway',
    nextQuery: null,
    isFiltered: false,
  }
  const name: ServedName = {
    resolve: async (tag) => tags[tag],
    listTags: async () => Object.keys(tags).sort(),
    sources: () => sources,
    readReferrers: async () => none,
    ...overrides,
  }
  const count = <Value>(which: keyof typeof counts, value: Value): Value => {
    counts[which]++
    return value
  }
  const counted: ServedName = {
    ...name,
    resolve: (tag) => count('resolve', name.resolve(tag)),
    listTags: () => count('listTags', name.listTags()),
  }
  const app = createProxyApp({
    reader: { openName: async () => count('openName', counted) },
    clock: () => now,
    log: (event, fields) => log.push({ event, fields }),
  })
  return {
    app,
    name,
    counts,
    log,
    advance: (ms) => {
      now += ms
    },
    get: (path, init) => app.fetch(new Request(`http://localhost:5055/v2/${path}`, init)),
  }
}

/** The code and the reason of an error answer. */
export async function errorOf(
  response: Response,
): Promise<{ status: number; code: string; reason: string | undefined; message: string }> {
  const { errors } = (await response.json()) as {
    errors: [{ code: string; message: string; detail?: { reason?: string } }]
  }
  const [{ code, message, detail }] = errors
  return { status: response.status, code, reason: detail?.reason, message }
}
