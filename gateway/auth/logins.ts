import { type Address, bytesToHex, type Hex, hashMessage } from 'viem'
import { type Caller, callerLabel } from '../access.ts'
import type { LoginSession, LoginStore } from '../store/logins.ts'
import { type AskContractSignature, isSignatureValid } from '../tags/signature.ts'
import type { Attempts } from './attempts.ts'
import { encodeBase64url } from './base64url.ts'
import type { Place } from './challenge.ts'
import { accountOf, type Credentials, MAX_CREDENTIAL_CHARS, parseSignedMessage } from './credentials.ts'
import { sha256, type TokenKeys } from './keys.ts'
import { makeNonce, NONCE_LIFETIME_SECONDS, readNonce } from './nonce.ts'
import { LoginRefused } from './refused.ts'
import { encodeScopes, type Grant, parseScopes } from './scope.ts'
import { checkLoginMessage, limitsOf, MAX_LOGIN_SECONDS, parseLoginMessage } from './siwe.ts'
import { type AccessToken, mintToken, readToken, TOKEN_LIFETIME_SECONDS } from './token.ts'

/** The operator's own users. */
export type PasswordFile = {
  /**
   * The fingerprint of the user's line when the password is right, else undefined. `admit` is called before work is done for it, and may
   * throw; a pair that was right a short while ago needs none.
   */
  check(credentials: Credentials, admit: () => void): Promise<string | undefined>
  /** Of the user's line as it is now; undefined for no such user. */
  fingerprintOf(user: string): Promise<string | undefined>
}

/** What logging in stands on. */
export type LoginsOptions = {
  place: () => Place
  chainId: number
  keys: TokenKeys
  store: LoginStore
  /** Null: accounts alone log in. */
  passwords: PasswordFile | null
  /** ERC-1271, at the latest block. */
  askContract: AskContractSignature
  attempts: Attempts
  /** Unix seconds. */
  clock: () => bigint
  randomBytes: (length: number) => Uint8Array
  log: (event: string, fields?: Readonly<Record<string, unknown>>) => void
}

/** Somebody who has shown who they are. */
export type Login = {
  caller: Caller
  /** What the login message limits it to; null for no limit. */
  limits: readonly Grant[] | null
  /** Unix seconds, from when on nothing that came of it counts; null for nobody's. */
  endsAt: number | null
  /** What a session of it rests on; null: it is one, or has nothing to rest on. */
  kept: Pick<LoginSession, 'messageHash' | 'proof' | 'expiresAt'> | null
}

/** An access token, ready to be handed out. */
export type MintedToken = { token: string; expiresInSeconds: number; issuedAt: number }

/** What a login message has to say (docs/logins.md). */
export type NonceAnswer = { nonce: string; expiresAt: number; domain: string; uri: string; chainId: number }

/** Who is asking: the address it came from, for counting. */
export type Attempt = { client: string }

/** Logs callers in and makes their tokens; refusals are LoginRefused (401) and OciError TOOMANYREQUESTS (429). */
export type Logins = {
  place(): Place
  nonce(): Promise<NonceAnswer>
  /** @throws LoginRefused, OciError, ChainUnavailable */
  logIn(credentials: Credentials, attempt: Attempt): Promise<Login>
  /** @throws LoginRefused, ChainUnavailable */
  resume(refreshToken: string): Promise<Login>
  /** Opens a session and gives its refresh token; undefined for a login that has none. */
  keep(login: Login, clientId: string): Promise<string | undefined>
  /** Ends a session; nothing happens where there is none. */
  revoke(refreshToken: string): Promise<void>
  /** The token ends with the login at the latest. */
  mint(login: Pick<Login, 'caller' | 'endsAt'>, grants: readonly Grant[]): Promise<MintedToken>
  /** @throws LoginRefused */
  read(accessToken: string): Promise<AccessToken>
  /** Forgets what has ended; resolves with how much. */
  removeExpired(): Promise<number>
}

const refreshPrefix = 'mrt_'
const refreshForm = /^mrt_[A-Za-z0-9_-]{43}$/
/** Two machines' clocks may differ by more than a nonce lives: it is remembered for longer. */
const nonceMemorySeconds = 3600
const maxClientIdChars = 100

/** Who logs in with nothing. */
export const nobody: Login = { caller: { kind: 'anonymous' }, limits: null, endsAt: null, kept: null }

/** Whether a password is a refresh token and no login message. */
export function isRefreshToken(text: string): boolean {
  return text.startsWith(refreshPrefix)
}

/** Logging in by an account's message, by the password file, and by what came of either before. */
export function createLogins(options: LoginsOptions): Logins {
  const { place, chainId, keys, store, randomBytes, log } = options
  const now = () => Number(options.clock())
  return {
    place,
    async nonce() {
      const { service: domain, realm: uri } = place()
      const expiresAt = now() + NONCE_LIFETIME_SECONDS
      const nonce = await makeNonce(keys, { service: domain, expiresAt, random: randomBytes(16) })
      return { nonce, expiresAt, domain, uri, chainId }
    },
    logIn: (credentials, { client }) =>
      logIn(options, credentials, client).catch((error: unknown) => {
        if (error instanceof LoginRefused) log('login refused', { client, reason: error.message })
        throw error
      }),
    resume: (refreshToken) => resume(options, refreshToken),
    keep: (login, clientId) => keep(options, login, clientId),
    async revoke(refreshToken) {
      if (refreshForm.test(refreshToken)) await store.endSession(await hashOf(refreshToken))
    },
    async mint({ caller, endsAt }, grants) {
      const issuedAt = now()
      const expiresInSeconds = Math.min(TOKEN_LIFETIME_SECONDS, (endsAt ?? Number.POSITIVE_INFINITY) - issuedAt)
      const id = bytesToHex(randomBytes(16)).slice(2)
      const made = { service: place().service, now: issuedAt, id, lifetimeSeconds: expiresInSeconds }
      const token = await mintToken(keys, { subject: callerLabel(caller), grants }, made)
      return { token, expiresInSeconds, issuedAt }
    },
    read: (accessToken) => readToken(keys, accessToken, { service: place().service, now: now() }),
    removeExpired: () => store.removeExpired(now() - nonceMemorySeconds),
  }
}

