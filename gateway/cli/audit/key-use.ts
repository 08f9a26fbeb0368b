import type { Address, Hex } from 'viem'
import type { NameAuthority } from '../../tags/authority.ts'
import type { ChainEvent, ChainEvents } from './chain-events.ts'
import { type Finding, remark, urgent } from './finding.ts'
import type { AuditedVersion } from './walk.ts'

/** Which versions a key signed, and what the chain says of it now. Times are unix seconds. */
export type KeyUse = {
  key: Hex
  lists: number
  firstVersion: number
  lastVersion: number
  firstIssuedAt: number
  lastIssuedAt: number
  isPublisher: boolean
  /** When the chain revoked it; null for never, `at` null where the event was not found. */
  revoked: { at: number | null; block: number | null } | null
}

/** How far a list's date may be from the block that changes who may sign it: row 5's. */
const skewSeconds = 300

/** One row for each key that signed, the latest use first. @throws ChainUnavailable, Refusal RpcDisagree */
export async function readKeyUse(
  versions: readonly AuditedVersion[],
  authority: NameAuthority,
  { events }: ChainEvents,
): Promise<KeyUse[]> {
  const uses = new Map<Hex, AuditedVersion[]>()
  for (const version of versions) {
    for (const signer of version.signers) uses.set(signer, [...(uses.get(signer) ?? []), version])
  }
  const rows = [...uses].map(async ([key, signed]): Promise<KeyUse> => {
    const numbers = signed.map((each) => Number(each.signed.list.version))
    const times = signed.map((each) => Number(each.signed.list.issuedAt))
    const event = events.find(({ event: kind, fields }) => kind === 'KeyRevoked' && isFor(fields, authority, key))
    const isRevoked = await authority.isRevoked(key as Address)
    return {
      ...{ key, lists: signed.length, firstVersion: Math.min(...numbers), lastVersion: Math.max(...numbers) },
      ...{ firstIssuedAt: Math.min(...times), lastIssuedAt: Math.max(...times) },
      isPublisher: authority.policy.publishers.includes(key as Address),
      revoked: isRevoked ? { at: event?.time ?? null, block: event?.block ?? null } : null,
    }
  })
  return (await Promise.all(rows)).toSorted(compareUses)
}

function compareUses(one: KeyUse, other: KeyUse): number {
  return other.lastVersion - one.lastVersion || one.firstVersion - other.firstVersion
}

function isFor(fields: ChainEvent['fields'], { owner }: NameAuthority, key: Hex): boolean {
  return fields.owner === owner && fields.key === key
}

/** What is to be said about keys: used after they were revoked, or no publishers (any more). */
export function findingsOfKeys(keys: readonly KeyUse[]): Finding[] {
  return keys.flatMap(({ key, isPublisher, revoked, lastVersion, lastIssuedAt }) => {
    const used = `${key} signed up to version ${lastVersion}`
    if (revoked === null) return isPublisher ? [] : [remark('FormerPublisher', `${used} and is no publisher now`)]
    if (revoked.at === null) return [urgent('Revoked', `${used} and is revoked; when is not known`)]
    const since = `it was revoked in block ${revoked.block} at ${revoked.at}`
    if (lastIssuedAt > revoked.at + skewSeconds) return [urgent('Revoked', `${used}, dated ${lastIssuedAt}: ${since}`)]
    return [remark('RevokedKey', `${used}; ${since}: look at what it signed shortly before`)]
  })
}

type Rule = { publishers: readonly string[]; threshold: number; since: number }

/**
 * Each version against the policy that stood on chain when it was dated, or until the next version: then a gateway may have taken later
 * signatures. Nothing is said where the events are not known from the start. `versions` newest first.
 */
export function findingsOfPolicy(
  versions: readonly AuditedVersion[],
  authority: NameAuthority,
  chain: ChainEvents,
  now: number,
): Finding[] {
  if (chain.refused !== null || chain.from > 0) return []
  const rules = rulesOf(authority, chain.events)
  return versions.flatMap(({ signed, signers, unproven }, at) => {
    const from = Number(signed.list.issuedAt) - skewSeconds
    const until = Number(versions[at - 1]?.signed.list.issuedAt ?? now) + skewSeconds
    const inForce = rules.filter(({ since }, position) => since <= until && (rules[position + 1]?.since ?? now) >= from)
    const isAllowed = inForce.some(({ publishers, threshold }) => {
      return signers.filter((signer) => publishers.includes(signer)).length >= threshold
    })
    if (isAllowed || isAnchored(chain.events, signed.hash)) return []
    const version = Number(signed.list.version)
    const last = inForce.at(-1)
    const wanted = `${last?.threshold} of ${last?.publishers.join(', ')}`
    const unknown = unproven.length === 0 ? '' : ` (and ${unproven.join(', ')}, not proven)`
    const who = `${signers.join(', ') || 'nobody'}${unknown}`
    const detail = `version ${version} is signed by ${who}; the policy at ${signed.list.issuedAt} asks for ${wanted}`
    return [urgent('NotPublisher', detail, { version })]
  })
}

/** The owner alone, and then each policy that the owner set for the authority. */
function rulesOf({ owner, authorityName }: NameAuthority, events: readonly ChainEvent[]): Rule[] {
  const alone = { publishers: [owner as string], threshold: 1 }
  const set = events.filter(({ event, name, fields }) => {
    return event === 'PolicyChanged' && name === authorityName && fields.owner === owner
  })
  const rules = set.map(({ time, fields }): Rule => {
    const { publishers, threshold } = fields.policy as { publishers: string[]; threshold: number }
    return publishers.length === 0 ? { ...alone, since: time } : { publishers, threshold, since: time }
  })
  return [{ ...alone, since: 0 }, ...rules]
}

function isAnchored(events: readonly ChainEvent[], hash: Hex): boolean {
  return events.some(({ event, fields }) => event === 'ListAnchored' && fields.list === hash)
}
