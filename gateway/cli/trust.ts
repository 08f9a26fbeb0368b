import { ConfigError, type Flag, readAddress, readSwitch } from '../config.ts'
import type { NamePast, OwnerMemory } from '../library/name-memory.ts'
import type { NameAuthority } from '../tags/authority.ts'
import { isTombstone } from '../tags/entry.ts'
import { ZERO_HASH } from '../tags/list.ts'
import { Refusal } from '../tags/refusal.ts'
import { connectionFlags } from './client/connect.ts'
import { openSession, parseSubject, type Session, type Subject, wantsJson } from './client/session.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, jsonFlag, type Verb, type VerbContext } from './verb.ts'

const trustFlags: readonly Flag[] = [
  { name: 'yes', value: null, help: 'accept: do not ask' },
  { name: 'owner', value: 'ADDRESS', help: 'accept: only when this is the owner that the chain names' },
]

const actions: Readonly<Record<string, (context: VerbContext) => Promise<number>>> = { show, accept }

/** `mooring trust show NAME`, `mooring trust accept NAME` */
export const trust: Verb = {
  name: 'trust',
  usage: 'show NAME | accept NAME [--yes] [flags]',
  summary: 'What this client remembers of a name and holds it to: its owner, version and immutable tags.',
  notes: [
    'show: owner, epoch, version, list hash and immutable tags as they were seen, beside what the chain says now; the files of evidence',
    'about contradictions. Exit code 1 when the owner has changed or there is evidence: then somebody should look.',
    'accept: after OwnerChanged, or before the first pull: holds the name to the owner that the chain names now. What was seen of the',
    'owner before is kept for when it comes back.',
  ],
  flags: [...trustFlags, ...connectionFlags, jsonFlag],
  run: (context) => {
    const [what, ...positionals] = context.positionals
    const action = what === undefined ? undefined : Object.hasOwn(actions, what) ? actions[what] : undefined
    if (action === undefined) throw new ConfigError('trust', what ?? null, 'show NAME or accept NAME')
    return action({ ...context, positionals })
  },
}

/** A name as it is remembered and as it is. */
type TrustedName = { subject: Subject; session: Session; past: NamePast | null; authority: NameAuthority }

async function openTrusted(context: VerbContext, subject: Subject): Promise<TrustedName> {
  const session = await openSession(context, subject)
  const authority = await session.onChain.readAuthority()
  const past = await session.memory.recallAll(session.onChain.domain, authority.node)
  return { subject, session, past, authority }
}

async function show(context: VerbContext): Promise<number> {
  const subject = parseSubject(context, 'NAME')
  try {
    const trusted = await openTrusted(context, subject)
    const { session, past, authority } = trusted
    const ownerChanged = isOwnerChanged(trusted)
    const evidence = await session.memory.evidenceOf(subject.ensName)
    const ok = !ownerChanged && evidence.length === 0
    const value = {
      ...{ ok, name: subject.ensName, node: authority.node, ownerChanged },
      remembered: past && { ...lineOf(past.present), immutable: immutableOf(past.present) },
      before: (past?.others ?? []).map(lineOf),
      chain: chainOf(authority),
      ...{ evidence, folder: session.memory.folderOf(session.onChain.domain, authority.node) },
    }
    context.print(wantsJson(context) ? JSON.stringify(value) : describe(value))
    return ok ? exitCodes.done : exitCodes.failed
  } catch (error) {
    const nothing = { ok: false, name: subject.ensName, remembered: null, chain: null }
    return reportFailure(context, nothing, failureOf(error))
  }
}

async function accept(context: VerbContext): Promise<number> {
  const subject = parseSubject(context, 'NAME')
  const wanted = readAddress(context.settings, 'owner')
  const nothing = { ok: false, name: subject.ensName, accepted: false, before: null, after: null }
  try {
    const trusted = await openTrusted(context, subject)
    const { session, past, authority } = trusted
    const owner = authority.owner as NonNullable<NameAuthority['owner']>
    if (wanted !== undefined && wanted !== owner) {
      throw new Refusal('OwnerChanged', `${subject.ensName} belongs to ${owner}, not to ${wanted}`)
    }
    const isNew = past === null || isOwnerChanged(trusted)
    const changes = isNew ? describeChange(trusted) : [`${subject.ensName} is held to ${owner} already`]
    const accepted = isNew && (await mayAccept(context, changes))
    if (accepted) await session.memory.accept(session.onChain.domain, authority.node, owner, authority.epoch)
    const ok = accepted || !isNew
    const before = past && lineOf(past.present)
    const value = { ok, name: subject.ensName, accepted, before, after: chainOf(authority), changes }
    if (wantsJson(context)) context.print(JSON.stringify(value))
    else context.print(!isNew ? changes.join('\n') : accepted ? `accepted ${owner}` : 'nothing is changed')
    return ok ? exitCodes.done : exitCodes.failed
  } catch (error) {
    return reportFailure(context, nothing, failureOf(error))
  }
}

