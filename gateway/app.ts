import { Hono } from 'hono/tiny'
import type { Action, Caller, Need } from './access.ts'
import type { Deps } from './deps.ts'
import { lookupErrorResponse, registryErrorResponse } from './errors.ts'
import { OciError } from './oci/error.ts'
import { compilePattern, hasDotSegments, matchPath, type PathPattern, rawPathOf, requestTargetOf } from './oci/path.ts'
import { withoutBody } from './routes/answer.ts'
import { getBase } from './routes/base.ts'
import { deleteBlob, getBlob } from './routes/blobs.ts'
import { checkBodyLength, readAway } from './routes/body.ts'
import { getCatalog } from './routes/catalog.ts'
import { allowAnyOrigin, preflightAnswer } from './routes/cross-origin.ts'
import { getExtensions, getRepositoryExtensions } from './routes/extensions.ts'
import { answerKnownManifest } from './routes/known-manifests.ts'
import { getHistory, getList, getProof, putList } from './routes/list.ts'
import { answerKnownLookup, getLookup, optionsLookup, postLookup } from './routes/lookup.ts'
import { deleteManifest, getManifest, putManifest } from './routes/manifests.ts'
import { getPermissions, putPermissions } from './routes/push-permissions.ts'
import { getReferrers } from './routes/referrers.ts'
import type { Route, RouteContext } from './routes/route.ts'
import { getStaged } from './routes/staged.ts'
import { getStatus } from './routes/status.ts'
import { getTags } from './routes/tags.ts'
import { putTimestamp } from './routes/timestamp.ts'
import { getNonce, getToken, postRevoke, postToken } from './routes/token.ts'
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
  ['GET', '/v2/_catalog', getCatalog],
  ['GET', '/v2/_oci/ext/discover', getExtensions],
  ['GET', '/v2/{repository}/_oci/ext/discover', getRepositoryExtensions],
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
  ['GET', '/v2/{repository}/_mooring/staged', getStaged],
  ['GET', '/v2/{repository}/_mooring/history', getHistory],
  ['GET', '/v2/{repository}/_mooring/proof/{tag}', getProof],
  ['PUT', '/v2/{repository}/_mooring/timestamp', putTimestamp],
  ['GET', '/v2/{repository}/_mooring/status', getStatus],
  ['GET', '/v2/{repository}/_mooring/permissions', getPermissions],
  ['PUT', '/v2/{repository}/_mooring/permissions', putPermissions],
]

