import { LoginRefused } from './auth/refused.ts'
import { ChainUnavailable } from './chain/chain-reader.ts'
import type { Log } from './deps.ts'
import { OciError, type OciErrorCode, type OciErrorItem } from './oci/error.ts'
import { jsonAnswer, withoutBody } from './routes/answer.ts'
import { ContentUnavailable, DigestMismatch, PartTooLarge } from './store/content-store.ts'
import { SqlUnavailable } from './store/sql.ts'
import { Refusal, type RefusalName } from './tags/refusal.ts'

/** What each error code of the registry API means as an HTTP status, where the error itself does not say otherwise. */
export const statusOfCode: Readonly<Record<OciErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 413,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
}

/** Seconds after which a client may ask again when the chain or the store could not answer. */
const RETRY_AFTER_SECONDS = '5'

/** An error as status, headers and the items of a registry error body: the one place where that is decided. */
export type Failure = { status: number; headers: Readonly<Record<string, string>>; items: readonly OciErrorItem[] }

/** Maps whatever a route threw. What it does not know is 500 and goes to the log, not to the client. */
export function toFailure(error: unknown, log: Log, request: Request): Failure {
  if (error instanceof OciError) return failureOf(error)
  if (error instanceof Refusal) {
    return failureOf(
      new OciError('DENIED', `refused: ${error.reason}: ${error.message}`, { detail: { reason: error.reason } }),
    )
  }
  if (error instanceof LoginRefused) {
    const headers = { 'www-authenticate': 'Basic realm="mooring"' }
    return failureOf(new OciError('UNAUTHORIZED', error.message, { headers }))
  }
  if (error instanceof ChainUnavailable) {
    log('chain unavailable', { method: request.method, error: error.message })
    return failureOf(unavailable('the chain cannot be asked right now, so nothing can be said about this name'))
  }
  if (error instanceof ContentUnavailable) {
    log('content unavailable', { error: error.message })
    return failureOf(unavailable(error.message))
  }
  if (error instanceof SqlUnavailable) {
    log('database unavailable', { method: request.method, error: error.message })
    return failureOf(unavailable('the database of this gateway cannot be asked right now'))
  }
  if (error instanceof DigestMismatch) return failureOf(new OciError('DIGEST_INVALID', error.message))
  if (error instanceof PartTooLarge) return failureOf(new OciError('SIZE_INVALID', error.message))
  if (isStoreFull(error)) {
    log('store full', { method: request.method, error: describe(error) })
    return failureOf(new OciError('UNKNOWN', 'this gateway has no room left to store anything', { status: 507 }))
  }
  const url = request.url.split('?')[0]
  if (isBrokenOff(error)) {
    log('request broken off', { method: request.method, url })
    return failureOf(new OciError('SIZE_INVALID', 'the body ended before its end', { status: 400 }))
  }
  log('request failed', { method: request.method, url, error: describe(error) })
  return failureOf(new OciError('UNKNOWN', 'internal error; the gateway has logged what happened'))
}

/** What disks, quotas and SQLite say when nothing more fits (RFC 4918 section 11.5: 507). */
const fullCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL'])

function isStoreFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && fullCodes.has(error.code)
}

/** What Node's HTTP server says of a body whose client went away: nobody's fault here, and nobody reads the answer. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
}

/** A 503 with Retry-After: what was asked for exists, but cannot be had now (protocol 5: never 404). */
export function unavailable(message: string): OciError {
  return new OciError('UNKNOWN', message, { status: 503, headers: { 'retry-after': RETRY_AFTER_SECONDS } })
}

function failureOf(error: OciError): Failure {
  const [first] = error.items
  return { status: error.status ?? statusOfCode[first?.code ?? 'UNKNOWN'], headers: error.headers, items: error.items }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

/** `{"errors":[{code,message,detail}]}` (distribution-spec "Error Codes"); HEAD gets the same headers and no body. */
export function registryErrorResponse(error: unknown, log: Log, request: Request): Response {
  const failure = toFailure(error, log, request)
  const answer = jsonAnswer(failure.status, { errors: failure.items }, { ...failure.headers })
  return request.method === 'HEAD' ? withoutBody(answer) : answer
}

/** What a lookup's callData can break (rows 0 and 1 of the check order): the client's fault, 400. */
const callDataReasons: ReadonlySet<RefusalName> = new Set(['BadResponse', 'InvalidName', 'NodeMismatch', 'InvalidTag'])

/**
 * `{"message"}` with CORS, as ERC-3668 clients read it: 400 for callData outside the rules, 404 for another chain or resolver, 503 for
 * a name that cannot be answered now. A client stops at 4xx and tries the next URL at 5xx.
 */
export function lookupErrorResponse(error: unknown, log: Log, request: Request): Response {
  const failure = toFailure(error, log, request)
  const status = error instanceof Refusal ? (callDataReasons.has(error.reason) ? 400 : 503) : failure.status
  const headers = { ...failure.headers, 'access-control-allow-origin': '*' }
  return jsonAnswer(status, { message: failure.items[0]?.message ?? 'error' }, headers)
}
