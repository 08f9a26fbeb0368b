import { type Address, createClient, type Hex, http, numberToHex, parseEther } from 'viem'
import { AnvilError } from './anvil.ts'

/** `to` absent deploys. */
export type DevTransaction = { from: Address; to?: Address; data: Hex }

/** Accounts of a development chain. Their keys are not needed: anvil lets anybody send as anybody. */
export type DevAccounts = {
  /** Anvil's first account: owner of the root of ENS, deployer of everything. */
  deployer: Address
  /** Sends and waits until mined. @throws AnvilError when the transaction fails */
  send(transaction: DevTransaction): Promise<void>
  /** Gives each account ether for a long time. */
  fund(accounts: readonly Address[]): Promise<void>
}

const gasLimit = 12_000_000
const pocketMoney = parseEther('1000')

type Receipt = { status: Hex }

const pollMs = 2
const maxPolls = 2000

/** The status of a transaction's receipt, undefined when there is none after some seconds. */
async function untilMined(readReceipt: () => Promise<Receipt | null>): Promise<Hex | undefined> {
  for (let polls = 0; polls < maxPolls; polls++) {
    const receipt = await readReceipt()
    if (receipt) return receipt.status
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  return undefined
}

/** @throws AnvilError when the chain is not anvil's */
export async function createDevAccounts(rpc: string): Promise<DevAccounts> {
  const client = createClient({ transport: http(rpc), ccipRead: false, cacheTime: 0 })
  const ask = async <Result>(method: string, params: readonly unknown[]): Promise<Result> =>
    (await client.request({ method, params } as never)) as Result
  const [deployer] = await ask<Address[]>('eth_accounts', [])
  if (!deployer) throw new AnvilError(`the chain at ${rpc} has no account to deploy with`)
  return {
    deployer: deployer.toLowerCase() as Address,
    async send(transaction) {
      await ask('anvil_impersonateAccount', [transaction.from])
      const hash = await ask<Hex>('eth_sendTransaction', [{ ...transaction, gas: numberToHex(gasLimit) }])
      const status = await untilMined(() => ask<Receipt | null>('eth_getTransactionReceipt', [hash]))
      if (status === '0x1') return
      const what = transaction.to ? `a call of ${transaction.to}` : 'a deployment'
      throw new AnvilError(`on the development chain ${what} ${status ? 'failed' : 'was not mined'}`)
    },
    async fund(accounts) {
      for (const account of new Set(accounts)) {
        await ask('anvil_setBalance', [account, numberToHex(pocketMoney)])
      }
    },
  }
}
