import { ConfigError, type Flag, readSwitch, type Settings } from '../config.ts'
import { connect } from './client/connect.ts'
import { networkName } from './client/network.ts'
import { parseSubject, type Subject, wantsJson } from './client/session.ts'
import { requireResolver } from './owner/deployments.ts'
import { ownerFlags } from './owner/flags.ts'
import { readGatewayUrls } from './owner/gateway-urls.ts'
import { ownerOf } from './owner/registration.ts'
import { openSender } from './owner/sender.ts'
import { type Settlement, sayingOf, settle } from './owner/settle.ts'
import { checkSetup, type SetupCheck } from './owner/setup-checks.ts'
import { readSetupFacts, type SetupFacts } from './owner/setup-facts.ts'
import { checkMayChange, planSetup, type SetupPlan, type SetupWishes } from './owner/setup-plan.ts'
import { failureOf, reportFailure } from './reading.ts'
import { exitCodes, type Verb, type VerbContext } from './verb.ts'

const setupFlags: readonly Flag[] = [
  {
    name: 'gateway-url',
    value: 'URL',
    repeatable: true,
    help: 'gateways that clients are sent to (default: as they are)',
  },
  { name: 'reset', value: null, help: 'end all lists of an earlier time, also where nothing speaks for one' },
  { name: 'keep-lists', value: null, help: 'let lists of an earlier time count again' },
  { name: 'lose-records', value: null, help: 'go on although records of the present resolver cannot be carried over' },
]

/** `mooring setup NAME` */
export const setup: Verb = {
  name: 'setup',
  usage: 'NAME --network mainnet|sepolia|URL [flags]',
  summary: 'Make an ENS name a container repository: its other records stay, and nothing is sent before it is shown.',
  notes: [
    'Sets fallback and gateways first and the resolver last, so that no reader sees a gap; then looks the name up.',
    'Whoever comes back to a name with an old policy or old lists gets a reset first. Run again: sends only what is missing.',
  ],
  flags: [...setupFlags, ...ownerFlags],
  run: async (context) => {
    const subject = parseSubject(context, 'NAME')
    const wishes = readWishes(context.settings)
    try {
      return await runSetup(context, subject, wishes)
    } catch (error) {
      return reportFailure(context, { ok: false, name: subject.ensName }, failureOf(error))
    }
  },
}

async function runSetup(context: VerbContext, { ensName }: Subject, wishes: SetupWishes): Promise<number> {
  const connection = await connect(context.settings, context.note)
  const resolver = requireResolver(context.settings, connection.chainId)
  const facts = await readSetupFacts(connection, resolver, ensName)
  const plan = planSetup(facts, wishes)
  const say = sayingOf(context)
  for (const line of describe(facts, plan)) say(line)
  for (const warning of plan.warnings) context.note(`warning: ${warning}`)
  const settlement = await settlePlan(context, facts, plan)
  const checks = await checkOutcome(facts, plan, settlement)
  for (const { name, ok, detail } of checks) say(`  ${ok ? 'ok  ' : 'FAIL'} ${name}: ${detail}`)
  const failed = checks.filter(({ ok }) => !ok)
  const error = failed.length > 0 ? 'CheckFailed' : null
  if (error !== null)
    context.note(`mooring: ${error}: ${failed.map(({ name, detail }) => `${name} ${detail}`).join('; ')}`)
  if (wantsJson(context)) context.print(JSON.stringify(reportOf(facts, plan, settlement, checks, error)))
  return error === null ? exitCodes.done : exitCodes.failed
}

/** Nobody needs to sign where nothing is to be done. */
async function settlePlan(context: VerbContext, facts: SetupFacts, plan: SetupPlan): Promise<Settlement> {
  if (plan.transactions.length === 0) {
    sayingOf(context)(`nothing to do: ${facts.registration.ensName} is set up so already`)
    return { transactions: [], receipts: [], safeBatch: null }
  }
  const owner = ownerOf(facts.registration) ?? undefined
  const sender = await openSender(context.settings, facts.connection, owner)
  await checkMayChange(facts, plan, sender.address)
  return settle(context, sender, plan.transactions)
}

/** Nothing is looked up where the transactions are still to be sent. */
async function checkOutcome(facts: SetupFacts, plan: SetupPlan, { receipts }: Settlement): Promise<SetupCheck[]> {
  const last = receipts.at(-1)
  if (plan.transactions.length > 0 && last === undefined) return []
  return checkSetup(facts, plan, last?.blockNumber ?? facts.authority.blockNumber)
}

function readWishes(settings: Settings): SetupWishes {
  const always = readSwitch(settings, 'reset')
  const never = readSwitch(settings, 'keep-lists')
  if (always && never) throw new ConfigError('--keep-lists', '--reset too', 'one of the two')
  return {
    gateways: settings.has('gateway-url') ? readGatewayUrls(settings) : null,
    reset: always ? 'always' : never ? 'never' : 'when needed',
    losesRecords: readSwitch(settings, 'lose-records'),
    isDryRun: readSwitch(settings, 'dry-run'),
  }
}

function describe({ registration, connection, present, authority }: SetupFacts, plan: SetupPlan): string[] {
  const { ensName, wrapped } = registration
  const owner = ownerOf(registration) ?? authority.owner
  const now = authority.reachable ? 'this one already' : (present.address ?? 'none')
  const kept = present.records.filter(({ record }) => !present.lost.includes(record)).map(({ record }) => record)
  return [
    `${ensName} on ${networkName(connection.chainId)}, owner ${owner}${wrapped === null ? '' : ', in the NameWrapper'}`,
    `  resolver  ${now}`,
    `  fallback  ${plan.fallback}, for every other record${kept.length > 0 ? ` (${kept.join(', ')})` : ''}`,
    `  gateways  ${plan.gateways.join(' ') || 'none'}`,
  ]
}

function reportOf(
  { registration, connection, present, authority, resolver }: SetupFacts,
  plan: SetupPlan,
  settlement: Settlement,
  checks: readonly SetupCheck[],
  error: string | null,
) {
  const { transactions, safeBatch, receipts } = settlement
  return {
    ...{ ok: error === null, name: registration.ensName, chainId: connection.chainId },
    ...{ owner: ownerOf(registration) ?? authority.owner, wrapped: registration.wrapped !== null, resolver },
    ...{
      presentResolver: present.address,
      fallback: plan.fallback,
      gateways: plan.gateways,
      lostRecords: present.lost,
    },
    ...{ reset: plan.resets, nothingToDo: plan.transactions.length === 0, sent: receipts.length > 0 },
    ...{ transactions, safeBatch, checks, warnings: plan.warnings, error },
  }
}
