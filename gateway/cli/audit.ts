import { readFile } from 'node:fs/promises'
import { readInteger } from '../config.ts'
import { nodeOf } from '../ens/name.ts'
import { type ChainEvents, readChainEvents } from './audit/chain-events.ts'
import { allVersions, findingsBetween, findingsOfMemory, findingsOfWalk } from './audit/compare.ts'
import { type Finding, remark, urgent } from './audit/finding.ts'
import { findingsOfKeys, findingsOfPolicy, type KeyUse, readKeyUse } from './audit/key-use.ts'
import { type Replay, replayVersions } from './audit/replay.ts'
import { isWhole, type Walk, walkHistory } from './audit/walk.ts'
import { connectionFlags } from './client/connect.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring audit NAME` */
export const audit: Verb = {
  name: 'audit',
  usage: 'NAME [--from-block N] [flags]',
  summary:
    'Walk all that a name published: gaps, moved immutable tags, two lists of one version, who signed what, policy on chain.',
  notes: [
    'Every gateway is heard: each list is checked by signature and by the hash in the list after it, and the changes of all versions must',
    'rebuild every signed root. Exit code 1 when something needs a person: those findings are marked with !. A gap in what gateways keep',
    'is named, and is nobody’s fault. Owner changes inside the NameWrapper leave no event about the name, and are not shown.',
  ],
  flags: [
    { name: 'from-block', value: 'N', help: 'look for events on chain from this block on (default: 0)' },
    ...connectionFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const fromBlock = readInteger(context.settings, 'from-block', 0, Number.MAX_SAFE_INTEGER, 0)
    try {
      const session = await openSession(context, subject)
      const report = await auditName(session, subject, BigInt(fromBlock))
      context.print(wantsJson(context) ? JSON.stringify(report) : describe(report))
      return report.ok ? exitCodes.done : exitCodes.failed
    } catch (error) {
      const failure = failureOf(error)
      return reportFailure(context, { ok: false, name: subject.ensName }, { ...failure, code: exitCodes.failed })
    }
  },
}

type Audit = Awaited<ReturnType<typeof auditName>>

/** The JSON of `mooring audit`; versions as numbers, times in unix seconds, findings that need a person first. */
async function auditName(session: Session, { ensName, repository }: Subject, fromBlock: bigint) {
  const { onChain, connection } = session
  const authority = await onChain.readAuthority()
  const { owner, epoch, blockNumber, chainId } = authority
  const chain = await readChainEvents(connection, authority.resolver, ensName, fromBlock, blockNumber)
  const walks: Walk[] = []
  for (const gateway of onChain.gateways) walks.push(await walkHistory(session, gateway, repository))
  const replays = await Promise.all(walks.map(({ versions }) => replayVersions(versions.toReversed())))
  const versions = allVersions(walks)
  const keys = await readKeyUse(versions, authority, chain)
  const findings = [
    ...(walks.length === 0 ? [urgent('NoGateways', 'no gateway is named: there is nobody to ask')] : []),
    ...walks.flatMap((walk, position) => findingsOfWalk(walk, replays[position] as Replay)),
    ...findingsBetween(walks),
    ...(await findingsOfMemory(session, walks)),
    ...findingsOfKeys(keys),
    ...findingsOfPolicy(versions, authority, chain, Number(session.localTime)),
    ...findingsOfChain(chain),
    ...(await findingsOfEvidence(session, ensName)),
  ].toSorted((one, other) => Number(other.needsPerson) - Number(one.needsPerson))
  const gateways = walks.map((walk, position) => rowOf(walk, replays[position] as Replay))
  return {
    ok: findings.every(({ needsPerson }) => !needsPerson),
    ...{ name: ensName, node: nodeOf(ensName), chainId, owner, epoch: Number(epoch), gateways, keys },
    ...{ events: chain.events, eventsFrom: chain.from, eventsTo: chain.to, findings, error: null },
  }
}

/** What one gateway has. `rebuiltTo`: versions 1 to this one rebuild the roots that were signed. */
function rowOf(walk: Walk, { rebuiltTo }: Replay) {
  const { gateway, head, versions, failure } = walk
  const oldest = versions.at(-1)?.signed.list.version
  return {
    url: gateway,
    version: head && Number(head.signed.list.version),
    listHash: head?.signed.hash ?? null,
    oldestVersion: oldest === undefined ? null : Number(oldest),
    ...{ complete: isWhole(walk), rebuiltTo: Number(rebuiltTo), error: failure?.name ?? null },
  }
}

function findingsOfChain({ refused, from }: ChainEvents): Finding[] {
  if (refused === null) return []
  return [
    remark('EventsUnknown', `events before block ${from} are not known: ${refused}; --from-block N asks for fewer`),
  ]
}

/** What this client kept of contradictions before, and in this audit. */
async function findingsOfEvidence({ memory }: Session, ensName: string): Promise<Finding[]> {
  const files = await memory.evidenceOf(ensName)
  const told = files.map(async (file) => {
    const { reason, foundAt } = JSON.parse(await readFile(file, 'utf8')) as { reason?: unknown; foundAt?: unknown }
    return urgent('Evidence', `${reason}, found at ${foundAt}: both signed lists are in ${file}`)
  })
  return Promise.all(told)
}

function describe({ name, gateways, keys, events, eventsFrom, findings, ok }: Audit): string {
  return [
    `${name}  ${ok ? 'nothing needs a person' : 'something needs a person'}`,
    ...gateways.map(describeGateway),
    ...keys.map(describeKey),
    ...events.map(({ block, time, event, name: about, fields }) => {
      return `  block ${block}  ${dateOf(time)}  ${event}  ${about}  ${JSON.stringify(fields)}`
    }),
    ...(eventsFrom === 0 ? [] : [`  events before block ${eventsFrom} were not looked at`]),
    ...findings.map(({ name: what, detail, needsPerson }) => `  ${needsPerson ? '!' : '-'} ${what}: ${detail}`),
  ].join('\n')
}

function describeGateway({
  url,
  version,
  oldestVersion,
  complete,
  rebuiltTo,
  error,
}: Audit['gateways'][number]): string {
  if (version === null) return `  gateway ${url}: ${error}`
  const held = `versions ${oldestVersion} to ${version}${complete ? '' : ', not all'}`
  return `  gateway ${url}: ${held}, ${rebuiltTo === 0 ? 'none' : `1 to ${rebuiltTo}`} rebuilt`
}

function describeKey({
  key,
  lists,
  firstVersion,
  lastVersion,
  firstIssuedAt,
  lastIssuedAt,
  isPublisher,
  revoked,
}: KeyUse): string {
  const now = revoked !== null ? 'revoked' : isPublisher ? 'publisher' : 'no publisher now'
  const when = `${dateOf(firstIssuedAt)} to ${dateOf(lastIssuedAt)}`
  return `  key ${key}: ${lists} lists, versions ${firstVersion} to ${lastVersion}, ${when}, ${now}`
}

function dateOf(time: number): string {
  return new Date(time * 1000).toISOString()
}
