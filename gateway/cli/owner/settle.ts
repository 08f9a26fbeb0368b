import type { VerbContext } from '../verb.ts'
import type { Sender } from './sender.ts'
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

/**
 * The one way every owner's command ends: shows what will be sent and what it costs, then sends one after the other, each in a block before
 * the next. With `--dry-run` nothing is sent; with `--calldata` the Safe Transaction Builder JSON goes to stdout instead (inside the one
 * JSON value under `safeBatch` with `--json`). Without `--yes` on a terminal it asks first.
 */
export declare function settle(
  context: VerbContext,
  sender: Sender,
  transactions: readonly Transaction[],
): Promise<{ transactions: readonly SettledTransaction[]; receipts: readonly Receipt[]; safeBatch: object | null }>
