import { type Address, zeroAddress } from 'viem'
import { ConfigError, readAddress, readInteger, type Setting, type Settings } from '../config.ts'
import type { NameAuthority, Policy } from '../tags/authority.ts'
import { parseSubject, wantsJson } from './client/session.ts'
import { callSetPolicy, OWNER_ALONE } from './owner/calls.ts'
import {
  describeView,
  type OwnedName,
  openOwnedName,
  type PlannedChange,
  runChange,
  type StateView,
} from './owner/change.ts'
import { changeFlags } from './owner/flags.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, type Verb, type VerbContext } from './verb.ts'

/** `mooring policy NAME show|set|clear` */
export const policy: Verb = {
  name: 'policy',
  usage: 'NAME show|set|clear [flags]',
  summary: "Show or set who may publish a name's lists: publishers, threshold, timestamper.",
  notes: [
    'set needs --publisher; clear goes back to the owner alone. What is left out of set is cleared too.',
    'A policy is the authority’s: it holds for all unregistered names below it, and not for registered ones.',
  ],
  flags: [
    { name: 'publisher', value: 'ADDRESS', repeatable: true, help: 'may sign lists, 1 to 8 of them; any order' },
    { name: 'threshold', value: 'N', help: 'how many of them must sign (needed with more than one)' },
    { name: 'timestamper', value: 'ADDRESS', help: 'signs that a list is current; needs --max-age' },
    { name: 'max-age', value: 'SECONDS', help: 'how long its word counts: 3600 to 604800' },
    ...changeFlags,
  ],
  run: async (context) => {
    const [ensName, action, ...more] = context.positionals
    const subject = parseSubject({ ...context, positionals: ensName === undefined ? [] : [ensName] }, 'NAME')
    if (more.length > 0) throw new ConfigError('policy', more.join(' '), 'nothing behind show, set or clear')
    if (action !== 'set') refusePolicyFlags(context.settings, action)
    if (action === 'show') return showPolicy(context)
    if (action === 'clear') return runChange(context, subject, (name) => planPolicy(name, OWNER_ALONE))
    if (action !== 'set') throw new ConfigError('policy', action ?? null, 'show, set or clear')
    const wanted = readPolicy(context.settings)
    return runChange(context, subject, async (name) => {
      await refuseRevoked(name, wanted)
      return planPolicy(name, wanted)
    })
  },
}

const maxPublishers = 8
const minMaxAgeSeconds = 3600
const maxMaxAgeSeconds = 604_800
const policyFlags = ['publisher', 'threshold', 'timestamper', 'max-age']

/** What is not used would be taken for done. */
function refusePolicyFlags(settings: Settings, action: string | undefined): void {
  for (const name of policyFlags) {
    const given = settings.get(name)?.[0]
    if (given !== undefined) throw new ConfigError(given.from, given.text, `it with set only, not with ${action}`)
  }
}

/** The policy that the flags ask for, publishers ascending. @throws ConfigError for what the contract would refuse */
function readPolicy(settings: Settings): Policy {
  const publishers = readPublishers(settings)
  const threshold = readThreshold(settings, publishers.length)
  const timestamper = readAddress(settings, 'timestamper') ?? null
  if (timestamper === zeroAddress) throw new ConfigError('--timestamper', zeroAddress, 'an address that is not zero')
  if (timestamper !== null && !settings.has('max-age')) {
    throw new ConfigError(
      '--max-age',
      null,
      `seconds from ${minMaxAgeSeconds} to ${maxMaxAgeSeconds}, for --timestamper`,
    )
  }
  if (timestamper === null && settings.has('max-age')) {
    throw new ConfigError('--timestamper', null, 'the address whose word --max-age is about')
  }
  const maxAgeSeconds = readInteger(settings, 'max-age', minMaxAgeSeconds, maxMaxAgeSeconds, 0)
  return { publishers, threshold, timestamper, maxAgeSeconds }
}

function readPublishers(settings: Settings): Address[] {
  const given = (settings.get('publisher') ?? []).flatMap(({ from, text }) =>
    text.split(',').map((part) => ({ from, text: part.trim() })),
  )
  if (given.length === 0)
    throw new ConfigError('--publisher', null, 'an address at least; clear is for the owner alone')
  const publishers = given.map(readPublisher).sort()
  const twice = publishers.find((publisher, position) => publisher === publishers[position + 1])
  if (twice !== undefined) throw new ConfigError('--publisher', `${twice} twice`, 'each publisher once')
  if (publishers.length <= maxPublishers) return publishers
  throw new ConfigError('--publisher', `${publishers.length} addresses`, `at most ${maxPublishers}`)
}

