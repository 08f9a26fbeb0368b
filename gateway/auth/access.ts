import type { Access, Caller, Need } from '../access.ts'
import { challenged } from './challenge.ts'
import { accountOf, parseBasic, parseBearer } from './credentials.ts'
import { callerOfSubject, isRefreshToken, type Logins } from './logins.ts'
import { LoginRefused } from './refused.ts'
import { allowsAction, type Grant } from './scope.ts'

/** Comes in with a token, or with a user and password in every request; reads without either. */
export function createTokenAccess(logins: Logins): Access {
  return {
    async identify(authorization, need, client = '') {
      if (authorization === null) return withoutCredentials(logins, need)
      const token = parseBearer(authorization)
      return token === undefined
        ? identifyUser(logins, authorization, need, client)
        : identifyToken(logins, token, need)
    },
  }
}

function withoutCredentials(logins: Logins, need: Need): Caller {
  if (need.repository !== null && need.action === 'pull') return { kind: 'anonymous' }
  const wanted = need.repository === null ? 'a token' : `a token that allows ${need.action} in ${need.repository}`
  throw challenged(`authentication required: wanted ${wanted}`, logins.place(), need)
}

async function identifyToken(logins: Logins, token: string, need: Need): Promise<Caller> {
  const { subject, grants } = await logins.read(token).catch((error: unknown) => {
    if (error instanceof LoginRefused) throw challenged(error.message, logins.place(), need, 'invalid_token')
    throw error
  })
  checkGrants(logins, grants, need, subject)
  return callerOfSubject(subject)
}

/** Clients that know no tokens. A login message works once, so here an account's password is a refresh token. */
async function identifyUser(logins: Logins, authorization: string, need: Need, client: string): Promise<Caller> {
  const place = logins.place()
  const credentials = parseBasic(authorization)
  if (credentials === undefined) throw challenged('the Authorization header is neither Bearer nor Basic', place, need)
  if (accountOf(credentials.user) !== undefined && !isRefreshToken(credentials.password)) {
    throw challenged(
      `an account's password is a refresh token here; a login message is for ${place.realm}`,
      place,
      need,
    )
  }
  const { caller, limits } = await logins.logIn(credentials, { client }).catch((error: unknown) => {
    if (error instanceof LoginRefused) throw challenged(error.message, place, need)
    throw error
  })
  if (limits !== null) checkGrants(logins, limits, need, credentials.user)
  return caller
}

function checkGrants(logins: Logins, grants: readonly Grant[], need: Need, subject: string): void {
  if (need.repository === null || allowsAction(grants, need.repository, need.action)) return
  const message = `the token of ${subject} does not allow ${need.action} in ${need.repository}`
  throw challenged(message, logins.place(), need, 'insufficient_scope')
}
