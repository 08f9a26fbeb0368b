import type { Hex } from 'viem'
import { encodeTagEntry } from '../../tags/entry.ts'
import type { SignedList } from '../../tags/list.ts'
import { Refusal } from '../../tags/refusal.ts'
import { verifyAgainstMemory } from '../../tags/verify.ts'
import { signedListToJson } from '../../tags/wire.ts'
import type { Change } from '../client/read-history.ts'
import type { Session } from '../client/session.ts'
import { type Finding, remark, urgent } from './finding.ts'
import type { Replay } from './replay.ts'
import { type AuditedVersion, signedAt, type Walk } from './walk.ts'

/** What each gateway's own history shows. */
export function findingsOfWalk(walk: Walk, replay: Replay): Finding[] {
  const { gateway, head, versions, missing, failure } = walk
  if (head === null) return [urgent(failure?.name ?? 'GatewayUnavailable', `${gateway}: ${failure?.message}`)]
  const oldest = versions.at(-1)?.signed.list.version ?? head.signed.list.version + 1n
  const before = `${gateway} has no version before ${oldest}: list ${missing} and what came before it are not known`
  return [
    ...(failure === null ? [] : [urgent(failure.name, `${gateway}: ${failure.message}`)]),
    ...(missing === null || failure !== null ? [] : [remark('HistoryGap', before)]),
    ...versions.flatMap((version) => findingsOfVersion(gateway, version)),
    ...(replay.broken === null ? [] : [brokenHistory(gateway, replay.broken)]),
    ...replay.moves.map(({ version, tag, message, isProven }) => {
      const account = isProven ? '' : `, says ${gateway}`
      return urgent('ImmutableChanged', `version ${version}: ${message}${account}`, { tag, version: Number(version) })
    }),
  ]
}

function findingsOfVersion(gateway: string, { signed, unproven, faults }: AuditedVersion): Finding[] {
  const version = Number(signed.list.version)
  return [
    ...faults.map((fault) => urgent('BrokenChain', fault, { version })),
    ...unproven.map((signer) => {
      const detail = `${gateway}: the signature of ${signer} is not over version ${version}, or its contract does not say so now`
      return urgent('BadSignature', detail, { version })
    }),
  ]
}

function brokenHistory(gateway: string, { version, message }: NonNullable<Replay['broken']>): Finding {
  const detail = `${gateway}: what it says version ${version} changed does not rebuild it: ${message}`
  return urgent('MalformedList', detail, { version: Number(version) })
}

/** Where gateways differ: two lists of one version are the publishers' fault, two accounts of one list a gateway's. */
export function findingsBetween(walks: readonly Walk[]): Finding[] {
  const holding = walks.filter(({ head }) => head !== null)
  const newest = newestVersion(walks)
  const seen = new Map<bigint, { walk: Walk; version: AuditedVersion }[]>()
  for (const walk of holding) {
    for (const version of walk.versions) {
      const number = version.signed.list.version
      seen.set(number, [...(seen.get(number) ?? []), { walk, version }])
    }
  }
  return [
    ...holding.flatMap(({ gateway, head }) => {
      const version = head?.signed.list.version ?? 0n
      return version === newest
        ? []
        : [urgent('OlderList', `${gateway} has version ${version}, another gateway ${newest}`)]
    }),
    ...[...seen.values()].flatMap(([first, ...others]) =>
      first === undefined ? [] : others.flatMap((other) => differ(first, other)),
    ),
  ]
}

function newestVersion(walks: readonly Walk[]): bigint {
  return walks.reduce((newest, { head }) => {
    const version = head?.signed.list.version ?? 0n
    return version > newest ? version : newest
  }, 0n)
}

type Held = { walk: Walk; version: AuditedVersion }

