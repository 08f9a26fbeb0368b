import { Hono } from 'hono'
import type { Deps } from './deps.ts'
import { lookupErrorResponse, registryErrorResponse } from './errors.ts'
import { OciError } from './oci/error.ts'
import { compilePattern, hasDotSegments, matchPath, type PathPattern, rawPathOf, requestTargetOf } from './oci/path.ts'
import { withoutBody } from './routes/answer.ts'
import { getBase } from './routes/base.ts'
import { deleteBlob, getBlob } from './routes/blobs.ts'
import { readAway } from './routes/body.ts'
import { answerKnownManifest } from './routes/known-manifests.ts'
import { getHistory, getList, getProof, putList } from './routes/list.ts'
import { answerKnownLookup, getLookup, optionsLookup, postLookup } from './routes/lookup.ts'
import { deleteManifest, getManifest, putManifest } from './routes/manifests.ts'
import { getReferrers } from './routes/referrers.ts'
import type { Route, RouteContext } from './routes/route.ts'
import { getTags } from './routes/tags.ts'
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from './routes/uploads.ts'

/** Whose error bodies a route answers with: `{"errors":[...]}` of the registry API, or `{"message"}` of ERC-3668. */
type ErrorResponse = typeof registryErrorResponse

type Row = readonly [method: string, pattern: string, route: Route]

/**
 * Every route of the registry API (end-numbers of distribution-spec) and of the list endpoints (protocol 5). A GET row answers HEAD
 * too. `{repository}` is one or more components; what follows it is matched from the right.
 */
const registryRows: readonly Row[] = [
  ['GET', '/v2/', getBase],
  ['GET', '/v2', getBase],
  ['GET', '/v2/{repository}/blobs/{digest}', getBlob],
  ['DELETE', '/v2/{repository}/blobs/{digest}', deleteBlob],
  ['POST', '/v2/{repository}/blobs/uploads/', postUpload],
  ['POST', '/v2/{repository}/blobs/uploads', postUpload],
  ['GET', '/v2/{repository}/blobs/uploads/{uploadId}', getUpload],
  ['PATCH', '/v2/{repository}/blobs/uploads/{uploadId}', patchUpload],
  ['PUT', '/v2/{repository}/blobs/uploads/{uploadId}', putUpload],
  ['DELETE', '/v2/{repository}/blobs/uploads/{uploadId}', deleteUpload],
  ['GET', '/v2/{repository}/manifests/{tagOrDigest}', getManifest],
  ['PUT', '/v2/{repository}/manifests/{tagOrDigest}', putManifest],
  ['DELETE', '/v2/{repository}/manifests/{tagOrDigest}', deleteManifest],
  ['GET', '/v2/{repository}/tags/list', getTags],
  ['GET', '/v2/{repository}/referrers/{digest}', getReferrers],
  ['GET', '/v2/{repository}/_mooring/list', getList],
  ['PUT', '/v2/{repository}/_mooring/list', putList],
  ['GET', '/v2/{repository}/_mooring/history', getHistory],
  ['GET', '/v2/{repository}/_mooring/proof/{tag}', getProof],
]

/**
 * ENS lookups (ERC-3668, protocol 4). They are the hot path, so hono's own router finds them; they read their path themselves and
 * answer errors as `{"message"}`.
 */
const lookupRows: readonly Row[] = [
  ['GET', '/ccip/:chainId/:resolver/:sender/:data', getLookup],
  ['POST', '/ccip/:chainId/:resolver/:sender', postLookup],
  ['OPTIONS', '/ccip/:chainId/:resolver/:sender', optionsLookup],
  ['OPTIONS', '/ccip/:chainId/:resolver/:sender/:data', optionsLookup],
]

type CompiledRow = { method: string; pattern: PathPattern; route: Route }

/**
 * The gateway's whole HTTP face. The entries hand it to a server; tests call `fetch` themselves. An entry that still sees the request
 * target as it was sent hands it in too: the URL of `request` no longer shows `.` and `..` segments, and those are refused.
 */
