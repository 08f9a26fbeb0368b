import { type Address, encodeFunctionData } from 'viem'
import { ensRegistryAbi, nameWrapperAbi } from '../../ens/abi.ts'
import { callReset, callSetFallback, callSetGateways } from './calls.ts'
import { signsOfPast } from './past.ts'
import { dayOf, lifeOf, ownerOf, wrapperFuses } from './registration.ts'
import { TransactionRefused } from './sender.ts'
import type { SetupFacts } from './setup-facts.ts'
import type { Transaction } from './transaction.ts'

/** What whoever sets a name up wants. */
export type SetupWishes = {
  /** Null: leave them as they are. */
  gateways: readonly string[] | null
  /** Reset although nothing speaks for an earlier time; never reset; or as the chain says. */
  reset: 'always' | 'never' | 'when needed'
  /** Go on although records would be lost. */
  losesRecords: boolean
  isDryRun: boolean
}

/** What is to be done, in the order in which no reader sees a gap. */
export type SetupPlan = {
  transactions: readonly Transaction[]
  resets: boolean
  fallback: Address
  gateways: readonly string[]
  warnings: readonly string[]
}

/**
 * The transactions that make our contract the resolver of a name. First what counts only once ours is asked (an old time ended, the
 * fallback, the gateways), the resolver last: until then a reader sees the name as before, from then on with all its records.
 * @throws TransactionRefused when the name cannot be set up, with the reason
 */
export function planSetup(facts: SetupFacts, wishes: SetupWishes): SetupPlan {
  checkLife(facts)
  if (!isOwnName(facts)) return planInherited(facts, wishes)
  const { resolver, registration, authority, present, fallback, gateways } = facts
  const { ensName } = registration
  const target = { resolver, ensName }
  const takesOver = !authority.reachable
  const past = signsOfPast(authority, facts.earlierUse)
  const resets = wishes.reset === 'always' || (takesOver && wishes.reset === 'when needed' && past.length > 0)
  const carried = takesOver ? (present.carriedOver ?? fallback) : fallback
  const wanted = wishes.gateways ?? gateways
  const why = past.length === 0 ? '' : ` because ${past.join(', ')}: lists of that time end`
  const transactions = [
    ...(resets ? [{ ...callReset(target), summary: `reset ${ensName}${why}` }] : []),
    ...(carried === fallback ? [] : [callSetFallback(target, carried)]),
    ...(isSameList(wanted, gateways) ? [] : [callSetGateways(target, wanted)]),
    ...(takesOver ? [callSetResolver(facts)] : []),
  ]
  if (takesOver) checkRecords(facts, wishes)
  const warnings = [...warningsOf(facts, wanted), ...(takesOver ? takeoverWarnings(facts, wishes, past) : [])]
  return { transactions, resets, fallback: carried, gateways: wanted, warnings }
}

/** Where the resolver's entry is set: in the registry, or by the NameWrapper for a wrapped name. */
function callSetResolver({ registration, contracts, resolver }: SetupFacts): Transaction {
  const args = [registration.node, resolver] as const
  const summary = `set the resolver of ${registration.ensName} to ${resolver}`
  if (registration.wrapped !== null && contracts.nameWrapper !== null) {
    const data = encodeFunctionData({ abi: nameWrapperAbi, functionName: 'setResolver', args })
    return { to: contracts.nameWrapper, data, summary: `${summary}, in the NameWrapper` }
  }
  const data = encodeFunctionData({ abi: ensRegistryAbi, functionName: 'setResolver', args })
  return { to: contracts.ensRegistry, data, summary: `${summary}, in the ENS registry` }
}

function isOwnName({ registration, authority }: SetupFacts): boolean {
  return ownerOf(registration) !== null && authority.authorityName === registration.ensName
}

/** A name that nobody registered by itself is part of the one above it. */
function planInherited({ registration, authority, fallback, gateways }: SetupFacts, wishes: SetupWishes): SetupPlan {
  const { ensName } = registration
  const { authorityName, reachable } = authority
  if (authorityName === null) throw new TransactionRefused('NoOwner', `${ensName} is not registered`)
  const why = registration.wrapped === null ? 'is not registered by itself' : 'has expired in the NameWrapper'
  const isPart = `${ensName} ${why}: it is part of ${authorityName}`
  const asIs = wishes.gateways === null || isSameList(wishes.gateways, gateways)
  if (!reachable)
    throw new TransactionRefused('UnreachableName', `${isPart}; set that up: mooring setup ${authorityName}`)
  if (!asIs) throw new TransactionRefused(null, `${isPart}, and so are its gateways: mooring setup ${authorityName}`)
  return { transactions: [], resets: false, fallback, gateways, warnings: [`${isPart}, which is set up`] }
}

