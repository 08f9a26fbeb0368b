import type { Address } from 'viem'
import type { Settings } from '../../config.ts'
import type { Connection } from '../client/connect.ts'
import type { Receipt, Transaction } from './transaction.ts'

/**
 * Who signs the owner's transactions. Three kinds: a key file, a JSON-RPC signer (`--rpc-signer URL`: hardware wallets through Frame, Clef
 * and the like, `eth_accounts` and `eth_sendTransaction`), and nobody (`--calldata`: the transactions are printed as a Safe Transaction
 * Builder batch and sent by whoever imports it).
 */
export type Sender = {
  /** The account that sends, or with `--calldata` the one given with `--from`, for which all is estimated and checked. */
  address: Address
  /** False with `--calldata`. */
  sends: boolean
  /** Gas units that the transaction would take now. @throws TransactionRefused with the contract's error name when it would revert */
  estimate(transaction: Transaction): Promise<bigint>
  /** Sends and waits until it is in a block. @throws TransactionRefused */
  send(transaction: Transaction): Promise<Receipt>
}

/** The chain would refuse, or refused, a transaction; `reason` is the name of the contract's error, null when there is none. */
export class TransactionRefused extends Error {
  override readonly name = 'TransactionRefused'
  constructor(
    readonly reason: string | null,
    message: string,
  ) {
    super(message)
  }
}

/**
 * The sender that the flags name: exactly one of `--key-file F`, `--rpc-signer URL` and `--calldata --from ADDRESS`. With `--dry-run` none
 * is needed but an address to estimate for (`--from`, or the key's).
 * @throws ConfigError
 */
export declare function openSender(settings: Settings, connection: Connection): Promise<Sender>
