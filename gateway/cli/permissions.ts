import { open, readFile } from 'node:fs/promises'
import { type Hex, isAddress } from 'viem'
import { ConfigError, readInteger, readText, type Settings } from '../config.ts'
import { OciError } from '../oci/error.ts'
import { parseStrictJson } from '../oci/strict-json.ts'
import { membersOf, objectOf } from '../tags/json-members.ts'
import { hashPermissions, type PushPermissions, permissionsTypedData, verifyPermissions } from '../tags/permissions.ts'
import { parsePermissions, permissionsToJson } from '../tags/permissions-json.ts'
import { Refusal } from '../tags/refusal.ts'
import { connectionFlags } from './client/connect.ts'
import { type GatewayPermissions, readPermissions, sendPermissions } from './client/gateway-permissions.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { endSignerAfter, typedDocumentJson } from './client/signers/client-signer.ts'
import { openSigner, signerFlags } from './client/signers/open-signer.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const actions = ['show', 'set', 'message', 'send'] as const
const maxDays = 400
const daySeconds = 86_400n
/** Of permissions that nobody knows the owner to have signed. */
const MAX_UNSIGNED_VERSION = 2 ** 32

/** `mooring permissions NAME show|set|message|send` */
export const permissions: Verb = {
  name: 'permissions',
  usage: 'NAME show|set|message|send [--rules FILE] [flags]',
  summary: 'Show or sign which accounts may push which tags under a name, beside its owner and its publishers.',
  notes: [
    'FILE of --rules: {"grants": [{"account": "0x..", "names": ["*"], "create": ["ci-*"], "update": [], "remove": []}],',
    '"immutableTags": ["v[0-9]*"]}. set signs it as the owner and sends it to every gateway of the name. For an owner that is a contract:',
    'message writes what is to be signed into --file, and send sends that file with --signature.',
  ],
  flags: [
    { name: 'rules', value: 'FILE', help: 'who may push what, and which tags never move' },
    { name: 'days', value: 'N', help: `how long it holds, 1 to ${maxDays} (default 365)` },
    { name: 'file', value: 'FILE', help: 'of message and send: the permissions and their typed data' },
    { name: 'signature', value: 'HEX', help: 'of send: the owner’s signature' },
    ...signerFlags,
    ...connectionFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const [ensName, action = 'show', ...more] = context.positionals
    const subject = parseSubject({ ...context, positionals: ensName === undefined ? [] : [ensName] }, 'NAME')
    if (more.length > 0 || !isAction(action)) {
      throw new ConfigError('permissions', [action, ...more].join(' '), actions.join(', '))
    }
    try {
      return await acts[action](context, await openOwned(context, subject), subject)
    } catch (error) {
      return reportFailure(context, { ok: false, name: subject.ensName }, failureOf(error))
    }
  },
}

type Act = (context: VerbContext, session: Session, subject: Subject) => Promise<number>

const acts: Readonly<Record<(typeof actions)[number], Act>> = {
  show: showPermissions,
  set: setPermissions,
  message: writeMessage,
  send: sendMessage,
}

function isAction(text: string): text is (typeof actions)[number] {
  return (actions as readonly string[]).includes(text)
}

/** @throws ConfigError for a name that has no owner of its own: its permissions are another name's */
async function openOwned(context: VerbContext, subject: Subject): Promise<Session> {
  const session = await openSession(context, subject)
  const { authorityName } = await session.onChain.readAuthority()
  if (authorityName === subject.ensName) return session
  throw new ConfigError(
    'NAME',
    subject.ensName,
    `${authorityName}, whose owner says who may push to ${subject.ensName}`,
  )
}

async function showPermissions(context: VerbContext, session: Session, { ensName, repository }: Subject) {
  const found = await readPermissions(session, repository)
  const ok = found.every(({ problem }) => problem === null)
  const gateways = found.map(({ gateway, signed, problem }) => ({
    ...{ gateway, problem },
    permissions: signed && permissionsToJson(signed.permissions),
  }))
  const lines = found.flatMap(describe)
  context.print(wantsJson(context) ? JSON.stringify({ ok, name: ensName, gateways }) : lines.join('\n'))
  return ok ? exitCodes.done : exitCodes.failed
}

async function setPermissions(context: VerbContext, session: Session, subject: Subject) {
  const next = await nextPermissions(context.settings, session, subject)
  const { domain } = session.onChain
  const signer = await openSigner({ settings: context.settings, chainId: domain.chainId, note: context.note })
  if (signer === null)
    throw new ConfigError('signer', null, 'the owner’s --key-file, --keystore, --rpc-signer or --browser')
  const sign = async () => {
    const hash = hashPermissions(domain, next)
    const document = permissionsTypedData(domain, next)
    const signature = await signer.signTyped({ hash, document, meaning: describePermissions(next) })
    return publish(context, session, subject, { permissions: next, signature })
  }
  return endSignerAfter(signer, sign, () => 'The permissions are signed; the terminal says which gateways have them.')
}

async function writeMessage(context: VerbContext, session: Session, subject: Subject) {
  const next = await nextPermissions(context.settings, session, subject)
  const { domain } = session.onChain
  const typedData: unknown = JSON.parse(typedDocumentJson(permissionsTypedData(domain, next)))
  const message = { permissions: permissionsToJson(next), hash: hashPermissions(domain, next), typedData }
  const path = required(context.settings, 'file', 'where to write what is to be signed')
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError('--file', path, `a new file (${error.code ?? error.message})`)
  })
  await file.writeFile(`${JSON.stringify(message, null, 2)}\n`).finally(() => file.close())
  const said = `${path}: ${next.owner} signs the typed data in it; then: mooring permissions ${subject.ensName} send --file ${path} --signature HEX`
  context.print(wantsJson(context) ? JSON.stringify({ ok: true, name: subject.ensName, ...message }) : said)
  return exitCodes.done
}

