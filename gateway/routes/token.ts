import type { Action, Caller } from '../access.ts'
import { parseBasic } from '../auth/credentials.ts'
import { type Login, type Logins, nobody } from '../auth/logins.ts'
import { LoginRefused } from '../auth/refused.ts'
import { allowsAction, encodeScopes, type Grant, parseScopes } from '../auth/scope.ts'
import type { Deps } from '../deps.ts'
import { parseRepository } from '../ens/name.ts'
import { OciError } from '../oci/error.ts'
import { emptyAnswer, jsonAnswer } from './answer.ts'
import { readBody } from './body.ts'
import { permissionOf } from './permission.ts'
import { openOf } from './repository.ts'
import type { Route, RouteContext } from './route.ts'

// The token server (docs/logins.md, "The wire"): tokens of the distribution project, in the forms of OAuth 2 (RFC 6749) beside them.

const maxFormBytes = 64 * 1024
const formType = 'application/x-www-form-urlencoded'
/** No cache may keep a token (RFC 6749 section 5.1). */
const unkept = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** `GET /token/nonce`: what a login message has to say. */
export const getNonce: Route = async (context) => jsonAnswer(200, await loginsOf(context).nonce(), unkept)

/** `GET /token`: a token for whoever the Basic credentials are of; without any for anybody. */
export const getToken: Route = async (context) => {
  const logins = loginsOf(context)
  const { searchParams } = context.url
  checkService(logins, searchParams)
  const asked = parseScopes(searchParams.getAll('scope'))
  const login = await loginOfHeader(context, logins)
  // Clients keep a refresh token in the place of the password: good for a login message, which counts once, and not for a user.
  const isKept = searchParams.get('offline_token') === 'true' && login.caller.kind === 'account'
  return answerToken(context, login, asked, isKept ? (single(searchParams, 'client_id') ?? '') : null)
}

/** `POST /token`: the same by form, also with a refresh token. */
export const postToken: Route = async (context) => {
  const logins = loginsOf(context)
  const form = await readForm(context)
  checkService(logins, form)
  const asked = parseScopes(form.getAll('scope'))
  const login = await loginOfForm(context, logins, form)
  const isKept = single(form, 'access_type') === 'offline'
  return answerToken(context, login, asked, isKept ? (single(form, 'client_id') ?? '') : null)
}

/** `POST /token/revoke` (RFC 7009): ends what a refresh token stands for. */
export const postRevoke: Route = async (context) => {
  const logins = loginsOf(context)
  const form = await readForm(context)
  await logins.revoke(wanted(form, 'token'))
  return emptyAnswer(200, unkept)
}

/** A gateway without logins has none of these endpoints. */
function loginsOf({ deps }: RouteContext): Logins {
  if (deps.logins !== undefined) return deps.logins
  throw new OciError('UNSUPPORTED', 'nobody logs in here: this gateway runs without --auth token', { status: 404 })
}

async function loginOfHeader({ request, client }: RouteContext, logins: Logins): Promise<Login> {
  const authorization = request.headers.get('authorization')
  if (authorization === null) return nobody
  const credentials = parseBasic(authorization)
  if (credentials === undefined)
    throw new LoginRefused('the Authorization header is not Basic with a user and a password')
  return logins.logIn(credentials, { client })
}

async function loginOfForm({ client }: RouteContext, logins: Logins, form: URLSearchParams): Promise<Login> {
  const grantType = wanted(form, 'grant_type')
  if (grantType === 'refresh_token') return logins.resume(wanted(form, 'refresh_token'))
  if (grantType !== 'password') throw malformed('grant_type', grantType, 'password or refresh_token')
  return logins.logIn({ user: wanted(form, 'username'), password: wanted(form, 'password') }, { client })
}

/** `clientId`: of whom a refresh token is wanted too; null: none is. */
async function answerToken(
  context: RouteContext,
  login: Login,
  asked: readonly Grant[],
  clientId: string | null,
): Promise<Response> {
  const logins = loginsOf(context)
  const grants = await allowedOf(context.deps, login, asked)
  const { token, expiresInSeconds, issuedAt } = await logins.mint(login, grants)
  const refreshToken = clientId === null ? undefined : await logins.keep(login, clientId)
  const answer = {
    ...{ token, access_token: token, expires_in: expiresInSeconds },
    issued_at: new Date(issuedAt * 1000).toISOString(),
    scope: encodeScopes(grants),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  }
  return jsonAnswer(200, answer, unkept)
}

/** What was asked, as far as the login and the chain allow it: a token that allows less is no error. */
async function allowedOf(deps: Deps, { caller, limits }: Login, asked: readonly Grant[]): Promise<Grant[]> {
  const allowed: Grant[] = []
  for (const { repository, actions } of asked) {
    const within = actions.filter((action) => limits === null || allowsAction(limits, repository, action))
    const isWriting = within.some(writes)
    const mayWrite = isWriting && (await mayWriteTo(deps, caller, repository))
    allowed.push({ repository, actions: within.filter((action) => mayWrite || !writes(action)) })
  }
  return allowed
}

function writes(action: Action): boolean {
  return action !== 'pull'
}

async function mayWriteTo(deps: Deps, caller: Caller, repository: string): Promise<boolean> {
  if (caller.kind === 'anonymous') return false
  const name = parseQuietly(repository)
  if (name === undefined) return false
  const open = openOf(name, await deps.chain.readAuthority(name.ensName))
  // Of a name that is not served here the push itself says why.
  if (open === undefined) return caller.kind === 'user'
  return (await permissionOf(deps, open, caller)) !== undefined
}

function parseQuietly(repository: string): ReturnType<typeof parseRepository> | undefined {
  try {
    return parseRepository(repository)
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}

/** Web pages cannot read what is answered here, and may not ask for it either: browsers send `Origin` with every form. */
async function readForm({ request }: RouteContext): Promise<URLSearchParams> {
  const { headers } = request
  if (headers.has('origin'))
    throw new OciError('DENIED', 'login refused: it comes from a web page (it has an Origin header)')
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type !== formType) throw malformed('Content-Type', type, formType)
  return new URLSearchParams(new TextDecoder().decode(await readBody(request, maxFormBytes)))
}

function checkService(logins: Logins, given: URLSearchParams): void {
  const { service } = logins.place()
  const asked = single(given, 'service')
  if (asked !== undefined && asked !== service) throw malformed('service', asked, service)
}

function single(given: URLSearchParams, member: string): string | undefined {
  const [value, ...more] = given.getAll(member)
  if (more.length > 0) throw malformed(member, `${more.length + 1} of them`, 'one at most')
  return value
}

function wanted(given: URLSearchParams, member: string): string {
  const value = single(given, member)
  if (value === undefined || value === '') throw malformed(member, 'nothing', 'a value')
  return value
}

/** `seen` is never a password or a token: only members that hold neither are quoted. */
function malformed(what: string, seen: string, want: string): OciError {
  return new OciError('UNSUPPORTED', `${what}: saw ${JSON.stringify(seen.slice(0, 100))}, wanted ${want}`, {
    status: 400,
  })
}