/** Whom a token's subject stands for; the inverse of `callerLabel`, for those who can have a token. */
export function callerOfSubject(subject: string): Caller {
  const address = accountOf(subject)
  if (address !== undefined) return { kind: 'account', address }
  return subject === 'anonymous' ? { kind: 'anonymous' } : { kind: 'user', user: subject }
}

async function logIn(options: LoginsOptions, credentials: Credentials, client: string): Promise<Login> {
  const { user, password } = credentials
  if (user.length + password.length > MAX_CREDENTIAL_CHARS) throw new LoginRefused('user and password are too long')
  const account = accountOf(user)
  const admit = () => options.attempts.admit(client, user)
  if (account === undefined) return logInUser(options, credentials, admit)
  if (!isRefreshToken(password)) {
    admit()
    return logInAccount(options, account, password)
  }
  const login = await resume(options, password)
  if (callerLabel(login.caller) === account) return login
  throw new LoginRefused('the refresh token is another account’s')
}

async function logInUser(options: LoginsOptions, credentials: Credentials, admit: () => void): Promise<Login> {
  const proof = await options.passwords?.check(credentials, admit)
  if (proof === undefined) throw new LoginRefused('wrong user or password')
  const expiresAt = Number(options.clock()) + MAX_LOGIN_SECONDS
  const kept = { messageHash: null, proof, expiresAt }
  return { caller: { kind: 'user', user: credentials.user }, limits: null, endsAt: expiresAt, kept }
}

/** The nonce is used last, by a message that is right in all else: nobody else can use it up. */
async function logInAccount(options: LoginsOptions, address: Address, password: string): Promise<Login> {
  const { keys, chainId, store, askContract } = options
  const { message: text, signature } = parseSignedMessage(password)
  const message = parseLoginMessage(text)
  const { service, realm } = options.place()
  const now = Number(options.clock())
  checkLoginMessage(message, { address, service, realm, chainId, now })
  const nonceEnd = await readNonce(keys, service, message.nonce)
  if (nonceEnd === undefined) throw new LoginRefused(`the nonce is not one of ${realm}/nonce`)
  if (nonceEnd <= now) throw new LoginRefused(`the nonce has expired: ${realm}/nonce gives another`)
  const messageHash = hashMessage(text)
  if (!(await isSignatureValid(address, messageHash, signature, askContract))) {
    throw new LoginRefused(`the signature of the login message is not one of ${address}`)
  }
  if (!(await store.useNonce(message.nonce, nonceEnd))) throw new LoginRefused('the nonce was used before')
  options.log('logged in', { account: address })
  const kept = { messageHash, proof: signature, expiresAt: message.expiresAt }
  return { caller: { kind: 'account', address }, limits: limitsOf(message), endsAt: message.expiresAt, kept }
}

async function keep(options: LoginsOptions, login: Login, clientId: string): Promise<string | undefined> {
  if (login.kept === null) return undefined
  const token = refreshPrefix + encodeBase64url(options.randomBytes(32))
  await options.store.openSession({
    ...login.kept,
    tokenHash: await hashOf(token),
    subject: callerLabel(login.caller),
    limitedTo: login.limits === null ? null : encodeScopes(login.limits),
    clientId: clientId.slice(0, maxClientIdChars),
    createdAt: Number(options.clock()),
  })
  return token
}

/** A session counts while what it rests on does: accounts that are contracts are asked again, and the password file is. */
async function resume(options: LoginsOptions, refreshToken: string): Promise<Login> {
  const tokenHash = refreshForm.test(refreshToken) ? await hashOf(refreshToken) : ''
  const session = tokenHash === '' ? undefined : await options.store.findSession(tokenHash)
  if (session === undefined || session.expiresAt <= Number(options.clock())) {
    throw new LoginRefused('the login has ended or never was: log in again')
  }
  if (!(await stillHolds(options, session))) {
    await options.store.endSession(tokenHash)
    throw new LoginRefused('the login has ended, because what it rested on no longer holds: log in again')
  }
  const limits = session.limitedTo === null ? null : parseScopes([session.limitedTo])
  return { caller: callerOfSubject(session.subject), limits, endsAt: session.expiresAt, kept: null }
}

async function stillHolds({ passwords, askContract }: LoginsOptions, session: LoginSession): Promise<boolean> {
  const { subject, messageHash, proof } = session
  const account = accountOf(subject)
  if (messageHash === null || account === undefined) return (await passwords?.fingerprintOf(subject)) === proof
  return isSignatureValid(account, messageHash, proof as Hex, askContract)
}

async function hashOf(token: string): Promise<string> {
  return bytesToHex(await sha256(new TextEncoder().encode(token))).slice(2)
}
