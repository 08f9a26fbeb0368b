import { isLoopbackHost, readText } from '../../config.ts'
import { visibleWord } from '../../oci/visible.ts'
import { readKeyFile } from '../../signer.ts'
import type { Credentials } from '../client/credentials.ts'
import { withCredentials } from '../client/credentials.ts'
import { defaultStateDir } from '../client/memory.ts'
import { createLocalSigner } from '../client/signers/key-file.ts'
import { openSigner, signerKind } from '../client/signers/open-signer.ts'
import { RegistryRefused } from '../push/registry-answer.ts'
import type { VerbContext } from '../verb.ts'
import { type AccessToken, LoginNotOffered, logIn, readOffer, readToken } from './log-in.ts'
import { openStoredLogins, type StoredLogin, type StoredLogins } from './stored-logins.ts'

/** A token is not used any more when so little is left of it: an upload goes on for a while. */
const spareSeconds = 30

/**
 * Runs a command whose requests carry the login that is kept for their host (`mooring login`): a token for the repository that a gateway
 * asks a login for, by that gateway's own challenge and from it alone. Without a login, a command that has a key in a file logs in by it.
 */
export function withLogins<Result>(context: VerbContext, work: () => Promise<Result>): Promise<Result> {
  const stateDir = readText(context.settings, 'state') ?? defaultStateDir(context.environment)
  return withCredentials(createCredentials(context, openStoredLogins(stateDir)), work)
}

/** Tokens by origin and repository. */
type Tokens = Map<string, { scope: string; login: StoredLogin; token: AccessToken }>

function createCredentials(context: VerbContext, logins: StoredLogins): Credentials {
  const tokens: Tokens = new Map()
  return {
    async known(url) {
      const found = [...tokens].find(([place]) => url.startsWith(place))
      if (found === undefined) return null
      const [place, { scope, login, token }] = found
      if (token.expiresAt - spareSeconds > nowSeconds()) return bearer(token)
      const next = await tokenOf(context, logins, login, scope)
      if (next === null) return null
      tokens.set(place, { scope, ...next })
      return bearer(next.token)
    },
    async answer(url, challenge) {
      const wanted = scopeIn(challenge)
      if (wanted === null) return null
      const login = await loginFor(context, logins, url, challenge)
      if (login === null) return null
      const next = await tokenOf(context, logins, login, wanted.scope)
      if (next === null) return null
      const { origin } = new URL(url)
      tokens.set(`${origin}/v2/${wanted.repository}/`, { scope: wanted.scope, ...next })
      return bearer(next.token)
    },
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

function bearer({ token }: AccessToken): string {
  return `Bearer ${token}`
}

/** All that this command may come to need of the repository that a challenge names, in one token. */
function scopeIn(challenge: string): { repository: string; scope: string } | null {
  const [, repository, actions = ''] =
    /^bearer\s.*\bscope="repository:([a-z0-9._/-]{1,255}):([a-z,*]{1,60})"/i.exec(challenge) ?? []
  if (repository === undefined) return null
  const all = new Set(['pull', 'push', ...actions.split(',')])
  return { repository, scope: `repository:${repository}:${[...all].join(',')}` }
}

/** The kept login of a host, where the challenge names that very login's realm: a token goes nowhere else, and over https only or on this machine. */
async function loginFor(
  context: VerbContext,
  logins: StoredLogins,
  url: string,
  challenge: string,
): Promise<StoredLogin | null> {
  const { origin, host, protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !isLoopbackHost(hostname)) {
    context.note(`warning: ${origin} asks for a login over plain http: none is sent`)
    return null
  }
  const realm = `${origin}/token`
  const said = /\brealm="([^"]{1,300})"/i.exec(challenge)?.[1]
  if (said !== realm) {
    context.note(`warning: ${origin} asks for a token of ${visibleWord(said ?? 'nowhere')}: none is sent`)
    return null
  }
  const kept = await logins.find(host)
  if (kept?.realm === realm && (kept.expiresAt ?? 0) > nowSeconds()) return kept
  return logInByKey(context, origin, kept)
}

/** By the key file that this command, or the login before, was given; never by a wallet: that asks a person. */
async function logInByKey(
  { settings, note }: VerbContext,
  origin: string,
  kept: StoredLogin | null,
): Promise<StoredLogin | null> {
  const kind = signerKind(settings)
  const signer =
    kind === 'key-file' || kind === 'keystore'
      ? await openSigner({ settings, chainId: null, note })
      : kept?.keyFile
        ? createLocalSigner(await readKeyFile(kept.keyFile))
        : null
  if (signer === null) return null
  try {
    return await logIn(origin, await readOffer(origin), signer, nowSeconds())
  } catch (error) {
    if (error instanceof LoginNotOffered) note(`warning: ${error.message}`)
    if (error instanceof LoginNotOffered || error instanceof RegistryRefused) return null
    throw error
  }
}

/** A token; where the login has ended, of one that is made anew. */
async function tokenOf(context: VerbContext, logins: StoredLogins, login: StoredLogin, scope: string) {
  const { realm, service, secret, host } = login
  if (realm === null || service === null) return null
  try {
    return { login, token: await readToken({ realm, service, secret }, scope, nowSeconds()) }
  } catch (error) {
    if (!(error instanceof RegistryRefused) || error.status !== 401) throw error
    const again = await logInByKey(context, new URL(realm).origin, await logins.find(host))
    if (again?.realm == null || again.service === null) return null
    const named = { realm: again.realm, service: again.service, secret: again.secret }
    return { login: again, token: await readToken(named, scope, nowSeconds()) }
  }
}