async function sendMessage(context: VerbContext, session: Session, subject: Subject) {
  const members = await readJsonFile(context.settings, 'file')
  const next = readable(context.settings, 'file', () => parsePermissions(members.permissions))
  const signature = required(context.settings, 'signature', 'the owner’s signature in hex').toLowerCase() as Hex
  return publish(context, session, subject, { permissions: next, signature })
}

/** Checked here as gateways check it, then sent to all of them. */
async function publish(
  context: VerbContext,
  session: Session,
  { ensName, repository }: Subject,
  upload: { permissions: PushPermissions; signature: Hex },
) {
  const signed = await verifyPermissions(upload, await session.onChain.readAuthority(), session.localTime)
  const gateways = await Promise.all(
    session.onChain.gateways.map(async (gateway) => {
      const taken = sendPermissions(session, gateway, repository, signed)
      return { gateway, taken: await taken.catch((error: Error) => error.message) }
    }),
  )
  const ok = gateways.length > 0 && gateways.every(({ taken }) => taken === true)
  const version = Number(signed.permissions.version)
  const lines = [
    ...describePermissions(signed.permissions),
    ...gateways.map(
      ({ gateway, taken }) => `  ${gateway}: ${taken === true ? 'taken' : taken || 'has a newer version'}`,
    ),
  ]
  context.print(
    wantsJson(context) ? JSON.stringify({ ok, name: ensName, version, hash: signed.hash, gateways }) : lines.join('\n'),
  )
  return ok ? exitCodes.done : exitCodes.failed
}

/** The version above what any gateway has of the owner's. @throws ConfigError, Refusal NoOwner */
async function nextPermissions(settings: Settings, session: Session, { ensName, repository }: Subject) {
  const { node, owner } = await session.onChain.readAuthority()
  if (owner === null) throw new Refusal('NoOwner', `${ensName} has no owner`)
  const days = readInteger(settings, 'days', 1, maxDays, 365)
  const rules = await readRules(settings)
  const standing = (await readPermissions(session, repository)).map(standingVersion)
  const times = { issuedAt: session.localTime, expiresAt: session.localTime + BigInt(days) * daySeconds }
  const header = { name: ensName, node, owner, version: 1 + Math.max(0, ...standing) }
  const wire = { ...header, ...rules, issuedAt: Number(times.issuedAt), expiresAt: Number(times.expiresAt) }
  return readable(settings, 'rules', () => parsePermissions(wire))
}

/**
 * The version that a gateway's permissions take up. A gateway can make up any: what the owner did not sign counts up to a bound that leaves
 * room above, so that nobody makes the owner sign the last version there is. (It counts at all, because a contract may no longer approve of
 * what it approved of when gateways took it.)
 */
function standingVersion({ signed, isOwners }: GatewayPermissions): number {
  const version = Number(signed?.permissions.version ?? 0)
  return isOwners || version <= MAX_UNSIGNED_VERSION ? version : 0
}

/** Who may push what, and nothing of the rest that is signed; accounts in whatever case their checksum allows. @throws ConfigError */
async function readRules(settings: Settings): Promise<{ grants: unknown; immutableTags: unknown }> {
  const members = await readJsonFile(settings, 'rules')
  return readable(settings, 'rules', () => {
    const { grants, immutableTags } = membersOf(members, 'rules', ['grants', 'immutableTags'])
    return { grants: Array.isArray(grants) ? grants.map(inLowerCase) : grants, immutableTags }
  })
}

function inLowerCase(grant: unknown): unknown {
  if (typeof grant !== 'object' || grant === null || !('account' in grant)) return grant
  const { account } = grant
  return typeof account === 'string' && isAddress(account) ? { ...grant, account: account.toLowerCase() } : grant
}

async function readJsonFile(settings: Settings, flag: 'rules' | 'file'): Promise<Record<string, unknown>> {
  const path = required(settings, flag, 'a JSON file')
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`--${flag}`, path, `a JSON file (${error.code ?? error.message})`)
  })
  return readable(settings, flag, () => objectOf(parseStrictJson(bytes, { maxDepth: 12 }), 'file'))
}

function readable<Value>(settings: Settings, flag: 'rules' | 'file', read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    const path = readText(settings, flag) ?? null
    if (error instanceof OciError) throw new ConfigError(`--${flag}`, path, `a usable file: ${error.message}`)
    throw error
  }
}

function required(settings: Settings, flag: string, wanted: string): string {
  const text = readText(settings, flag)
  if (text === undefined) throw new ConfigError(`--${flag}`, null, wanted)
  return text
}

function describe({ gateway, signed, problem }: GatewayPermissions): string[] {
  if (!signed) return [`${gateway}: none; the owner and the publishers push, nobody else`]
  return [
    `${gateway}${problem === null ? '' : `: does not count: ${problem}`}`,
    ...describePermissions(signed.permissions),
  ]
}

function describePermissions({ name, version, grants, immutableTags, expiresAt }: PushPermissions): string[] {
  const until = new Date(Number(expiresAt) * 1000).toISOString().slice(0, 10)
  const listed = (globs: readonly string[]) => (globs.length === 0 ? 'none' : globs.join(' '))
  return [
    `permissions of ${name}, version ${version}, until ${until}`,
    ...grants.map(
      ({ account, names, create, update, remove }) =>
        `  ${account} in ${listed(names)}: create ${listed(create)}; move ${listed(update)}; remove ${listed(remove)}`,
    ),
    `  never moved once created: ${listed(immutableTags)}`,
  ]
}