export type App = { fetch(request: Request, requestTarget?: string): Promise<Response> }

/** Builds the app over its drivers. It holds no state of its own. */
export function createApp(deps: Deps): App {
  const rows = registryRows.map(([method, pattern, route]) => ({ method, pattern: compilePattern(pattern), route }))
  const hono = new Hono()
  for (const [method, path, route] of lookupRows) {
    hono.on(method, path, ({ req }) => answer(deps, req.raw, lookupErrorResponse, () => ({ route, params: {} })))
  }
  // All that is no lookup row. Not `all('*')`: a lookup then has one handler, and none of hono's middleware chain around it.
  hono.notFound(({ req }) =>
    rawPathOf(req.raw.url).startsWith('/ccip/')
      ? answer(deps, req.raw, lookupErrorResponse, () => noEndpoint(req.raw))
      : answerRegistry(deps, req.raw, () => findRoute(rows, req.raw)),
  )
  return {
    async fetch(request, requestTarget = requestTargetOf(request.url)) {
      const known = await answerKnownTarget(deps, request, requestTarget)
      if (known) return known
      if (hasDotSegments(requestTarget)) return refuseDotSegments(deps, request, requestTarget)
      return hono.fetch(request)
    },
  }
}

/** What was asked before at the same target and still holds; undefined sends the request to its route. */
async function answerKnownTarget(deps: Deps, request: Request, target: string): Promise<Response | undefined> {
  const { method } = request
  if (method === 'GET' && target.startsWith('/ccip/')) return answerKnownLookup(deps, target)
  if ((method === 'GET' || method === 'HEAD') && target.startsWith('/v2/')) {
    return answerKnownManifest(deps, request, target)
  }
  return undefined
}

function refuseDotSegments(deps: Deps, request: Request, requestTarget: string): Promise<Response> {
  const refuse = () => {
    throw new OciError('NAME_INVALID', 'the path has . or .. segments, so it does not name what it seems to name')
  }
  if (requestTarget.startsWith('/ccip/')) return answer(deps, request, lookupErrorResponse, refuse)
  return answerRegistry(deps, request, refuse)
}

async function answerRegistry(deps: Deps, request: Request, find: () => Found): Promise<Response> {
  const response = await answer(deps, request, registryErrorResponse, find)
  response.headers.set('docker-distribution-api-version', 'registry/2.0')
  return response
}

type Found = { route: Route; params: Record<string, string> }

async function answer(
  deps: Deps,
  request: Request,
  errorResponse: ErrorResponse,
  find: () => Found,
): Promise<Response> {
  try {
    const { route, params } = find()
    const response = await route(contextOf(deps, request, params))
    return request.method === 'HEAD' && response.body ? withoutBody(response) : response
  } catch (error) {
    await readAway(request)
    return errorResponse(error, deps.log, request)
  }
}

function contextOf(deps: Deps, request: Request, params: Record<string, string>): RouteContext {
  let url: URL | undefined
  return {
    deps,
    request,
    params,
    get url() {
      url ??= new URL(request.url)
      return url
    },
  }
}

function noEndpoint({ url }: Request): never {
  throw new OciError('UNSUPPORTED', `${rawPathOf(url).slice(0, 300)} is no endpoint here`, { status: 404 })
}

/** @throws OciError UNSUPPORTED: 404 for a path that is no endpoint, 405 with Allow for a method that an endpoint does not have */
function findRoute(rows: readonly CompiledRow[], request: Request): Found {
  const path = rawPathOf(request.url)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const allowed: string[] = []
  for (const row of rows) {
    const params = matchPath(row.pattern, path)
    if (params && row.method === method) return { route: row.route, params }
    if (params) allowed.push(row.method === 'GET' ? 'GET, HEAD' : row.method)
  }
  if (allowed.length === 0) noEndpoint(request)
  const allow = [...new Set(allowed)].join(', ')
  throw new OciError('UNSUPPORTED', `${method} is not supported here, only ${allow}`, { headers: { allow } })
}
