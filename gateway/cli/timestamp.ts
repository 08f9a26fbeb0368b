import { setTimeout as wait } from 'node:timers/promises'
import { ConfigError, type Settings } from '../config.ts'
import { connectionFlags } from './client/connect.ts'
import { openClient, openSessionWith, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import type { ClientSigner } from './client/signers/client-signer.ts'
import { openSigner, signerFlags, signerKind } from './client/signers/open-signer.ts'
import { publishingFailureOf } from './publishing/failure.ts'
import { bringUpToNewest } from './publishing/other-gateways.ts'
import { createStamper } from './publishing/stamp.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

/** `mooring timestamp NAME` */
export const timestamp: Verb = {
  name: 'timestamp',
  usage: 'NAME [--every 6h] (--key-file F | --keystore F --password-file F | --rpc-signer URL | --browser) [flags]',
  summary: "State that a name's verified list is the current one, for policies that ask for that.",
  notes: [
    'Every gateway that the chain names is brought to the newest list that verifies, and gets one timestamp of it: one signature for all.',
    "The key is the policy's timestamper's. Content is not copied: mooring publish does that.",
    'With --every it goes on until it is stopped; a round that fails is told, and the next one comes all the same.',
  ],
  flags: [
    { name: 'every', value: 'TIME', help: 'go on, with so much between: 30m, 6h, 1d (default: once)' },
    ...signerFlags,
    ...connectionFlags,
    jsonFlag,
  ],
  run: runTimestamp,
}

async function runTimestamp(context: VerbContext): Promise<number> {
  const subject = parseSubject(context, 'NAME')
  const everySeconds = readEvery(context.settings)
  if (signerKind(context.settings) === null) {
    throw new ConfigError('signer', null, 'one of --key-file F, --keystore F, --rpc-signer URL and --browser')
  }
  let signer: ClientSigner | null = null
  try {
    const client = await openClient(context)
    const { settings, note } = context
    signer = await openSigner({ settings, chainId: client.connection.chainId, note })
    const stamp = async () =>
      stampAll(context, await openSessionWith(client, subject.ensName), subject, signer as ClientSigner, everySeconds)
    const rounds = everySeconds === null ? [await stamp()] : await stampUntilStopped(context, everySeconds, stamp)
    return report(context, subject, rounds)
  } catch (error) {
    const failure = publishingFailureOf(error)
    context.note(`mooring: ${failure.error}: ${failure.message}`)
    if (wantsJson(context)) context.print(JSON.stringify({ ...nothing, name: subject.ensName, error: failure.error }))
    return failure.code
  } finally {
    await signer?.close()
  }
}

const nothing = { ok: false, rounds: 0, failed: 0, gateways: [] }

/** What one gateway got; `error` null or why not. Times in unix seconds. */
type Stamped = {
  gateway: string
  version: number | null
  issuedAt: number | null
  expiresAt: number | null
  error: string | null
}

/** What came of one round, and the exit code that it stands for. */
type Round = { gateways: readonly Stamped[]; error: string | null; code: number }

async function stampAll(
  context: VerbContext,
  session: Session,
  subject: Subject,
  signer: ClientSigner,
  everySeconds: number | null,
): Promise<Round> {
  const { gateways, reach, ensName } = session.onChain
  const stamped: Stamped[] = []
  let worst: number = exitCodes.done
  const { maxAgeSeconds } = (await session.onChain.readAuthority()).policy
  if (everySeconds !== null && everySeconds >= maxAgeSeconds) {
    const gap = `timestamps of ${ensName} are fresh for ${maxAgeSeconds} s, and the next one comes after ${everySeconds} s`
    context.note(`warning: ${gap}: nobody can pull in between; give a shorter --every`)
  }
  const places = gateways.map((gateway) => ({ gateway, repository: subject.repository, reach }))
  await bringUpToNewest({ session, places, say: context.note, warn: context.note })
  const stampAt = createStamper(session, signer)
  for (const place of places) {
    const { gateway } = place
    try {
      const { list, timestamp: made } = await stampAt(place)
      const times = { issuedAt: Number(made?.issuedAt), expiresAt: Number(made?.expiresAt) }
      stamped.push({ gateway, version: Number(list.version), ...times, error: null })
      context.note(
        `${ensName}: version ${list.version} at ${gateway} is timestamped until ${timeText(times.expiresAt)}`,
      )
    } catch (error) {
      const failure = publishingFailureOf(error)
      context.note(`mooring: ${failure.error}: ${failure.message}`)
      stamped.push({ gateway, version: null, issuedAt: null, expiresAt: null, error: failure.error })
      worst = Math.max(worst, failure.code)
    }
  }
  if (gateways.length > 0)
    return { gateways: stamped, error: stamped.find(({ error }) => error)?.error ?? null, code: worst }
  context.note(`mooring: GatewayUnavailable: the chain names no gateway for ${ensName}`)
  return { gateways: stamped, error: 'GatewayUnavailable', code: exitCodes.unverified }
}

/** Rounds one after the other; what one throws is told, and does not end the others. */
async function stampUntilStopped(
  context: VerbContext,
  everySeconds: number,
  stamp: () => Promise<Round>,
): Promise<Round[]> {
  const stopping = new AbortController()
  const stopped = context.waitForStop().then(() => stopping.abort())
  const rounds: Round[] = []
  while (!stopping.signal.aborted) {
    const round = await stamp().catch((error: unknown): Round => {
      const { error: name, message, code } = publishingFailureOf(error)
      context.note(`mooring: ${name}: ${message}`)
      return { gateways: [], error: name, code }
    })
    rounds.splice(0, rounds.length > keptRounds ? 1 : 0)
    rounds.push(round)
    await wait(everySeconds * 1000, undefined, { signal: stopping.signal }).catch(() => undefined)
  }
  await stopped
  return rounds
}

/** Of a process that runs for months. */
const keptRounds = 1000

function report(context: VerbContext, { ensName }: Subject, rounds: readonly Round[]): number {
  const last = rounds.at(-1)
  const failed = rounds.filter(({ error }) => error !== null).length
  const { gateways = [], error = null, code = exitCodes.done } = last ?? {}
  const value = { ok: code === exitCodes.done, name: ensName, rounds: rounds.length, failed, gateways, error }
  if (wantsJson(context)) context.print(JSON.stringify(value))
  return code
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
/** Policies take timestamps for an hour at least, and seven days at most (protocol 3). */
const [LEAST_SECONDS, MOST_SECONDS] = [60, 604_800]

/** Seconds between two rounds; null for one round. @throws ConfigError */
function readEvery(settings: Settings): number | null {
  const setting = settings.get('every')?.at(-1)
  if (setting === undefined) return null
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(setting.text) ?? []
  const seconds = Number(count) * (units[unit] ?? Number.NaN)
  if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) return seconds
  throw new ConfigError(setting.from, setting.text, 'a time from 1m to 7d, such as 30m or 6h')
}

function timeText(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString()
}
