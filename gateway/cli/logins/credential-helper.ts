import { readKeyFile } from '../../signer.ts'
import { createLocalSigner } from '../client/signers/key-file.ts'
import { endLogin, logIn, readOffer } from './log-in.ts'
import type { StoredLogin, StoredLogins } from './stored-logins.ts'

/** What the protocol of docker's credential helpers calls a host without a login. */
const NOT_FOUND = 'credentials not found in native keychain'
const NO_SERVER = 'no credentials server URL'
const NO_USER = 'no credentials username'

/** What a helper prints and ends with: errors go to stdout too, where docker reads them. */
export type HelperAnswer = { out: string; code: 0 | 1 }

/**
 * `docker-credential-mooring get|store|erase|list` (the protocol of docker's credential helpers): what `mooring login` keeps, handed to
 * docker. A login by a key file that has ended is made anew. `now` in unix seconds.
 */
export async function answerDocker(
  logins: StoredLogins,
  action: string | undefined,
  input: string,
  now: number,
): Promise<HelperAnswer> {
  try {
    if (action === 'get') return answered(await give(logins, input, now))
    if (action === 'store') return answered(await take(logins, input))
    if (action === 'erase') return answered(await drop(logins, input))
    if (action === 'list') return answered(await listAll(logins))
    return refused('usage: docker-credential-mooring get|store|erase|list')
  } catch (error) {
    return refused((error as Error).message.split('\n', 1)[0] ?? '')
  }
}

function answered(out: string): HelperAnswer {
  return { out, code: 0 }
}

function refused(out: string): HelperAnswer {
  return { out, code: 1 }
}

async function give(logins: StoredLogins, input: string, now: number): Promise<string> {
  const serverUrl = input.trim()
  const login = await logins.find(hostOf(serverUrl))
  if (login === null) throw new Error(NOT_FOUND)
  const fresh = await renewed(logins, login, now)
  return JSON.stringify({ ServerURL: serverUrl, Username: fresh.username, Secret: fresh.secret })
}

/** @throws Error NOT_FOUND for one that has ended and cannot be made anew: docker then says that a login is wanted */
async function renewed(logins: StoredLogins, login: StoredLogin, now: number): Promise<StoredLogin> {
  if (login.expiresAt === null || login.expiresAt > now) return login
  if (login.keyFile === null || login.realm === null) throw new Error(NOT_FOUND)
  const gateway = new URL(login.realm).origin
  const signer = createLocalSigner(await readKeyFile(login.keyFile))
  const next = { ...(await logIn(gateway, await readOffer(gateway), signer, now)), keyFile: login.keyFile }
  await logins.keep(next)
  return next
}

/** `docker login` with a helper stores what was typed there. */
async function take(logins: StoredLogins, input: string): Promise<string> {
  const { ServerURL, Username, Secret } = parseInput(input)
  if (typeof ServerURL !== 'string' || ServerURL === '') throw new Error(NO_SERVER)
  if (typeof Username !== 'string' || Username === '') throw new Error(NO_USER)
  if (typeof Secret !== 'string') throw new Error('no credentials secret')
  const rest = { realm: null, service: null, expiresAt: null, keyFile: null }
  const host = hostOf(ServerURL)
  const kept = await logins.find(host)
  // docker stores again what it was given: what is known of that login stays.
  if (kept?.username !== Username || kept.secret !== Secret) {
    await logins.keep({ host, username: Username, secret: Secret, ...rest })
  }
  return ''
}

function parseInput(input: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(input)) as Record<string, unknown>
  } catch {
    throw new Error('what came to be stored is no JSON')
  }
}

/** `docker logout`: forgotten here first, then ended at the gateway, whatever that one says. */
async function drop(logins: StoredLogins, input: string): Promise<string> {
  const host = hostOf(input.trim())
  const kept = await logins.find(host)
  if (!(await logins.forget(host))) throw new Error(NOT_FOUND)
  if (kept?.realm) await endLogin(kept.realm, kept.secret).catch(() => undefined)
  return ''
}

async function listAll(logins: StoredLogins): Promise<string> {
  return JSON.stringify(Object.fromEntries((await logins.list()).map(({ host, username }) => [host, username])))
}

/** docker sends a host, or a URL. @throws Error */
function hostOf(serverUrl: string): string {
  if (serverUrl === '') throw new Error(NO_SERVER)
  const url = /^[a-z]+:\/\//.test(serverUrl) ? serverUrl : `https://${serverUrl}`
  if (!URL.canParse(url)) throw new Error(NOT_FOUND)
  // The parser leaves a scheme's own port out: docker says hosts as they are in an image's name.
  return /^[a-z]+:\/\/([^/?#]+)/.exec(url)?.[1]?.toLowerCase() ?? new URL(url).host
}
