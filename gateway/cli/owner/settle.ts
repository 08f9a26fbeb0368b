import { ConfigError, readSwitch } from '../../config.ts'
import { wantsJson } from '../client/session.ts'
import type { VerbContext } from '../verb.ts'
import { createSafeBatch, type SafeBatch } from './safe-batch.ts'
import { etherText, type Sender, TransactionRefused } from './sender.ts'
import type { Receipt, Transaction } from './transaction.ts'

/** What a command that writes on chain reports of its transactions, as its JSON shows it. */
export type SettledTransaction = {
  to: string
  data: string
  summary: string
  /** Gas units estimated; null where an earlier transaction that was not sent must come first. */
  gas: number | null
  /** Null when it was not sent (`--dry-run`, `--calldata`). */
  hash: string | null
}

/** What came of it; `safeBatch` null without `--calldata`, or when there was nothing to do. */
export type Settlement = {
  transactions: readonly SettledTransaction[]
  receipts: readonly Receipt[]
  safeBatch: SafeBatch | null
}

/**
 * The one way every owner's command ends: shows what will be sent and what it costs, then sends one after the other, each in a block before
 * the next. With `--dry-run` nothing is sent; with `--calldata` the Safe Transaction Builder JSON goes to stdout instead (inside the one
 * JSON value under `safeBatch` with `--json`). Without `--yes` on a terminal it asks first. All are estimated before the first is sent, so
 * one that would be refused stops all.
 * @throws TransactionRefused, ChainUnavailable
 */
export async function settle(
  context: VerbContext,
  sender: Sender,
  transactions: readonly Transaction[],
): Promise<Settlement> {
  if (transactions.length === 0) return { transactions: [], receipts: [], safeBatch: null }
  const say = sayingOf(context)
  const estimates = await estimateAll(sender, transactions)
  const unsent = transactions.map(({ to, data, summary }, position) => {
    const gas = estimates[position] ?? null
    return { to, data, summary, gas: gas === null ? null : Number(gas), hash: null }
  })
  await showPlan(say, context, sender, unsent)
  if (readSwitch(context.settings, 'calldata')) {
    const safeBatch = createSafeBatch(sender, transactions, Date.now())
    if (!wantsJson(context)) context.print(JSON.stringify(safeBatch, null, 2))
    return { transactions: unsent, receipts: [], safeBatch }
  }
  if (readSwitch(context.settings, 'dry-run')) return { transactions: unsent, receipts: [], safeBatch: null }
  if (!sender.sends) throw new ConfigError('signer', null, '--key-file or --rpc-signer')
  await askFirst(context)
  const receipts = await sendAll(say, sender, transactions)
  const sent = unsent.map((each, position) => ({ ...each, hash: receipts[position]?.hash ?? null }))
  return { transactions: sent, receipts, safeBatch: null }
}

/** Where the account for people goes: stdout is for the JSON when one is wanted. */
export function sayingOf(context: VerbContext): (line: string) => void {
  return wantsJson(context) || readSwitch(context.settings, 'calldata') ? context.note : context.print
}

/** In order, each alone: two would run at the same state anyway, and an error should name the first. */
async function estimateAll(sender: Sender, transactions: readonly Transaction[]): Promise<(bigint | null)[]> {
  const estimates: (bigint | null)[] = []
  for (const transaction of transactions) estimates.push(await estimateOne(sender, transaction, estimates.length > 0))
  return estimates
}

async function estimateOne(sender: Sender, transaction: Transaction, isLater: boolean): Promise<bigint | null> {
  try {
    return await sender.estimate(transaction)
  } catch (error) {
    if (error instanceof TransactionRefused && transaction.needsEarlier && isLater) return null
    throw error
  }
}

async function showPlan(
  say: (line: string) => void,
  context: VerbContext,
  sender: Sender,
  planned: readonly SettledTransaction[],
): Promise<void> {
  const { balance, feePerGas } = await sender.readFunds()
  const count = planned.length === 1 ? '1 transaction' : `${planned.length} transactions`
  say(`${count} on chain ${sender.chainId}, from ${sender.address}:`)
  let total = 0n
  for (const { to, summary, gas } of planned) {
    const fee = BigInt(gas ?? 0) * feePerGas
    total += fee
    const cost = gas === null ? 'gas known once those before are in a block' : `gas ${gas}, ${etherText(fee)}`
    say(`  ${summary}`)
    say(`    to ${to}, ${cost}`)
  }
  say(`  in all about ${etherText(total)}, at ${gweiText(feePerGas)} per unit of gas now`)
  if (balance >= total || readSwitch(context.settings, 'calldata')) return
  const short = `insufficient funds: ${sender.address} has ${etherText(balance)}, this costs about ${etherText(total)}`
  if (!readSwitch(context.settings, 'dry-run')) throw new TransactionRefused(null, short)
  context.note(`warning: ${short}`)
}

function gweiText(wei: bigint): string {
  return `${Number((Number(wei) / 1e9).toPrecision(4))} gwei`
}

async function askFirst(context: VerbContext): Promise<void> {
  if (readSwitch(context.settings, 'yes') || context.ask === undefined) return
  if (await context.ask('Send? [y/N] ')) return
  throw new TransactionRefused(null, 'nothing was sent: the answer was no')
}

async function sendAll(
  say: (line: string) => void,
  sender: Sender,
  transactions: readonly Transaction[],
): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  for (const transaction of transactions) {
    const receipt = await sender.send(transaction).catch((error: unknown) => refuseRest(error, receipts, transactions))
    say(`  in block ${receipt.blockNumber}, gas ${receipt.gasUsed}: ${receipt.hash}`)
    receipts.push(receipt)
  }
  return receipts
}

/** Says how far it came: what was sent stands. */
function refuseRest(error: unknown, receipts: readonly Receipt[], transactions: readonly Transaction[]): never {
  if (!(error instanceof TransactionRefused) || receipts.length === 0) throw error
  const done = `${receipts.length} of ${transactions.length} transactions are in a block, run the command again for the rest`
  throw new TransactionRefused(error.reason, `${error.message} (${done})`)
}
