import type { Sender } from './sender.ts'
import type { Transaction } from './transaction.ts'

/**
 * A file that Safe's Transaction Builder imports. Its optional members (checksum, contract method and inputs) are left out: the import
 * then shows the raw data, and says that there was no checksum.
 */
export type SafeBatch = {
  version: '1.0'
  /** Decimal. */
  chainId: string
  /** Unix milliseconds. */
  createdAt: number
  meta: { name: string; description: string; createdFromSafeAddress: string }
  transactions: { to: string; value: '0'; data: string }[]
}

/** The transactions as one batch, which a Safe executes all or none. */
export function createSafeBatch(
  { address, chainId }: Pick<Sender, 'address' | 'chainId'>,
  transactions: readonly Transaction[],
  createdAtMs: number,
): SafeBatch {
  const description = transactions.map(({ summary }) => summary).join('; ')
  return {
    version: '1.0',
    chainId: `${chainId}`,
    createdAt: createdAtMs,
    meta: { name: 'Mooring', description, createdFromSafeAddress: address },
    transactions: transactions.map(({ to, data }) => ({ to, value: '0', data })),
  }
}