function readPublisher(setting: Setting): Address {
  const address = readAddress(new Map([['publisher', [setting]]]), 'publisher')
  if (address !== undefined && address !== zeroAddress) return address
  throw new ConfigError(setting.from, setting.text, 'an address that is not zero')
}

/** With one publisher there is only one; with more, how many must sign is for the owner to say. */
function readThreshold(settings: Settings, publishers: number): number {
  if (publishers > 1 && !settings.has('threshold')) {
    throw new ConfigError('--threshold', null, `how many of the ${publishers} publishers must sign`)
  }
  return readInteger(settings, 'threshold', 1, publishers, 1)
}

/** A revocation is for good: whom it names can never sign, whatever a policy says. */
async function refuseRevoked({ authority }: OwnedName, { publishers, timestamper }: Policy): Promise<void> {
  for (const publisher of publishers) {
    if (await authority.isRevoked(publisher)) throw revoked('--publisher', publisher, authority)
  }
  if (timestamper !== null && (await authority.isRevoked(timestamper))) {
    throw revoked('--timestamper', timestamper, authority)
  }
}

function revoked(flag: string, key: Address, { authorityName }: NameAuthority): ConfigError {
  return new ConfigError(flag, key, `a key that is not revoked for ${authorityName}: a revocation is permanent`)
}

function planPolicy({ target, authority }: OwnedName, wanted: Policy): PlannedChange {
  const { owner, authorityName } = authority
  const counted = wanted.publishers.length === 0 ? { ...wanted, publishers: [owner] } : wanted
  const afterwards = { ...authority, policy: counted }
  const stands = describeView(viewPolicy(authority)) === describeView(viewPolicy(afterwards))
  return {
    transaction: stands ? null : callSetPolicy(target, wanted),
    view: viewPolicy,
    afterwards,
    consequence: `from the next block on, ${describePolicy(counted)}; it holds for ${authorityName} and every unregistered name below`,
  }
}

function viewPolicy({ policy }: NameAuthority): StateView {
  return { ...policy }
}

function describePolicy({ publishers, threshold, timestamper, maxAgeSeconds }: Policy): string {
  const signers =
    publishers.length === 1 ? `lists of ${publishers[0]} count` : signersNeeded(publishers.length, threshold)
  if (timestamper === null) return signers
  return `${signers}, beside a timestamp of ${timestamper} at most ${maxAgeSeconds} s old`
}

function signersNeeded(publishers: number, threshold: number): string {
  return `lists that ${threshold} of ${publishers} publishers signed count`
}

async function showPolicy(context: VerbContext): Promise<number> {
  const [ensName = ''] = context.positionals
  const subject = parseSubject({ ...context, positionals: [ensName] }, 'NAME')
  try {
    const { authority } = await openOwnedName(context, subject)
    const { authorityName, owner, policy } = authority
    const gone: Address[] = []
    for (const publisher of policy.publishers) if (await authority.isRevoked(publisher)) gone.push(publisher)
    const shown = { name: subject.ensName, authority: authorityName, owner, policy, revoked: gone }
    context.print(wantsJson(context) ? JSON.stringify(shown) : describeShown(shown))
    return exitCodes.done
  } catch (error) {
    const nothing = { name: subject.ensName, authority: null, owner: null, policy: null, revoked: null }
    return reportFailure(context, nothing, failureOf(error))
  }
}

type Shown = { name: string; authority: string; owner: Address; policy: Policy; revoked: readonly Address[] }

function describeShown({ name, authority, owner, policy, revoked }: Shown): string {
  const { publishers, threshold, timestamper, maxAgeSeconds } = policy
  return [
    `${name}  owner ${owner}${name === authority ? '' : ` (of ${authority})`}`,
    `  threshold    ${threshold} of ${publishers.length}`,
    ...publishers.map((each) => `  publisher    ${each}${revoked.includes(each) ? '  revoked: can never sign' : ''}`),
    `  timestamper  ${timestamper === null ? 'none' : `${timestamper}, at most ${maxAgeSeconds} s old`}`,
  ].join('\n')
}