/** @throws TransactionRefused NoOwner for a name that lapsed, or a wrapped one in its grace */
function checkLife({ registration, authority }: SetupFacts): void {
  const { secondLevel, wrapped, ensName } = registration
  if (secondLevel === null) return
  const { name, expiresAt, graceEndsAt } = secondLevel
  const life = lifeOf(secondLevel, authority.blockTime)
  if (life === 'never') throw new TransactionRefused('NoOwner', `${name} is not registered`)
  const expired = `${name} expired on ${dayOf(expiresAt ?? 0n)}`
  if (life === 'lapsed') {
    throw new TransactionRefused(
      'NoOwner',
      `${expired}, its grace ended on ${dayOf(graceEndsAt ?? 0n)}: it has no owner`,
    )
  }
  if (life === 'grace' && wrapped !== null && ensName === name) {
    throw new TransactionRefused(
      'NotAuthorized',
      `${expired} and the NameWrapper changes nothing in grace: renew it first`,
    )
  }
}

/** @throws TransactionRefused FallbackNotOnchain when records would be lost and nobody said that they may be */
function checkRecords({ registration, present }: SetupFacts, { losesRecords, isDryRun }: SetupWishes): void {
  if (present.lost.length === 0 || losesRecords || isDryRun) return
  throw new TransactionRefused(
    present.offchain.length > 0 ? 'FallbackNotOnchain' : null,
    `${lossOf(present)}; --lose-records sets ${registration.ensName} up all the same`,
  )
}

function lossOf({ lost, offchain }: SetupFacts['present']): string {
  const why =
    offchain.length > 0
      ? 'they come through a gateway of its resolver, which a fallback may not ask (FallbackNotOnchain)'
      : 'its resolver answers them in a way that a fallback is not asked'
  return `these records would be lost: ${lost.join(', ')}; ${why}`
}

function takeoverWarnings(
  { present, earlierUse, authority }: SetupFacts,
  wishes: SetupWishes,
  past: string[],
): string[] {
  const { reset } = wishes
  const isOwnersOwn = authority.policy.publishers.length === 1 && authority.policy.publishers[0] === authority.owner
  return [
    ...(present.lost.length > 0 ? [lossOf(present)] : []),
    ...(reset === 'never' && past.length > 0 ? [`not reset, and ${past.join(', ')}: lists of that time count`] : []),
    ...(isOwnersOwn ? [] : ['the policy of that time still counts: see mooring policy']),
    ...(earlierUse === undefined && reset === 'when needed'
      ? ['the endpoint does not say whether the name had this resolver before; if it had, --reset ends its old lists']
      : []),
  ]
}

function warningsOf({ registration, authority }: SetupFacts, gateways: readonly string[]): string[] {
  const { secondLevel } = registration
  const inGrace = secondLevel !== null && lifeOf(secondLevel, authority.blockTime) === 'grace'
  return [
    ...(gateways.length > 0 ? [] : ['no gateway is named: clients will have nobody to ask (--gateway-url URL)']),
    ...(inGrace
      ? [`${secondLevel.name} has expired and is in grace until ${dayOf(secondLevel.graceEndsAt ?? 0n)}`]
      : []),
  ]
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, position) => item === other[position])
}

/**
 * Whether an account may do all of this, as registry and NameWrapper say, before anything is sent.
 * @throws TransactionRefused NotAuthorized, OperationProhibited
 */
export async function checkMayChange(facts: SetupFacts, plan: SetupPlan, account: Address): Promise<void> {
  const { registration, contracts, authority } = facts
  const { ensName, wrapped, node } = registration
  const owner = ownerOf(registration)
  const takesOver = plan.transactions.length > 0 && !authority.reachable
  if (takesOver && ((wrapped?.fuses ?? 0) & wrapperFuses.cannotSetResolver) !== 0) {
    throw new TransactionRefused('OperationProhibited', `${ensName} is wrapped and has burned CANNOT_SET_RESOLVER`)
  }
  if (owner === null || account === owner) return
  const isWrapped = wrapped !== null && contracts.nameWrapper !== null
  const to = isWrapped ? (contracts.nameWrapper as Address) : contracts.ensRegistry
  const question = isWrapped
    ? encodeFunctionData({ abi: nameWrapperAbi, functionName: 'canModifyName', args: [node, account] })
    : encodeFunctionData({ abi: ensRegistryAbi, functionName: 'isApprovedForAll', args: [owner, account] })
  const answer = await facts.call(to, question)
  if (answer !== undefined && /^0x0*1$/.test(answer)) return
  throw new TransactionRefused(
    'NotAuthorized',
    `${account} is not the owner of ${ensName}, nor approved by it: that is ${owner}`,
  )
}