function differ(one: Held, other: Held): Finding[] {
  const { hash, list } = one.version.signed
  const who = `${one.walk.gateway} and ${other.walk.gateway}`
  const version = Number(list.version)
  if (hash !== other.version.signed.hash) return [equivocation(one.version.signed, other.version.signed, who)]
  if (accountOf(one.version.changes) === accountOf(other.version.changes)) return []
  return [urgent('HistoriesDiffer', `${who} do not say the same of what version ${version} changed`, { version })]
}

function equivocation(one: SignedList, other: SignedList, who: string): Finding {
  const version = Number(one.list.version)
  const detail = `two lists of version ${version}: ${one.hash} and ${other.hash}, from ${who}`
  return urgent('Equivocation', detail, { version, statements: [one, other].map(signedListToJson) })
}

function accountOf(changes: readonly Change[]): string {
  const sorted = changes.toSorted((one, other) => (one.tag < other.tag ? -1 : 1))
  const bytesOf = (entry: Change['after']) => (entry === null ? '' : encodeTagEntry(entry))
  return sorted.map(({ tag, before, after }) => `${tag} ${bytesOf(before)} ${bytesOf(after)}`).join('\n')
}

/**
 * What the newest list and its history say against what this client saw before (row 9); a contradiction is kept as evidence. A list that
 * contradicts nothing is remembered. @throws when the memory cannot be read
 */
export async function findingsOfMemory(session: Session, walks: readonly Walk[]): Promise<Finding[]> {
  const { memory, onChain, remembered } = session
  const findings: Finding[] = []
  const newest = newestVersion(walks)
  const heads = walks.flatMap(({ head }) => (head === null || head.signed.list.version < newest ? [] : [head]))
  for (const { signed, entries } of heads) {
    const seen = { tags: 'all', entries } as const
    for (const tag of [null, ...(remembered?.entries.keys() ?? [])]) {
      try {
        verifyAgainstMemory(remembered, signed.list, signed.hash, tag, tag === null ? undefined : entries.get(tag))
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { reason, message } = await memory.explain(onChain.domain, error, signed, seen)
        if (tag === null || reason === 'ImmutableChanged')
          findings.push(urgent(reason, message, tag === null ? {} : { tag }))
      }
    }
    if (findings.length === 0) findings.push(...(await remember(session, signed, seen)))
  }
  return [...findings, ...inThePast(session, walks)]
}

async function remember(
  session: Session,
  signed: SignedList,
  seen: Parameters<Session['memory']['remember']>[2],
): Promise<Finding[]> {
  try {
    await session.memory.remember(session.onChain.domain, signed, seen)
    return []
  } catch (error) {
    if (error instanceof Refusal) return [urgent(error.reason, error.message)]
    throw error
  }
}

/** The list that was seen before must be the one of its version in every history that reaches it. */
function inThePast({ remembered }: Session, walks: readonly Walk[]): Finding[] {
  if (remembered === null || remembered.version === 0n) return []
  const { version, hash, epoch, owner } = remembered
  return walks.flatMap((walk) => {
    const head = walk.head?.signed.list
    const signed = signedAt(walk, version)
    const isSameLine = head?.owner === owner && head?.epoch === epoch && head.version > version
    if (!isSameLine || signed === undefined || signed.hash === hash) return []
    const statement = 'signed' in remembered ? (remembered.signed as SignedList | null) : null
    if (statement !== null) return [equivocation(statement, signed, `this client's memory and ${walk.gateway}`)]
    return [
      urgent(
        'Equivocation',
        `two lists of version ${version}: ${hash} was seen before, ${walk.gateway} has ${signed.hash}`,
      ),
    ]
  })
}

/** All versions of all gateways, each list once, newest first. */
export function allVersions(walks: readonly Walk[]): AuditedVersion[] {
  const byHash = new Map<Hex, AuditedVersion>()
  for (const version of walks.flatMap(({ versions }) => versions)) {
    const known = byHash.get(version.signed.hash)
    if (known === undefined || known.signers.length < version.signers.length) byHash.set(version.signed.hash, version)
  }
  return [...byHash.values()].toSorted((one, other) => Number(other.signed.list.version - one.signed.list.version))
}