/** The token server (docs/logins.md): answered like the registry API, and never to pages of other origins. */
const tokenRows: readonly Row[] = [
  ['GET', '/token', getToken],
  ['POST', '/token', postToken],
  ['GET', '/token/nonce', getNonce],
  ['POST', '/token/revoke', postRevoke],
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

/** Method and path of every endpoint of the registry API, as `GET /v2/{repository}/tags/list`. */
export const registryEndpoints: readonly string[] = registryRows.map(([method, pattern]) => `${method} ${pattern}`)

type CompiledRow = { method: string; pattern: PathPattern; route: Route }

/** What only an entry knows of a request: its target before any URL parser saw it, and the address of who sent it. */
export type Arrival = { target?: string | undefined; client?: string | undefined }

/**
 * The gateway's whole HTTP face. The entries hand it to a server; tests call `fetch` themselves. The URL of `request` no longer shows
 * `.` and `..` segments, which are refused; requests are counted by client where there is a throttle.
 */
export type App = { fetch(request: Request, arrival?: Arrival): Promise<Response> }

/** Builds the app over its drivers. It holds no state of its own. */
export function createApp(deps: Deps): App {
  const rows = [...registryRows, ...tokenRows].map(([method, pattern, route]) => ({
    ...{ method, route },
    pattern: compilePattern(pattern),
  }))
  const hono = new Hono<{ Bindings: { client: string } }>()
  for (const [method, path, route] of lookupRows) {
    hono.on(method, path, ({ req, env }) =>
      answer(deps, req.raw, lookupErrorResponse, () => ({ route, params: {} }), env.client),
    )
  }
  // All that is no lookup row. Not `all('*')`: a lookup then has one handler, and none of hono's middleware chain around it.
  hono.notFound(({ req, env }) =>
    rawPathOf(req.raw.url).startsWith('/ccip/')
      ? answer(deps, req.raw, lookupErrorResponse, () => noEndpoint(req.raw), env.client)
      : answerRegistry(deps, req.raw, () => findRoute(rows, req.raw), env.client),
  )
  return {
    async fetch(request, { target = requestTargetOf(request.url), client = '' } = {}) {
      const waitSeconds = deps.throttle?.admit(client) ?? 0
      if (waitSeconds > 0) return refuse(deps, request, tooManyRequests(waitSeconds))
      const known = await answerKnownTarget(deps, request, target)
      if (known) return known
      return hasDotSegments(target) ? refuse(deps, request, dotSegments()) : hono.fetch(request, { client })
    },
  }
}

/**
 * What was asked before at the same target and still holds; undefined sends the request to its route. What is kept is what anybody may
 * read: whoever sends credentials goes to the route, where they are looked at first.
 */
async function answerKnownTarget(deps: Deps, request: Request, target: string): Promise<Response | undefined> {
  const { method } = request
  if (method === 'GET' && target.startsWith('/ccip/')) return answerKnownLookup(deps, target)
  if (deps.access !== null && request.headers.has('authorization')) return undefined
  if ((method === 'GET' || method === 'HEAD') && target.startsWith('/v2/')) {
    const known = await answerKnownManifest(deps, request, target)
    return known && withOrigin(deps, request, known)
  }
  return undefined
}

/** RFC 6585 section 4. */
function tooManyRequests(waitSeconds: number): OciError {
  return new OciError('TOOMANYREQUESTS', `too many requests: the next one is answered in ${waitSeconds} s`, {
    headers: { 'retry-after': String(waitSeconds) },
  })
}

function dotSegments(): OciError {
  return new OciError('NAME_INVALID', 'the path has . or .. segments, so it does not name what it seems to name')
}

/** An error before any route, in the form of the API that was asked. */
function refuse(deps: Deps, request: Request, error: OciError): Promise<Response> {
  const find = () => {
    throw error
  }
  if (rawPathOf(request.url).startsWith('/ccip/')) return answer(deps, request, lookupErrorResponse, find, '')
  return answerRegistry(deps, request, find, '')
}

async function answerRegistry(deps: Deps, request: Request, find: () => Found, client: string): Promise<Response> {
  const isPreflight = isOpenToPages(deps, request) && request.method === 'OPTIONS'
  const response = isPreflight ? preflightAnswer() : await answer(deps, request, registryErrorResponse, find, client)
  response.headers.set('docker-distribution-api-version', 'registry/2.0')
  // Nothing of the token server is kept, refusals included (docs/logins.md, "The wire").
  if (isOfTokens(request.url)) response.headers.set('cache-control', 'no-store')
  return withOrigin(deps, request, response)
}

const openMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

function withOrigin(deps: Deps, request: Request, response: Response): Response {
  if (isOpenToPages(deps, request)) allowAnyOrigin(response.headers)
  return response
}

/** Tokens are for nobody's pages. */
function isOpenToPages({ features }: Deps, { method, url }: Request): boolean {
  return features.crossOriginReads && openMethods.has(method) && !isOfTokens(url)
}

function isOfTokens(url: string): boolean {
  return rawPathOf(url).startsWith('/token')
}

type Found = { route: Route; params: Record<string, string> }

async function answer(
  deps: Deps,
  request: Request,
  errorResponse: ErrorResponse,
  find: () => Found,
  client: string,
): Promise<Response> {
  try {
    checkBodyLength(request, deps.limits)
    const { route, params } = find()
    const added: [name: string, value: string][] = []
    const caller = await callerOf(deps, request, { route, params }, client)
    const response = await route(contextOf(deps, request, params, { caller, client }, added))
    for (const [name, value] of added) response.headers.append(name, value)
    return request.method === 'HEAD' && response.body ? withoutBody(response) : response
  } catch (error) {
    await readAway(request)
    return errorResponse(error, deps.log, request)
  }
}

function contextOf(
  deps: Deps,
  request: Request,
  params: Record<string, string>,
  sender: Pick<RouteContext, 'caller' | 'client'>,
  added: [name: string, value: string][],
): RouteContext {
  let url: URL | undefined
  return {
    deps,
    request,
    params,
    ...sender,
    addHeader: (name, value) => added.push([name, value]),
    get url() {
      url ??= new URL(request.url)
      return url
    },
  }
}

/** Lists, permissions and timestamps need no login: their signature is the authorisation (protocol 5). */
const signedRoutes: ReadonlySet<Route> = new Set([putList, putPermissions, putTimestamp])

/** What says who they are themselves, or concerns nobody's content. */
const tokenRoutes: ReadonlySet<Route> = new Set([getToken, postToken, getNonce, postRevoke, getExtensions])

/** All of an upload is part of a push, giving it up included; and who may push sees what is staged. */
const pushRoutes: ReadonlySet<Route> = new Set([getUpload, deleteUpload, getStaged])

const operator: Caller = { kind: 'operator' }

/** @throws OciError UNAUTHORIZED, TOOMANYREQUESTS */
async function callerOf({ access }: Deps, request: Request, found: Found, client: string): Promise<Caller> {
  if (access === null) return operator
  const isOpen = signedRoutes.has(found.route) || tokenRoutes.has(found.route)
  if (isOpen || rawPathOf(request.url).startsWith('/ccip/')) return { kind: 'anonymous' }
  return access.identify(request.headers.get('authorization'), needOf(request, found), client)
}

/** A push is into the repository that `?ns=` and the path name together; for a pull clients ask for the path alone. */
function needOf({ method, url }: Request, { route, params: { repository } }: Found): Need {
  if (repository === undefined) return { repository: null }
  const action = pushRoutes.has(route) ? 'push' : actionOf(method)
  const namespace = new URL(url).searchParams.get('ns')
  const isWhole = action === 'pull' || namespace === null || `${repository}/`.startsWith(`${namespace}/`)
  return { repository: isWhole ? repository : `${namespace}/${repository}`, action }
}

function actionOf(method: string): Action {
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'push'
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