/** A person reads what changes, or said yes before. @throws ConfigError where nobody can be asked */
async function mayAccept(context: VerbContext, changes: readonly string[]): Promise<boolean> {
  for (const line of changes) context.note(line)
  if (readSwitch(context.settings, 'yes')) return true
  if (context.ask === undefined || wantsJson(context)) {
    throw new ConfigError('--yes', null, 'it, where nobody can be asked at a terminal')
  }
  return context.ask('Hold the name to this owner from now on? [y/N] ')
}

function isOwnerChanged({ past, authority }: TrustedName): boolean {
  return past !== null && past.present.owner !== authority.owner
}

function lineOf({ owner, epoch, version, hash }: OwnerMemory) {
  return { owner, epoch: Number(epoch), version: Number(version), listHash: hash === ZERO_HASH ? null : hash }
}

function immutableOf({ entries }: OwnerMemory) {
  const rows = [...entries].map(([tag, entry]) => ({ tag, digest: entry.digest, deleted: isTombstone(entry) }))
  return rows.sort((one, other) => (one.tag < other.tag ? -1 : 1))
}

function chainOf({ owner, authorityName, epoch, policy, blockNumber }: NameAuthority) {
  const { publishers, threshold } = policy
  return { owner, authority: authorityName, epoch: Number(epoch), publishers, threshold, block: Number(blockNumber) }
}

function describeChange({ subject, past, authority }: TrustedName): string[] {
  const { owner, policy, authorityName } = authority
  const held = past?.present
  const back = past?.others.find((each) => each.owner === owner)
  const name = authorityName === subject.ensName ? subject.ensName : `${subject.ensName}, below ${authorityName}`
  const inFuture =
    back === undefined
      ? 'the first list that the new owner shows is taken, whatever its version; from then on it is held to that'
      : `this owner was seen before: its lists are held to epoch ${back.epoch}, version ${back.version}`
  return [
    name,
    `  owner       ${held?.owner ?? 'none remembered'} -> ${owner}`,
    `  publishers  now ${policy.threshold} of ${policy.publishers.join(' ')}`,
    `  seen        ${held === undefined ? 'nothing' : `epoch ${held.epoch}, version ${held.version}, ${held.entries.size} immutable tags`}`,
    ...(held === undefined
      ? []
      : ['  then        lists, versions and immutable tags of the owner before hold no more']),
    `  then        ${inFuture}`,
  ]
}

type Shown = {
  name: string
  ownerChanged: boolean
  remembered: (ReturnType<typeof lineOf> & { immutable: ReturnType<typeof immutableOf> }) | null
  before: ReturnType<typeof lineOf>[]
  chain: ReturnType<typeof chainOf>
  evidence: readonly string[]
}

function describe({ name, ownerChanged, remembered, before, chain, evidence }: Shown): string {
  const seen = (line: ReturnType<typeof lineOf>) =>
    `${line.owner}, epoch ${line.epoch}, version ${line.version}${line.listHash === null ? '' : `, list ${line.listHash}`}`
  return [
    `${name}  ${remembered === null ? 'never seen' : ownerChanged ? 'the owner has changed' : 'as remembered'}`,
    ...(remembered === null ? [] : [`  remembered  ${seen(remembered)}`]),
    `  chain       ${chain.owner}, epoch ${chain.epoch}, ${chain.threshold} of ${chain.publishers.join(' ')}`,
    ...before.map((line) => `  before      ${seen(line)}`),
    ...(remembered?.immutable ?? []).map(
      ({ tag, digest, deleted }) => `  immutable   ${tag}  ${digest}${deleted ? '  deleted' : ''}`,
    ),
    ...evidence.map((file) => `  evidence    ${file}`),
    ...(ownerChanged ? [`  mooring trust accept ${name} goes on with ${chain.owner}`] : []),
  ].join('\n')
}
