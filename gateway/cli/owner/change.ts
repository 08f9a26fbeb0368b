import type { Address } from 'viem'
import type { NameAuthority } from '../../tags/authority.ts'
import { Refusal } from '../../tags/refusal.ts'
import { openName } from '../client/name-on-chain.ts'
import { openSession, type Session, type Subject, wantsJson } from '../client/session.ts'
import { failureOf, reportFailure } from '../reading.ts'
import { exitCodes, type VerbContext } from '../verb.ts'
import type { CallTarget } from './calls.ts'
import { openSender, type Sender, TransactionRefused } from './sender.ts'
import { type Settlement, sayingOf, settle } from './settle.ts'
import { describeForeseen, foresee, readStandingList } from './standing-list.ts'
import type { Transaction } from './transaction.ts'

/** A name that somebody wants to change something of, as the chain describes it now. */
export type OwnedName = {
  subject: Subject
  session: Session
  target: CallTarget
  authority: NameAuthority & { owner: Address; authorityName: string }
}

/** The part of a name's state that a command is about, as its JSON and its text show it. */
export type StateView = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** What a command would do. */
export type PlannedChange = {
  /** Null when all stands so already. */
  transaction: Transaction | null
  view: (authority: NameAuthority) => StateView | Promise<StateView>
  /** What the chain would say afterwards. */
  afterwards: NameAuthority
  /** What it means for people, in one line. */
  consequence: string
}

/**
 * Runs a command that changes what an owner decides: opens the name, shows what stands, what would stand and what follows from it, settles
 * the transaction, and reads back what the chain says then. Resolves to the exit code. @throws ConfigError
 */
export async function runChange(
  context: VerbContext,
  subject: Subject,
  plan: (name: OwnedName) => PlannedChange | Promise<PlannedChange>,
): Promise<number> {
  try {
    const name = await openOwnedName(context, subject)
    return await settleChange(context, name, await plan(name))
  } catch (error) {
    return reportFailure(context, { ok: false, name: subject.ensName }, failureOf(error))
  }
}

/** @throws ConfigError, ChainUnavailable, Refusal UnreachableName, NoOwner, RpcDisagree, ChainStale */
export async function openOwnedName(context: VerbContext, subject: Subject): Promise<OwnedName> {
  const session = await openSession(context, subject)
  const authority = await session.onChain.readAuthority()
  const target = { resolver: session.onChain.domain.resolver, ensName: subject.ensName }
  return { subject, session, target, authority: owned(authority) }
}

function owned(authority: NameAuthority): OwnedName['authority'] {
  const { owner, authorityName } = authority
  if (owner !== null && authorityName !== null) return { ...authority, owner, authorityName }
  throw new Refusal('NoOwner', `${authority.ensName} and the names above it have no owner`)
}

async function settleChange(context: VerbContext, name: OwnedName, planned: PlannedChange): Promise<number> {
  const say = sayingOf(context)
  const { subject, session, authority } = name
  const before = await planned.view(authority)
  const after = await planned.view(planned.afterwards)
  const shown = await readStandingList(session, subject.repository)
  const currentList = shown && (await foresee(shown, authority, planned.afterwards, session.localTime))
  const consequence = planned.transaction === null ? 'nothing: it stands so already' : planned.consequence
  for (const line of describeChange(name, before, after, consequence, describeForeseen(currentList))) say(line)
  const { settlement, seen } = await settlePlanned(context, name, planned)
  const failure = seen === null || isSame(seen, after) ? null : 'ChangedMeanwhile'
  if (failure !== null) context.note(`mooring: ${failure}: the chain now says ${describeView(seen ?? {})}`)
  else if (seen !== null) say(`  the chain now says ${describeView(seen)}`)
  if (wantsJson(context)) {
    const { ensName } = subject
    const { owner, authorityName } = authority
    const report = {
      ok: failure === null,
      name: ensName,
      authority: authorityName,
      owner,
      before,
      after: seen ?? after,
    }
    const { transactions, safeBatch } = settlement
    const sent = seen !== null
    context.print(
      JSON.stringify({ ...report, consequence, currentList, sent, transactions, safeBatch, error: failure }),
    )
  }
  return failure === null ? exitCodes.done : exitCodes.failed
}

const nothingSettled: Settlement = { transactions: [], receipts: [], safeBatch: null }

/** `seen` is what the chain says after the transaction, null when none was sent. */
async function settlePlanned(
  context: VerbContext,
  name: OwnedName,
  { transaction, view }: PlannedChange,
): Promise<{ settlement: Settlement; seen: StateView | null }> {
  if (transaction === null) return { settlement: nothingSettled, seen: null }
  const sender = await openSender(context.settings, name.session.connection, name.authority.owner)
  const settlement = await settle(context, sender, [transaction]).catch(explainRefusal(sender, name))
  const [receipt] = settlement.receipts
  const seen = receipt === undefined ? null : await view(await readAuthoritySince(name, receipt.blockNumber))
  return { settlement, seen }
}

/** The contract's errors carry no values: says whom it refused, and who may. */
function explainRefusal({ address }: Sender, { authority }: OwnedName): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof TransactionRefused) || error.reason !== 'NotAuthorized') throw error
    const { authorityName, owner } = authority
    const why = `${address} is not the owner of ${authorityName}, nor approved by it: that is ${owner}`
    throw new TransactionRefused(error.reason, why)
  }
}

const pollMs = 500
const maxPolls = 40

/** What the endpoint that took the transaction says of the name, once it knows the block. */
async function readAuthoritySince({ session, subject }: OwnedName, blockNumber: bigint): Promise<NameAuthority> {
  const { connection, localTime } = session
  const [rpcUrl] = connection.rpcUrls
  for (let polls = 0; ; polls++) {
    const onChain = await openName({ ...connection, rpcUrls: [rpcUrl] }, subject.ensName, localTime)
    const authority = await onChain.readAuthority()
    if (authority.blockNumber >= blockNumber || polls === maxPolls) return authority
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

function describeChange(
  { subject, authority }: OwnedName,
  before: StateView,
  after: StateView,
  ...consequences: readonly string[]
): string[] {
  const { authorityName, owner } = authority
  const whose = authorityName === subject.ensName ? '' : `, below ${authorityName}`
  return [
    `${subject.ensName}${whose}, owner ${owner}`,
    `  before  ${describeView(before)}`,
    `  after   ${describeView(after)}`,
    ...consequences.map((line) => `  then    ${line}`),
  ]
}

/** One line of `member value` pairs. */
export function describeView(view: StateView): string {
  return Object.entries(view)
    .map(([member, value]) => `${wordsOf(member)} ${value === null ? 'none' : [value].flat().join(' ')}`)
    .join(', ')
}

/** `maxAgeSeconds` reads `max age seconds`. */
function wordsOf(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function isSame(one: StateView, other: StateView): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
