import type { Log } from '../deps.ts'
import { registryErrorResponse } from '../errors.ts'
import { OciError } from '../oci/error.ts'
import { compilePattern, hasDotSegments, matchPath, type PathPattern, rawPathOf, requestTargetOf } from '../oci/path.ts'
import { jsonAnswer, withoutBody } from '../routes/answer.ts'
import { Refusal } from '../tags/refusal.ts'
import { getBlob } from './blobs.ts'
import { type CheckedManifest, createKnownContent, type KnownContent } from './known-content.ts'
import { getManifest } from './manifests.ts'
import type { ListedManifest, NameReader, ServedName } from './reader.ts'
import { getReferrers } from './referrers.ts'
import { createShortMemory, type ShortMemory } from './short-memory.ts'
import { getTags } from './tags.ts'
import { createLieMemory, type LieMemory } from './told-lies.ts'

/** What the proxy stands on. */
export type ProxyDeps = {
  reader: NameReader
  /** Milliseconds, for what is given again for a short while. */
  clock: () => number
  log: Log
}

/** What the proxy's routes share: the reader, and what it said a moment ago. */
export type ProxyState = ProxyDeps & {
  names: ShortMemory<ServedName>
  tags: ShortMemory<ListedManifest | undefined>
  tagLists: ShortMemory<readonly string[]>
  /** Only to share what is under way: what was read is kept in `known`. */
  readings: ShortMemory<CheckedManifest>
  known: KnownContent
  lies: LieMemory
}

/** One request as a route of the proxy sees it. `params` as in the gateway's routes: percent-decoded once, but for `repository`. */
export type ProxyRequest = { state: ProxyState; request: Request; url: URL; params: Readonly<Record<string, string>> }

/** Answers or throws what `registryErrorResponse` knows. */
export type ProxyRoute = (context: ProxyRequest) => Promise<Response>

/** The proxy's whole HTTP face. `target` is the request target as it came, before any URL parser saw it. */
export type ProxyApp = { fetch(request: Request, target?: string): Promise<Response> }

const getBase: ProxyRoute = async () => jsonAnswer(200, {})

/** All that it answers; a GET row answers HEAD too, and every other method is 405. */
const rows: readonly (readonly [pattern: string, route: ProxyRoute])[] = [
  ['/v2/', getBase],
  ['/v2', getBase],
  ['/v2/{repository}/manifests/{tagOrDigest}', getManifest],
  ['/v2/{repository}/blobs/{digest}', getBlob],
  ['/v2/{repository}/tags/list', getTags],
  ['/v2/{repository}/referrers/{digest}', getReferrers],
]

/**
 * What was read of a name on chain is used for this long, and an answer about a tag that was checked against it for as much again as
 * fits into the 15 seconds that a gateway may remember authority (protocol 5).
 */
const nameTtlMs = 10_000
const answerTtlMs = 5_000

/** A read-only registry whose every answer was verified. */
export function createProxyApp(deps: ProxyDeps): ProxyApp {
  const { clock } = deps
  const state: ProxyState = {
    ...deps,
    names: createShortMemory(nameTtlMs, clock),
    tags: createShortMemory(answerTtlMs, clock),
    tagLists: createShortMemory(answerTtlMs, clock),
    readings: createShortMemory(0, clock),
    known: createKnownContent(),
    lies: createLieMemory(clock),
  }
  const compiled = rows.map(([pattern, route]) => ({ pattern: compilePattern(pattern), route }))
  return {
    async fetch(request, target = requestTargetOf(request.url)) {
      const response = await answer(state, compiled, request, target)
      response.headers.set('docker-distribution-api-version', 'registry/2.0')
      return response
    },
  }
}

type CompiledRow = { pattern: PathPattern; route: ProxyRoute }

async function answer(
  state: ProxyState,
  compiled: readonly CompiledRow[],
  request: Request,
  target: string,
): Promise<Response> {
  try {
    checkRequest(request, target)
    const { route, params } = findRoute(compiled, request)
    const response = await route({ state, request, url: new URL(request.url), params })
    return request.method === 'HEAD' && response.body ? withoutBody(response) : response
  } catch (error) {
    const response = registryErrorResponse(error, state.log, request)
    if (response.status === 403 || response.status === 503) logRefusal(state.log, request, error)
    return response
  }
}

/** @throws OciError for what is no read of this registry */
function checkRequest({ method, url }: Request, target: string): void {
  if (method !== 'GET' && method !== 'HEAD') {
    const message = `this proxy only reads, so there is no ${method}: push to the gateway of the name itself`
    throw new OciError('UNSUPPORTED', message, { headers: { allow: 'GET, HEAD' } })
  }
  if (hasDotSegments(target)) {
    throw new OciError('NAME_INVALID', 'the path has . or .. segments, so it does not name what it seems to name')
  }
  const { hostname } = new URL(url)
  if (isLoopbackName(hostname)) return
  // DNS rebinding: a page that somebody opened reaches this port under a name of its own.
  throw new OciError('DENIED', `this proxy answers as localhost, 127.0.0.1 or [::1], not as ${hostname.slice(0, 100)}`)
}

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

function findRoute(compiled: readonly CompiledRow[], { url }: Request) {
  const path = rawPathOf(url)
  for (const { pattern, route } of compiled) {
    const params = matchPath(pattern, path)
    if (params) return { route, params }
  }
  throw new OciError('UNSUPPORTED', `${path.slice(0, 300)} is no endpoint of this proxy`, { status: 404 })
}

/** With the error name, where it is a verifier's refusal: a HEAD has no body to say it in. */
function logRefusal(log: Log, { method, url }: Request, error: unknown): void {
  const reason = reasonOf(error)
  const said = error instanceof Error ? error.message : String(error)
  log('refused', { method, path: rawPathOf(url), ...(reason !== undefined && { reason }), error: said })
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof Refusal) return error.reason
  const detail = error instanceof OciError ? (error.items[0]?.detail as { reason?: string } | undefined) : undefined
  return detail?.reason
}
