import { type Address, type Client, createClient, formatEther, type Hex, http, numberToHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  estimateMaxPriorityFeePerGas,
  getBalance,
  getBlock,
  getTransactionCount,
  waitForTransactionReceipt,
} from 'viem/actions'
import { ChainUnavailable } from '../../chain/chain-reader.ts'
import { ConfigError, readAddress, readSwitch, type Settings } from '../../config.ts'
import type { Connection } from '../client/connect.ts'
import { originOf } from '../client/name-on-chain.ts'
import { readKey } from '../client/signers/key-file.ts'
import { chooseAccount, openRpcAccount } from '../client/signers/rpc-account.ts'
import { readRpcRefusal } from './revert.ts'
import type { Receipt, Transaction } from './transaction.ts'

/**
 * Who signs the owner's transactions. Three kinds: a key file, a JSON-RPC signer (`--rpc-signer URL`: hardware wallets through Frame, Clef
 * and the like, `eth_accounts` and `eth_sendTransaction`), and nobody (`--calldata`: the transactions are printed as a Safe Transaction
 * Builder batch and sent by whoever imports it).
 */
export type Sender = {
  /** The account that sends, or with `--calldata` the one given with `--from`, for which all is estimated and checked. Lower case. */
  address: Address
  chainId: number
  /** False with `--calldata`, and for a `--dry-run` that names an address only. */
  sends: boolean
  /** Gas units that the transaction would take now. @throws TransactionRefused with the contract's error name when it would revert */
  estimate(transaction: Transaction): Promise<bigint>
  /** Wei: what the account has, and what a unit of gas costs at the current base fee, tip included. @throws ChainUnavailable */
  readFunds(): Promise<{ balance: bigint; feePerGas: bigint }>
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
 * is needed but an address to estimate for (`--from`, or the key's). Where nobody signs here and there is no `--from`, it is `owner`.
 * @throws ConfigError, TransactionRefused when a JSON-RPC signer refuses, ChainUnavailable
 */
export async function openSender(
  settings: Settings,
  connection: Pick<Connection, 'rpcUrls' | 'chainId' | 'allowsPlainHttp'>,
  owner?: Address,
): Promise<Sender> {
  const kind = kindOf(settings)
  const chain = openChain(connection)
  if (kind === 'key-file') return openKeySender(settings, chain)
  if (kind === 'rpc-signer') return openRpcSender(settings, chain)
  const address = readAddress(settings, 'from') ?? owner
  if (address === undefined) throw new ConfigError('--from', null, `the address that sends, for --${kind}`)
  return createSender(chain, address, null)
}

/** The chain of the connection, as far as sending needs it. */
type Chain = { client: Client; chainId: number }

/** Hands a priced transaction to whoever signs, and resolves to its hash. */
type Submit = (transaction: Transaction, gas: Gas) => Promise<Hex>

/** Units, and wei per unit (EIP-1559). */
type Gas = { limit: bigint; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }

const timeoutMs = 20_000
const receiptTimeoutMs = 600_000

function openChain({ rpcUrls, chainId, allowsPlainHttp }: Parameters<typeof openSender>[1]): Chain {
  const transport = http(rpcUrls[0], { timeout: timeoutMs, retryCount: 1 })
  const client = createClient({
    transport,
    ccipRead: false,
    cacheTime: 0,
    pollingInterval: allowsPlainHttp ? 50 : 3000,
  })
  return { client, chainId }
}

function kindOf(settings: Settings): 'key-file' | 'rpc-signer' | 'calldata' | 'dry-run' {
  const wanted = 'exactly one of --key-file F, --rpc-signer URL and --calldata'
  const kinds = (['key-file', 'rpc-signer', 'calldata'] as const).filter((kind) => isGiven(settings, kind))
  const [kind, ...more] = kinds
  if (more.length > 0) throw new ConfigError('signer', kinds.map((each) => `--${each}`).join(' and '), wanted)
  if (kind !== undefined) return kind
  if (!readSwitch(settings, 'dry-run')) throw new ConfigError('signer', null, wanted)
  return 'dry-run'
}

function isGiven(settings: Settings, kind: string): boolean {
  return kind === 'calldata' ? readSwitch(settings, kind) : settings.has(kind)
}

async function openKeySender(settings: Settings, chain: Chain): Promise<Sender> {
  const key = await readKey(settings)
  const account = privateKeyToAccount(key)
  const address = account.address.toLowerCase() as Address
  chooseAccount(settings, [address], 'the address of the key file')
  return createSender(chain, address, async ({ to, data }, { limit, ...fees }) => {
    const nonce = await getTransactionCount(chain.client, { address, blockTag: 'pending' })
    const { chainId } = chain
    const signed = await account.signTransaction({ type: 'eip1559', chainId, nonce, to, data, gas: limit, ...fees })
    return chain.client.request({ method: 'eth_sendRawTransaction', params: [signed] })
  })
}

async function openRpcSender(settings: Settings, chain: Chain): Promise<Sender> {
  const { url, client, address } = await openRpcAccount(settings, chain.chainId, refuseSending)
  const refuse = refuseSending(`the signer ${originOf(url)}`)
  return createSender(chain, address, ({ to, data }, { limit, maxFeePerGas, maxPriorityFeePerGas }) => {
    const fees = {
      maxFeePerGas: numberToHex(maxFeePerGas),
      maxPriorityFeePerGas: numberToHex(maxPriorityFeePerGas),
    }
    const transaction = { from: address, to, data, value: '0x0', gas: numberToHex(limit), ...fees } as const
    return client.request<SendTransaction>({ method: 'eth_sendTransaction', params: [transaction] }).catch(refuse)
  })
}

type SendTransaction = { Method: 'eth_sendTransaction'; Parameters: readonly [object]; ReturnType: Hex }

function createSender({ client, chainId }: Chain, address: Address, submit: Submit | null): Sender {
  const estimate = async ({ to, data, summary }: Transaction) => {
    const question = client.request({ method: 'eth_estimateGas', params: [{ from: address, to, data }] })
    return BigInt(await question.catch(refuseSending(summary)))
  }
  return {
    address,
    chainId,
    sends: submit !== null,
    estimate,
    async readFunds() {
      const [balance, fees] = await Promise.all([getBalance(client, { address }), readFees(client)]).catch(
        refuseSending('the fee'),
      )
      return { balance, feePerGas: fees.baseFee + fees.tip }
    },
    async send(transaction) {
      if (submit === null) throw new Error('a sender without a signer was asked to send')
      const gas = await priceGas(client, await estimate(transaction))
      const hash = await submit(transaction, gas).catch(refuseSending(transaction.summary))
      return untilMined(client, hash, transaction.summary)
    },
  }
}

async function readFees(client: Client): Promise<{ baseFee: bigint; tip: bigint }> {
  const [block, tip] = await Promise.all([getBlock(client), estimateMaxPriorityFeePerGas(client)])
  if (block.baseFeePerGas !== null) return { baseFee: block.baseFeePerGas, tip }
  throw new TransactionRefused(null, 'the chain has no base fee: transactions of EIP-1559 are not taken there')
}

/** A fifth more units than estimated, because others write too; twice the base fee, so that some full blocks do not stop it. */
async function priceGas(client: Client, estimated: bigint): Promise<Gas> {
  const { baseFee, tip } = await readFees(client).catch(refuseSending('the fee'))
  return { limit: estimated + estimated / 5n, maxFeePerGas: 2n * baseFee + tip, maxPriorityFeePerGas: tip }
}

async function untilMined(client: Client, hash: Hex, summary: string): Promise<Receipt> {
  const receipt = await waitForTransactionReceipt(client, { hash, timeout: receiptTimeoutMs }).catch(() => {
    const minutes = receiptTimeoutMs / 60_000
    throw new TransactionRefused(null, `${summary}: ${hash} is in no block after ${minutes} minutes; it may still be`)
  })
  const { blockNumber, gasUsed, status } = receipt
  if (status !== 'success') {
    throw new TransactionRefused(null, `${summary}: ${receipt.transactionHash} was refused in block ${blockNumber}`)
  }
  return { hash: receipt.transactionHash, blockNumber, gasUsed }
}

/** For `catch`: an answer that is an error refuses the transaction; no answer is ChainUnavailable. */
function refuseSending(what: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof TransactionRefused) throw error
    const refusal = readRpcRefusal(error)
    if (refusal !== null) throw new TransactionRefused(refusal.reason, `${what}: ${refusal.message}`)
    const { shortMessage, message } = error as { shortMessage?: string; message?: string }
    const why = (shortMessage ?? message ?? String(error)).split('\n', 1)[0]
    throw new ChainUnavailable(`${what}: no answer to JSON-RPC: ${why}`, { cause: error })
  }
}

/** Ether for people, six digits that count: `0.0000461243 ETH`. */
export function etherText(wei: bigint): string {
  const [whole = '0', fraction = ''] = formatEther(wei).split('.')
  const zeros = whole === '0' ? (/^0*/.exec(fraction)?.[0].length ?? 0) : 0
  const digits = fraction.slice(0, zeros + 6).replace(/0+$/, '')
  return `${whole}${digits === '' ? '' : `.${digits}`} ETH`
}
