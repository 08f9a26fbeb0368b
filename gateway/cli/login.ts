import { resolve } from 'node:path'
import { ConfigError, type Flag, isLoopbackHost, readSwitch, readText } from '../config.ts'
import { defaultStateDir } from './client/memory.ts'
import { wantsJson } from './client/session.ts'
import { endSignerAfter } from './client/signers/client-signer.ts'
import { openSigner, signerFlags } from './client/signers/open-signer.ts'
import { addCredentialHelper, dockerConfigFile, removeCredentialHelper } from './logins/docker-config.ts'
import { endLogin, LoginNotOffered, logIn, readOffer } from './logins/log-in.ts'
import { openStoredLogins, type StoredLogins } from './logins/stored-logins.ts'
import { publishingFailureOf } from './publishing/failure.ts'
import type { ReadingFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const dockerFlag: Flag = {
  name: 'no-docker-config',
  value: null,
  help: "leave docker's config.json as it is",
}
const stateFlag: Flag = {
  name: 'state',
  value: 'DIR',
  help: 'where logins are kept (default: under the XDG state folder)',
}

/** `mooring login GATEWAY` */
export const login: Verb = {
  name: 'login',
  usage: 'GATEWAY (--key-file F | --keystore F --password-file F | --rpc-signer URL | --browser) [flags]',
  summary: 'Log in to a gateway with an Ethereum account, for this program and for docker.',
  notes: [
    'The account signs a text that names this gateway and no other; the key goes nowhere. A login lasts for 12 hours.',
    'docker, podman and the like ask docker-credential-mooring, which is in this package: it must be on the PATH.',
  ],
  flags: [...signerFlags, dockerFlag, stateFlag, jsonFlag],
  run: (context) => runLogin(context, logInThere),
}

/** `mooring logout GATEWAY` */
export const logout: Verb = {
  name: 'logout',
  usage: 'GATEWAY [flags]',
  summary: 'End a login: at the gateway, here, and for docker.',
  flags: [dockerFlag, stateFlag, jsonFlag],
  run: (context) => runLogin(context, logOutThere),
}

/** One gateway of a command line, and what is kept of logins. */
type Place = { context: VerbContext; gateway: string; host: string; logins: StoredLogins }

async function runLogin(context: VerbContext, act: (place: Place) => Promise<Outcome>): Promise<number> {
  const gateway = readGateway(context)
  const { host } = new URL(gateway)
  const stateDir = readText(context.settings, 'state') ?? defaultStateDir(context.environment)
  const nothing = { ok: false, gateway, address: null }
  try {
    const { text, ...outcome } = await act({ context, gateway, host, logins: openStoredLogins(stateDir) })
    context.print(wantsJson(context) ? JSON.stringify({ ...outcome, error: null }) : text)
    return exitCodes.done
  } catch (error) {
    const { error: name, message, code } = loginFailureOf(error)
    context.note(`mooring: ${name}: ${message}`)
    if (wantsJson(context)) context.print(JSON.stringify({ ...nothing, error: name }))
    return code
  }
}

/** The JSON of both commands, and what people read. */
type Outcome = { ok: boolean; gateway: string; address: string | null; text: string } & Readonly<
  Record<string, unknown>
>

async function logInThere({ context, gateway, host, logins }: Place): Promise<Outcome> {
  const { settings, environment, note } = context
  const offer = await readOffer(gateway)
  const signer = await openSigner({ settings, chainId: offer.chainId, note })
  if (signer === null) {
    throw new ConfigError('signer', null, 'one of --key-file F, --keystore F, --rpc-signer URL and --browser')
  }
  const log = () => logIn(gateway, offer, signer, Math.floor(Date.now() / 1000))
  const made = await endSignerAfter(signer, log, ({ username }) => `${username} is logged in to ${gateway}.`)
  const keyFile = readText(settings, 'key-file')
  await logins.keep({ ...made, keyFile: keyFile === undefined ? null : resolve(keyFile) })
  const touchesDocker = !readSwitch(settings, 'no-docker-config')
  if (touchesDocker) await addCredentialHelper(environment, host)
  const dockerConfig = touchesDocker ? dockerConfigFile(environment) : null
  const until = new Date((made.expiresAt ?? 0) * 1000).toISOString()
  const forDocker =
    dockerConfig === null ? '' : `\n  docker asks docker-credential-mooring for ${host}: ${dockerConfig}`
  const text = `${made.username} is logged in to ${gateway} until ${until}${forDocker}`
  return { ok: true, gateway, address: made.username, expiresAt: made.expiresAt, dockerConfig, text }
}

async function logOutThere({ context, gateway, host, logins }: Place): Promise<Outcome> {
  const kept = await logins.find(host)
  // First here: what the gateway does not end, ends by itself.
  await logins.forget(host)
  if (!readSwitch(context.settings, 'no-docker-config')) await removeCredentialHelper(context.environment, host)
  if (kept?.realm) await endLogin(kept.realm, kept.secret)
  const text = kept === null ? `nobody was logged in to ${gateway}` : `${kept.username} is logged out of ${gateway}`
  return { ok: true, gateway, address: kept?.username ?? null, text }
}

/** A URL, or a host as docker takes it; plain http only to this machine. @throws ConfigError */
function readGateway({ positionals }: VerbContext): string {
  const [text, ...more] = positionals
  const wanted = 'the URL of one gateway, https:// or on this machine'
  if (text === undefined || more.length > 0) throw new ConfigError('GATEWAY', positionals.join(' ') || null, wanted)
  const hasScheme = /^https?:\/\//.test(text)
  const guess = URL.canParse(`http://${text}`) && isLoopbackHost(new URL(`http://${text}`).hostname) ? 'http' : 'https'
  const url = hasScheme ? text : `${guess}://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : null
  const isSafe = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopbackHost(parsed.hostname))
  if (parsed !== null && isSafe && parsed.username === '' && parsed.pathname === '/') return parsed.origin
  throw new ConfigError('GATEWAY', text, wanted)
}

function loginFailureOf(error: unknown): ReadingFailure {
  if (!(error instanceof LoginNotOffered)) return publishingFailureOf(error)
  return { error: 'LoginNotOffered', message: error.message, code: exitCodes.unverified }
}
