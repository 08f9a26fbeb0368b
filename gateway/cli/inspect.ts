import { nodeOf } from '../ens/name.ts'
import { connect, connectionFlags } from './client/connect.ts'
import { networkName } from './client/network.ts'
import { parseSubject, wantsJson } from './client/session.ts'
import { type Inspection, inspectName } from './owner/inspection.ts'
import { type NameWarning, warningsAbout } from './owner/name-warnings.ts'
import { dayOf, lifeOf, ownerOf } from './owner/registration.ts'
import { takersOf } from './owner/takers.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb } from './verb.ts'

/** `mooring inspect NAME` */
export const inspect: Verb = {
  name: 'inspect',
  usage: 'NAME [flags]',
  summary: 'Show who owns a name, who publishes, what chain and gateways have of it, and who could take it.',
  notes: ['Exit code 1 when something needs a person: those warnings are marked with !.'],
  flags: [
    {
      name: 'resolver',
      value: 'ADDRESS',
      help: 'the Mooring resolver to ask where the name has another (default: as shipped)',
    },
    ...connectionFlags,
    jsonFlag,
  ],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    try {
      const localTime = BigInt(Math.floor(Date.now() / 1000))
      const connection = await connect(context.settings, context.note)
      const inspection = await inspectName(connection, context.settings, subject, localTime)
      const report = reportOf(inspection)
      context.print(wantsJson(context) ? JSON.stringify(report) : describe(inspection, report))
      return report.ok ? exitCodes.done : exitCodes.failed
    } catch (error) {
      const failure = { ...failureOf(error), code: exitCodes.failed }
      return reportFailure(context, { ok: false, name: subject.ensName }, failure)
    }
  },
}

/** The JSON of `mooring inspect`; hashes and addresses in lower case, times in unix seconds. */
function reportOf(inspection: Inspection) {
  const { registration, authority, gateways, contracts, fallback, presentResolver, revoked } = inspection
  const { ensName, secondLevel, wrapped } = registration
  const warnings: NameWarning[] = warningsAbout(inspection)
  const { epoch, minVersion, anchorVersion, anchorHash, policy, owner, authorityName } = authority
  return {
    ok: warnings.every(({ needsPerson }) => !needsPerson),
    ...{ name: ensName, node: nodeOf(ensName), chainId: authority.chainId, owner, ownership: ownershipOf(inspection) },
    ...{ authority: authorityName, resolver: authority.resolver, presentResolver, reachable: authority.reachable },
    policy: { ...policy, ownerAlone: policy.publishers.length === 1 && policy.publishers[0] === owner, revoked },
    ...{ epoch: Number(epoch), minVersion: Number(minVersion) },
    anchor: anchorVersion === 0n ? null : { version: Number(anchorVersion), hash: anchorHash },
    ...{ gateways, fallback, takers: takersOf(registration, contracts.nameWrapper) },
    expiry: secondLevel === null ? null : expiryOf(inspection),
    wrapped: wrapped === null ? null : { ...wrapped, expiresAt: Number(wrapped.expiresAt) },
    ...{ warnings, error: null },
  }
}

type Report = ReturnType<typeof reportOf>

/** By which contract the owner is known, and whether by the name itself or by one above it. */
function ownershipOf({ registration, authority }: Inspection): {
  source: 'registry' | 'wrapper' | null
  inheritedFrom: string | null
} {
  const { ancestors, ensName } = registration
  const { authorityName } = authority
  if (authorityName === null) return { source: null, inheritedFrom: null }
  const holder = authorityName === ensName ? registration : ancestors.find(({ name }) => name === authorityName)
  const source = holder?.wrapped ? 'wrapper' : 'registry'
  return { source, inheritedFrom: authorityName === ensName ? null : authorityName }
}

function expiryOf({ registration, authority }: Inspection) {
  const { secondLevel } = registration
  if (secondLevel === null) return null
  const { name, expiresAt, graceEndsAt, registrant } = secondLevel
  const numberOf = (value: bigint | null) => (value === null ? null : Number(value))
  const state = lifeOf(secondLevel, authority.blockTime)
  return { name, state, expiresAt: numberOf(expiresAt), graceEndsAt: numberOf(graceEndsAt), registrant }
}

function describe({ registration }: Inspection, report: Report): string {
  const { policy, ownership, gateways, takers, warnings, anchor, expiry } = report
  const known = ownership.source === 'wrapper' ? 'the NameWrapper' : 'the ENS registry'
  const from = ownership.inheritedFrom === null ? '' : `, as owner of ${ownership.inheritedFrom}`
  const who = policy.ownerAlone ? 'the owner alone' : `${policy.threshold} of ${policy.publishers.join(', ')}`
  const fresh = policy.timestamper === null ? 'none' : `${policy.timestamper}, at most ${policy.maxAgeSeconds} s old`
  return [
    `${report.name} on ${networkName(report.chainId)}`,
    `  owner        ${report.owner ?? 'nobody'}${report.owner === null ? '' : `, by ${known}${from}`}`,
    ...(ownerOf(registration) === null && report.authority !== null ? ['               not registered by itself'] : []),
    `  resolver     ${report.presentResolver ?? 'none'}${report.reachable ? '' : `, not ${report.resolver}`}`,
    `  fallback     ${report.fallback}`,
    `  publishers   ${who}`,
    `  timestamper  ${fresh}`,
    `  on chain     epoch ${report.epoch}, floor ${report.minVersion}, anchor ${anchor === null ? 'none' : `${anchor.version} ${anchor.hash}`}`,
    ...(expiry === null
      ? []
      : [`  expiry       ${expiry.name}: ${expiry.state}, until ${dayOf(BigInt(expiry.expiresAt ?? 0))}`]),
    ...gateways.map(({ url, version, expiresAt, error }) => {
      const list = version === null ? '' : `version ${version}, until ${dayOf(BigInt(expiresAt ?? 0))}`
      return `  gateway      ${url}: ${[list, error].filter(Boolean).join(', ')}`
    }),
    ...takers.map(({ who: taker, how }) => `  could take   ${taker === null ? '' : `${taker} `}${how}`),
    ...warnings.map(({ name, detail, needsPerson }) => `  ${needsPerson ? '!' : '-'} ${name}: ${detail}`),
  ].join('\n')
}
