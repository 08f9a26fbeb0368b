import { ConfigError, type Flag, readInteger, readSwitch, readText } from '../../config.ts'
import { parseNameArgument, type RepositoryName } from '../../ens/name.ts'
import { isTag } from '../../tags/entry.ts'
import { Refusal } from '../../tags/refusal.ts'
import type { NameMemory } from '../../tags/verify.ts'
import type { VerbContext } from '../verb.ts'
import { defaultLookupTimeoutMs } from './ccip.ts'
import { type Connection, connect } from './connect.ts'
import { type ClientMemory, createClientMemory, defaultStateDir } from './memory.ts'
import { type NameOnChain, openName } from './name-on-chain.ts'

/** NAME or NAME:TAG of a command line. */
export type Subject = RepositoryName & { tag: string }

/** A reading command that has its name, its chain and its memory. */
export type Session = {
  connection: Connection
  onChain: NameOnChain
  memory: ClientMemory
  /** What was remembered when the command began. */
  remembered: NameMemory | null
  /** Unix seconds, read once. */
  localTime: bigint
  /** For each gateway's answer to a lookup. */
  lookupTimeoutMs: number
}

const maxLookupTimeoutMs = 600_000

/** What the commands that look a tag up take. */
export const lookupFlags: readonly Flag[] = [
  {
    name: 'timeout-ms',
    value: 'N',
    help: `how long one gateway may take to answer a lookup (default: ${defaultLookupTimeoutMs})`,
  },
]

/** The one positional argument. `latest` stands for a tag that is not given. @throws ConfigError naming NAME */
export function parseSubject(context: VerbContext, form: 'NAME' | 'NAME[:TAG]'): Subject {
  const [text, ...more] = context.positionals
  if (text === undefined) throw new ConfigError(form, null, 'an ENS name such as web.acme.eth or acme.eth/web')
  if (more.length > 0) throw new ConfigError(form, context.positionals.join(' '), 'one name')
  const colon = text.indexOf(':')
  const tag = colon < 0 ? 'latest' : text.slice(colon + 1)
  if (colon >= 0 && form === 'NAME') throw new ConfigError(form, text, 'a name without a tag')
  if (!isTag(tag)) throw new ConfigError(form, text, 'a tag of letters, digits, "_", "." and "-" behind the colon')
  return { ...parseName(colon < 0 ? text : text.slice(0, colon), form), tag }
}

function parseName(text: string, form: string): RepositoryName {
  try {
    return parseNameArgument(text)
  } catch (error) {
    throw new ConfigError(form, text, `an ENS name such as web.acme.eth or acme.eth/web (${(error as Error).message})`)
  }
}

/** @throws ConfigError, ChainUnavailable, Refusal */
export async function openSession(context: VerbContext, subject: Subject): Promise<Session> {
  return openSessionWith(await openClient(context), subject.ensName)
}

/** What every name that one client reads has in common. */
export type Client = Pick<Session, 'connection' | 'memory' | 'lookupTimeoutMs'>

/** Opens the chain and the memory that the settings name. @throws ConfigError, ChainUnavailable, Refusal */
export async function openClient(context: VerbContext, defaultTimeoutMs = defaultLookupTimeoutMs): Promise<Client> {
  const lookupTimeoutMs = readInteger(context.settings, 'timeout-ms', 1, maxLookupTimeoutMs, defaultTimeoutMs)
  const connection = await connect(context.settings, context.note)
  const stateDir = readText(context.settings, 'state') ?? defaultStateDir(context.environment)
  return { connection, memory: createClientMemory(stateDir, connection.chainName), lookupTimeoutMs }
}

/** Reads a name on chain and what is remembered of it. @throws ChainUnavailable, Refusal */
export async function openSessionWith(client: Client, ensName: string): Promise<Session> {
  const localTime = BigInt(Math.floor(Date.now() / 1000))
  const onChain = await openName(client.connection, ensName, localTime)
  const { node, owner, authorityName } = await onChain.readAuthority()
  if (owner === null || authorityName === null) {
    throw new Refusal('NoOwner', `${ensName} and the names above it have no owner`)
  }
  const remembered = await client.memory.recall(onChain.domain, node)
  return { ...client, onChain, remembered, localTime }
}

/** The same name a moment later: the clock, and what others remembered of it in between. @throws when the memory cannot be read */
export async function refreshSession(session: Session): Promise<Session> {
  const { node } = await session.onChain.readAuthority()
  const remembered = await session.memory.recall(session.onChain.domain, node)
  return { ...session, remembered, localTime: BigInt(Math.floor(Date.now() / 1000)) }
}

/** Whether the one JSON value is wanted instead of people's text. */
export function wantsJson(context: VerbContext): boolean {
  return readSwitch(context.settings, 'json')
}
