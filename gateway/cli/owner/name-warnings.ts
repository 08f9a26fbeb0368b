import type { Address } from 'viem'
import type { NameAuthority, Policy } from '../../tags/authority.ts'
import type { GatewayList } from './gateway-lists.ts'
import { dayOf, lifeOf, type Registration } from './registration.ts'

/** Something about a name that its owner should know; `needsPerson` when somebody has to act. */
export type NameWarning = { name: string; detail: string; needsPerson: boolean }

/** What the warnings are drawn from. */
export type WarnedName = {
  registration: Registration
  authority: NameAuthority
  gateways: readonly GatewayList[]
  /** Publishers that were revoked. */
  revoked: readonly Address[]
  /** Ancestors of the same owner, with policies of their own. */
  ancestorPolicies: readonly { name: string; policy: Policy; revokedHere: readonly Address[] }[]
  /** Unix seconds. */
  localTime: bigint
}

/** All that is to be said about a name, what needs a person first. */
export function warningsAbout(name: WarnedName): NameWarning[] {
  const all = [
    ...lifeWarnings(name),
    ...reachWarnings(name),
    ...policyWarnings(name),
    ...listWarnings(name),
    ...lookAlikes(name),
  ]
  return all.toSorted((one, other) => Number(other.needsPerson) - Number(one.needsPerson))
}

const urgent = (name: string, detail: string): NameWarning => ({ name, detail, needsPerson: true })
const remark = (name: string, detail: string): NameWarning => ({ name, detail, needsPerson: false })

const renewSeconds = 30n * 86_400n

function lifeWarnings({ registration, authority }: WarnedName): NameWarning[] {
  const { secondLevel } = registration
  if (secondLevel === null) return authority.owner === null ? [urgent('NoOwner', 'nobody owns it')] : []
  const { name, expiresAt, graceEndsAt } = secondLevel
  const life = lifeOf(secondLevel, authority.blockTime)
  if (life === 'never') return [urgent('NoOwner', `${name} is not registered`)]
  const [expiry, graceEnd] = [dayOf(expiresAt ?? 0n), dayOf(graceEndsAt ?? 0n)]
  if (life === 'lapsed') return [urgent('NoOwner', `${name} expired on ${expiry}, and its grace ended on ${graceEnd}`)]
  if (life === 'grace') return [urgent('InGrace', `${name} expired on ${expiry}: renew it before ${graceEnd}`)]
  if ((expiresAt ?? 0n) - authority.blockTime > renewSeconds) return []
  return [urgent('NameExpiresSoon', `${name} expires on ${expiry}`)]
}

function reachWarnings({ authority, gateways }: WarnedName): NameWarning[] {
  const unreachable = urgent('UnreachableName', `its resolver in ENS is not ${authority.resolver}: mooring setup`)
  return [
    ...(authority.reachable ? [] : [unreachable]),
    ...(gateways.length > 0 ? [] : [urgent('NoGateways', 'no gateway is named: clients have nobody to ask')]),
  ]
}

function policyWarnings({ authority, revoked, ancestorPolicies }: WarnedName): NameWarning[] {
  const { policy, authorityName } = authority
  const left = policy.publishers.filter((publisher) => !revoked.includes(publisher))
  const outOfReach = `${left.length} of its publishers are not revoked, and ${policy.threshold} must sign`
  const stricter = ancestorPolicies.flatMap(({ name, policy: above, revokedHere }) => {
    const how = [...stricterIn(above, policy), ...revokedHere.map((key) => `${key} is revoked there`)]
    const detail = `${name}, of the same owner, is stricter (${how.join(', ')}), which does not reach ${authorityName}`
    return how.length === 0 ? [] : [urgent('StricterAncestor', `${detail}: it is registered, and its own authority`)]
  })
  return [
    ...stricter,
    ...(authority.owner !== null && left.length < policy.threshold ? [urgent('ThresholdNotMet', outOfReach)] : []),
    ...(policy.publishers.length === 1
      ? [remark('SinglePublisher', `one key alone publishes: ${policy.publishers[0]}`)]
      : []),
  ]
}

/** In which ways a policy asks for more than another; in none where its owner alone publishes. */
function stricterIn(above: Policy, below: Policy): string[] {
  const others = below.publishers.filter((publisher) => !above.publishers.includes(publisher))
  return [
    ...(above.threshold > below.threshold ? [`${above.threshold} signatures instead of ${below.threshold}`] : []),
    ...(above.timestamper !== null && below.timestamper === null ? ['a timestamper'] : []),
    ...(others.length > 0 ? [`not ${others.join(', ')}`] : []),
  ]
}

function listWarnings({ gateways, authority, localTime }: WarnedName): NameWarning[] {
  const holding = gateways.filter(({ error }) => error === null)
  const newest = Math.max(0, ...holding.map(({ version }) => version ?? 0))
  const hashes = new Set(holding.filter(({ version }) => version === newest).map(({ listHash }) => listHash))
  const published = holding.length > 0 || authority.minVersion > 0n
  return [
    ...gateways.flatMap((gateway) => refusalOf(gateway, published)),
    ...(hashes.size > 1 ? [urgent('Equivocation', `gateways have different lists of version ${newest}`)] : []),
    ...holding.flatMap(({ url, version }) =>
      version === newest
        ? []
        : [urgent('OlderList', `${url} has version ${version}, another gateway version ${newest}`)],
    ),
    ...holding.flatMap((gateway) => (gateway.version === newest ? dueOf(gateway, localTime) : [])).slice(0, 1),
  ]
}

function refusalOf({ url, error, message }: GatewayList, published: boolean): NameWarning[] {
  if (error === null) return []
  if (error === 'NoList' && !published) return [remark('NotPublished', `${url} has no list yet`)]
  const said = message ?? ''
  return [urgent(error, said.startsWith(url) ? said : `${url}: ${said}`)]
}

/** Publishers renew at half of a list's life (protocol 2.2): past two thirds somebody should look. */
function dueOf({ issuedAt, expiresAt }: GatewayList, localTime: bigint): NameWarning[] {
  if (issuedAt === null || expiresAt === null) return []
  const dueAt = issuedAt + Math.floor(((expiresAt - issuedAt) * 2) / 3)
  if (Number(localTime) < dueAt) return []
  return [urgent('ExpiresSoon', `the list expires on ${dayOf(BigInt(expiresAt))} and was not renewed`)]
}

const versionLabel = /^v?\d+$/

/** Within the letters that a repository's name may have (protocol 1), what reads like something else. */
function lookAlikes({ registration }: WarnedName): NameWarning[] {
  const labels = registration.ensName.split('.').filter((label) => !versionLabel.test(label))
  return labels.flatMap((label) => {
    const read = label.replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('rn', 'm').replaceAll('vv', 'w')
    const isMixed = /[a-z][01]|[01][a-z]|rn|vv/.test(label)
    return isMixed ? [remark('LookAlike', `${label} reads like ${read}`)] : []
  })
}
